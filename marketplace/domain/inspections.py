"""Inspections on site (现场抽查核验): projects drawn by lot weighted by risk, two inspectors or more, a checklist, photos, findings.

The draw can be repeated by anybody: from the seed and the number of a project comes a number between 0 and 1, whose logarithm is
divided by the weight; the smallest are drawn. A project with twice the weight is twice as likely to be first.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from marketplace.domain.access import Role
from marketplace.domain.inspection_rules import InspectionRules
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.rating_events import SEVERITIES
from marketplace.domain.texts import check_text


class InspectionState(StrEnum):
    """Planned; on site; reported by the inspectors; confirmed by the bureau, with all that follows; called off."""

    PLANNED = "planned"
    ON_SITE = "on_site"
    REPORTED = "reported"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class RectificationState(StrEnum):
    """Ordered; handed in; passed. What does not pass is ordered again with a new term."""

    ORDERED = "ordered"
    HANDED_IN = "handed_in"
    PASSED = "passed"


class Fault(StrEnum):
    """What an inspection may find: 不实, 进度滞后, 成效不佳, and whatever else."""

    UNTRUE = "untrue"
    BEHIND = "behind"
    POOR_EFFECT = "poor_effect"
    OTHER = "other"


CLEAN = "clean"
ANSWERS = ("yes", "no", "none")


@dataclass(frozen=True)
class Standing:
    """What the guards look at. `viewer` acts; `reporter` wrote the report."""

    inspectors: int = 0
    least_inspectors: int = 2
    unanswered: int = 0
    photos: int = 0
    least_photos: int = 0
    findings: int = 0
    severity: str = ""
    viewer: int | None = None
    reporter: int | None = None
    conflicts: int = 0


def enough_inspectors(subject: Standing) -> Refused | None:
    if subject.conflicts:
        return Refused("conflict", _("检查人员里有 {count} 人与项目单位或服务商有利害关系，请更换。"), {"count": subject.conflicts})
    if subject.inspectors < subject.least_inspectors:
        return Refused("too_few_inspectors", _("现场检查至少要 {least} 人。"), {"least": subject.least_inspectors})
    return None


def report_complete(subject: Standing) -> Refused | None:
    if (refused := enough_inspectors(subject)) is not None:
        return refused
    if subject.unanswered:
        return Refused("checklist_open", _("检查单还有 {count} 项没有填。"), {"count": subject.unanswered})
    if subject.photos < subject.least_photos:
        return Refused(
            "too_few_photos", _("现场照片至少 {least} 张，现在 {count} 张。"), {"least": subject.least_photos, "count": subject.photos}
        )
    if subject.severity not in SEVERITIES:
        return Refused("no_severity", _("请选结论：无问题、轻微、一般还是严重。"))
    if subject.severity != CLEAN and not subject.findings:
        return Refused("no_finding", _("结论不是“无问题”的，请至少写一条发现。"))
    if subject.severity == CLEAN and subject.findings:
        return Refused("clean_with_findings", _("已经写了发现，结论不能是“无问题”。"))
    return None


def another_person(subject: Standing) -> Refused | None:
    """Whoever wrote the report does not confirm it."""
    if subject.viewer is not None and subject.viewer == subject.reporter:
        return Refused("same_person", _("检查报告要由另一人确认。"))
    return None


_S, _R = InspectionState, RectificationState
_PLAN = (Role.MANAGER, Role.BUREAU, Role.ADMIN)
# An inspector acts as `expert`, whatever else the person is (actions/inspections.roles_on_inspection).
_INSPECT = (Role.EXPERT,)
_BUREAU = (Role.BUREAU, Role.ADMIN)

TABLE: Table = (
    Transition((_S.PLANNED,), "start", _S.ON_SITE, _INSPECT, "到场", enough_inspectors),
    Transition((_S.ON_SITE,), "report", _S.REPORTED, _INSPECT, "提交检查报告", report_complete),
    Transition((_S.REPORTED,), "send_back", _S.ON_SITE, _BUREAU, "退回补充"),
    Transition((_S.REPORTED,), "confirm", _S.CONFIRMED, _BUREAU, "确认", another_person),
    Transition((_S.PLANNED, _S.ON_SITE), "cancel", _S.CANCELLED, _PLAN, "取消"),
)
RECTIFICATION_TABLE: Table = (
    Transition((_R.ORDERED,), "hand_in", _R.HANDED_IN, (Role.ENTERPRISE, Role.ADMIN), "提交整改报告"),
    Transition((_R.HANDED_IN,), "reject", _R.ORDERED, _BUREAU, "整改不到位，再改"),
    Transition((_R.HANDED_IN,), "pass", _R.PASSED, _BUREAU, "整改通过"),
)
RUNNING = frozenset({_S.PLANNED, _S.ON_SITE, _S.REPORTED})
OPEN_RECTIFICATION = frozenset({_R.ORDERED, _R.HANDED_IN})


@dataclass(frozen=True)
class Risk:
    """What is known of a project when lots are drawn. Counts of the last twelve months."""

    key: str
    number: str
    late_reports: int = 0
    very_late_reports: int = 0
    amount_fen: int = 0
    flags: int = 0
    complaints: int = 0
    health: str = ""


@dataclass(frozen=True)
class Lot:
    """A project in a draw. `reasons`: {code, message, values, weight}; `ticket`: the smaller, the sooner it is drawn."""

    key: str
    number: str
    weight: float
    reasons: tuple[Mapping[str, Any], ...]
    ticket: float


def weigh(risk: Risk, rules: InspectionRules) -> tuple[float, tuple[Mapping[str, Any], ...]]:
    """The weight of a project, and what it is made of."""
    rows: list[tuple[str, str, dict[str, Any], float]] = []

    def add(code: str, message: str, values: dict[str, Any], weight: float) -> None:
        if weight > 0:
            rows.append((code, message, values, round(weight, 3)))

    add("base", _("每个项目都有的份"), {}, rules.base)
    add("late_reports", _("月报迟交 {count} 次"), {"count": risk.late_reports}, rules.late_report * risk.late_reports)
    add(
        "very_late_reports",
        _("月报严重逾期 {count} 次"),
        {"count": risk.very_late_reports},
        rules.very_late_report * risk.very_late_reports,
    )
    if risk.amount_fen >= rules.large_from_wan * 1_000_000:
        add("large_amount", _("支持金额 {wan} 万元，金额较大"), {"wan": f"{risk.amount_fen / 1_000_000:g}"}, rules.large_amount)
    add("flags", _("佐证重复或可疑 {count} 处"), {"count": risk.flags}, rules.flag * min(risk.flags, rules.most_flags))
    add("complaints", _("服务商被投诉属实 {count} 次"), {"count": risk.complaints}, rules.complaint * risk.complaints)
    add("health", _("健康状况：需关注"), {}, rules.watch if risk.health == "watch" else 0.0)
    add("health", _("健康状况：有问题"), {}, rules.trouble if risk.health == "trouble" else 0.0)
    reasons = tuple({"code": code, "message": message, "values": values, "weight": weight} for code, message, values, weight in rows)
    return sum(weight for _code, _message, _values, weight in rows), reasons


def ticket(seed: str, key: str, weight: float) -> float:
    """From seed and key a number in (0, 1), and from that an exponential waiting time of rate `weight`."""
    digest = int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8])
    return round(-math.log((digest + 1) / (2**64 + 1)) / weight, 12)


def draw(risks: Iterable[Risk], rules: InspectionRules, *, wanted: int, seed: str) -> tuple[list[Lot], list[Lot]]:
    """Those drawn, in order, and all lots. The same projects, rules and seed always give the same draw."""
    lots = []
    for risk in risks:
        weight, reasons = weigh(risk, rules)
        lots.append(Lot(risk.key, risk.number, weight, reasons, ticket(seed, risk.key, weight)))
    lots.sort(key=lambda lot: (lot.ticket, lot.key))
    return lots[:wanted], lots


@dataclass
class PlanDraft:
    """`announced`: the enterprise is told beforehand."""

    planned_on: date | None = None
    announced: bool = False
    inspectors: list[int] = field(default_factory=list)
    about: str = ""


def check_plan(draft: PlanDraft, rules: InspectionRules, today: date) -> Iterator[tuple[str, Refused]]:
    if draft.planned_on is None:
        yield "planned_on", Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": _("检查日期")})
    elif draft.planned_on < today:
        yield "planned_on", Refused("past", _("检查日期 {on} 已经过去。"), {"on": draft.planned_on.isoformat()})
    elif draft.planned_on > today + timedelta(days=366):
        yield "planned_on", Refused("too_far", _("检查日期离现在超过一年，请核对。"))
    if len(set(draft.inspectors)) < rules.least_inspectors:
        yield "inspectors", Refused("too_few_inspectors", _("现场检查至少要 {least} 人。"), {"least": rules.least_inspectors})
    yield from check_text("about", _("检查重点"), draft.about, most=2_000)


@dataclass(frozen=True)
class FindingDraft:
    """One thing that was found. `supplier_id`: whose work it is about; None: the enterprise's own."""

    fault: str = ""
    severity: str = ""
    text: str = ""
    supplier_id: int | None = None


