"""Calls for solutions and the recommended products: who may, when, and that two persons decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions import calls, catalogue, listings
from marketplace.domain.calls import CallDraft, CallState
from marketplace.domain.decisions import DecisionState
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.listings import ListingDraft, ListingState
from marketplace.domain.solutions import SolutionState
from marketplace.records.calls import CallAnswer, SolutionCall, find_answers
from marketplace.records.database import Database
from marketplace.records.decisions import Decision
from marketplace.records.history import find_broken_link
from marketplace.records.index_queue import QueuedThing
from marketplace.records.listings import ProductListing, find_listed_batches
from marketplace.records.notices import Notice
from marketplace.records.solutions import Solution
from marketplace.records.tasks import Task
from tests.actions.catalogue import Pool, content, open_pool
from tests.conftest import NOW

TODAY = NOW.date()
DRAFT = CallDraft("CHEM-P09", "征集高处法兰检测", "高处法兰没人检，希望不搭架子。", TODAY, TODAY + timedelta(days=20))
LISTING = ListingDraft("2026 年第一批", "红外成像不搭架子", "三家用过，漏检率由 9 % 降到 1 %")


@pytest.fixture
def pool(database: Database) -> Pool:
    return open_pool(database)


def refusal(act: Callable[..., Any], *arguments: Any, **values: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        act(*arguments, **values)
    return refused.value.refused.code


def running(database: Database, pool: Pool, draft: CallDraft = DRAFT) -> int:
    call = calls.create(database, draft, days_least=5, viewer=pool.manager, at=NOW)
    calls.publish(database, call.id, viewer=pool.manager, at=NOW)
    return call.id


def test_a_call_is_published_answered_and_closed(database: Database, pool: Pool) -> None:
    number = running(database, pool)
    with database.reading() as session:
        told = {row.account_id for row in session.scalars(select(Notice))}
        assert told == {pool.person.account_id, pool.colleague.account_id, pool.rival_person.account_id}
    draft = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    for solution in (pool.published, draft.solution_id, pool.published):
        calls.answer(database, number, solution, note="可先试一台", viewer=pool.person, at=NOW, today=TODAY)
    with database.reading() as session:
        assert [answer.solution_id for answer in find_answers(session, number)] == [pool.published, draft.solution_id]
        assert [row.account_id for row in session.scalars(select(Notice).order_by(Notice.id.desc()).limit(1))] == [pool.manager.account_id]
    calls.take_back(database, number, draft.solution_id, viewer=pool.person, at=NOW)
    calls.close(database, number, viewer=pool.manager, at=NOW)
    again = {"note": "", "viewer": pool.person, "at": NOW, "today": TODAY}
    assert refusal(calls.answer, database, number, draft.solution_id, **again) == "call_closed"
    with database.reading() as session:
        assert [answer.solution_id for answer in find_answers(session, number)] == [pool.published]
        assert len(session.scalars(select(CallAnswer)).all()) == 2
        assert find_broken_link(session) is None


def test_one_answers_with_ones_own_only(database: Database, pool: Pool) -> None:
    number = running(database, pool)
    for stranger in (pool.rival_person, pool.manager):
        values = {"note": "", "viewer": stranger, "at": NOW, "today": TODAY}
        assert refusal(calls.answer, database, number, pool.published, **values) == "not_allowed"
    calls.answer(database, number, pool.published, note="", viewer=pool.person, at=NOW, today=TODAY)
    assert refusal(calls.take_back, database, number, pool.published, viewer=pool.rival_person, at=NOW) == "not_allowed"


def test_who_manages_calls(database: Database, pool: Pool) -> None:
    for stranger in (pool.person, pool.bureau):
        assert refusal(calls.create, database, DRAFT, days_least=5, viewer=stranger, at=NOW) == "not_allowed"
    unknown = CallDraft("NO-99", DRAFT.title, DRAFT.text, DRAFT.opens, DRAFT.closes)
    assert refusal(calls.create, database, unknown, days_least=5, viewer=pool.manager, at=NOW) == "unknown_scenario"
    call = calls.create(database, DRAFT, days_least=5, viewer=pool.manager, at=NOW)
    assert refusal(calls.publish, database, call.id, viewer=pool.person, at=NOW) == "not_allowed"
    later = CallDraft(DRAFT.scenario_code, "征集", DRAFT.text, DRAFT.opens, DRAFT.closes)
    calls.change(database, call.id, later, days_least=5, viewer=pool.second, at=NOW)
    calls.publish(database, call.id, viewer=pool.manager, at=NOW)
    calls.close(database, call.id, viewer=pool.manager, at=NOW)
    assert refusal(calls.change, database, call.id, DRAFT, days_least=5, viewer=pool.manager, at=NOW) == "call_closed"


def test_a_call_that_ran_out_is_closed_in_the_morning(database: Database, pool: Pool) -> None:
    number = running(database, pool)

    def state_on(day: date) -> CallState:
        with database.writing() as session:
            calls.close_ended_calls(session, day, NOW)
        with database.reading() as session:
            return session.get_one(SolutionCall, number).state

    assert DRAFT.closes is not None
    # Its last day belongs to it, until 24:00.
    assert state_on(DRAFT.closes) is CallState.PUBLISHED
    assert state_on(DRAFT.closes + timedelta(days=1)) is CallState.CLOSED
    assert state_on(DRAFT.closes + timedelta(days=2)) is CallState.CLOSED


def proposed(database: Database, pool: Pool) -> tuple[int, int]:
    listing = listings.propose(database, pool.published, LISTING, why="评审推荐", viewer=pool.manager, at=NOW)
    return listing.id, waiting(database)


def waiting(database: Database) -> int:
    with database.reading() as session:
        return session.scalars(select(Decision.id).where(Decision.state == DecisionState.PROPOSED)).one()


def state_of(database: Database, listing: int) -> ListingState:
    with database.reading() as session:
        return session.get_one(ProductListing, listing).state


def test_in_and_out_by_two_persons(database: Database, pool: Pool) -> None:
    listing, decision = proposed(database, pool)
    assert refusal(listings.answer, database, decision, "confirm", viewer=pool.manager, at=NOW) == "same_person"
    assert refusal(listings.answer, database, decision, "confirm", viewer=pool.person, at=NOW) == "not_allowed"
    assert state_of(database, listing) is ListingState.PROPOSED
    listings.answer(database, decision, "confirm", viewer=pool.bureau, at=NOW)
    assert state_of(database, listing) is ListingState.LISTED
    with database.reading() as session:
        assert find_listed_batches(session, [pool.published, 99]) == {pool.published: "2026 年第一批"}
        assert not session.scalars(select(Task).where(Task.done_at.is_(None))).all()
        # It is a mark and no rank: nothing is indexed anew for it.
        assert not session.scalars(select(QueuedThing)).all()
    listings.propose_removal(database, listing, why="产品已停产", viewer=pool.bureau, at=NOW)
    listings.answer(database, waiting(database), "reject", viewer=pool.manager, at=NOW, why="还在供货")
    assert state_of(database, listing) is ListingState.LISTED
    listings.propose_removal(database, listing, why="产品已停产", viewer=pool.bureau, at=NOW)
    listings.answer(database, waiting(database), "confirm", viewer=pool.manager, at=NOW)
    assert state_of(database, listing) is ListingState.REMOVED
    with database.reading() as session:
        assert find_listed_batches(session, [pool.published]) == {}
        told = [row.values["why"] for row in session.scalars(select(Notice).where(Notice.account_id == pool.person.account_id))]
        assert told[-1] == "产品已停产"


def test_a_proposal_is_refused_or_taken_back(database: Database, pool: Pool) -> None:
    listing, decision = proposed(database, pool)
    values = {"viewer": pool.manager, "at": NOW}
    assert refusal(listings.propose, database, pool.published, LISTING, why="又来", **values) == "listed_already"
    assert refusal(listings.answer, database, decision, "reject", viewer=pool.second, at=NOW) == "reason_missing"
    listings.answer(database, decision, "reject", viewer=pool.second, at=NOW, why="成效没有依据")
    assert state_of(database, listing) is ListingState.REFUSED
    other, decision = proposed(database, pool)
    listings.answer(database, decision, "take_back", viewer=pool.manager, at=NOW)
    assert state_of(database, other) is ListingState.REFUSED


def test_only_what_is_offered_is_listed(database: Database, pool: Pool) -> None:
    draft = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    values = {"why": "评审推荐", "viewer": pool.manager, "at": NOW}
    assert refusal(listings.propose, database, draft.solution_id, LISTING, **values) == "not_offered"
    listing, decision = proposed(database, pool)
    with database.writing() as session:
        session.execute(Solution.__table__.update().values(state=SolutionState.WITHDRAWN.value))
    # It went off the shelf while the second person was asked.
    assert refusal(listings.answer, database, decision, "confirm", viewer=pool.bureau, at=NOW) == "not_offered"
    assert state_of(database, listing) is ListingState.PROPOSED
    with database.reading() as session:
        assert session.get_one(Decision, decision).state is DecisionState.PROPOSED
