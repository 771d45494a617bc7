"""Rules propose: each rule from the figure that triggers it, one day before and one day after; what was seen once is not proposed again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from marketplace.domain.adjustment_proposals import (
    Evidence,
    Expiry,
    Proposal,
    Result,
    Score,
    Standing,
    months_after,
    proposals,
    reapply_from,
)
from marketplace.domain.adjustment_rules import AdjustmentRules
from marketplace.domain.adjustments import SEVERITY, AdjustmentKind
from marketplace.domain.providers import ProviderState
from marketplace.pilot import load_pilot

RULES: AdjustmentRules = load_pilot().adjustment
TODAY = date(2026, 11, 25)
K, P = AdjustmentKind, ProviderState
IN = Standing(1, P.ADMITTED, last_service=TODAY)


def found(standing: Standing, today: date = TODAY) -> list[tuple[str, str]]:
    return [(one.kind, one.rule) for one in proposals(standing, RULES, today)]


def score(value: float, projects: int = 5) -> Score:
    return Score(value, value - 6, value + 6, projects, TODAY, "score:1")


def result(name: str, failed: bool) -> Result:
    return Result(name, failed, Evidence(f"evaluation:{name}", name))


def test_nothing_known_proposes_nothing() -> None:
    assert found(Standing(1, P.ADMITTED)) == []
    assert found(IN) == []


@pytest.mark.parametrize(
    ("value", "projects", "wanted"),
    [
        (RULES.warn_below, 5, []),
        (RULES.warn_below - 0.1, 5, [("warn", "score_warn")]),
        (RULES.retire_below, 5, [("warn", "score_warn")]),
        (RULES.retire_below - 0.1, 5, [("retire", "score_retire"), ("warn", "score_warn")]),
        # A newcomer is new, not bad.
        (0.0, 0, []),
    ],
)
def test_by_score(value: float, projects: int, wanted: list[tuple[str, str]]) -> None:
    assert found(replace(IN, score=score(value, projects))) == wanted


def test_a_warning_is_lifted_or_followed_by_rectification_after_its_months() -> None:
    since = months_after(TODAY, -RULES.warning_months)
    warned = replace(IN, state=P.WARNED, since=since)
    low, high = score(RULES.warn_below - 1), score(RULES.warn_below)
    assert found(replace(warned, score=low)) == [("rectify", "score_persists")]
    assert found(replace(warned, score=high)) == [("clear", "recovered")]
    early = replace(warned, since=since + timedelta(days=1))
    assert found(replace(early, score=low)) == []
    assert found(replace(early, score=high)) == []


def test_by_evaluation() -> None:
    first, second = result("2025 下半年", True), result("2026 上半年", True)
    assert found(replace(IN, results=(second,))) == [("rectify", "failed_once")]
    assert found(replace(IN, results=(second, first))) == [("retire", "failed_twice")]
    assert found(replace(IN, results=(second, result("2025 下半年", False)))) == [("rectify", "failed_once")]
    assert found(replace(IN, results=(result("2026 上半年", False), first))) == []


def test_serious_conduct_is_proposed_from_every_state_of_the_pool() -> None:
    act = Evidence("event:3", "商业贿赂")
    for state in (P.ADMITTED, P.WARNED, P.RECTIFYING, P.SUSPENDED):
        assert found(replace(IN, state=state, conduct=(act,))) == [("retire", "conduct")]
    for state in (P.RETIRED, P.LEFT):
        assert found(replace(IN, state=state, conduct=(act,))) == []


def test_a_rectification_is_over_the_day_after_its_last_day() -> None:
    owed = replace(IN, state=P.RECTIFYING, rectification=Evidence("TZ-2026-0001", "TZ-2026-0001"), rectify_until=TODAY)
    assert found(owed) == []
    assert found(owed, TODAY + timedelta(days=1)) == [("suspend", "rectification_overdue")]


def test_a_suspension_that_lasts_and_a_provider_without_service() -> None:
    suspended = replace(IN, state=P.SUSPENDED, since=months_after(TODAY, -RULES.suspension_months))
    assert found(suspended) == [("retire", "suspended_long")]
    assert found(suspended, TODAY - timedelta(days=1)) == []
    idle = replace(IN, last_service=months_after(TODAY, -RULES.idle_months))
    assert found(idle) == [("retire", "idle")]
    assert found(idle, TODAY - timedelta(days=1)) == []
    assert found(replace(idle, running=1)) == []
    assert found(replace(idle, state=P.RECTIFYING)) == []


def test_a_certificate_counts_until_its_last_day() -> None:
    paper = Expiry("ISO 27001", TODAY, Evidence("certificate:1", "ISO 27001"))
    assert found(replace(IN, expiries=(paper,))) == []
    assert found(replace(IN, expiries=(paper,)), TODAY + timedelta(days=1)) == [("rectify", "certificate_expired")]
    assert found(replace(IN, state=P.SUSPENDED, expiries=(paper,)), TODAY + timedelta(days=1)) == []


def test_the_same_evidence_proposes_once() -> None:
    low = replace(IN, score=score(RULES.warn_below - 1))
    assert found(replace(low, used=frozenset({"score:1"}))) == []
    newer = replace(low, score=replace(score(RULES.warn_below - 1), ref="score:2"), used=frozenset({"score:1"}))
    assert found(newer) == [("warn", "score_warn")]


def test_what_waits_is_followed_by_something_graver_only() -> None:
    both = replace(IN, score=score(RULES.warn_below - 1), results=(result("2026 上半年", True),))
    assert found(both) == [("rectify", "failed_once"), ("warn", "score_warn")]
    assert found(replace(both, open_severity=SEVERITY[K.WARN])) == [("rectify", "failed_once")]
    assert found(replace(both, open_severity=SEVERITY[K.RETIRE])) == []


def test_every_proposal_says_why_and_names_its_evidence() -> None:
    worst = replace(
        IN,
        score=score(10),
        results=(result("a", True), result("b", True)),
        conduct=(Evidence("event:1", "转包"),),
        expiries=(Expiry("营业执照", date(2026, 1, 1), Evidence("certificate:1", "营业执照")),),
        last_service=date(2024, 1, 1),
    )
    rows: list[Proposal] = proposals(worst, RULES, TODAY)
    assert len(rows) == 6
    assert all(row.why.endswith(("。", "转包")) and row.evidence for row in rows)
    assert [SEVERITY[row.kind] for row in rows] == sorted((SEVERITY[row.kind] for row in rows), reverse=True)


@pytest.mark.parametrize(
    ("day", "months", "wanted"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
    ],
)
def test_months(day: date, months: int, wanted: date) -> None:
    assert months_after(day, months) == wanted


def test_the_waiting_period_grows_with_the_ground() -> None:
    left, failing, conduct = (reapply_from(TODAY, ground, RULES) for ground in ("left", "failing", "conduct"))
    assert TODAY <= left <= failing < conduct
    assert failing == months_after(TODAY, RULES.reapply_months_failing)
