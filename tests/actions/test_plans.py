"""Making a plan by hand, issuing it version by version, and the enterprise's answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions import plans
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.plans import ChoiceDraft, Emphasis, IssueDraft, PlanState
from marketplace.domain.solutions import SolutionState
from marketplace.records.accounts import Account
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.history import HistoryEntry, find_broken_link, find_last_entry
from marketplace.records.jobs import Job
from marketplace.records.plans import IssuedPlan, PlanChoice, find_choices, find_emphasis, find_plans
from marketplace.records.solutions import Solution
from marketplace.records.tasks import Task
from tests.actions.people import Market, open_market
from tests.conftest import NOW

TODAY = NOW.date()
CONTENT = {"needs": [{"number": 1}], "set": []}


@pytest.fixture
def market(database: Database) -> Market:
    return open_market(database)


def refusal(act: Callable[..., Any], *arguments: Any, **values: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        act(*arguments, **values)
    return refused.value.refused.code


def centre_with_account(database: Database, market: Market) -> Any:
    """The centre's person, who is an account here: a plan names its officer."""
    with database.writing() as session:
        account = session.scalar(select(Account).where(Account.login == "centre"))
        if account is None:
            account = Account(login="centre", password_hash="!", name="能力中心", created=NOW)
            session.add(account)
            session.flush()
        return replace(market.person(Role.CENTRE), account_id=account.id)


def person_of_the_firm(database: Database, market: Market) -> Viewer:
    """A member of the enterprise who may hand in."""
    with database.reading() as session:
        unit = session.get_one(Enterprise, market.enterprise).organisation_id
    return replace(market.person(Role.ENTERPRISE), rights=frozenset({(unit, "submit")}))


def second_solution(database: Database, market: Market) -> int:
    with database.writing() as session:
        other = Solution(provider_id=market.provider, title="再一个方案", state=SolutionState.PUBLISHED, source="t", source_ref="other")
        session.add(other)
        session.flush()
        return other.id


def test_only_the_centre_weighs_and_whoever_comes_second_is_told(database: Database, market: Market) -> None:
    centre = centre_with_account(database, market)
    for role in (Role.ENTERPRISE, Role.PROVIDER, Role.BUREAU, Role.MANAGER):
        assert refusal(plans.weigh, database, market.enterprise, Emphasis(3), viewer=market.person(role), at=NOW) == "not_allowed"
    assert refusal(plans.weigh, database, market.enterprise, Emphasis(6), viewer=centre, at=NOW) == "weight_range"
    row = plans.weigh(database, market.enterprise, Emphasis(3, 1, 2, 0), viewer=centre, at=NOW)
    with database.reading() as session:
        found = find_emphasis(session, market.enterprise)
        assert found is not None
        assert found.emphasis == Emphasis(3, 1, 2, 0)
        opened = find_last_entry(session, plans.EMPHASIS_NOUN, row.id)
    plans.weigh(database, market.enterprise, Emphasis(4, 1, 2, 0), viewer=centre, at=NOW, seen=opened)
    late = {"viewer": centre, "at": NOW, "seen": opened}
    assert refusal(plans.weigh, database, market.enterprise, Emphasis(5), **late) == "changed_meanwhile"


def test_one_is_put_first_others_left_out_with_a_reason(database: Database, market: Market) -> None:
    centre, other = centre_with_account(database, market), second_solution(database, market)
    who = {"viewer": centre, "at": NOW}
    plans.choose(database, market.problem, market.solution, ChoiceDraft("pinned"), **who)
    plans.choose(database, market.problem, other, ChoiceDraft("pinned"), **who)
    with database.reading() as session:
        assert [(row.solution_id, row.kind) for row in find_choices(session, market.enterprise)] == [(other, "pinned")]
    assert refusal(plans.choose, database, market.problem, other, ChoiceDraft("excluded"), **who) == "required"
    assert refusal(plans.choose, database, market.problem, other, ChoiceDraft("liked"), **who) == "unknown_choice"
    plans.choose(database, market.problem, other, ChoiceDraft("excluded", "装不下"), **who)
    with database.reading() as session:
        assert [(row.kind, row.why) for row in find_choices(session, market.enterprise)] == [("excluded", "装不下")]
        said = session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "choose").order_by(HistoryEntry.id)).all()
        assert [entry.before and entry.before["kind"] for entry in said] == [None, None, "pinned"]
        assert find_broken_link(session) is None
    assert plans.take_back_choice(database, market.problem, other, **who)
    assert not plans.take_back_choice(database, market.problem, other, **who)
    with database.reading() as session:
        assert session.scalar(select(PlanChoice)) is None


