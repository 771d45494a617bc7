"""Events and ratings in the database: entered with proof, corrected, imported, computed in the same transaction, never lost."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from marketplace.actions import ratings
from marketplace.actions.accounts import open_account
from marketplace.actions.imports import import_path
from marketplace.actions.ratings_history import put_outcomes, rate_imported
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.rating_events import EventDraft, EventKind
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.ratings import rate
from marketplace.files.store import StoredBlob
from marketplace.pilot import Pilot
from marketplace.records.accounts import Account
from marketplace.records.database import Database
from marketplace.records.files import Scan, find_attachments
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.index_queue import QueuedThing
from marketplace.records.matches import Acceptance, Decision, Outcome, find_track_records
from marketplace.records.notices import Notice
from marketplace.records.providers import Provider
from marketplace.records.ratings import RatingEvent, RatingMean, RatingScore, find_events, find_history, find_mean, find_scores
from recommender.facts import find_facts
from tests.actions.people import Market, open_market
from tests.conftest import DEMO, NOW

TODAY = NOW.date()
PROOF = StoredBlob("a" * 64, 1_000, "application/pdf", "检查记录.pdf", Scan.UNSCANNED)
LATE = EventDraft(EventKind.ON_TIME, TODAY, {"on_time": False, "days_late": 12}, "一号线改造")


@pytest.fixture
def rules(pilot: Pilot) -> RatingRules:
    return pilot.rating


@pytest.fixture
def market(database: Database) -> Market:
    """The market, and the account of who enters events."""
    found = open_market(database)
    with database.writing() as session:
        session.add(Account(id=found.person(Role.ADMIN).account_id, login="staff", name="员工", password_hash="-", created=NOW))
    return found


def enter(database: Database, market: Market, rules: RatingRules, draft: EventDraft = LATE, **more: Any) -> RatingEvent:
    more = {"proof": PROOF, "viewer": market.person(Role.ADMIN), **more}
    return ratings.enter_event(database, market.provider, draft, at=NOW, today=TODAY, rules=rules, **more)


def score_of(database: Database, provider_id: int) -> RatingScore:
    with database.reading() as session:
        found = find_scores(session, [provider_id])[provider_id]
        session.expunge(found)
        return found


def test_an_event_and_its_rating_come_together(database: Database, market: Market, rules: RatingRules) -> None:
    event = enter(database, market, rules)
    found = score_of(database, market.provider)
    expected = rate([event.as_event()], TODAY, rules.mean, rules)
    assert (found.score, found.grade, found.projects) == (pytest.approx(expected.score), expected.grade, 1)
    assert found.score < rules.mean
    assert [part["kind"] for part in found.parts] == ["on_time"]
    with database.reading() as session:
        (proof,) = find_attachments(session, "rating_event", event.id)
        assert proof.filename == "检查记录.pdf"
        verbs = session.scalars(select(HistoryEntry.verb).order_by(HistoryEntry.id)).all()
        assert verbs[-3:] == ["attach", "enter", "rate"]
        assert find_broken_link(session) is None
        queued = session.scalars(select(QueuedThing.kind)).all()
        # The provider and each of its two solutions.
        assert sorted(queued) == ["provider", "solution", "solution"]


@pytest.mark.parametrize(
    ("draft", "more", "code"),
    [
        (LATE, {"proof": None}, "proof_missing"),
        (EventDraft("praise", TODAY, {}), {}, "unknown_kind"),
        (EventDraft(EventKind.ON_TIME, TODAY + timedelta(1), {"on_time": True}, "p"), {}, "future"),
        (EventDraft(EventKind.ON_TIME, TODAY, {"on_time": True}, ""), {}, "no_project"),
        (LATE, {"replaces": 1}, "reason_missing"),
    ],
)
def test_what_is_refused_leaves_nothing(
    database: Database, market: Market, rules: RatingRules, draft: EventDraft, more: dict[str, Any], code: str
) -> None:
    with pytest.raises(RefusedError) as told:
        enter(database, market, rules, draft, **more)
    assert told.value.refused.code == code
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RatingEvent)) == 0
        assert session.scalar(select(func.count()).select_from(RatingScore)) == 0


def test_a_correction_replaces_and_nothing_is_lost(database: Database, market: Market, rules: RatingRules) -> None:
    first = enter(database, market, rules)
    before = score_of(database, market.provider)
    right = EventDraft(EventKind.ON_TIME, TODAY, {"on_time": True}, "一号线改造")
    second = enter(database, market, rules, right, replaces=first.id, why="日期写错")
    after = score_of(database, market.provider)
    assert after.score > before.score
    with database.reading() as session:
        old = session.get_one(RatingEvent, first.id)
        assert (old.superseded_by, old.why, old.payload) == (second.id, "日期写错", LATE.payload)
        assert [row.id for row in find_events(session, [market.provider])[market.provider]] == [second.id]
        history = find_history(session, market.provider)
        assert [row.id for row in history] == [after.id, before.id]
        assert [row.replaced_at is None for row in history] == [True, False]
    # What was replaced cannot be replaced again, nor another one's.
    with pytest.raises(RefusedError) as told:
        enter(database, market, rules, right, replaces=first.id, why="再来")
    assert told.value.refused.code == "superseded"
    with pytest.raises(RefusedError) as told:
        ratings.enter_event(
            database, market.rival, right, proof=PROOF, viewer=market.person(Role.ADMIN), at=NOW, today=TODAY, rules=rules,
            replaces=second.id, why="别家的",
        )  # fmt: skip
    assert told.value.refused.code == "other_provider"


def test_taken_back_it_counts_no_longer(database: Database, market: Market, rules: RatingRules) -> None:
    event = enter(database, market, rules)
    person = market.person(Role.ADMIN)
    with pytest.raises(RefusedError):
        ratings.take_back_event(database, event.id, why=" ", viewer=person, at=NOW, today=TODAY, rules=rules)
    ratings.take_back_event(database, event.id, why="重复登记", viewer=person, at=NOW, today=TODAY, rules=rules)
    found = score_of(database, market.provider)
    assert (found.score, found.grade, found.projects) == (rules.mean, "new", 0)
    with database.reading() as session:
        assert session.get_one(RatingEvent, event.id).why == "重复登记"
        assert find_track_records(session)[market.provider].is_new


def test_what_came_from_elsewhere_is_corrected_there(database: Database, market: Market, rules: RatingRules) -> None:
    event = enter(database, market, rules)
    with database.writing() as session:
        session.get_one(RatingEvent, event.id).source = "history"
    with pytest.raises(RefusedError) as error:
        ratings.take_back_event(database, event.id, why="不好看", viewer=market.person(Role.ADMIN), at=NOW, today=TODAY, rules=rules)
    assert error.value.refused.code == "not_by_form"
    with database.reading() as session:
        assert session.get_one(RatingEvent, event.id).superseded_at is None


def test_a_rating_is_entered_by_those_who_may(database: Database, market: Market, rules: RatingRules) -> None:
    event = enter(database, market, rules)
    for role in (Role.PROVIDER, Role.ENTERPRISE, Role.EXPERT, Role.BUREAU):
        with pytest.raises(RefusedError) as error:
            ratings.take_back_event(database, event.id, why="重复", viewer=market.person(role), at=NOW, today=TODAY, rules=rules)
        assert error.value.refused.code == "not_allowed"


def test_a_new_grade_is_told(database: Database, market: Market, rules: RatingRules) -> None:
    with database.writing() as session:
        unit = session.get_one(Provider, market.provider).organisation_id
        told = open_account(session, "mine", "jigai-demo-2024", name="我", memberships=[(unit, Role.PROVIDER)], now=NOW, actor="t")
        assert isinstance(told, Account)
    enter(database, market, rules, EventDraft(EventKind.ACCEPTANCE, TODAY, {"result": "passed", "score": 90}, "a"))
    bad = EventDraft(EventKind.CONDUCT, TODAY, {"severity": "serious"})
    enter(database, market, rules, bad)
    with database.reading() as session:
        notices = session.scalars(select(Notice)).all()
        assert [(row.kind, row.values["before"], row.noun) for row in notices] == [("rating", "B", "rating")]


def outcome(market: Market, **values: Any) -> Outcome:
    row = Outcome(problem_id=market.problem, solution_id=market.solution, provider_id=market.provider, source="t", source_ref="1")
    row.proposed, row.decision = date(2026, 5, 8), Decision.ACCEPTED
    for name, value in values.items():
        setattr(row, name, value)
    return row


def test_past_matches_become_events_once(database: Database, market: Market, rules: RatingRules) -> None:
    with database.writing() as session:
        row = outcome(market, acceptance=Acceptance.RECTIFIED, on_time=False, score=66.0, enterprise_rating=2.0)
        waiting = outcome(market, source_ref="2")
        session.add_all([row, waiting])
        session.flush()
        number = row.id
        rate_imported(session, outcome_ids=[row.id, waiting.id], event_ids=[], rules=rules, actor="t", at=NOW, on=TODAY)
        assert find_mean(session) == rules.mean
        assert put_outcomes(session, [row.id, waiting.id], actor="t", at=NOW) == set()
    with database.reading() as session:
        events = find_events(session, [market.provider])[market.provider]
        assert {(row.kind, row.on, row.solution_id) for row in events} == {
            (kind, date(2026, 5, 8), market.solution) for kind in (EventKind.ACCEPTANCE, EventKind.ON_TIME, EventKind.ENTERPRISE_RATING)
        }
        record = find_track_records(session)[market.provider]
        assert (record.finished, record.rated, record.mean_score) == (1, 1, 66.0)
        assert record.score is not None
        assert record.score < record.usual == rules.mean
        # The recommender reads the same.
        assert find_facts(session, [market.solution])[market.solution].track == record
    before = score_of(database, market.provider)
    # The outcome was wrong: what changed is replaced, the rest stays.
    with database.writing() as session:
        session.get_one(Outcome, number).score = 96.0
        session.flush()
        rate_imported(session, outcome_ids=[number], event_ids=[], rules=rules, actor="t", at=NOW, on=TODAY)
        assert session.scalar(select(func.count()).select_from(RatingEvent)) == 4
        assert session.scalar(select(func.count()).select_from(RatingEvent).where(RatingEvent.superseded_at.is_(None))) == 3
    assert score_of(database, market.provider).score > before.score


def test_every_night_the_mean_moves_and_whoever_moved(database: Database, market: Market, rules: RatingRules) -> None:
    for number in range(30):
        enter(database, market, rules, EventDraft(EventKind.ACCEPTANCE, TODAY, {"result": "passed", "score": 60}, f"p{number}"))
    before = score_of(database, market.provider)
    with database.writing() as session:
        # Only 10.5 projects' worth of evidence: too little for a mean of all.
        assert ratings.recompute_all(session, rules, at=NOW, on=TODAY) == []
        assert session.scalars(select(RatingMean.mean)).all() == [rules.mean]
        assert ratings.recompute_all(session, rules, at=NOW, on=TODAY + timedelta(900)) == [market.provider]
    assert score_of(database, market.provider).score > before.score
    assert score_of(database, market.provider).why == "daily"


SHEET_ROWS: list[dict[str, Any]] = [
    {"id": "E1", "kind": "enterprise_rating", "on": "2026-05-08", "project": "P1", "payload": {"quality": 5, "schedule": 4}},
    {"id": "E2", "类别": "检查发现", "发生日期": "2026-06-01", "project": "P1", "严重程度": "一般", "说明": "一处未整改"},
]


def events_file(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "rating_events.jsonl"
    code = json.loads((DEMO / "providers.jsonl").read_text("utf-8").splitlines()[0])["code"]
    path.write_text("\n".join(json.dumps({"provider_code": code, **row}, ensure_ascii=False) for row in rows), "utf-8")
    return path


def test_events_come_by_sheet(database: Database, pilot: Pilot, tmp_path: Path) -> None:
    import_path(database, pilot, DEMO / "providers.jsonl", actor="t", at=NOW)
    report = import_path(database, pilot, events_file(tmp_path, SHEET_ROWS), actor="t", at=NOW)
    assert report.bad == []
    assert (report.counts["rating_events"].new, report.written) == (2, True)
    with database.reading() as session:
        rows = session.scalars(select(RatingEvent).order_by(RatingEvent.source_ref)).all()
        assert [row.payload for row in rows] == [{"quality": 5.0, "schedule": 4.0}, {"severity": "general", "remark": "一处未整改"}]
        provider_id = rows[0].provider_id
    before = score_of(database, provider_id)
    # Again: nothing. Changed: replaced, and known by its number still.
    assert import_path(database, pilot, events_file(tmp_path, SHEET_ROWS), actor="t", at=NOW).counts["rating_events"].unchanged == 2
    changed = [{**SHEET_ROWS[0], "payload": {"quality": 1, "schedule": 1}}, SHEET_ROWS[1]]
    report = import_path(database, pilot, events_file(tmp_path, changed), actor="t", at=NOW)
    assert (report.counts["rating_events"].changed, report.counts["rating_events"].unchanged) == (1, 1)
    assert score_of(database, provider_id).score < before.score
    with database.reading() as session:
        rows = session.scalars(select(RatingEvent).order_by(RatingEvent.id)).all()
        assert [row.superseded_at is None for row in rows] == [False, True, True]
        assert rows[0].superseded_by == rows[2].id
        assert rows[2].source_ref == "E1"


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ({"kind": "on_time", "on": "2026-05-08", "project": "P", "score": 3, "on_time": "是"}, "score", "unknown_field"),
        ({"kind": "on_time", "on": "2026-05-08", "project": "P"}, "是否按期", "field_missing"),
        ({"kind": "acceptance", "on": "2026-05-08", "result": "通过"}, "项目", "no_project"),
        ({"kind": "complaint", "on": "2026-05-08", "severity": "未发现问题"}, "severity", "unknown_answer"),
        ({"kind": "赞美", "on": "2026-05-08"}, "kind", "unknown_answer"),
    ],
)
def test_a_bad_row_says_what_is_wrong(
    sqlite_database: Database, pilot: Pilot, tmp_path: Path, row: dict[str, Any], column: str, code: str
) -> None:
    import_path(sqlite_database, pilot, DEMO / "providers.jsonl", actor="t", at=NOW)
    report = import_path(sqlite_database, pilot, events_file(tmp_path, [row]), actor="t", at=NOW)
    assert not report.written
    assert (column, code) in {(cell.column, cell.message.code) for cell in report.bad}


def test_the_demonstration_is_rated(demonstration: Database, pilot: Pilot) -> None:
    """Whoever the set presets as bad is so by its rating."""
    with demonstration.reading() as session:
        records = find_track_records(session)
        by_state: dict[str, list[float]] = {}
        for provider in session.scalars(select(Provider)):
            record = records.get(provider.id)
            if record is not None and record.score is not None and not record.is_new:
                by_state.setdefault(str(provider.state), []).append(record.score)
        mean = find_mean(session)
    assert mean is not None
    assert 70 < mean < 85
    assert max(by_state["retired"]) < min(by_state["warned"])
    assert max(by_state["warned"]) < pilot.adjustment.warn_below
    assert sum(by_state["admitted"]) / len(by_state["admitted"]) > mean - 1
