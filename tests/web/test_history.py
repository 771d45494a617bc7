"""The history in the browser: searched, opened, exported; and what a person may not read elsewhere is absent here too."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.actions import history
from marketplace.records.history import HistoryEntry
from marketplace.site import Site
from tests.conftest import NOW
from tests.opened import Browser, app, browser, database_of, own_site
from tests.web.people import Counted
from tests.web.test_registrations import logged_in

__all__ = ["app", "browser", "own_site"]


@pytest.fixture
def entries(app: Flask) -> None:
    """Two hundred entries beside those of the demonstration set."""
    with database_of(app).writing() as session:
        for number in range(200):
            history.record(
                session,
                actor="王芳（12）" if number % 2 else "=HYPERLINK(1)",
                verb="order_rectification" if number % 2 else "attach",
                noun="provider",
                noun_id=number,
                before={"state": "admitted", "规模": {"人数": number}, "same": 1},
                after={"state": "rectifying", "规模": {"人数": number + 1}, "same": 1},
                why=f"+第{number}次抽查发现问题",
                at=NOW + timedelta(days=number),
            )


def rows(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'<td class="is-num" data-label="[^"]*">(\d+)</td>', page)]


def test_pages_go_back_in_time_without_gap_or_repetition(app: Flask, entries: None) -> None:
    person = logged_in(app, "admin")
    seen: list[int] = []
    place = "/history?noun=provider&actor=%E7%8E%8B"
    while place:
        page = person.get(place).text
        seen += rows(page)
        found = re.search(r'href="(/history\?[^"]*below=\d+)"', page)
        place = found[1].replace("&amp;", "&") if found else ""
    assert len(seen) == 100
    assert seen == sorted(set(seen), reverse=True)


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("noun=provider&noun_id=7&verb=order_rectification", 1),
        ("verb=order_rectification&text=第199次", 1),
        ("text=没有这句话", 0),
        ("since=2026-11-25&until=2026-11-25&noun=provider&actor=HYPERLINK", 1),
        ("since=2030-01-01", 0),
        ("text=100%25", 0),
        ("actor=%00", 50),
        ("since=0001-01-01&until=9999-12-31&noun_id=99999999999999999999&below=x&noun=provider", 50),
    ],
)
def test_what_is_asked_is_what_is_shown(app: Flask, entries: None, asked: str, count: int) -> None:
    found = rows(logged_in(app, "admin").get(f"/history?{asked}").text)
    assert len(found) == count


def test_an_entry_opens_as_a_difference(app: Flask, entries: None) -> None:
    page = logged_in(app, "bureau").get("/history?noun=provider&noun_id=7&verb=order_rectification").text
    assert "限期整改" in page
    assert "+第7次抽查发现问题" in page
    for part in ("<td>已入库</td><td>限期整改</td>", ">规模.人数</th><td>7</td><td>8</td>"):
        assert part in page
    assert ">same</th>" not in page


def test_problem_lists_are_not_read_by_way_of_their_history(app: Flask) -> None:
    with database_of(app).reading() as session:
        written = select(HistoryEntry).where(HistoryEntry.noun == "problem", HistoryEntry.verb == "import").limit(1)
        entry = session.scalars(written).one()
        text, number = entry.after["text"][:20], entry.noun_id  # type: ignore[index]
    for login, seen in (("admin", True), ("bureau", False), ("manager", False)):
        person = logged_in(app, login)
        for asked in (f"noun=problem&noun_id={number}", f"text={text}"):
            assert (text in person.get(f"/history?{asked}").text.partition('id="rows"')[2].partition("</main>")[0]) is seen, (login, asked)
        assert ('value="problem"' in person.get("/history").text) is seen
        sheet = person.post("/history/export", {"noun": "problem", "noun_id": str(number)}, form="/history")
        book = openpyxl.load_workbook(io.BytesIO(sheet.data))
        assert (book.active.max_row > 1) is seen


@pytest.mark.parametrize("login", ["provider", "enterprise", "centre", "finance", "area", "expert"])
def test_nobody_else_reads_it(app: Flask, login: str) -> None:
    person = logged_in(app, login)
    assert person.get("/history").status_code == 403
    assert person.post("/history/export", form="/account").status_code == 403


def test_a_sheet_holds_all_of_it_and_no_formula(app: Flask, entries: None) -> None:
    person = logged_in(app, "manager")
    answer = person.post("/history/export", {"noun": "provider", "text": "次抽查"}, form="/history")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    assert sheet.max_row == 201
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert {row[2].value for row in sheet.iter_rows(min_row=2)} == {"王芳（12）", "=HYPERLINK(1)"}
    with database_of(app).reading() as session:
        noted = session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "export")).one()
        assert noted.after == {"noun": "provider", "text": "次抽查", "count": 200}


def test_log_ins_that_failed_are_found(app: Flask, browser: Browser) -> None:
    browser.post("/login", {"login": "centre", "password": "wrong"})
    page = logged_in(app, "admin").get("/history?verb=log_in_failed").text
    assert len(rows(page)) == 1
    assert "登录失败" in page
    assert "127.0.0.1" in page


def test_the_number_of_statements_does_not_grow(app: Flask, own_site: Site, entries: None) -> None:
    person = logged_in(app, "admin")
    person.get("/history")
    counts = []
    for asked in ("noun_id=7&noun=provider", "noun=provider"):
        with Counted(own_site) as counted:
            person.get(f"/history?{asked}")
        counts.append(len(counted.statements))
    assert counts[0] == counts[1]