def test_what_nobody_may_see_is_not_put_into_a_plan(database: Database, market: Market) -> None:
    with database.writing() as session:
        session.get_one(Solution, market.solution).state = SolutionState.DRAFT
    who = {"viewer": centre_with_account(database, market), "at": NOW}
    for kind in ("pinned", "added"):
        draft = ChoiceDraft(kind, "试试")
        assert refusal(plans.choose, database, market.problem, market.solution, draft, **who) == "solution_not_published"
    plans.choose(database, market.problem, market.solution, ChoiceDraft("excluded", "没发布"), **who)


def issued(database: Database, market: Market, centre: Any, **values: Any) -> IssuedPlan:
    draft = IssueDraft("先做第一条", TODAY + timedelta(days=14))
    return plans.issue(database, market.enterprise, draft, CONTENT, model="hand-1", viewer=centre, at=NOW, today=TODAY, **values)


def test_versions_follow_each_other_and_one_holds(database: Database, market: Market) -> None:
    centre = centre_with_account(database, market)
    first = issued(database, market, centre)
    with database.reading() as session:
        asked = {(row.kind, row.account_id is not None) for row in session.scalars(select(Task).where(Task.noun == "plan"))}
        assert asked == {("read_plan", False), ("follow_plan", True)}
        assert [job.payload for job in session.scalars(select(Job).where(Job.kind == plans.DOCUMENT))] == [{"id": first.id}]
    # Another one has issued meanwhile.
    second = issued(database, market, centre, seen_version=1)
    with pytest.raises(RefusedError) as late:
        issued(database, market, centre, seen_version=1)
    assert late.value.refused.code == "changed_meanwhile"
    with database.reading() as session:
        rows = find_plans(session, market.enterprise)
        assert [(row.version, row.state) for row in rows] == [(2, PlanState.ISSUED), (1, PlanState.SUPERSEDED)]
        assert rows[0].number != rows[1].number
        open_ones = session.scalars(select(Task).where(Task.noun == "plan", Task.done_at.is_(None))).all()
        assert {row.noun_id for row in open_ones} == {second.id}
        assert find_broken_link(session) is None


def test_the_enterprise_alone_answers(database: Database, market: Market) -> None:
    centre = centre_with_account(database, market)
    plan = issued(database, market, centre)
    firm, stranger = person_of_the_firm(database, market), market.person(Role.PROVIDER)
    # Nor does a member who may not hand in.
    for viewer in (centre, stranger, market.person(Role.BUREAU), market.person(Role.ENTERPRISE)):
        assert refusal(plans.confirm, database, plan.id, viewer=viewer, at=NOW) == "not_allowed"
    assert refusal(plans.send_back, database, plan.id, " ", viewer=firm, at=NOW) == "why_missing"
    plans.send_back(database, plan.id, "第一条先不做", viewer=firm, at=NOW)
    assert refusal(plans.confirm, database, plan.id, viewer=firm, at=NOW) == "wrong_state"
    again = issued(database, market, centre)
    plans.confirm(database, again.id, viewer=firm, at=NOW)
    with database.reading() as session:
        assert [row.state for row in find_plans(session, market.enterprise)] == [PlanState.CONFIRMED, PlanState.SUPERSEDED]
        assert [row.kind for row in session.scalars(select(Task).where(Task.noun_id == again.id, Task.done_at.is_(None)))] == [
            "follow_plan"
        ]


def test_what_is_issued_is_whole(database: Database, market: Market) -> None:
    centre = centre_with_account(database, market)
    who = {"model": "hand-1", "viewer": centre, "at": NOW, "today": TODAY}
    later = TODAY + timedelta(days=1)
    for draft, content, code in (
        (IssueDraft("", None), CONTENT, "required"),
        (IssueDraft("", TODAY), CONTENT, "in_the_past"),
        (IssueDraft("", later), {"needs": []}, "no_needs"),
        (IssueDraft("长" * 2_001, later), CONTENT, "too_long"),
    ):
        assert refusal(plans.issue, database, market.enterprise, draft, content, **who) == code
    with database.reading() as session:
        assert not find_plans(session, market.enterprise)


def test_the_day_of_the_next_question_moves(database: Database, market: Market) -> None:
    centre = centre_with_account(database, market)
    plan = issued(database, market, centre)
    later = TODAY + timedelta(days=30)
    plans.follow(database, plan.id, later, viewer=centre, at=NOW, today=TODAY)
    assert refusal(plans.follow, database, plan.id, TODAY, viewer=centre, at=NOW, today=TODAY) == "in_the_past"
    with database.reading() as session:
        task = session.scalars(select(Task).where(Task.kind == "follow_plan")).one()
        assert task.due == later
