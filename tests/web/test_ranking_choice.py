"""Who orders one's results is shown, can be switched, and what was shown and opened is noted without a page waiting for it."""

from __future__ import annotations

import html
import re
import time

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.domain.rankers import HAND
from marketplace.records.database import Database
from marketplace.records.match_events import MatchEvent, MatchEventKind
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution
from marketplace.shown import ShownLog, note_shown, shown_log
from marketplace.site import Site
from recommender.ask import Ask
from recommender.learned import LearnedWeights, write_ranker
from tests.opened import Browser
from tests.web.people import Things

TEXT = "料架发出去收不回来，旺季只好拿纸箱装件，客户拒收。"
WEIGHTS = LearnedWeights("test-page", {"local": 0.2, "quick": 0.2}, {"local": 0.5, "quick": 0.4})


def _promote(site: Site) -> None:
    from marketplace.actions.rankers import keep_ranker, promote_ranker
    from tests.conftest import NOW

    sha256 = write_ranker(site.settings.data_dir / "models" / "rankers", WEIGHTS)
    with site.database.writing() as session:
        keep_ranker(session, WEIGHTS.version, rows=1, metrics={}, card="", sha256=sha256, objections=(), actor="test", at=NOW)
        promote_ranker(session, WEIGHTS.version, actor="test", at=NOW)


def test_whoever_switches_it_off_is_ordered_by_the_hand_weights_and_told_so(own_app: Flask, own_demo: Site) -> None:
    _promote(own_demo)
    browser = Browser(own_app.test_client())
    assert f"排序模型 {WEIGHTS.version}" in browser.get(f"/ask?text={TEXT}").text
    page = browser.get("/how-ranking-works").text
    assert "交付快慢" in page
    assert f"您看到的按 {WEIGHTS.version} 排序" in page
    # Reading changes nothing.
    assert browser.get("/how-ranking-works/choice").status_code == 405
    answer = browser.post("/how-ranking-works/choice", {"by_outcomes": "0"}, form="/how-ranking-works")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/how-ranking-works")
    assert f"您看到的按 {HAND} 排序" in browser.get("/how-ranking-works").text
    off = browser.get(f"/ask?text={TEXT}").text
    assert f"排序模型 {HAND}" in off
    assert "按以往对接结果，" not in off
    browser.post("/how-ranking-works/choice", {"by_outcomes": "1"}, form="/how-ranking-works")
    assert f"排序模型 {WEIGHTS.version}" in browser.get(f"/ask?text={TEXT}").text


def test_the_way_back_stays_on_this_site(own_app: Flask) -> None:
    browser = Browser(own_app.test_client())
    for wanted, to in (("/ask", "/ask"), ("https://elsewhere.example/", "/"), ("//elsewhere.example", "/")):
        answer = browser.post("/how-ranking-works/choice", {"by_outcomes": "0", "next": wanted}, form="/how-ranking-works")
        assert answer.headers["Location"] == to


def test_a_ranker_that_is_gone_stops_recommending_with_a_sentence_and_nothing_else(own_app: Flask, own_demo: Site) -> None:
    _promote(own_demo)
    (own_demo.settings.data_dir / "models" / "rankers" / WEIGHTS.version / "ranker.json").unlink()
    browser = Browser(own_app.test_client())
    answer = browser.get(f"/ask?text={TEXT}")
    assert answer.status_code == 503
    assert "jigai rankers roll-back" in answer.text
    assert str(own_demo.settings.data_dir) not in answer.text
    assert browser.get("/search?q=MES").status_code == 200


def _rows(database: Database) -> list[MatchEvent]:
    with database.reading() as session:
        rows = list(session.scalars(select(MatchEvent).order_by(MatchEvent.id)))
        session.expunge_all()
    return rows


