"""Rounds of evaluation and the terms of certificates, by table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest

from marketplace.domain.access import Role
from marketplace.domain.certificates import EXPIRED, CertificateDraft, check, recheck_day, reminder
from marketplace.domain.evaluations import (
    RESULT_TABLE,
    TABLE,
    UNRATED,
    CommentFacts,
    Period,
    ResultState,
    ReviewFacts,
    RoundFacts,
    RoundState,
    all_reviewed,
    answered,
    change_is_reasoned,
    heard,
    in_time,
    last_period,
    rate_period,
    result_of,
)
from marketplace.domain.lifecycle import Refused, Transition, decide
from marketplace.domain.rating_events import EventKind
from marketplace.domain.ratings import Event
from marketplace.pilot import Pilot

TODAY = date(2026, 11, 25)
RIGHT = {
    "show": RoundFacts(0, 0, None, TODAY),
    "issue": RoundFacts(0, 0, TODAY - timedelta(1), TODAY),
    "review": ReviewFacts(80.0, 80.0, ""),
    "comment": CommentFacts("不是我们的项目", TODAY, TODAY),
}
STAFF, DECIDE = "manager bureau admin", "bureau admin"
OPEN_RESULTS = ("proposed", "reviewed", "shown", "commented", "answered")
ROUND = {
    ("reviewing", "show"): ("commenting", STAFF),
    ("commenting", "issue"): ("issued", DECIDE),
    ("reviewing", "cancel"): ("cancelled", DECIDE),
    ("commenting", "cancel"): ("cancelled", DECIDE),
}
RESULT = {
    ("proposed", "review"): ("reviewed", STAFF),
    ("reviewed", "review"): ("reviewed", STAFF),
    ("reviewed", "show"): ("shown", STAFF),
    ("shown", "comment"): ("commented", "provider"),
    ("commented", "comment"): ("commented", "provider"),
    ("commented", "answer"): ("answered", STAFF),
    ("answered", "answer"): ("answered", STAFF),
    ("shown", "issue"): ("issued", DECIDE),
    ("answered", "issue"): ("issued", DECIDE),
    **{(state, "cancel"): ("cancelled", DECIDE) for state in OPEN_RESULTS},
}


@pytest.mark.parametrize(("table", "states", "expected"), [(TABLE, RoundState, ROUND), (RESULT_TABLE, ResultState, RESULT)])
def test_every_state_event_and_role(table: tuple[Transition, ...], states: type, expected: dict[tuple[str, str], tuple[str, str]]) -> None:
    for state, event, role in product(states, sorted({row.event for row in table}), Role):
        to, roles = expected.get((state, event), ("", ""))
        found = decide(table, state, event, {role}, RIGHT.get(event))
        if not to:
            assert isinstance(found, Refused), (state, event)
            assert found.code == "wrong_state"
        elif role not in roles.split():
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "not_allowed"
        else:
            assert isinstance(found, Transition), (state, event, role)
            assert found.to == to


def code(refused: Refused | None) -> str | None:
    return refused.code if refused else None


def test_guards() -> None:
    assert code(all_reviewed(RoundFacts(3, 0, None, TODAY))) == "unreviewed"
    assert code(all_reviewed(RoundFacts(0, 0, None, TODAY))) is None
    assert code(heard(RoundFacts(0, 0, TODAY, TODAY))) == "still_commenting"
    assert code(heard(RoundFacts(0, 2, TODAY - timedelta(1), TODAY))) == "unanswered"
    assert code(heard(RoundFacts(0, 0, TODAY - timedelta(1), TODAY))) is None
    assert code(change_is_reasoned(ReviewFacts(80, 85, " "))) == "reason_missing"
    assert code(change_is_reasoned(ReviewFacts(80, 85, "漏记一个项目"))) is None
    assert code(change_is_reasoned(ReviewFacts(80, 101, "x"))) == "score_range"
    assert code(change_is_reasoned(ReviewFacts(None, None, ""))) is None
    assert code(in_time(CommentFacts(" ", TODAY, TODAY))) == "comment_missing"
    assert code(in_time(CommentFacts("x", TODAY - timedelta(1), TODAY))) == "comment_late"
    assert code(in_time(CommentFacts("x", None, TODAY))) == "comment_late"
    assert code(answered("")) == "answer_missing"
    assert code(answered("已核实")) is None


@pytest.mark.parametrize(
    ("today", "start", "end", "name"),
    [
        (date(2026, 11, 25), date(2026, 1, 1), date(2026, 6, 30), "2026 年上半年"),
        (date(2026, 7, 1), date(2026, 1, 1), date(2026, 6, 30), "2026 年上半年"),
        (date(2026, 6, 30), date(2025, 7, 1), date(2025, 12, 31), "2025 年下半年"),
        (date(2027, 1, 1), date(2026, 7, 1), date(2026, 12, 31), "2026 年下半年"),
    ],
)
def test_the_period_that_is_over(today: date, start: date, end: date, name: str, pilot: Pilot) -> None:
    found = last_period(today, pilot.rating.evaluation)
    assert (found.start, found.end, found.name) == (start, end, name)


def test_a_year_in_one_round(pilot: Pilot) -> None:
    found = last_period(date(2026, 11, 25), replace(pilot.rating.evaluation, rounds=("04-01",)))
    assert found.name == "2025-04-01 至 2026-03-31"


def test_only_the_period_counts_and_nothing_of_it_fades(pilot: Pilot) -> None:
    period = Period(date(2026, 1, 1), date(2026, 6, 30))
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
    events = [Event(EventKind.ACCEPTANCE, day, {"result": "passed", "score": 90}, str(number)) for number, day in enumerate(days)]
    found = rate_period(events, period, 78, pilot.rating)
    assert found.projects == 2
    assert found.mass == pytest.approx(0.7)


def test_results(pilot: Pilot) -> None:
    rules = pilot.rating.evaluation
    bounds = [row.least for row in rules.results]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] == 0
    for row in rules.results:
        assert result_of(row.least, 1, rules) == row.key
        assert result_of(row.least - 0.4, 1, rules) == row.key or row.least == 0
    assert result_of(0, 1, rules) == rules.results[-1].key
    assert result_of(95, 0, rules) == UNRATED
    assert result_of(None, 3, rules) == UNRATED


@pytest.mark.parametrize(
    ("left", "reminded", "step"),
    [
        (61, None, None), (60, None, 60), (31, None, 60), (31, 60, None), (30, 60, 30), (8, 30, None), (7, 30, 7), (0, 7, None),
        (-1, 7, EXPIRED), (-9, EXPIRED, None), (5, None, 7), (-3, None, EXPIRED),
    ],
)  # fmt: skip
def test_reminders_come_once_a_step(left: int, reminded: int | None, step: int | None) -> None:
    assert reminder(TODAY + timedelta(left), TODAY, reminded, (60, 30, 7)) == step


def test_without_term_nobody_is_reminded() -> None:
    assert reminder(None, TODAY, None, (60, 30, 7)) is None


def test_certificates_are_checked() -> None:
    right = CertificateDraft("licence", "营业执照", "91…", date(2020, 1, 1), None)
    assert list(check(right)) == []
    assert [key for key, _ in check(replace(right, kind="x", name=""))] == ["kind", "name"]
    assert [refused.code for _, refused in check(replace(right, expires=date(2019, 1, 1)))] == ["dates_crossed"]
    assert recheck_day(2027, "03-01") == date(2027, 3, 1)
