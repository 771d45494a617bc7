"""Health: each fact that makes a project one to watch, or one in trouble, at its threshold."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from marketplace.domain.progress import Lateness
from marketplace.domain.project_health import EffectFact, Facts, Health, MilestoneFact, health_of
from marketplace.pilot import load_pilot

RULES = load_pilot().supervision
TODAY = date(2026, 11, 25)


def judged(**facts: object) -> tuple[str, list[str]]:
    level, reasons = health_of(Facts(TODAY, **facts), RULES)  # type: ignore[arg-type]
    for reason in reasons:
        assert reason.message.format(**reason.values).endswith("。")
    return str(level), [reason.code for reason in reasons]


def milestone(days: int, reached: date | None = None) -> tuple[MilestoneFact, ...]:
    return (MilestoneFact("设备到货", TODAY - timedelta(days), reached),)


@pytest.mark.parametrize(
    ("facts", "level", "codes"),
    [
        ({}, "good", []),
        ({"milestones": milestone(0)}, "good", []),
        ({"milestones": milestone(-5)}, "good", []),
        ({"milestones": milestone(1)}, "watch", ["milestone_late"]),
        ({"milestones": milestone(31)}, "trouble", ["milestone_late"]),
        ({"milestones": milestone(31, TODAY)}, "good", []),
        ({"reports": (("2026-10", Lateness.IN_TIME),)}, "good", []),
        ({"reports": (("2026-10", Lateness.LATE),)}, "watch", ["reports_late"]),
        ({"reports": (("2026-09", Lateness.VERY_LATE), ("2026-10", Lateness.LATE))}, "trouble", ["reports_very_late", "reports_late"]),
        ({"planned_fen": 100, "spent_fen": 70}, "good", []),
        ({"planned_fen": 100, "spent_fen": 69}, "watch", ["spending_behind"]),
        ({"planned_fen": 100, "spent_fen": 39}, "trouble", ["spending_behind"]),
        ({"planned_fen": 0, "spent_fen": 0}, "good", []),
        ({"total_fen": 100, "spent_fen": 106}, "watch", ["overspent"]),
        ({"reported_fen": 100, "spent_fen": 69}, "watch", ["spending_unproved"]),
        ({"findings_open": 1}, "watch", ["evidence_repeated"]),
        ({"findings_upheld": 1}, "trouble", ["evidence_misused"]),
        ({"doubts": 2}, "watch", ["evidence_doubtful"]),
        ({"effects": (EffectFact("效率", 0.8),)}, "good", []),
        ({"effects": (EffectFact("效率", 0.79),)}, "watch", ["effect_short"]),
        ({"ends": TODAY}, "good", []),
        ({"ends": TODAY - timedelta(1)}, "trouble", ["past_end"]),
        ({"is_rectifying": True, "rectifying_due": TODAY}, "watch", ["rectifying"]),
        ({"is_rectifying": True, "rectifying_due": TODAY - timedelta(1)}, "trouble", ["rectifying_late"]),
        ({"is_reworking": True}, "trouble", ["acceptance_failed"]),
        ({"orders_late": 1}, "trouble", ["order_late"]),
    ],
)
def test_each_fact(facts: dict[str, object], level: str, codes: list[str]) -> None:
    assert judged(**facts) == (level, codes)


def test_the_worst_comes_first() -> None:
    level, codes = judged(findings_open=1, orders_late=1)
    assert level == Health.TROUBLE
    assert codes == ["order_late", "evidence_repeated"]
