"""Monthly reports: every state, event and role; when they are due and how late they are; what they may say."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Transition, decide
from marketplace.domain.progress import (
    TABLE,
    Lateness,
    ReportDraft,
    ReportFrame,
    ReportState,
    check,
    due_of,
    lateness,
    months_until,
    wanted_months,
)
from marketplace.domain.working_days import Calendar

TODAY = date(2026, 11, 25)
CALENDAR = Calendar()
EXPECTED = {("wanted", "hand_in"): "handed_in", ("returned", "hand_in"): "handed_in", ("handed_in", "send_back"): "returned"}
MAY = {"hand_in": {Role.ENTERPRISE, Role.ADMIN}, "send_back": {Role.MANAGER, Role.BUREAU, Role.ADMIN}}


def test_every_state_event_and_role() -> None:
    for state, event, role in product(ReportState, {row.event for row in TABLE}, Role):
        to = EXPECTED.get((str(state), event), "")
        found = decide(TABLE, state, event, {role})
        if not to or role not in MAY[event]:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == ("not_allowed" if to else "wrong_state")
        else:
            assert isinstance(found, Transition)
            assert found.to == to


def test_due_in_the_next_month() -> None:
    assert due_of("2026-10", 5) == date(2026, 11, 5)
    assert due_of("2026-12", 5) == date(2027, 1, 5)
    assert due_of("2027-01", 31) == date(2027, 2, 28)


@pytest.mark.parametrize(
    ("handed_in", "expected"),
    [
        (date(2026, 11, 5), Lateness.IN_TIME),
        (date(2026, 11, 6), Lateness.LATE),
        # Ten working days after the fifth end on the nineteenth.
        (date(2026, 11, 19), Lateness.LATE),
        (date(2026, 11, 20), Lateness.VERY_LATE),
        (None, Lateness.VERY_LATE),
    ],
)
def test_late_and_very_late(handed_in: date | None, expected: Lateness) -> None:
    assert lateness(date(2026, 11, 5), handed_in, TODAY, CALENDAR, very_late_days=10) == expected


def test_months_are_asked_for_once_they_are_over() -> None:
    assert wanted_months([], date(2026, 9, 10), TODAY) == ["2026-09", "2026-10"]
    assert wanted_months(["2026-09"], date(2026, 9, 10), TODAY) == ["2026-10"]
    assert wanted_months([], date(2026, 11, 1), TODAY) == []
    assert wanted_months([], date(2026, 11, 1), date(2026, 12, 1)) == ["2026-11"]
    assert months_until("2026-11", "2027-02") == ["2026-11", "2026-12", "2027-01", "2027-02"]
    assert months_until("2026-11", "2026-10") == []


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"text": ""}, "text", "required"),
        ({"percent": None}, "percent", "percent_range"),
        ({"percent": 101}, "percent", "percent_range"),
        ({"percent": 29}, "percent", "percent_falls"),
        ({"spending_fen": None}, "spending", "spending_missing"),
        ({"spending_fen": -1}, "spending", "spending_missing"),
        ({"spending_fen": 99}, "spending", "spending_falls"),
        ({"reached": {8: TODAY}}, "milestones", "unknown_milestone"),
        ({"reached": {7: date(2026, 11, 26)}}, "milestones", "future"),
    ],
)
def test_what_a_report_may_not_say(changed: dict[str, object], field: str, code: str) -> None:
    frame = ReportFrame(TODAY, frozenset({7}), last_percent=30, last_spending_fen=100)
    good = ReportDraft("设备到货", 30, 100, reached={7: TODAY})
    assert list(check(good, frame)) == []
    draft = ReportDraft(**{**vars(good), **changed})
    assert (field, code) in [(name, refused.code) for name, refused in check(draft, frame)]


def test_less_than_before_is_taken_with_a_reason() -> None:
    frame = ReportFrame(TODAY, last_percent=30, last_spending_fen=100)
    assert list(check(ReportDraft("退货", 20, 50, problems="设备退货，已退款"), frame)) == []
