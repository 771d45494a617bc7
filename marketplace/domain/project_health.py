"""How a project is doing: good, to be watched, or in trouble, each reason with the figures that it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from marketplace.domain.inspection_rules import SupervisionRules
from marketplace.domain.lifecycle import _
from marketplace.domain.progress import Lateness


class Health(StrEnum):
    GOOD = "good"
    WATCH = "watch"
    TROUBLE = "trouble"


@dataclass(frozen=True)
class MilestoneFact:
    title: str
    planned: date
    reached: date | None = None


@dataclass(frozen=True)
class EffectFact:
    """`share`: how much of the way from baseline to target was measured, 1.0 for all of it."""

    name: str
    share: float


@dataclass(frozen=True)
class Facts:
    """What is known today. Shares and amounts are None where no plan says what they should be."""

    today: date
    milestones: tuple[MilestoneFact, ...] = ()
    # Reports that are wanted now: month and how late.
    reports: tuple[tuple[str, Lateness], ...] = ()
    planned_fen: int | None = None
    total_fen: int | None = None
    spent_fen: int = 0
    reported_fen: int | None = None
    findings_open: int = 0
    findings_upheld: int = 0
    doubts: int = 0
    effects: tuple[EffectFact, ...] = ()
    ends: date | None = None
    rectifying_due: date | None = None
    is_rectifying: bool = False
    is_reworking: bool = False
    orders_late: int = 0


@dataclass(frozen=True)
class Reason:
    """A fact that makes a project one to watch or one in trouble."""

    level: Health
    code: str
    message: str
    values: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"level": str(self.level), "code": self.code, "message": self.message, "values": self.values}


_ORDER = (Health.GOOD, Health.WATCH, Health.TROUBLE)


def health_of(facts: Facts, rules: SupervisionRules) -> tuple[Health, list[Reason]]:
    """The worst of its reasons, the worst first."""
    reasons = [
        *_milestones(facts, rules),
        *_reports(facts),
        *_spending(facts, rules),
        *_evidence(facts),
        *_effect(facts, rules),
        *_state(facts),
    ]
    reasons.sort(key=lambda one: -_ORDER.index(one.level))
    return max((one.level for one in reasons), key=_ORDER.index, default=Health.GOOD), reasons


def _milestones(facts: Facts, rules: SupervisionRules) -> Iterator[Reason]:
    for row in facts.milestones:
        days = (facts.today - row.planned).days if row.reached is None else 0
        if days > rules.milestone_watch_days:
            level = Health.TROUBLE if days > rules.milestone_trouble_days else Health.WATCH
            values = {"title": row.title, "planned": row.planned.isoformat(), "days": days}
            yield Reason(level, "milestone_late", _("里程碑“{title}”应在 {planned} 完成，已晚 {days} 天。"), values)
    if facts.ends is not None and facts.today > facts.ends and not facts.is_reworking:
        values = {"ends": facts.ends.isoformat(), "days": (facts.today - facts.ends).days}
        yield Reason(Health.TROUBLE, "past_end", _("计划 {ends} 完工，已过 {days} 天，还没有申请验收。"), values)


def _reports(facts: Facts) -> Iterator[Reason]:
    late = [month for month, how in facts.reports if how == Lateness.LATE]
    very = [month for month, how in facts.reports if how == Lateness.VERY_LATE]
    if very:
        yield Reason(Health.TROUBLE, "reports_very_late", _("{months} 的月报严重逾期。"), {"months": "、".join(very)})
    if late:
        yield Reason(Health.WATCH, "reports_late", _("{months} 的月报还没有交。"), {"months": "、".join(late)})


def _spending(facts: Facts, rules: SupervisionRules) -> Iterator[Reason]:
    """Counted by invoices; against what the plan has until now, and against all of it."""
    wan: dict[str, Any] = {"spent": _wan(facts.spent_fen)}
    if facts.planned_fen:
        share = round(1 - facts.spent_fen / facts.planned_fen, 9)
        if share > rules.spending_watch:
            level = Health.TROUBLE if share > rules.spending_trouble else Health.WATCH
            values: dict[str, Any] = wan | {"planned": _wan(facts.planned_fen), "percent": round(share * 100)}
            yield Reason(level, "spending_behind", _("到现在应支出 {planned} 万元，凭发票只有 {spent} 万元，少 {percent}%。"), values)
    if facts.total_fen and facts.spent_fen > facts.total_fen * (1 + rules.overspent):
        values = wan | {"total": _wan(facts.total_fen)}
        yield Reason(Health.WATCH, "overspent", _("发票合计 {spent} 万元，超过计划的 {total} 万元。"), values)
    if facts.reported_fen and facts.spent_fen < facts.reported_fen * (1 - rules.spending_watch):
        values = wan | {"reported": _wan(facts.reported_fen)}
        yield Reason(Health.WATCH, "spending_unproved", _("月报说已支出 {reported} 万元，有发票的只有 {spent} 万元。"), values)


def _evidence(facts: Facts) -> Iterator[Reason]:
    if facts.findings_upheld:
        yield Reason(Health.TROUBLE, "evidence_misused", _("有 {count} 处佐证被认定重复使用。"), {"count": facts.findings_upheld})
    if facts.findings_open:
        yield Reason(Health.WATCH, "evidence_repeated", _("有 {count} 处佐证与别处重复，还没有核实。"), {"count": facts.findings_open})
    if facts.doubts:
        yield Reason(Health.WATCH, "evidence_doubtful", _("有 {count} 份佐证的日期或金额要核对。"), {"count": facts.doubts})


def _effect(facts: Facts, rules: SupervisionRules) -> Iterator[Reason]:
    for row in facts.effects:
        if row.share < rules.effect_share:
            values = {"name": row.name, "percent": round(row.share * 100)}
            yield Reason(Health.WATCH, "effect_short", _("指标“{name}”只达到目标的 {percent}%。"), values)


def _state(facts: Facts) -> Iterator[Reason]:
    if facts.is_rectifying:
        late = facts.rectifying_due is not None and facts.today > facts.rectifying_due
        due = facts.rectifying_due.isoformat() if facts.rectifying_due else "–"
        message = _("整改已超过期限 {due}。") if late else _("正在限期整改，期限 {due}。")
        yield Reason(Health.TROUBLE if late else Health.WATCH, "rectifying_late" if late else "rectifying", message, {"due": due})
    if facts.is_reworking:
        yield Reason(Health.TROUBLE, "acceptance_failed", _("验收没有通过，正在整改。"), {})
    if facts.orders_late:
        yield Reason(Health.TROUBLE, "order_late", _("有 {count} 张督办单超期没有答复。"), {"count": facts.orders_late})


def _wan(fen: int) -> str:
    return f"{fen / 1_000_000:g}"
