"""Dynamic adjustment: every state, event and role of its two processes, its guards, and what is possible from where."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest

from marketplace.domain import adjustments, appeals
from marketplace.domain.access import Role
from marketplace.domain.adjustments import (
    EVENTS,
    REDO,
    TABLE,
    TOLD,
    TWO_PERSONS,
    UNDO,
    AdjustmentKind,
    AdjustmentState,
    Situation,
    ball,
    becomes,
    check_proposal,
    possible_kinds,
    resumed_days,
)
from marketplace.domain.appeals import AppealState, Hearing, check_filing
from marketplace.domain.lifecycle import Refused, Transition, allowed_events, decide, mermaid
from marketplace.domain.providers import TABLE as PROVIDER_TABLE
from marketplace.domain.providers import ProviderState, check_no_orders_until, told_state
from marketplace.domain.working_days import Calendar

DAY = date(2026, 11, 25)
S, K, P = AdjustmentState, AdjustmentKind, ProviderState
BUREAU, OWN = "bureau admin", "provider"
# (state, event) → kind → (state after, roles that may). "*": every kind.
EXPECTED: dict[tuple[str, str], dict[str, tuple[str, str]]] = {
    ("proposed", "decide"): {
        **dict.fromkeys(("clear", "reinstate", "warn"), ("decided", BUREAU)),
        "rectify": ("rectifying", BUREAU),
    },
    ("proposed", "put_forward"): dict.fromkeys(("suspend", "retire"), ("confirming", BUREAU)),
    ("confirming", "confirm"): {"*": ("decided", BUREAU)},
    ("confirming", "reject"): {"*": ("proposed", BUREAU)},
    ("proposed", "drop"): {"*": ("dropped", BUREAU)},
    ("rectifying", "ask_extension"): {"*": ("rectifying", OWN)},
    ("rectifying", "hand_in"): {"*": ("handed_in", OWN)},
    ("handed_in", "accept"): {"*": ("passed", BUREAU)},
    ("handed_in", "fail"): {"*": ("failed", BUREAU)},
    **{(state, "pause"): {"*": ("paused", f"{BUREAU} {OWN}")} for state in ("rectifying", "handed_in")},
    **{(state, "resume"): {"*": ("rectifying", BUREAU)} for state in ("paused", "failed")},
    **{(state, "revoke"): {"*": ("revoked", BUREAU)} for state in ("decided", "rectifying", "handed_in", "passed", "failed", "paused")},
}
# What only a certain situation allows: in the plain one below the guard refuses.
GUARDED = {("confirming", "take_back"), ("rectifying", "extend"), ("rectifying", "refuse_extension"), ("rectifying", "fail")}
PLAIN = Situation(kind=K.WARN, today=DAY, due=DAY, first=1, viewer=2)


@pytest.mark.parametrize("kind", K)
def test_every_state_event_and_role(kind: K) -> None:
    events = sorted({row.event for row in TABLE} | {"no_such_event"})
    for state, event, role in product(S, events, Role):
        found = decide(TABLE, state, event, {role}, replace(PLAIN, kind=kind))
        by_kind = EXPECTED.get((state, event), {})
        to, roles = by_kind.get(kind) or by_kind.get("*") or ("", "")
        known = (state, event) in EXPECTED or (state, event) in GUARDED
        if not known:
            assert isinstance(found, Refused)
            assert found.code == "wrong_state", (state, event, role)
        elif to and role in roles.split():
            assert isinstance(found, Transition), (state, event, role, kind)
            assert found.to == to
        else:
            assert isinstance(found, Refused), (state, event, role, kind)
            assert found.code != "wrong_state"


def test_two_persons_for_suspension_and_retirement_one_for_the_rest() -> None:
    for kind in K:
        alone = decide(TABLE, S.PROPOSED, "decide", {Role.BUREAU}, replace(PLAIN, kind=kind))
        first = decide(TABLE, S.PROPOSED, "put_forward", {Role.BUREAU}, replace(PLAIN, kind=kind))
        assert isinstance(alone, Refused) == (kind in TWO_PERSONS)
        assert isinstance(first, Refused) == (kind not in TWO_PERSONS)
    assert {K.SUSPEND, K.RETIRE} == TWO_PERSONS
    refused = decide(TABLE, S.PROPOSED, "decide", {Role.BUREAU}, replace(PLAIN, kind=K.RETIRE))
    assert isinstance(refused, Refused)
    assert refused.code == "two_persons"


def test_nobody_confirms_what_is_their_own() -> None:
    own = replace(PLAIN, kind=K.RETIRE, first=7, viewer=7)
    for event in ("confirm", "reject"):
        refused = decide(TABLE, S.CONFIRMING, event, {Role.BUREAU}, own)
        assert isinstance(refused, Refused)
        assert refused.code == "same_person"
    assert isinstance(decide(TABLE, S.CONFIRMING, "take_back", {Role.BUREAU}, own), Transition)
    assert isinstance(decide(TABLE, S.CONFIRMING, "take_back", {Role.BUREAU}, replace(own, viewer=8)), Refused)


@pytest.mark.parametrize(
    ("asked", "answered", "today", "may_ask", "may_answer"),
    [
        (False, False, DAY, True, False),
        (True, False, DAY, False, True),
        (True, True, DAY, False, False),
        (False, False, date(2026, 11, 26), False, False),
        # Asked in time, the bureau may still answer when the term is over.
        (True, False, date(2026, 11, 26), False, True),
    ],
)
def test_one_extension_asked_for_in_time(asked: bool, answered: bool, today: date, may_ask: bool, may_answer: bool) -> None:
    situation = replace(PLAIN, kind=K.RECTIFY, today=today, extension_asked=asked, extension_answered=answered)
    assert isinstance(decide(TABLE, S.RECTIFYING, "ask_extension", {Role.PROVIDER}, situation), Transition) == may_ask
    for event in ("extend", "refuse_extension"):
        assert isinstance(decide(TABLE, S.RECTIFYING, event, {Role.BUREAU}, situation), Transition) == may_answer


def test_the_last_day_counts_until_midnight() -> None:
    for today, handed_in, failed in ((DAY, True, False), (date(2026, 11, 26), False, True)):
        situation = replace(PLAIN, kind=K.RECTIFY, today=today)
        assert isinstance(decide(TABLE, S.RECTIFYING, "hand_in", {Role.PROVIDER}, situation), Transition) == handed_in
        assert isinstance(decide(TABLE, S.RECTIFYING, "fail", {Role.BUREAU}, situation), Transition) == failed


def test_what_is_closed_stays_closed() -> None:
    for state in (S.DROPPED, S.REVOKED):
        assert not allowed_events(TABLE, state, set(Role))
    assert not allowed_events(appeals.TABLE, AppealState.UPHELD, set(Role))
    assert len(mermaid(TABLE).splitlines()) == 1 + sum(len(row.states) for row in TABLE)


def test_a_provider_is_told_nothing_before_the_decision() -> None:
    assert {S.PROPOSED, S.CONFIRMING, S.DROPPED}.isdisjoint(TOLD)


def test_every_kind_is_an_event_of_the_provider_and_can_be_undone() -> None:
    possible = {
        P.ADMITTED: {K.WARN, K.RECTIFY, K.RETIRE},
        P.WARNED: {K.CLEAR, K.RECTIFY, K.SUSPEND, K.RETIRE},
        P.RECTIFYING: {K.REINSTATE, K.SUSPEND, K.RETIRE},
        P.SUSPENDED: {K.REINSTATE, K.RETIRE},
        P.RETIRED: set(),
        P.LEFT: set(),
    }
    for state in P:
        assert set(possible_kinds(state)) == possible[state]
    for kind, undo in UNDO.items():
        for state in P:
            after = becomes(kind, state)
            if after is None:
                continue
            back = decide(PROVIDER_TABLE, after, undo, {Role.BUREAU})
            assert isinstance(back, Transition), (kind, state)
            here = back.to
            for event in REDO[state]:
                step = decide(PROVIDER_TABLE, here, event, {Role.BUREAU})
                assert isinstance(step, Transition)
                here = step.to
            assert here == state
    assert set(EVENTS.values()) | {"leave", "readmit"} == {row.event for row in PROVIDER_TABLE}


@pytest.mark.parametrize(
    ("kind", "state", "rule", "conduct", "runs", "code"),
    [
        (K.RETIRE, P.ADMITTED, "", "", False, "not_heard"),
        (K.RETIRE, P.WARNED, "", "", False, "not_heard"),
        (K.RETIRE, P.ADMITTED, "", "bribery", False, None),
        (K.RETIRE, P.ADMITTED, "failed_twice", "", False, None),
        (K.RETIRE, P.RECTIFYING, "", "", True, None),
        (K.RETIRE, P.SUSPENDED, "", "", False, None),
        (K.RETIRE, P.RETIRED, "", "bribery", False, "not_possible"),
        (K.SUSPEND, P.ADMITTED, "", "", False, "not_possible"),
        (K.CLEAR, P.ADMITTED, "", "", False, "not_possible"),
        (K.REINSTATE, P.RECTIFYING, "", "", True, "rectification_runs"),
        (K.REINSTATE, P.RECTIFYING, "", "", False, None),
        (K.WARN, P.ADMITTED, "", "", False, None),
    ],
)
def test_each_step_follows_from_the_one_before(kind: K, state: P, rule: str, conduct: str, runs: bool, code: str | None) -> None:
    refused = check_proposal(kind, state, rule=rule, conduct=conduct, rectification_runs=runs)
    assert (refused.code if refused else None) == code


def test_who_has_the_ball() -> None:
    def who(kind: K, state: S, *, today: date = DAY, waits: bool = False) -> str | None:
        found = ball(kind, state, due=DAY, today=today, extension_waits=waits, decide_by=DAY)
        return found.who if found else None

    assert who(K.WARN, S.PROPOSED) == "bureau"
    assert who(K.RETIRE, S.CONFIRMING) == "second"
    assert who(K.RECTIFY, S.RECTIFYING) == "provider"
    assert who(K.RECTIFY, S.RECTIFYING, waits=True) == "bureau"
    assert who(K.RECTIFY, S.RECTIFYING, today=date(2026, 11, 26)) == "bureau"
    assert who(K.RECTIFY, S.HANDED_IN) == "bureau"
    for state in (S.DECIDED, S.DROPPED, S.PASSED, S.FAILED, S.PAUSED, S.REVOKED):
        assert who(K.RECTIFY, state) is None


def test_a_pause_takes_nothing_of_the_term() -> None:
    monday, friday = date(2026, 11, 23), date(2026, 12, 4)
    assert resumed_days(friday, monday, Calendar(), least=5) == 9
    assert resumed_days(date(2026, 11, 24), monday, Calendar(), least=5) == 5
    assert resumed_days(date(2026, 11, 2), monday, Calendar(), least=5) == 5
    assert resumed_days(None, monday, Calendar(), least=5) == 5


# --------------------------------------------------------------------------- appeals

APPEALS: dict[tuple[str, str], tuple[str, str]] = {
    ("filed", "stay"): ("filed", BUREAU),
    ("filed", "uphold"): ("upheld", BUREAU),
    ("filed", "dismiss"): ("dismissed", BUREAU),
    ("filed", "withdraw"): ("withdrawn", OWN),
}


def test_every_state_event_and_role_of_an_appeal() -> None:
    hearing = Hearing(decider=1, viewer=2)
    for state, event, role in product(AppealState, sorted({row.event for row in appeals.TABLE}), Role):
        to, roles = APPEALS.get((state, event), ("", ""))
        found = decide(appeals.TABLE, state, event, {role}, hearing)
        if role in roles.split():
            assert isinstance(found, Transition)
            assert found.to == to
        else:
            assert isinstance(found, Refused)
            assert found.code == ("not_allowed" if to else "wrong_state")


def test_an_appeal_is_decided_by_somebody_else() -> None:
    for event in ("uphold", "dismiss"):
        refused = decide(appeals.TABLE, AppealState.FILED, event, {Role.BUREAU}, Hearing(decider=2, viewer=2))
        assert isinstance(refused, Refused)
        assert refused.code == "own_decision"


def test_a_stay_is_ordered_once_and_of_what_holds() -> None:
    for hearing, code in (
        (Hearing(decider=1, viewer=1, suspends=True), "stayed_already"),
        (Hearing(decider=1, viewer=1, in_effect=False), "not_in_effect"),
    ):
        refused = decide(appeals.TABLE, AppealState.FILED, "stay", {Role.BUREAU}, hearing)
        assert isinstance(refused, Refused)
        assert refused.code == code


@pytest.mark.parametrize(
    ("kind", "decided", "today", "appealed", "code"),
    [
        (K.WARN, True, DAY, False, None),
        (K.RETIRE, True, date(2026, 11, 26), False, "appeal_term_over"),
        (K.RETIRE, True, DAY, True, "appealed_already"),
        (K.RETIRE, False, DAY, False, "nothing_to_appeal"),
        (K.CLEAR, True, DAY, False, "nothing_to_appeal"),
        (K.REINSTATE, True, DAY, False, "nothing_to_appeal"),
    ],
)
def test_against_what_and_when_one_appeals(kind: K, decided: bool, today: date, appealed: bool, code: str | None) -> None:
    refused = check_filing(kind, decided=decided, until=DAY, today=today, appealed=appealed)
    assert (refused.code if refused else None) == code


# --------------------------------------------------------------------------- the provider's own


@pytest.mark.parametrize(
    ("until", "code"),
    [
        (None, None),
        (DAY, None),
        (date(2027, 11, 25), None),
        (date(2026, 11, 24), "date_past"),
        (date(2028, 1, 1), "break_too_long"),
    ],
)
def test_a_break_ends_within_a_year(until: date | None, code: str | None) -> None:
    refused = check_no_orders_until(until, DAY)
    assert (refused.code if refused else None) == code


def test_a_warning_is_told_to_those_involved_only() -> None:
    for state in P:
        assert told_state(state, involved=True) == state
    assert {state: told_state(state, involved=False) for state in P} == {
        P.ADMITTED: P.ADMITTED,
        P.WARNED: P.ADMITTED,
        P.RECTIFYING: P.ADMITTED,
        P.SUSPENDED: P.SUSPENDED,
        P.RETIRED: P.RETIRED,
        P.LEFT: P.LEFT,
    }


def test_buttons_are_events_of_the_table() -> None:
    events = {row.event for row in TABLE}
    assert set(adjustments.BUTTONS) | set(adjustments.OWN_BUTTONS) | {"pause", "resume", "revoke"} == events


def test_ten_thousand_random_walks_through_the_table() -> None:
    """Whoever presses whatever: two persons for what needs two, one extension, a term that is kept; and every state is reached."""
    chance = random.Random(20261125)
    reached: set[str] = set()
    people = {1: Role.BUREAU, 2: Role.ADMIN, 3: Role.PROVIDER, 4: Role.MANAGER, 5: Role.CENTRE, 6: Role.ENTERPRISE}
    events = sorted({row.event for row in TABLE})
    for _walk in range(10_000):
        state, kind = S.PROPOSED, chance.choice(list(K))
        situation = Situation(kind=kind, today=DAY, due=DAY)
        extensions = 0
        for _step in range(12):
            account = chance.choice(list(people))
            event = chance.choice(events)
            if chance.random() < 0.1:
                situation = replace(situation, today=situation.today + timedelta(days=chance.choice((0, 1, 9))))
            now = replace(situation, viewer=account)
            found = decide(TABLE, state, event, {people[account]}, now)
            if isinstance(found, Refused):
                continue
            if event in ("decide", "confirm"):
                assert (event == "confirm") == (kind in TWO_PERSONS)
                assert event == "decide" or situation.first not in (None, account)
                assert people[account] in (Role.BUREAU, Role.ADMIN)
            if event in ("decide", "put_forward"):
                situation = replace(situation, first=account)
            elif event in ("reject", "take_back"):
                situation = replace(situation, first=None)
            elif event == "ask_extension":
                situation = replace(situation, extension_asked=True)
            elif event in ("extend", "refuse_extension"):
                extensions += 1
                situation = replace(situation, extension_answered=True, due=situation.due + timedelta(days=21) if situation.due else None)
            elif event == "hand_in":
                assert situation.due is not None
                assert situation.today <= situation.due
            state = S(found.to)
            reached.add(state)
            assert extensions <= 1
    assert reached == set(S)
