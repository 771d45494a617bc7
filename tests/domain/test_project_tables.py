"""The three tables of projects written down a second time, whole: every state × event × role × class, with the guard asked both ways."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, decide
from marketplace.domain.projects import TABLES, ProjectClass, ProjectState, Standing

C = ProjectClass
# event: the states before → the state after | who may.
FIRST = """
apply: reserve → draft | enterprise
submit: draft → submitted | enterprise
resubmit: returned → submitted | enterprise
send_back: submitted → returned | area admin
recommend: submitted → recommended | area admin
refuse: submitted → not_selected | area admin
withdraw: reserve draft submitted returned recommended → withdrawn | enterprise
"""
WORK = """
order_rectification: implementing → rectifying | bureau admin
rectified: rectifying → implementing | bureau admin
request_acceptance: implementing → formal_review | enterprise
request_again: reworking → formal_review | enterprise
return_form: formal_review → implementing | area admin
pass_form: formal_review → accepting | area admin
report_acceptance: accepting → deciding | manager admin
fail: deciding → reworking | bureau admin
terminate: implementing rectifying reworking deciding → terminated | bureau admin
"""
SECOND: dict[ProjectClass, str] = {
    C.CENTRAL: FIRST
    + WORK
    + """
review: recommended → reviewing | manager admin
rank: reviewing → ranked | manager admin
show: ranked → shown | bureau admin
leave_out: recommended ranked shown → not_selected | bureau admin
approve: shown → approved | bureau admin
agree: approved → agreed | bureau admin
lapse: approved → not_selected | bureau admin
fund: agreed → implementing | bureau admin
pass: deciding → passed | bureau admin
finish: passed → finished | bureau admin
""",
    C.MUNICIPAL: FIRST
    + WORK
    + """
send_to_city: recommended → city_deciding | bureau admin
leave_out: recommended → not_selected | bureau admin
city_approves: city_deciding → implementing | bureau admin
city_refuses: city_deciding → not_selected | bureau admin
pass: deciding → finished | bureau admin
""",
    C.OTHER: FIRST
    + """
show: recommended → shown | bureau admin
leave_out: recommended shown → not_selected | bureau admin
approve: shown → approved | bureau admin
fund: approved → passed | bureau admin
finish: passed → finished | bureau admin
""",
}
TODAY, OVER = date(2026, 11, 25), date(2026, 11, 24)
# event → what its guard lets through, and what it refuses with which code.
GUARDS: dict[str, tuple[Standing, dict[str, Standing]]] = {
    "submit": (Standing(), {"guide_closed": Standing(window_open=False, closes=OVER), "incomplete": Standing(faults=1)}),
    "resubmit": (Standing(window_open=False), {"incomplete": Standing(faults=1)}),
    "recommend": (Standing(first_review="recommend"), {"no_first_review": Standing(first_review="refuse")}),
    "refuse": (Standing(first_review="refuse"), {"no_first_review": Standing(first_review="recommend")}),
    "review": (Standing(experts=3), {"no_experts": Standing()}),
    "rank": (Standing(joint_written=True), {"scores_missing": Standing(scores_missing=1, joint_written=True), "no_joint_opinion": Standing()}),
    "show": (Standing(amount_fen=1), {"no_amount": Standing(amount_fen=0)}),
    "approve": (
        Standing(notice_until=OVER, today=TODAY),
        {
            "notice_runs": Standing(notice_until=TODAY, today=TODAY),
            "objections_open": Standing(notice_until=OVER, today=TODAY, objections_open=1),
        },
    ),
    "agree": (Standing(agreement_scans=2), {"not_signed": Standing(agreement_scans=1)}),
    "fund": (Standing(funding_plan=True, minutes="纪要 3 号"), {"no_minutes": Standing(funding_plan=True), "no_funding_plan": Standing(minutes="3")}),
    "city_approves": (Standing(city_decision="approved"), {"no_city_decision": Standing(city_decision="refused")}),
    "city_refuses": (Standing(city_decision="refused"), {"no_city_decision": Standing(city_decision="approved")}),
    "request_acceptance": (Standing(), {"acceptance_incomplete": Standing(acceptance_missing=1)}),
    "request_again": (Standing(), {"acceptance_incomplete": Standing(acceptance_missing=1)}),
    "pass_form": (Standing(formal_review="pass"), {"no_formal_review": Standing(formal_review="return")}),
    "return_form": (Standing(formal_review="return"), {"no_formal_review": Standing(formal_review="pass")}),
    "report_acceptance": (
        Standing(effect_measured=True, acceptance_report="fail"),
        {"effect_not_measured": Standing(acceptance_report="pass"), "no_acceptance_report": Standing(effect_measured=True)},
    ),
    "pass": (Standing(acceptance_report="pass"), {"report_says_no": Standing(acceptance_report="fail")}),
    "finish": (
        Standing(paid_fen=5, due_fen=5),
        {"to_be_recovered": Standing(paid_fen=5, due_fen=5, recover_fen=1), "not_all_paid": Standing(paid_fen=4, due_fen=5)},
    ),
    "terminate": (Standing(paid_fen=5, recover_fen=5), {"recover_first": Standing(paid_fen=5)}),
}  # fmt: skip


def written_down(text: str) -> dict[tuple[str, str], tuple[str, frozenset[str]]]:
    found = {}
    for line in text.strip().splitlines():
        if not line:
            continue
        event, rest = line.split(": ")
        states, rest = rest.split(" → ")
        to, roles = rest.split(" | ")
        found.update({(state, event): (to, frozenset(roles.split())) for state in states.split()})
    return found


def events_of(*tables: Table) -> set[str]:
    return {row.event for table in tables for row in table}


@pytest.mark.parametrize("project_class", ProjectClass)
def test_every_state_event_and_role(project_class: ProjectClass) -> None:
    """What stands in one of the other classes' tables is as unknown here as what stands in none."""
    table, second = TABLES[project_class], written_down(SECOND[project_class])
    events = sorted(events_of(*TABLES.values()) | {"no_such_event"})
    for state, event, role in product(ProjectState, events, Role):
        fit, unfit = GUARDS.get(event, (Standing(), {}))
        found = decide(table, state, event, {role}, fit)
        to, roles = second.get((state, event), ("", frozenset()))
        if not to:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "wrong_state", (state, event, role)
        elif role not in roles:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "not_allowed", (state, event, role)
        else:
            assert isinstance(found, Transition), (state, event, role, found)
            assert found.to == to
            for code, standing in unfit.items():
                refused = decide(table, state, event, {role}, standing)
                assert isinstance(refused, Refused), (state, event, role)
                assert refused.code == code, (state, event, role)


@pytest.mark.parametrize("project_class", ProjectClass)
def test_nothing_is_in_a_table_that_is_not_written_down(project_class: ProjectClass) -> None:
    table = TABLES[project_class]
    rows = {(str(state), row.event): (str(row.to), frozenset(map(str, row.roles))) for row in table for state in row.states}
    assert rows == written_down(SECOND[project_class])
    # Each guarded event is asked both ways above.
    assert {row.event for row in table if row.guard} <= {event for event, (_fit, unfit) in GUARDS.items() if unfit}


def test_nobody_without_a_role_moves_anything() -> None:
    for table in TABLES.values():
        for row, state in [(one, state) for one in table for state in one.states]:
            found = decide(table, state, row.event, set(), GUARDS.get(row.event, (Standing(), {}))[0])
            assert isinstance(found, Refused), (state, row.event)
            assert found.code == "not_allowed"
