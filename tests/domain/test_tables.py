"""Every process, written down a second time: each state, event and role is tried against it."""

from __future__ import annotations

from itertools import product

import pytest

from marketplace.domain import diagnoses, problems, providers, scenarios, solutions
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, allowed_events, decide, mermaid

# noun → (state, event) → (state after, roles that may).
EXPECTED: dict[str, dict[tuple[str, str], tuple[str, str]]] = {
    "provider": {
        ("admitted", "warn"): ("warned", "manager bureau admin"),
        ("warned", "clear"): ("admitted", "bureau admin"),
        ("admitted", "order_rectification"): ("rectifying", "bureau admin"),
        ("warned", "order_rectification"): ("rectifying", "bureau admin"),
        ("rectifying", "reinstate"): ("admitted", "bureau admin"),
        ("suspended", "reinstate"): ("admitted", "bureau admin"),
        ("rectifying", "suspend"): ("suspended", "bureau admin"),
        ("warned", "suspend"): ("suspended", "bureau admin"),
        **{(state, "retire"): ("retired", "bureau admin") for state in ("admitted", "warned", "rectifying", "suspended")},
        **{(state, "leave"): ("left", "provider") for state in ("admitted", "warned", "rectifying", "suspended")},
        **{(state, "readmit"): ("admitted", "manager bureau admin") for state in ("retired", "left")},
    },
    "solution": {
        ("draft", "publish"): ("published", "manager admin"),
        ("withdrawn", "publish"): ("published", "manager admin"),
        ("published", "withdraw"): ("withdrawn", "provider manager admin"),
        ("published", "block"): ("blocked", "manager bureau admin"),
        ("blocked", "unblock"): ("published", "bureau admin"),
    },
    "scenario": {
        ("draft", "publish"): ("published", "centre manager bureau admin"),
        ("withdrawn", "publish"): ("published", "centre manager bureau admin"),
        ("published", "withdraw"): ("withdrawn", "centre manager bureau admin"),
    },
    "problem": {
        ("open", "solve"): ("solved", "centre admin"),
        ("solved", "reopen"): ("open", "centre admin"),
        ("withdrawn", "reopen"): ("open", "centre admin"),
        ("open", "withdraw"): ("withdrawn", "enterprise centre admin"),
    },
    "diagnosis": {
        ("planned", "start"): ("on_site", "centre admin"),
        ("on_site", "draft"): ("drafted", "centre admin"),
        ("drafted", "confirm"): ("confirmed", "enterprise"),
        ("drafted", "return"): ("on_site", "enterprise"),
        ("confirmed", "issue"): ("issued", "centre admin"),
        ("planned", "cancel"): ("cancelled", "centre admin"),
        ("on_site", "cancel"): ("cancelled", "centre admin"),
        ("drafted", "cancel"): ("cancelled", "centre admin"),
    },
}
TABLES: dict[str, tuple[Table, list[str]]] = {
    "provider": (providers.TABLE, list(providers.ProviderState)),
    "solution": (solutions.TABLE, list(solutions.SolutionState)),
    "scenario": (scenarios.TABLE, list(scenarios.ScenarioState)),
    "problem": (problems.TABLE, list(problems.ProblemState)),
    "diagnosis": (diagnoses.TABLE, list(diagnoses.DiagnosisState)),
}


@pytest.mark.parametrize("noun", EXPECTED)
def test_every_state_event_and_role(noun: str) -> None:
    table, states = TABLES[noun]
    events = sorted({row.event for row in table} | {"no_such_event"})
    for state, event, role in product(states, events, Role):
        to, roles = EXPECTED[noun].get((state, event), ("", ""))
        found = decide(table, state, event, {role})
        if not to:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "wrong_state"
        elif role not in roles.split():
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "not_allowed"
        else:
            assert isinstance(found, Transition), (state, event, role)
            assert found.to == to


@pytest.mark.parametrize("noun", EXPECTED)
def test_buttons_are_what_may_be_tried(noun: str) -> None:
    table, states = TABLES[noun]
    for state, role in product(states, Role):
        wanted = {event for (from_state, event), (_to, roles) in EXPECTED[noun].items() if from_state == state and role in roles.split()}
        assert {row.event for row in allowed_events(table, state, {role})} == wanted


@pytest.mark.parametrize("noun", EXPECTED)
def test_nobody_without_a_role_may_anything(noun: str) -> None:
    table, states = TABLES[noun]
    assert not any(allowed_events(table, state, ()) for state in states)


@pytest.mark.parametrize("noun", EXPECTED)
def test_the_diagram_shows_every_row(noun: str) -> None:
    table, _states = TABLES[noun]
    lines = mermaid(table).splitlines()
    assert len(lines) == 1 + sum(len(row.states) for row in table)


def test_whoever_is_out_comes_back_by_readmission_only() -> None:
    for state in ("retired", "left"):
        assert [row.event for row in allowed_events(providers.TABLE, state, set(Role))] == ["readmit"]


def test_a_guard_decides_last() -> None:
    no = Refused("no", "不行。")
    row = Transition(("a",), "go", "b", ("admin",), "走", guard=lambda subject: None if subject else no)
    assert decide((row,), "a", "go", {"admin"}, subject=True) == row
    assert decide((row,), "a", "go", {"admin"}, subject=False) == no
