"""Performance evaluation: points by hand-counted cases, what may be closed and by whom, the indicator systems as shipped, the forecast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.access import Role, Viewer
from marketplace.domain.figures import FIGURES
from marketplace.domain.lifecycle import Refused, decide
from marketplace.domain.pace import Span, Verdict, pace, standing
from marketplace.domain.performance import (
    TABLE,
    Facts,
    RoundDraft,
    RoundState,
    attainment,
    check,
    check_entry,
    gap,
    reached,
    roles_on,
    rounded,
    score_of,
    shares_of_weight,
    total_of,
)
from marketplace.domain.performance_rules import PerformanceRules, Subject, faults
from marketplace.domain.performance_words import figure_text, target_text, typed_text
from marketplace.pilot import Pilot


@dataclass(frozen=True)
class Line:
    weight: float = 8
    target: float = 0.8
    comparison: str = "least"
    scoring: str = "proportional"
    floor: float = 0.3
    value: float | None = None


# By hand: weight, target, comparison, scoring, floor, value → points.
@pytest.mark.parametrize(
    ("line", "points"),
    [
        (Line(value=0.8), 8.0),
        (Line(value=0.9), 8.0),
        (Line(value=0.6), 6.0),
        (Line(value=0.24), 2.4),
        (Line(value=0.2399), 0.0),
        (Line(value=0.0), 0.0),
        (Line(value=None), 0.0),
        (Line(weight=10, target=3, floor=0, value=1), 3.33),
        (Line(weight=5, target=0, comparison="most", scoring="whole", value=0), 5.0),
        (Line(weight=5, target=0, comparison="most", scoring="whole", value=1), 0.0),
        (Line(weight=6, target=-0.08, comparison="most", value=-0.08), 6.0),
        (Line(weight=6, target=-0.08, comparison="most", value=-0.04), 3.0),
        (Line(weight=6, target=-0.08, comparison="most", value=0.02), 0.0),
        (Line(weight=6, target=0.02, comparison="most", value=0.04), 3.0),
        (Line(weight=2, target=1, scoring="whole", value=0), 0.0),
        (Line(weight=2, target=1, scoring="whole", value=3), 2.0),
        (Line(weight=4, target=0, value=0), 4.0),
        (Line(weight=4, target=0.1, floor=0, value=-0.05), 0.0),
    ],
)
def test_points_of_a_line(line: Line, points: float) -> None:
    assert score_of(line) == points


def test_the_sum_is_that_of_the_rounded_points() -> None:
    assert total_of([Line(weight=10, target=3, floor=0, value=1)] * 3) == 9.99


def test_gaps_are_positive_and_only_where_something_is_missing() -> None:
    assert gap(Line(value=0.5)) == pytest.approx(0.3)
    assert gap(Line(comparison="most", target=-0.05, value=-0.02)) == pytest.approx(0.03)
    assert gap(Line(value=0.8)) is None
    assert gap(Line(value=None)) is None
    assert not reached(Line(value=None))


@given(st.floats(-100, 100), st.floats(-100, 100), st.sampled_from(["least", "most"]))
def test_attainment_is_a_share_and_whole_exactly_when_reached(value: float, target: float, comparison: str) -> None:
    share = attainment(value, target, comparison)
    assert share is not None
    assert 0 <= share <= 1
    if comparison == "least" and value < target - 1e-6:
        assert share < 1
    if comparison == "most" and value > target + 1e-6:
        assert share < 1


@given(st.floats(0.01, 100), st.integers(1, 30))
def test_shares_of_a_weight_make_the_whole(weight: float, count: int) -> None:
    weight = rounded(weight)
    assert sum(shares_of_weight(weight, count)) == pytest.approx(weight)


def test_halves_go_up() -> None:
    assert rounded(2.675) == 2.68
    assert rounded(0.125) == 0.13


def _decided(state: RoundState, event: str, role: Role, facts: Facts) -> str:
    found = decide(TABLE, state, event, {role}, facts)
    return found.code if isinstance(found, Refused) else found.to


FULL = Facts(handed_in_by=1, workers=frozenset({1, 2}), person=3)


def test_an_evaluation_is_not_closed_with_gaps() -> None:
    short = replace(FULL, unexplained=["投资"])
    assert _decided(RoundState.FILLING, "hand_in", Role.MANAGER, short) == "gaps_unexplained"
    assert _decided(RoundState.REVIEW, "issue", Role.BUREAU, short) == "gaps_unexplained"
    assert _decided(RoundState.REVIEW, "issue", Role.BUREAU, replace(FULL, unproved=["案例"])) == "no_evidence"
    assert _decided(RoundState.REVIEW, "issue", Role.BUREAU, FULL) == RoundState.ISSUED
    # It can be sent back, gaps and all.
    assert _decided(RoundState.REVIEW, "send_back", Role.BUREAU, short) == RoundState.SENT_BACK
    many = decide(TABLE, RoundState.FILLING, "hand_in", {Role.MANAGER}, replace(FULL, unexplained=["甲", "乙", "丙", "丁"]))
    assert isinstance(many, Refused)
    assert "4 条" in many.sentence()


@pytest.mark.parametrize("person", [1, 2])
def test_who_worked_on_it_does_not_review_it(person: int) -> None:
    for event in ("issue", "send_back"):
        assert _decided(RoundState.REVIEW, event, Role.BUREAU, replace(FULL, person=person)) == "same_person"


def test_only_who_handed_it_in_takes_it_back() -> None:
    assert _decided(RoundState.REVIEW, "take_back", Role.MANAGER, replace(FULL, person=2)) == "not_own"
    assert _decided(RoundState.REVIEW, "take_back", Role.MANAGER, replace(FULL, person=1)) == RoundState.FILLING


def test_nothing_leads_out_of_what_is_over() -> None:
    for row in TABLE:
        assert RoundState.ISSUED not in row.states
        assert RoundState.CANCELLED not in row.states
    for event in ("issue", "send_back", "start", "cancel"):
        rows = [row for row in TABLE if row.event == event]
        assert rows
        assert all(set(row.roles) == {Role.BUREAU, Role.ADMIN} for row in rows)


def test_an_officer_counts_for_the_own_area_only() -> None:
    officer = Viewer(account_id=1, roles=frozenset({Role.AREA}), areas=frozenset({"teda"}))
    assert roles_on(officer, Subject.AREA, "teda") == {Role.AREA}
    assert roles_on(officer, Subject.AREA, "thip") == frozenset()
    assert roles_on(officer, Subject.PILOT, "") == frozenset()


def test_what_is_opened_says_all_that_is_needed() -> None:
    good = RoundDraft("annual", 2026, "pilot", as_of=date(2026, 12, 31), due=date(2027, 1, 10))
    assert list(check(good, first_year=2024, last_year=2027)) == []
    codes = {(field, refused.code) for field, refused in check(RoundDraft("x", 1999, "area"), first_year=2024, last_year=2027)}
    assert codes == {("kind", "required"), ("year", "year_outside"), ("areas", "no_area"), ("as_of", "no_day"), ("due", "no_day")}


@pytest.mark.parametrize(
    ("value", "unit", "fits"),
    [(0.8, "share", True), (80, "share", False), (-0.2, "change", True), (-1.5, "change", False), (6, "mark", False), (4.2, "mark", True), (-1, "count", False), (3, "count", True)],
)  # fmt: skip
def test_a_typed_figure_fits_its_unit(value: float, unit: str, fits: bool) -> None:
    assert (list(check_entry(value, "", unit)) == []) is fits


def test_the_shipped_systems_hold_what_the_notice_asks_for(pilot: Pilot) -> None:
    rules = pilot.performance
    assert list(faults(rules, sectors=len(pilot.sectors), goals=[term.key for term in pilot.orientations], figures=FIGURES)) == []
    for subject in Subject:
        assert sum(one.weight for one in rules.of(subject)) == pytest.approx(100)
    wanted = {
        key: (one.each, one.targets[-1]) for key in ("finished_share", "leader_projects", "landmark_projects", "local_to_central")
        if (one := rules.find("pilot", key))
    }  # fmt: skip
    assert wanted == {
        "finished_share": ("sector", 0.8), "leader_projects": ("sector", 1), "landmark_projects": ("", 1), "local_to_central": ("", 1),
    }  # fmt: skip
    assert {goal for one in rules.of("pilot") for goal in one.goals} == {term.key for term in pilot.orientations}
    assert [rules.grade(points).name for points in (100, 90, 89.99, 80, 60, 59.99, 0)] == ["优", "优", "良", "良", "中", "差", "差"]


def test_the_target_of_a_year_and_beyond(pilot: Pilot) -> None:
    rules = pilot.performance
    finished = rules.find("pilot", "finished_share")
    assert finished
    assert [rules.target(finished, year) for year in (2023, 2024, 2025, 2026, 2027, None)] == [0.1, 0.1, 0.4, 0.8, 0.8, 0.8]


def test_a_pilot_whose_weights_are_not_100_is_refused(pilot: Pilot) -> None:
    def broken(**values: object) -> PerformanceRules:
        first, *others = pilot.performance.indicators
        return replace(pilot.performance, indicators=(replace(first, **values), *others))  # type: ignore[arg-type]

    for values in (
        {"weight": 20.0},
        {"unit": "kg"},
        {"targets": ()},
        {"goals": ("golden",)},
        {"floor": 2.0},
        {"each": "park"},
        {"figure": "unheard_of"},
    ):
        assert list(faults(broken(**values), sectors=3, goals=[term.key for term in pilot.orientations], figures=FIGURES)), values


START, END = date(2024, 4, 1), date(2026, 12, 31)
SPAN = Span(START, END)


@pytest.mark.parametrize(
    ("actual", "today", "verdict"),
    [
        (None, date(2025, 8, 15), Verdict.UNKNOWN),
        (80, date(2025, 8, 15), Verdict.REACHED),
        # 30 in the last 183 days, and 503 to go: 82 more.
        (40, date(2025, 8, 15), Verdict.ON_COURSE),
        (28, date(2025, 8, 15), Verdict.AT_RISK),
        (20, date(2025, 8, 15), Verdict.MISSED),
        (0, date(2025, 8, 15), Verdict.MISSED),
        (1, date(2024, 5, 1), Verdict.UNKNOWN),
        (79, END, Verdict.OVER),
        (79, END + timedelta(400), Verdict.OVER),
        (5, START - timedelta(30), Verdict.UNKNOWN),
    ],
)
def test_outlook(actual: float | None, today: date, verdict: Verdict) -> None:
    before = (SPAN.looked_back(today, 6), 10 if actual else 0)
    assert pace(80, actual, before, SPAN, today).verdict == verdict


@pytest.mark.parametrize(
    ("attained", "today", "verdict"),
    [
        (None, date(2025, 8, 15), Verdict.UNKNOWN),
        (1.0, date(2024, 5, 1), Verdict.REACHED),
        (0.0, date(2024, 5, 1), Verdict.UNKNOWN),
        (0.0, date(2025, 8, 15), Verdict.AT_RISK),
        (0.0, date(2026, 11, 27), Verdict.MISSED),
        (0.97, date(2026, 11, 27), Verdict.AT_RISK),
        (0.97, END, Verdict.OVER),
    ],
)
def test_what_does_not_grow(attained: float | None, today: date, verdict: Verdict) -> None:
    assert standing(attained, SPAN, today).verdict == verdict


def test_a_forecast_counted_by_hand() -> None:
    # 20 in the last 40 days, 100 to go: 50 more than the 30 of today; as fast as needed, and reached on the last day.
    span = Span(date(2026, 1, 1), date(2026, 7, 20))
    found = pace(80, 30, (date(2026, 3, 2), 10), span, date(2026, 4, 11))
    assert (found.forecast, found.needed) == (pytest.approx(80), pytest.approx(1))
    assert (found.verdict, found.reached_on) == (Verdict.ON_COURSE, date(2026, 7, 20))
    assert pace(1, 0.9, (date(2026, 3, 2), 0.5), span, date(2026, 4, 11), most=1.0).forecast == 1
    still = pace(80, 30, (date(2026, 3, 2), 30), span, date(2026, 4, 11))
    assert (still.forecast, still.reached_on, still.needed) == (30, None, None)


def test_figures_are_written_as_people_do() -> None:
    assert figure_text(0.625, "share") == "62.5 %"
    assert figure_text(0.8, "share") == "80 %"
    assert figure_text(-0.05, "change") == "−5 %"
    assert figure_text(0.125, "change") == "+12.5 %"
    assert figure_text(1.2, "ratio") == "1.2 : 1"
    assert figure_text(12345.5, "wan") == "12,345.5"
    assert figure_text(None, "count") == "–"
    assert target_text(0.8, "share", "least") == "≥ 80 %"
    assert typed_text(0.07, "share") == "7%"
    assert typed_text(1234.5, "wan") == "1234.5"