@dataclass
class ReportDraft:
    """What the inspectors write. `answers`: item of the checklist → (yes, no, none; remark)."""

    answers: dict[str, tuple[str, str]] = field(default_factory=dict)
    summary: str = ""
    severity: str = ""
    findings: list[FindingDraft] = field(default_factory=list)


def check_report(draft: ReportDraft, rules: InspectionRules, suppliers: frozenset[int]) -> Iterator[tuple[str, Refused]]:
    """What may be kept while the inspectors are still on site; whether it is complete is the guard's question."""
    for key, (answer, remark) in draft.answers.items():
        if rules.item(key) is None or answer not in ("", *ANSWERS):
            yield key, Refused("unknown_answer", _("检查单里没有这一项。"))
        yield from check_text(key, _("说明"), remark, most=1_000)
    yield from check_text("summary", _("检查情况"), draft.summary, most=5_000)
    if draft.severity and draft.severity not in SEVERITIES:
        yield "severity", Refused("no_severity", _("请选结论：无问题、轻微、一般还是严重。"))
    worst = SEVERITIES.index(draft.severity) if draft.severity in SEVERITIES else len(SEVERITIES)
    for place, row in enumerate(draft.findings):
        name = f"finding-{place}"
        if row.fault not in list(Fault):
            yield name, Refused("no_fault", _("第 {n} 条发现没有选是哪一种。"), {"n": place + 1})
        if row.severity not in SEVERITIES[1:]:
            yield name, Refused("no_finding_severity", _("第 {n} 条发现没有选严重程度。"), {"n": place + 1})
        elif SEVERITIES.index(row.severity) > worst:
            yield "severity", Refused("milder_than_finding", _("总的结论不能比单条发现轻。"))
        if row.supplier_id is not None and row.supplier_id not in suppliers:
            yield name, Refused("unknown_supplier", _("这家服务商不在本项目里。"))
        yield from check_text(name, _("发现"), row.text, most=2_000, required=True)


