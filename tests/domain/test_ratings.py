"""The rating by hand: kinds and payloads, the formula, its parts, and what is fair to the new."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.rating_events import ASPECTS, KINDS, OF_PROJECT, EventDraft, EventKind, check, kinds_without_rule, observe, stars
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.ratings import (
    NEW,
    PRIOR_SCORE,
    PRIOR_WEIGHT,
    Bin,
    Event,
    TrackRecord,
    grade_of,
    histogram,
    mean_of_all,
    prior_weight,
    prospects,
    rate,
    rated,
    shrunk_score,
)
from marketplace.pilot import Pilot

TODAY = date(2026, 11, 25)


@pytest.fixture(scope="module")
def rules(pilot: Pilot) -> RatingRules:
    return pilot.rating


# kind → payload that is right, and the value that it is worth.
RIGHT: list[tuple[EventKind, dict[str, object], float]] = [
    (EventKind.ON_TIME, {"on_time": True}, 92),
    (EventKind.ON_TIME, {"on_time": False}, 50),
    (EventKind.ON_TIME, {"on_time": False, "days_late": 10}, 65),
    (EventKind.ON_TIME, {"on_time": False, "days_late": 300}, 20),
    (EventKind.ACCEPTANCE, {"result": "passed", "score": 91.5}, 91.5),
    (EventKind.ACCEPTANCE, {"result": "passed"}, 85),
    (EventKind.ACCEPTANCE, {"result": "rectified"}, 66),
    (EventKind.ACCEPTANCE, {"result": "failed"}, 42),
    (EventKind.EFFECT, {"indicator": "停机", "baseline": 12, "target": 4, "measured": 4}, 80),
    (EventKind.EFFECT, {"indicator": "停机", "baseline": 12, "target": 4, "measured": 2}, 100),
    (EventKind.EFFECT, {"indicator": "停机", "baseline": 12, "target": 4, "measured": 12}, 0),
    (EventKind.EFFECT, {"indicator": "停机", "baseline": 12, "target": 4, "measured": 20}, 0),
    (EventKind.EFFECT, {"indicator": "产能", "target": 50, "measured": 25}, 40),
    (EventKind.ENTERPRISE_RATING, {"quality": 5, "schedule": 3, "service": 4, "attitude": 4}, 80),
    (EventKind.ENTERPRISE_RATING, {"quality": 5, "schedule": 4}, 90),
    (EventKind.ENTERPRISE_RATING, {"overall": 3}, 60),
    (EventKind.INSPECTION, {"severity": "clean"}, 90),
    (EventKind.INSPECTION, {"severity": "serious"}, 10),
    (EventKind.RESPONSE, {"answered": True, "days": 0}, 92),
    (EventKind.RESPONSE, {"answered": True, "days": 4}, 60),
    (EventKind.RESPONSE, {"answered": True, "days": 11}, 25),
    (EventKind.RESPONSE, {"answered": False}, 25),
    (EventKind.COMPLAINT, {"severity": "general"}, 35),
    (EventKind.CONDUCT, {"severity": "serious"}, 0),
]
# kind, payload, the field to blame and the code.
WRONG: list[tuple[str, dict[str, object], str, str]] = [
    ("praise", {}, "kind", "unknown_kind"),
    ("on_time", {}, "on_time", "field_missing"),
    ("on_time", {"on_time": "yes"}, "on_time", "not_a_flag"),
    ("on_time", {"on_time": True, "days_late": 3}, "days_late", "late_and_on_time"),
    ("on_time", {"on_time": False, "days_late": -1}, "days_late", "out_of_range"),
    ("on_time", {"on_time": False, "days_late": 1.5}, "days_late", "not_a_number"),
    ("acceptance", {"result": "great"}, "result", "unknown_answer"),
    ("acceptance", {"result": "passed", "score": 101}, "score", "out_of_range"),
    ("acceptance", {"result": "passed", "score": float("nan")}, "score", "not_a_number"),
    ("acceptance", {"result": "passed", "score": True}, "score", "not_a_number"),
    ("effect", {"indicator": "x", "target": 5, "baseline": 5, "measured": 6}, "target", "target_is_baseline"),
    ("effect", {"indicator": "x", "target": 0, "measured": 6}, "target", "target_is_baseline"),
    ("effect", {"indicator": "x" * 501, "target": 5, "measured": 6}, "indicator", "too_long"),
    ("effect", {"indicator": ["x"], "target": 5, "measured": 6}, "indicator", "not_a_text"),
    ("enterprise_rating", {}, "quality", "no_aspect"),
    ("enterprise_rating", {"quality": 6}, "quality", "out_of_range"),
    ("complaint", {"severity": "clean"}, "severity", "unknown_answer"),
    ("conduct", {"severity": "serious", "fine": 3}, "fine", "unknown_field"),
]


def test_every_kind_has_its_rule(rules: RatingRules) -> None:
    assert list(KINDS) == list(EventKind)
    assert kinds_without_rule(rules) == []
    assert kinds_without_rule(replace(rules, weights=rules.weights[1:])) == ["acceptance"]
    assert kinds_without_rule(replace(rules, severities=rules.severities[1:])) == ["inspection.clean"]
    assert kinds_without_rule(replace(rules, acceptances=rules.acceptances[:2])) == ["failed"]


@pytest.mark.parametrize(("kind", "payload", "value"), RIGHT)
def test_what_an_event_is_worth(kind: EventKind, payload: dict[str, object], value: float, rules: RatingRules) -> None:
    assert list(check(EventDraft(kind, TODAY, payload, "p"), TODAY)) == []
    assert observe(kind, payload, rules).value == pytest.approx(value)


@pytest.mark.parametrize(("kind", "payload", "field", "code"), WRONG)
def test_what_is_wrong_is_said(kind: str, payload: dict[str, object], field: str, code: str) -> None:
    found = list(check(EventDraft(kind, TODAY, payload, "p"), TODAY))
    assert [(key, refused.code) for key, refused in found] == [(field, code)]
    assert all(refused.sentence() for _key, refused in found)


@pytest.mark.parametrize("kind", EventKind)
def test_a_date_and_a_project(kind: EventKind) -> None:
    payload = next(payload for one, payload, _value in RIGHT if one == kind)
    assert {key for key, _ in check(EventDraft(kind, None, payload), TODAY)} == {"on"} | ({"project"} if kind in OF_PROJECT else set())
    assert [code.code for _key, code in check(EventDraft(kind, TODAY + timedelta(1), payload, "p"), TODAY)] == ["future"]


def test_severity_is_weight(rules: RatingRules) -> None:
    weights = [observe(EventKind.CONDUCT, {"severity": one}, rules).weight for one in ("minor", "general", "serious")]
    assert weights == sorted(weights)
    assert (
        observe(EventKind.INSPECTION, {"severity": "serious"}, rules).weight > observe(EventKind.ON_TIME, {"on_time": True}, rules).weight
    )


def project(name: str, on: date, score: float) -> list[Event]:
    """A project whose every event is worth the same."""
    payloads: list[tuple[EventKind, dict[str, object]]] = [
        (EventKind.ACCEPTANCE, {"result": "passed", "score": score}),
        (EventKind.ENTERPRISE_RATING, {"overall": score / 20}),
        (EventKind.EFFECT, {"indicator": "x", "target": 80, "measured": score}),
        (EventKind.ON_TIME, {"on_time": False, "days_late": 75 - score}),
    ]
    return [Event(kind, on, payload, name, number) for number, (kind, payload) in enumerate(payloads)]


def test_the_formula_by_hand(rules: RatingRules) -> None:
    # Two whole projects of 60 today: (2 · 60 + 1.5 · 78) ÷ 3.5; 10.6 · 1.6449 ÷ √3.5 either side.
    rating = rate([*project("a", TODAY, 60), *project("b", TODAY, 60)], TODAY, 78, rules)
    assert prior_weight(rules) == pytest.approx(PRIOR_WEIGHT)
    assert rating.mass == pytest.approx(2)
    assert rating.score == pytest.approx((120 + 117) / 3.5)
    assert rating.high - rating.score == pytest.approx(1.6449 * 10.6 / math.sqrt(3.5), abs=1e-3)
    assert rating.score - rating.low == pytest.approx(rating.high - rating.score)
    assert (rating.projects, rating.grade, rating.own_mean) == (2, "C", pytest.approx(60))
    # Two years later it counts for one project, and is pulled more.
    later = rate([*project("a", TODAY, 60), *project("b", TODAY, 60)], TODAY + timedelta(round(24 * 365.25 / 12)), 78, rules)
    assert later.mass == pytest.approx(1, abs=1e-3)
    assert later.score == pytest.approx((60 + 117) / 2.5, abs=0.01)


def test_newcomers_are_the_mean_and_new(rules: RatingRules) -> None:
    rating = rate([], TODAY, 77, rules)
    assert (rating.score, rating.grade, rating.is_new, rating.own_mean) == (77, NEW, True, None)
    # By answers to inquiries alone nobody is rated yet, though they count.
    answers = [Event(EventKind.RESPONSE, TODAY, {"answered": False}, key=n) for n in range(6)]
    slow = rate(answers, TODAY, 77, rules)
    assert slow.is_new
    assert slow.score < 77


def test_one_project_is_one_however_much_is_noted(rules: RatingRules) -> None:
    findings = [Event(EventKind.INSPECTION, TODAY, {"severity": "serious"}, "a", 90 + n) for n in range(20)]
    rating = rate([*project("a", TODAY, 60), *findings], TODAY, 78, rules)
    assert rating.mass == pytest.approx(1)
    assert rating.projects == 1
    # Of a running project there is nothing but inspections: not a finished one yet, though what they found counts.
    running = rate(findings, TODAY, 78, rules)
    assert running.is_new
    assert running.score < 78
    # An inspection of no project stands for itself, as a complaint does.
    assert rate([Event(EventKind.CONDUCT, TODAY, {"severity": "serious"})], TODAY, 78, rules).mass == pytest.approx(1.2)


def test_what_is_ahead_does_not_count(rules: RatingRules) -> None:
    assert rate(project("a", TODAY + timedelta(1), 60), TODAY, 78, rules).is_new


events_of_any_kind = st.lists(
    st.tuples(st.sampled_from(RIGHT), st.integers(0, 3_000), st.sampled_from(["", "a", "b", "c"])).map(
        lambda row: Event(row[0][0], TODAY - timedelta(row[1]), row[0][1], row[2])
    ),
    max_size=30,
)


@given(events_of_any_kind, st.floats(40, 95))
def test_the_points_make_the_score(pilot: Pilot, events: list[Event], mean: float) -> None:
    rating = rate(events, TODAY, mean, pilot.rating)
    assert rating.score == pytest.approx(mean + sum(row.points for row in rating.contributions))
    assert rating.score == pytest.approx(mean + sum(part.points for part in rating.parts))
    assert sum(part.count for part in rating.parts) == len(events)
    assert sum(part.mass for part in rating.parts) == pytest.approx(rating.mass)
    assert 0 <= rating.low <= rating.score + 1e-9
    assert rating.score - 1e-9 <= rating.high <= 100
    # Between the mean and what its own events say.
    if rating.own_mean is not None:
        low, high = sorted((mean, rating.own_mean))
        assert low - 1e-6 <= rating.score <= high + 1e-6


@given(events_of_any_kind)
def test_good_news_never_hurts_who_is_below_it(pilot: Pilot, events: list[Event]) -> None:
    before = rate(events, TODAY, 78, pilot.rating)
    more = Event(EventKind.ACCEPTANCE, TODAY, {"result": "passed", "score": 100}, "fresh")
    after = rate([*events, more], TODAY, 78, pilot.rating)
    assert after.score >= before.score - 1e-9
    assert after.high - after.low <= before.high - before.low + 1e-9 or after.high == 100 or before.low == 0


def test_the_mean_of_all(rules: RatingRules) -> None:
    assert mean_of_all([], rules) == rules.mean
    assert mean_of_all([(3, 40.0), (0, 0.0)], rules) == rules.mean
    # n ÷ (n + 1.5): 0.8 for six projects, 0.9 for 13.5; (0.8 · 70 + 0.9 · 87) ÷ 1.7 = 79.
    assert mean_of_all([(6, 70.0), (13.5, 87.0), (0.0, 0.0)], replace(rules, least_for_mean=19)) == pytest.approx(79)


def test_grades(rules: RatingRules) -> None:
    assert [grade_of(score, rules) for score in (100, 86, 85.5, 85.4, 76, 66, 56, 55.4, 0)] == list("AAABBCDEE")


def test_what_would_change_it(rules: RatingRules) -> None:
    found = {row.what: row for row in prospects(project("a", TODAY, 60), TODAY, 78, rules)}
    now = rate(project("a", TODAY, 60), TODAY, 78, rules).score
    assert found["good_project"].change > 0 > found["bad_project"].change
    assert found["good_project"].score == pytest.approx(now + found["good_project"].change)
    # What is forgotten pulls towards the mean, for a poor one upwards.
    assert 0 < found["nothing_new"].change < found["good_project"].change
    assert [row.what for row in prospects([], TODAY, 78, rules)] == ["good_project", "bad_project"]


def test_the_record_takes_the_rating(rules: RatingRules) -> None:
    plain = TrackRecord(finished=2, mean_score=60.0)
    assert shrunk_score(TrackRecord()) == PRIOR_SCORE == rules.mean
    assert shrunk_score(plain) == pytest.approx((120 + 120) / 3.5)
    with_rating = rated(plain, rate([*project("a", TODAY, 90)], TODAY, 78, rules))
    assert shrunk_score(with_rating) == pytest.approx((90 + 117) / 2.5)
    assert (with_rating.projects, with_rating.usual, with_rating.is_new) == (2, 78, False)
    assert rated(TrackRecord(), rate([], TODAY, 78, rules)).is_new
    assert not rated(TrackRecord(), rate(project("a", TODAY, 70), TODAY, 78, rules)).is_new
    assert rated(plain, None) == plain


def test_the_distribution() -> None:
    assert histogram([]) == ()
    assert histogram([71, 74.9, 75, 100]) == (
        Bin(70, 75, 2), Bin(75, 80, 1), Bin(80, 85, 0), Bin(85, 90, 0), Bin(90, 95, 0), Bin(95, 100, 1),
    )  # fmt: skip


def test_stars() -> None:
    assert stars(dict.fromkeys(ASPECTS, 4) | {"overall": 1}) == 4
    assert stars({"service": 3}) == 3
