"""No list asks the database more, or becomes longer, because there is more: every page of the route map, as every role that may see it.

The bench behind it, bench/pages.py, measures the same pages on a site that is full.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from bench.filled import Sizes, fill
from bench.pages import ANYBODY, RANKING, Answer, Asked, People, offered, routes
from marketplace.app import create_app
from marketplace.guard import open_to_all
from marketplace.records.database import Database
from marketplace.records.providers import Provider
from marketplace.site import Site, current_site
from tests.demo_site import share_model
from tests.opened import site_of

# Fewer rows than any page holds; more than any holds, of which of every state some; five times as many.
SIZES = (8, 200, 1000)
# What grows with the number of rows is nearly five times as long.
LONGER = 2.0
# A page that is open to all is the same for most; it is asked by nobody, by each side and by the staff.
OF_ALL = {ANYBODY, "enterprise", "provider", "admin"}
RANGE = re.compile(r"第 ([\d,]+–[\d,]+) 个，共")
ONE_BY_ONE, WHOLE = "/one-by-one", "/whole"
# Pages on which everything stands, and why it stays short enough.
SHORT = {
    "/organisation": "the members of one's own organisation, at most a thousand",
    "/evaluations": "one's own results, two a year",
    "/applications": "a choice of all windows; its list has pages",
    "/calls/new": "a choice of all published scenarios",
    "/catalogue/new": "a choice of all published scenarios",
    "/resources/new": "a choice of all published scenarios",
    "/funds/ledger/sheet": "a workbook of all that the filters of the ledger find, read line by line",
    "/funds/payments/sheet": "a workbook of all that the filters of the payments find",
}


@dataclass(frozen=True)
class Swept:
    """A site of one size, and what every page of it answered."""

    people: People
    answers: dict[Asked, Answer]


def wrong_pages(app: Flask) -> None:
    """Two pages as none should be; the sweep must find them."""

    def one_by_one() -> str:
        with current_site().database.reading() as session:
            numbers = session.scalars(select(Provider.id)).all()
            return " ".join(session.scalars(select(Provider.public_id).where(Provider.id == number)).one() for number in numbers[:20])

    def whole() -> str:
        with current_site().database.reading() as session:
            return "\n".join(f"<p>{name}</p>" for name in session.scalars(select(Provider.public_id)))

    app.add_url_rule(ONE_BY_ONE, view_func=open_to_all(one_by_one))
    app.add_url_rule(WHOLE, view_func=open_to_all(whole))


def _swept(site: Site) -> Swept:
    app = create_app(site)
    wrong_pages(app)
    people = People(app, site.database)
    wanted = list(routes(app))
    for_all = {asked.path for asked in wanted if asked.role == ANYBODY}
    return Swept(people, {asked: people.ask(asked) for asked in wanted if asked.path not in for_all or asked.role in OF_ALL})


@pytest.fixture(scope="module")
def sites(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Swept]]:
    """The same site at three sizes."""
    found = []
    with ExitStack() as opened:
        for size in SIZES:
            folder = tmp_path_factory.mktemp("filled") / "data"
            folder.mkdir()
            (folder / "jigai.db").write_bytes(migrated_file.read_bytes())
            share_model(folder)
            database = Database(f"sqlite:///{folder / 'jigai.db'}")
            fill(database, Sizes.alike(size))
            database.close()
            site = site_of(folder)
            opened.callback(site.database.close)
            opened.callback(site.index.close)
            found.append(_swept(site))
        yield found


def statements(swept: Swept, asked: Asked) -> tuple[str, ...]:
    """Asked once more: what the first answer had to find out and the site remembers is not counted."""
    return swept.people.ask(asked).statements


def test_every_page_answers_at_every_size(sites: list[Swept]) -> None:
    small, middle, large = sites
    assert small.answers.keys() == middle.answers.keys() == large.answers.keys()
    assert len({asked.path for asked in small.answers}) > 60
    for asked, answer in small.answers.items():
        assert answer.status in (200, 303, 404, 422), (asked, answer.status)
        assert answer.status == middle.answers[asked].status == large.answers[asked].status, asked


def test_the_number_of_statements_is_that_of_a_small_site(sites: list[Swept]) -> None:
    small, middle, large = sites
    differs = [asked for asked, answer in small.answers.items() if len(answer.statements) != len(large.answers[asked].statements)]
    differs += [asked for asked, answer in small.answers.items() if len(answer.statements) != len(middle.answers[asked].statements)]
    grown = {asked.path for asked in differs if len({len(statements(swept, asked)) for swept in sites}) > 1}
    assert grown - {*RANKING} == {ONE_BY_ONE}


def test_no_page_becomes_longer_than_a_page(sites: list[Swept]) -> None:
    _small, middle, large = sites
    longer = {asked.path for asked, answer in middle.answers.items() if large.answers[asked].size > LONGER * answer.size}
    assert longer == {WHOLE, *SHORT}


def test_the_lists_of_one_page_are_turned_each_for_itself(sites: list[Swept]) -> None:
    large = sites[-1]

    def shown(address: str) -> list[str]:
        return RANGE.findall(large.people.ask(Asked("bureau", address)).text)

    # What waits for a decision, appeals, what is being rectified, what is closed.
    assert shown("/adjustments") == ["1–20"] * 4
    assert shown("/adjustments?running=2") == ["1–20", "1–20", "21–40", "1–20"]
    assert shown("/adjustments?page=3") == ["1–20", "1–20", "1–20", "41–60"]
    assert 'href="/adjustments?waiting=2#waiting"' in large.people.ask(Asked("bureau", "/adjustments")).text


def test_the_next_page_of_every_list_goes_on(sites: list[Swept]) -> None:
    """Followed by its own link, with a filter kept where one was chosen."""
    large, turned = sites[-1], set()
    for asked, answer in large.answers.items():
        if answer.status != 200 or 'rel="next"' not in answer.text or asked.path in turned:
            continue
        turned.add(asked.path)
        for address in [asked.address, *offered(asked.path, answer.text)[:4]]:
            text = large.people.ask(Asked(asked.role, address)).text
            if found := re.search(r'href="([^"]*)" rel="next"', text):
                following = html.unescape(found[1])
                assert RANGE.findall(large.people.ask(Asked(asked.role, following)).text) != RANGE.findall(text), (asked, following)
                chosen = {pair for pair in parse_qsl(urlsplit(address).query) if not pair[1].isdigit()}
                assert chosen <= set(parse_qsl(urlsplit(following).query)), (asked, following)
    assert len(turned) > 15


def test_a_filter_and_a_later_page_ask_no_more_than_the_list(sites: list[Swept]) -> None:
    """What a page offers of itself: the statements of its first page at most, on the smallest site and on the largest."""
    small, _middle, large = sites
    more = []
    for asked, answer in large.answers.items():
        if asked.role != "admin" or answer.status != 200:
            continue
        for address in [*offered(asked.path, answer.text)[:6], f"{asked.path}?page=2"]:
            here = Asked(asked.role, address)
            if len(statements(large, here)) > max(len(statements(small, here)), len(statements(large, asked))):
                more.append(here)
    assert more == []
