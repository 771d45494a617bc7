"""The three tables of projects: the shared rows written down a second time, and walks in which nothing forbidden comes about."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import product

import pytest

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, decide
from marketplace.domain.projects import (
    BALLS,
    ENDED,
    STAGES,
    TABLES,
    ProjectClass,
    ProjectState,
    Standing,
    ball_of,
    stage_of,
)

S = ProjectState
# Of each of the three tables: ten thousand walks in all.
WALKS, STEPS = 3_400, 60
TODAY = date(2026, 11, 25)
# (state, event) → (state after, roles that may), for every class alike.
SHARED: dict[tuple[str, str], tuple[str, str]] = {
    ("reserve", "apply"): ("draft", "enterprise"),
    ("draft", "submit"): ("submitted", "enterprise"),
    ("returned", "resubmit"): ("submitted", "enterprise"),
    ("submitted", "send_back"): ("returned", "area admin"),
    ("submitted", "recommend"): ("recommended", "area admin"),
    ("submitted", "refuse"): ("not_selected", "area admin"),
    **{(state, "withdraw"): ("withdrawn", "enterprise") for state in ("reserve", "draft", "submitted", "returned", "recommended")},
}
EVENTS = {event for _state, event in SHARED}
# What the guards of these rows need.
FIT = {"recommend": Standing(first_review="recommend"), "refuse": Standing(first_review="refuse")}


@pytest.mark.parametrize("project_class", ProjectClass)
def test_every_state_event_and_role_of_the_shared_rows(project_class: ProjectClass) -> None:
    table = TABLES[project_class]
    tried = 0
    for state, event, role in product(S, sorted(EVENTS | {"no_such_event"}), Role):
        found = decide(table, state, event, {role}, FIT.get(event, Standing()))
        to, roles = SHARED.get((state, event), ("", ""))
        tried += 1
        if not to:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "wrong_state"
        elif role not in roles.split():
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "not_allowed"
        else:
            assert isinstance(found, Transition), (state, event, role)
            assert found.to == to
    assert tried == len(S) * (len(EVENTS) + 1) * len(Role)


@pytest.mark.parametrize("project_class", ProjectClass)
def test_every_row_leads_somewhere_and_nothing_leaves_an_end(project_class: ProjectClass) -> None:
    table = TABLES[project_class]
    reached = {S.RESERVE, S.DRAFT, *(S(row.to) for row in table)}
    left = {S(state) for row in table for state in row.states}
    assert not left & ENDED
    assert left <= reached | {S.RESERVE}
    assert reached - ENDED <= left
    # Whoever has the ball can do something, and who can end it is somebody.
    for state in reached - ENDED:
        assert ball_of(project_class, state).role is not None, state
    assert {ball_of(project_class, state).role for state in reached & ENDED} == {None}


@pytest.mark.parametrize("project_class", ProjectClass)
def test_every_state_stands_in_one_step(project_class: ProjectClass) -> None:
    reached = {S.RESERVE, S.DRAFT, *(S(row.to) for row in TABLES[project_class])}
    for state in reached - {S.NOT_SELECTED, S.WITHDRAWN, S.TERMINATED}:
        assert stage_of(project_class, state) is not None, state
        assert sum(state in stage.states for stage in STAGES[project_class]) == 1, state
    assert set(BALLS) == set(S)


def test_the_central_class_has_ten_steps() -> None:
    assert len(STAGES[ProjectClass.CENTRAL]) == 10
    assert len({stage.key for stage in STAGES[ProjectClass.CENTRAL]}) == 10


def test_guards_of_the_first_steps() -> None:
    table = TABLES[ProjectClass.CENTRAL]

    def code(event: str, state: S, role: Role, standing: Standing) -> str:
        found = decide(table, state, event, {role}, standing)
        return found.code if isinstance(found, Refused) else ""

    own, area = Role.ENTERPRISE, Role.AREA
    assert code("submit", S.DRAFT, own, Standing(window_open=False, closes=TODAY)) == "guide_closed"
    assert code("submit", S.DRAFT, own, Standing(faults=2)) == "incomplete"
    assert code("submit", S.DRAFT, own, Standing()) == ""
    # What was sent back may come again after the guide has closed.
    assert code("resubmit", S.RETURNED, own, Standing(window_open=False)) == ""
    assert code("resubmit", S.RETURNED, own, Standing(faults=1)) == "incomplete"
    assert code("recommend", S.SUBMITTED, area, Standing()) == "no_first_review"
    assert code("recommend", S.SUBMITTED, area, Standing(first_review="refuse")) == "no_first_review"
    assert code("refuse", S.SUBMITTED, area, Standing(first_review="recommend")) == "no_first_review"


def _standing(chance: random.Random, project_class: ProjectClass) -> Standing:
    """Facts as they may be: often all in order, else good and bad mixed."""
    if chance.random() < 0.6:
        return Standing(
            project_class=project_class, first_review="recommend", experts=3, joint_written=True, amount_fen=10, notice_until=TODAY - timedelta(1),
            today=TODAY, agreement_scans=2, funding_plan=True, minutes="3", city_decision="approved", formal_review="pass",
            acceptance_report="pass", effect_measured=True, paid_fen=10, due_fen=10,
        )  # fmt: skip
    return Standing(
        project_class=project_class,
        faults=chance.choice((0, 0, 1)),
        window_open=chance.random() < 0.8,
        first_review=chance.choice(("", "recommend", "refuse")),
        experts=chance.choice((0, 3)),
        scores_missing=chance.choice((0, 1)),
        joint_written=chance.random() < 0.7,
        amount_fen=chance.choice((None, 0, 5_000_000)),
        notice_until=chance.choice((None, TODAY - timedelta(1), TODAY, TODAY + timedelta(3))),
        objections_open=chance.choice((0, 0, 1)),
        today=TODAY,
        agreement_scans=chance.choice((0, 1, 2)),
        funding_plan=chance.random() < 0.7,
        minutes=chance.choice(("", "会议纪要〔2026〕3 号")),
        city_decision=chance.choice(("", "approved", "refused")),
        acceptance_missing=chance.choice((0, 1)),
        formal_review=chance.choice(("", "pass", "return")),
        acceptance_report=chance.choice(("", "pass", "fail")),
        effect_measured=chance.random() < 0.7,
        paid_fen=chance.choice((0, 5, 10)),
        due_fen=10,
        recover_fen=chance.choice((0, 0, 5)),
    )


# What must hold on arrival, said without the guards.
HOLDS: dict[str, Callable[[Standing], bool]] = {
    "submit": lambda s: s.window_open and not s.faults,
    "resubmit": lambda s: not s.faults,
    "recommend": lambda s: s.first_review == "recommend",
    "refuse": lambda s: s.first_review == "refuse",
    "review": lambda s: s.experts > 0,
    "rank": lambda s: not s.scores_missing and s.joint_written,
    "show": lambda s: bool(s.amount_fen),
    "approve": lambda s: s.notice_until is not None and s.notice_until < TODAY and not s.objections_open,
    "agree": lambda s: s.agreement_scans >= 2,
    "fund": lambda s: s.funding_plan and s.minutes != "",
    "city_approves": lambda s: s.city_decision == "approved",
    "city_refuses": lambda s: s.city_decision == "refused",
    "request_acceptance": lambda s: not s.acceptance_missing,
    "request_again": lambda s: not s.acceptance_missing,
    "pass_form": lambda s: s.formal_review == "pass",
    "return_form": lambda s: s.formal_review == "return",
    "report_acceptance": lambda s: s.effect_measured and s.acceptance_report != "",
    "pass": lambda s: s.acceptance_report == "pass",
    "finish": lambda s: s.paid_fen >= s.due_fen and not s.recover_fen,
    "terminate": lambda s: not s.paid_fen or s.recover_fen > 0,
}
# By which event one can only have come into a state.
ORDER: dict[S, S] = {
    S.RECOMMENDED: S.SUBMITTED,
    S.RANKED: S.REVIEWING,
    S.AGREED: S.APPROVED,
    S.ACCEPTING: S.FORMAL_REVIEW,
    S.DECIDING: S.ACCEPTING,
}


def _walk(table: Table, project_class: ProjectClass, chance: random.Random) -> tuple[int, int, S]:
    state, moved, refused, been = chance.choice((S.RESERVE, S.DRAFT)), 0, 0, [S.RESERVE]
    events = sorted({row.event for row in table})
    for _step in range(STEPS):
        if state in ENDED and chance.random() < 0.3:
            break
        standing, role = _standing(chance, project_class), chance.choice(list(Role))
        here = [row for row in table if state in row.states]
        # What ends a project is tried less often, so that some walks come to the last step.
        forward = [row for row in here if row.to not in ENDED - {S.FINISHED}] or here
        likely = chance.choice(here if chance.random() < 0.06 else forward) if here and chance.random() < 0.7 else None
        event = likely.event if likely else chance.choice(events)
        role = Role(chance.choice(likely.roles)) if likely and chance.random() < 0.8 else role
        found = decide(table, state, event, {role}, standing)
        if isinstance(found, Refused):
            # Nothing but a sentence; the same question is answered alike.
            assert decide(table, state, event, {role}, standing) == found
            assert found.sentence()
            refused += 1
            continue
        assert state in found.states
        assert role in found.roles
        assert event not in HOLDS or HOLDS[event](standing), (state, event)
        been.append(state)
        state, moved = S(found.to), moved + 1
        if state in ORDER:
            assert ORDER[state] in been
    return moved, refused, state


@pytest.mark.parametrize("project_class", ProjectClass)
def test_random_walks(project_class: ProjectClass) -> None:
    chance = random.Random(f"projects {project_class}")
    moved = refused = 0
    ends: set[S] = set()
    for _number in range(WALKS):
        some, not_done, end = _walk(TABLES[project_class], project_class, chance)
        moved, refused = moved + some, refused + not_done
        ends.add(end)
    assert moved > WALKS
    assert refused > WALKS
    # The walks come everywhere, the last state too.
    assert S.FINISHED in ends
    assert {S.NOT_SELECTED, S.WITHDRAWN} <= ends
