"""The one box: beside what the index finds, everything else that holds the words and that this person may read."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import select, true

from marketplace.domain.guides import GuideState
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.domain.windows import WindowState
from marketplace.records.database import Database
from marketplace.records.elsewhere import PLACES, find_elsewhere
from marketplace.records.enterprises import Enterprise
from marketplace.records.guides import Guide
from marketplace.records.projects import Project
from marketplace.records.windows import ApplicationWindow
from marketplace.web.search_elsewhere import _NOUNS, words_of
from tests.conftest import NOW
from tests.opened import Browser, app, browser, database_of, own_site
from tests.web.test_registrations import logged_in

__all__ = ["app", "browser", "own_site"]
DAY = date(2026, 11, 1)
NEEDLE = "量子炉温标定"


def guide(number: str, title: str, state: GuideState = GuideState.PUBLISHED, text: str = "正文") -> Guide:
    found = Guide(
        number=number, title=title, text=text, project_class=ProjectClass.CENTRAL, opens=DAY, closes=DAY, state=state, created=NOW
    )
    found.orientations, found.conditions, found.documents = [], [], []
    return found


@pytest.fixture
def filled(app: Flask) -> Database:
    """One of the kinds that there always are, each with the words; the project is that of the demonstration's enterprise."""
    database = database_of(app)
    with database.writing() as session:
        own = next(row for row in session.scalars(select(Enterprise)) if row.organisation_id in _units(database, "enterprise"))
        session.add_all((guide("T-1", f"{NEEDLE}申报"), guide("T-2", f"{NEEDLE}草稿", GuideState.DRAFT)))
        window = ApplicationWindow(
            number="T-3", title="通知", text=f"关于{NEEDLE}", sectors=[], required=[], opens=DAY, closes=DAY, created=NOW
        )
        window.state = WindowState.PUBLISHED
        project = Project(
            number="T-4", title=f"{NEEDLE}改造", project_class=ProjectClass.OTHER, organisation_id=own.organisation_id, created=NOW
        )
        project.enterprise_id, project.state = own.id, ProjectState.SUBMITTED
        session.add_all((window, project))
    return database


def _units(database: Database, login: str) -> frozenset[int]:
    from marketplace.records.accounts import find_account, find_viewer

    with database.reading() as session:
        viewer = find_viewer(session, find_account(session, login).id)  # type: ignore[union-attr]
        assert viewer is not None
        return viewer.organisation_ids


def titles(person: Browser, text: str = NEEDLE) -> set[str]:
    page = person.get("/search", query_string={"q": text}).text
    part = page.partition('id="elsewhere"')[2]
    return {re.sub(r"<[^>]+>", "", found) for found in re.findall(r"<li><a href=\"/[a-z]+/[^\"]+\">(.*?)</a></li>", part)}


def test_everybody_finds_what_they_may_read_and_nothing_else(app: Flask, browser: Browser, filled: Database) -> None:
    public = {f"{NEEDLE}申报", "通知"}
    assert titles(browser) == public
    assert titles(logged_in(app, "provider")) == public
    assert titles(logged_in(app, "enterprise")) == public | {f"{NEEDLE}改造"}
    assert titles(logged_in(app, "bureau")) == public | {f"{NEEDLE}改造", f"{NEEDLE}草稿"}
    assert titles(browser, "没有这样的词串") == set()
    assert 'id="elsewhere"' not in browser.get("/search").text


@pytest.mark.parametrize("text", ["%", "_", "' OR 1=1; --", "\\", "a" * 2000, "🏭🔥", "零" * 500])
def test_any_text_is_looked_for(app: Flask, browser: Browser, filled: Database, text: str) -> None:
    assert browser.get("/search", query_string={"q": text}).status_code == 200


def test_the_best_comes_first_on_either_database(database: Database) -> None:
    with database.writing() as session:
        session.add_all((guide("A", "炉温", text="x"), guide("B", "其他", text="标定炉温"), guide("C", "炉温标定"), guide("D", "无关")))
    with database.reading() as session:
        total, rows = find_elsewhere(session, "guide", ["炉温", "标定"], readable=true(), least=1, most=2)
        assert (total, [row.title for row in rows]) == (3, ["炉温标定", "炉温"])
        assert find_elsewhere(session, "guide", ["炉温", "标定"], readable=true(), least=2, most=9)[0] == 2
        assert find_elsewhere(session, "guide", ["%"], readable=true(), least=1, most=9)[0] == 0
        for noun in PLACES:
            find_elsewhere(session, noun, ["炉温"], readable=true(), least=1, most=1)


def test_every_noun_has_a_place_and_words_are_cut_as_the_index_cuts_them() -> None:
    assert set(PLACES) == set(_NOUNS)
    assert words_of("") == []
    assert "炉" in words_of("炉")
    assert all(len(word) > 1 for word in words_of("能耗的在线监测"))