def reaches(severity: str, least: str) -> bool:
    """Whether a severity is at least as bad as another."""
    return severity in SEVERITIES and SEVERITIES.index(severity) >= SEVERITIES.index(least)


def worst(severities: Sequence[str]) -> str:
    return max(severities, key=SEVERITIES.index, default=CLEAN)


@dataclass(frozen=True)
class PhotoStamp:
    """When and where a photo was taken: as the device says, or as the camera wrote it down, or as it was typed."""

    taken_at: datetime | None
    latitude: float | None = None
    longitude: float | None = None
    place: str = ""


def check_stamp(stamp: PhotoStamp, now: datetime) -> Iterator[tuple[str, Refused]]:
    if stamp.taken_at is None:
        yield "taken_at", Refused("no_moment", _("照片没有拍摄时间，请填写。"))
    elif stamp.taken_at > now + timedelta(minutes=10):
        yield "taken_at", Refused("future_moment", _("照片的拍摄时间还没有到，请核对。"))
    has_point = stamp.latitude is not None and stamp.longitude is not None
    if not has_point and not stamp.place.strip():
        yield "place", Refused("no_place", _("照片没有拍摄地点，请允许定位，或写明在哪里拍的。"))
    if has_point and not (-90 <= (stamp.latitude or 0) <= 90 and -180 <= (stamp.longitude or 0) <= 180):
        yield "place", Refused("bad_place", _("照片的经纬度不对。"))
    yield from check_text("place", _("拍摄地点"), stamp.place, most=200)