def test_what_was_shown_is_written_once_a_day_with_its_place_and_ranker(own_app: Flask, own_demo: Site) -> None:
    with own_demo.database.reading() as session:
        problem = session.scalars(select(Problem.id).order_by(Problem.id)).first()
    found = own_demo.recommender.recommend(Ask(key=str(problem), text=TEXT, problem_id=problem), limit=3)
    typed = own_demo.recommender.recommend(Ask(key="ask", text=TEXT), limit=3)
    with own_app.app_context():
        started = time.perf_counter()
        note_shown(found.matches, place="plan")
        took = time.perf_counter() - started
        note_shown(found.matches, place="plan")
        # What a visitor types is not kept.
        note_shown(typed.matches, place="ask")
        shown_log().flush()
    rows = _rows(own_demo.database)
    assert [(row.kind, row.problem_id, row.solution_id, row.position, row.model, row.place) for row in rows] == [
        (MatchEventKind.SHOWN, problem, match.solution_id, match.rank, HAND, "plan") for match in found.matches
    ]
    assert rows[0].features
    assert took < 0.05


def test_what_cannot_be_written_waits(own_app: Flask, own_demo: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with own_demo.database.reading() as session:
        problem = session.scalars(select(Problem.id).order_by(Problem.id)).first()
    found = own_demo.recommender.recommend(Ask(key=str(problem), text=TEXT, problem_id=problem), limit=2)
    kept = ShownLog(Database("sqlite:///:memory:"), seconds=3600)
    own_app.extensions["jigai_shown"] = kept
    with own_app.app_context():
        note_shown(found.matches, place="plan")
    # An empty database has no such table.
    with pytest.raises(Exception, match="match_events"):
        kept.flush()
    kept.database = own_demo.database
    assert kept.flush() == 2
    assert len(_rows(own_demo.database)) == 2
    assert kept.flush() == 0


def test_opening_a_solution_from_a_plan_is_noted_for_who_may_read_the_plan(
    own_app: Flask, own_demo: Site, own_browsers: dict[str, Browser], things: Things
) -> None:
    with own_demo.database.reading() as session:
        solution = session.scalars(select(Solution).where(Solution.public_id == things.solution)).one()
        problem = session.scalars(select(Problem).order_by(Problem.id)).first()
        assert problem is not None
        address, number = f"/solutions/{solution.public_id}?problem={problem.public_id}", problem.id
    for person, noted in (("provider", 0), ("centre", 1)):
        assert own_browsers[person].get(address).status_code == 200
        with own_app.app_context():
            shown_log().flush()
        assert len(_rows(own_demo.database)) == noted
    (row,) = _rows(own_demo.database)
    assert (row.kind, row.problem_id) == (MatchEventKind.OPENED, number)


def test_an_own_problem_asked_on_the_ask_page_is_noted_and_a_foreign_or_typed_text_is_not(
    own_app: Flask, own_demo: Site, own_browsers: dict[str, Browser], things: Things
) -> None:
    with own_demo.database.reading() as session:
        own = session.scalars(select(Problem).where(Problem.public_id == things.problem)).one()
        number, public_id, text = own.id, own.public_id, own.text
    for person, asked, noted in (("enterprise", TEXT, False), ("provider", text, False), ("enterprise", text, True)):
        page = own_browsers[person].get("/ask", query_string={"text": asked}).text
        with own_app.app_context():
            shown_log().flush()
        rows = _rows(own_demo.database)
        assert bool(rows) is noted
        assert (f"problem={public_id}" in page) is noted
    assert {(row.kind, row.problem_id, row.place) for row in rows} == {(MatchEventKind.SHOWN, number, "ask")}
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    # From there to the solution.
    link = re.search(r'href="(/solutions/[^"]+by=ask)"', page)
    assert link is not None
    assert own_browsers["enterprise"].get(html.unescape(link[1])).status_code == 200
    with own_app.app_context():
        shown_log().flush()
    last = _rows(own_demo.database)[-1]
    assert (last.kind, last.problem_id, last.place) == (MatchEventKind.OPENED, number, "ask")
