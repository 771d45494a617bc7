"""Inspections: every state, event and role; the guards; a draw that anybody can repeat, with twice the weight twice as likely."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from itertools import product

import pytest

from marketplace.domain.access import Role
from marketplace.domain.inspections import (
    RECTIFICATION_TABLE,
    TABLE,
    FindingDraft,
    InspectionState,
    PhotoStamp,
    PlanDraft,
    RectificationState,
    ReportDraft,
    Risk,
    Standing,
    check_plan,
    check_report,
    check_stamp,
    draw,
    reaches,
    weigh,
    worst,
)
from marketplace.domain.lifecycle import Refused, Transition, decide
from marketplace.domain.supervision import TABLE as ORDERS
from marketplace.domain.supervision import OrderState, level_of
from marketplace.domain.working_days import Calendar
from marketplace.pilot import load_pilot

RULES = load_pilot().inspection
TODAY = date(2026, 11, 25)
NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
READY = Standing(2, 2, 0, 3, 3, 1, "general", viewer=1, reporter=2)
PLAN, BUREAU = {Role.MANAGER, Role.BUREAU, Role.ADMIN}, {Role.BUREAU, Role.ADMIN}
EXPECTED = {
    ("planned", "start"): ("on_site", {Role.EXPERT}),
    ("on_site", "report"): ("reported", {Role.EXPERT}),
    ("reported", "send_back"): ("on_site", BUREAU),
    ("reported", "confirm"): ("confirmed", BUREAU),
    ("planned", "cancel"): ("cancelled", PLAN),
    ("on_site", "cancel"): ("cancelled", PLAN),
}
RECTIFICATIONS = {
    ("ordered", "hand_in"): ("handed_in", {Role.ENTERPRISE, Role.ADMIN}),
    ("handed_in", "reject"): ("ordered", BUREAU),
    ("handed_in", "pass"): ("passed", BUREAU),
}
ORDERED = {
    ("issued", "answer"): ("answered", {Role.ENTERPRISE, Role.ADMIN}),
    ("answered", "send_back"): ("issued", PLAN),
    ("answered", "close"): ("closed", PLAN),
    ("issued", "withdraw"): ("closed", PLAN),
}


@pytest.mark.parametrize(
    ("table", "states", "expected"),
    [(TABLE, InspectionState, EXPECTED), (RECTIFICATION_TABLE, RectificationState, RECTIFICATIONS), (ORDERS, OrderState, ORDERED)],
    ids=["inspection", "rectification", "order"],
)
def test_every_state_event_and_role(table, states, expected) -> None:  # type: ignore[no-untyped-def]
    for state, event, role in product(states, {row.event for row in table}, Role):
        to, may = expected.get((str(state), event), ("", set()))
        found = decide(table, state, event, {role}, READY)
        if not to or role not in may:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == ("not_allowed" if to else "wrong_state")
        else:
            assert isinstance(found, Transition)
            assert found.to == to


@pytest.mark.parametrize(
    ("state", "event", "changed", "code"),
    [
        ("planned", "start", {"inspectors": 1}, "too_few_inspectors"),
        ("planned", "start", {"conflicts": 1}, "conflict"),
        ("on_site", "report", {"conflicts": 1}, "conflict"),
        ("on_site", "report", {"unanswered": 1}, "checklist_open"),
        ("on_site", "report", {"photos": 2}, "too_few_photos"),
        ("on_site", "report", {"severity": ""}, "no_severity"),
        ("on_site", "report", {"findings": 0}, "no_finding"),
        ("on_site", "report", {"severity": "clean"}, "clean_with_findings"),
        ("reported", "confirm", {"reporter": 1}, "same_person"),
    ],
)
def test_guards(state: str, event: str, changed: dict[str, object], code: str) -> None:
    subject = Standing(**{**vars(READY), **changed})
    found = decide(TABLE, state, event, {Role.EXPERT, Role.BUREAU}, subject)
    assert isinstance(found, Refused)
    assert found.code == code


def risks(count: int) -> list[Risk]:
    return [Risk(f"p{number}", f"XM-{number}") for number in range(count)]


def test_the_same_seed_draws_the_same_projects() -> None:
    drawn, lots = draw(risks(50), RULES, wanted=5, seed="abc")
    again, _lots = draw(reversed(risks(50)), RULES, wanted=5, seed="abc")
    assert drawn == again
    assert len(drawn) == 5
    assert len(lots) == 50
    assert [lot.ticket for lot in lots] == sorted(lot.ticket for lot in lots)
    assert draw(risks(50), RULES, wanted=5, seed="abd")[0] != drawn


def test_what_the_weight_is_made_of() -> None:
    weight, reasons = weigh(Risk("p", "n", 2, 1, 600_000_000, 9, 1, "trouble"), RULES)
    assert {row["code"]: row["weight"] for row in reasons} == {
        "base": 1.0, "late_reports": 1.0, "very_late_reports": 1.5, "large_amount": 1.0, "flags": 10.0, "complaints": 2.0, "health": 3.0,
    }  # fmt: skip
    assert weight == 19.5
    assert weigh(Risk("p", "n"), RULES)[0] == 1.0


def test_twice_the_weight_is_drawn_first_twice_as_often() -> None:
    first = Counter(
        draw([Risk("a", "a", complaints=0), Risk("b", "b", health="watch")], RULES, wanted=1, seed=str(n))[0][0].key for n in range(4000)
    )
    assert 1.8 < first["b"] / first["a"] < 2.2


def test_a_plan_needs_a_day_and_two_people() -> None:
    def codes(draft: PlanDraft) -> set[str]:
        return {refused.code for _field, refused in check_plan(draft, RULES, TODAY)}

    assert codes(PlanDraft(TODAY, False, [1, 2])) == set()
    assert codes(PlanDraft(None, False, [1, 1])) == {"date_missing", "too_few_inspectors"}
    assert codes(PlanDraft(date(2026, 11, 24), False, [1, 2])) == {"past"}
    assert codes(PlanDraft(date(2028, 11, 24), False, [1, 2])) == {"too_far"}


def test_what_a_report_may_hold() -> None:
    def codes(draft: ReportDraft) -> set[str]:
        return {refused.code for _field, refused in check_report(draft, RULES, frozenset({5}))}

    row = FindingDraft("behind", "general", "主机没有到货", 5)
    assert codes(ReportDraft({"used": ("yes", "")}, "看了现场", "general", [row])) == set()
    assert codes(ReportDraft({"unknown": ("yes", "")})) == {"unknown_answer"}
    assert codes(ReportDraft({"used": ("perhaps", "")})) == {"unknown_answer"}
    assert codes(ReportDraft(severity="minor", findings=[row])) == {"milder_than_finding"}
    assert codes(ReportDraft(findings=[FindingDraft("x", "y", "", 6)])) == {
        "no_fault", "no_finding_severity", "unknown_supplier", "required",
    }  # fmt: skip


def test_a_photo_says_when_and_where() -> None:
    def codes(stamp: PhotoStamp) -> set[str]:
        return {refused.code for _field, refused in check_stamp(stamp, NOW)}

    assert codes(PhotoStamp(NOW, 39.02, 117.71)) == set()
    assert codes(PhotoStamp(NOW, place="一号车间")) == set()
    assert codes(PhotoStamp(None)) == {"no_moment", "no_place"}
    assert codes(PhotoStamp(datetime(2026, 11, 25, 12, tzinfo=UTC), 99.0, 0.0)) == {"future_moment", "bad_place"}


def test_severities() -> None:
    assert worst([]) == "clean"
    assert worst(["minor", "serious", "general"]) == "serious"
    assert reaches("general", "minor")
    assert not reaches("minor", "general")
    assert not reaches("", "minor")


def test_late_orders_rise() -> None:
    due, calendar = date(2026, 11, 19), Calendar()
    levels = [level_of(due, date(2026, 11, day), calendar, escalate_days=3) for day in (19, 20, 23, 24, 25)]
    assert levels == [0, 1, 1, 1, 2]
