"""Acceptance of a project (验收): rounds of self-evaluation, formal review, acceptance with experts, and the bureau's decision.

What was attained of an indicator is the share of the way from its baseline to its target: 1 at the target, more beyond it, 0 where
nothing changed or it got worse. A target that asks to keep a level (不低于, 不高于 the baseline) is attained or it is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.project_plans import MOST_FIGURE, Direction
from marketplace.domain.rating_events import ASPECTS
from marketplace.domain.texts import check_text


class AcceptanceState(StrEnum):
    """One round: being written, in the formal review (or sent back by it), in acceptance, before the bureau, and how it ended."""

    DRAFT = "draft"
    FORMAL_REVIEW = "formal_review"
    RETURNED = "returned"
    ACCEPTING = "accepting"
    DECIDING = "deciding"
    PASSED = "passed"
    FAILED = "failed"
    CLOSED = "closed"


class Verdict(StrEnum):
    """What the report says: passed, to be put right and accepted again, failed."""

    PASS = "pass"
    REWORK = "rework"
    FAIL = "fail"


_S = AcceptanceState
WRITABLE = frozenset({_S.DRAFT, _S.RETURNED})
RUNNING = frozenset({_S.DRAFT, _S.RETURNED, _S.FORMAL_REVIEW, _S.ACCEPTING, _S.DECIDING})
# What the park or street says of the papers, each yes or no.
CHECKS: dict[str, str] = {"complete": _("完整"), "true": _("真实"), "valid": _("有效")}
ASPECT_WORDS: dict[str, str] = {"quality": _("质量"), "schedule": _("进度"), "service": _("服务"), "attitude": _("态度")}
VERDICT_WORDS: dict[str, str] = {Verdict.PASS: _("通过"), Verdict.REWORK: _("整改后复验"), Verdict.FAIL: _("不通过")}
EVENTS = ("pass", "fail", "terminate")
EVENT_WORDS: dict[str, str] = {"pass": _("审定通过"), "fail": _("审定不通过，限期整改"), "terminate": _("终止项目")}
MOST_REWORK_DAYS = 365

_ENTERPRISE = (Role.ENTERPRISE,)
_AREA = (Role.AREA, Role.ADMIN)
_MANAGER = (Role.MANAGER, Role.ADMIN)
_BUREAU = (Role.BUREAU, Role.ADMIN)

# What makes an event possible stands in the project's own table, which moves in the same transaction.
TABLE: Table = (
    Transition((_S.DRAFT, _S.RETURNED), "request", _S.FORMAL_REVIEW, _ENTERPRISE, "申请验收"),
    Transition((_S.FORMAL_REVIEW,), "return_form", _S.RETURNED, _AREA, "退回验收材料"),
    Transition((_S.FORMAL_REVIEW,), "pass_form", _S.ACCEPTING, _AREA, "形式审查通过"),
    Transition((_S.ACCEPTING,), "report_acceptance", _S.DECIDING, _MANAGER, "提交验收报告"),
    Transition((_S.DECIDING,), "pass", _S.PASSED, _BUREAU, "审定通过"),
    Transition((_S.DECIDING,), "fail", _S.FAILED, _BUREAU, "审定不通过，限期整改"),
    Transition(tuple(_S(state) for state in _S if state in RUNNING), "terminate", _S.CLOSED, _BUREAU, "项目终止"),
)


@dataclass(frozen=True)
class Target:
    """An indicator as the plan has it."""

    key: str
    name: str
    unit: str
    direction: str
    baseline: float
    target: float
    weight: int


def attainment(direction: str, baseline: float, target: float, measured: float) -> float:
    """The share of what was aimed at, at least 0; see the head of this file."""
    sign = 1 if direction == Direction.UP else -1
    way, gone = sign * (target - baseline), sign * (measured - baseline)
    if way > 0:
        return max(0.0, gone / way)
    return 1.0 if sign * (measured - target) >= 0 else 0.0


def attained(targets: Iterable[Target], measured: Mapping[str, float]) -> float | None:
    """Of all indicators together, by their weights; more than was aimed at in one makes up for no other. None without indicators."""
    rows = [(row.weight, min(1.0, attainment(row.direction, row.baseline, row.target, measured[row.key]))) for row in targets]
    total = sum(weight for weight, _share in rows)
    return sum(weight * share for weight, share in rows) / total if total else None


@dataclass(frozen=True)
class Measure:
    """A measured value with what it rests on."""

    value: float | None = None
    note: str = ""


@dataclass
class RequestDraft:
    """What the enterprise writes. `measures`: indicator → value; `stars`: supplier → aspect → 1–5; `rework`: what was put right."""

    finished_on: date | None = None
    summary: str = ""
    rework: str = ""
    measures: dict[str, Measure] = field(default_factory=dict)
    stars: dict[str, dict[str, int | None]] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What a request must hold: the indicators, the suppliers with their names, the kinds of papers and those that are there."""

    targets: tuple[Target, ...] = ()
    suppliers: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    attached: Collection[str] = ()
    starts: date | None = None
    again: bool = False
    changes_open: int = 0


def check_request(draft: RequestDraft, wanted: Wanted, today: date) -> Iterator[tuple[str, Refused]]:
    """What cannot be stored at all; half a draft can."""
    yield from check_text("summary", _("成效自评总结"), draft.summary, most=10_000)
    yield from check_text("rework", _("整改情况"), draft.rework, most=5_000)
    if draft.finished_on is not None and draft.finished_on > today:
        yield "finished_on", Refused("future", _("发生日期 {on} 还没有到。"), {"on": draft.finished_on.isoformat()})
    elif draft.finished_on is not None and wanted.starts is not None and draft.finished_on < wanted.starts:
        values = {"ends": draft.finished_on.isoformat(), "starts": wanted.starts.isoformat()}
        yield "finished_on", Refused("ends_before_start", _("完工日期 {ends} 早于开工日期 {starts}。"), values)
    yield from check_measures(draft.measures, wanted.targets, required=False)
    for key, given in draft.stars.items():
        if key not in wanted.suppliers or any(value is not None and not 1 <= value <= 5 for value in given.values()):
            yield f"stars_{key}", Refused("no_rating", _("请给 1 到 5 分。"))
    for key, remark in draft.remarks.items():
        yield from check_text(f"remark_{key}", _("说明"), remark, most=500)


def check_measures(measures: Mapping[str, Measure], targets: Sequence[Target], *, required: bool) -> Iterator[tuple[str, Refused]]:
    for row in targets:
        found = measures.get(row.key, Measure())
        yield from check_text(f"note_{row.key}", _("依据"), found.note, most=2_000)
        if found.value is None and required:
            yield f"measured_{row.key}", Refused("not_measured", _("“{indicator}”的实测值没有填。"), {"indicator": row.name})
        elif found.value is not None and not abs(found.value) <= MOST_FIGURE:
            yield (
                f"measured_{row.key}",
                Refused("not_a_number", _("{label}应是数字，现在是“{value}”。"), {"label": row.name, "value": found.value}),
            )


def missing(draft: RequestDraft, wanted: Wanted) -> list[tuple[str, Refused]]:
    """What a request still lacks."""
    found: list[tuple[str, Refused]] = []
    if draft.finished_on is None:
        found.append(("finished_on", Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": _("完工日期")})))
    found += check_text("summary", _("成效自评总结"), draft.summary, most=10_000, required=True)
    if wanted.again:
        found += check_text("rework", _("整改情况"), draft.rework, most=5_000, required=True)
    found += check_measures(draft.measures, wanted.targets, required=True)
    for key, name in wanted.suppliers.items():
        if not any(draft.stars.get(key, {}).values()):
            found.append(
                (f"stars_{key}", Refused("supplier_not_rated", _("还没有评价服务商 {name}，四个方面至少评一个。"), {"name": name}))
            )
    for key, name in wanted.documents.items():
        if key not in wanted.attached:
            found.append((f"file_{key}", Refused("document_missing", _("还缺材料：{name}。"), {"name": name})))
    if wanted.changes_open:
        found.append(("changes", Refused("changes_open", _("还有变更申请没有结论，办完后再申请验收。"))))
    return found


@dataclass
class FormDraft:
    """The formal review: check → yes or no with a remark; `why`: the reason where it goes back."""

    answers: dict[str, tuple[str, str]] = field(default_factory=dict)
    why: str = ""

    @property
    def passes(self) -> bool:
        return all(self.answers.get(key, ("", ""))[0] == "yes" for key in CHECKS)


def check_form(draft: FormDraft) -> Iterator[tuple[str, Refused]]:
    for key, label in CHECKS.items():
        answer, remark = draft.answers.get(key, ("", ""))
        if answer not in ("yes", "no"):
            yield f"check_{key}", Refused("check_missing", _("“{label}”还没有写是或否。"), {"label": label})
        elif answer == "no":
            # Whoever has to mend it must know what.
            yield from check_text(f"remark_{key}", _("说明"), remark, most=2_000, required=True)
    yield from check_text("why", _("理由"), draft.why, most=2_000, required=not draft.passes)


@dataclass
class ReportDraft:
    """The acceptance report: what was measured, the verdict, the text."""

    measures: dict[str, Measure] = field(default_factory=dict)
    verdict: str = ""
    text: str = ""
    held_on: date | None = None


@dataclass(frozen=True)
class ReportRules:
    """Of the pilot: how many experts, and from which share of the targets on a project may pass."""

    experts: int
    share: float


def check_report(
    draft: ReportDraft, targets: Sequence[Target], *, experts: int, today: date, finished: date | None, rules: ReportRules
) -> Iterator[tuple[str, Refused]]:
    faults = list(check_measures(draft.measures, targets, required=True))
    yield from faults
    yield from check_text("text", _("验收报告"), draft.text, most=20_000, required=True)
    if draft.held_on is None:
        yield "held_on", Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": _("验收日期")})
    elif draft.held_on > today:
        yield "held_on", Refused("future", _("发生日期 {on} 还没有到。"), {"on": draft.held_on.isoformat()})
    elif finished is not None and draft.held_on < finished:
        yield "held_on", Refused("accepted_before_finished", _("验收日期早于完工日期。"))
    if experts < rules.experts:
        yield (
            "experts",
            Refused("too_few_accepting", _("验收至少要 {least} 名专家，现在 {count} 名。"), {"least": rules.experts, "count": experts}),
        )
    if draft.verdict not in tuple(Verdict):
        yield "verdict", Refused("no_verdict", _("验收结论没有选。"))
    elif draft.verdict == Verdict.PASS and not faults:
        share = attained(targets, {key: one.value for key, one in draft.measures.items() if one.value is not None})
        if share is not None and round(share, 6) < rules.share:
            values = {"share": round(share * 100, 1), "least": round(rules.share * 100)}
            yield "verdict", Refused("below_target", _("指标合计只达到目标的 {share} %，不到 {least} %，不能验收通过。"), values)


def conflict(name: str, units: Collection[str], own: Collection[str]) -> Refused | None:
    """An expert of the applicant, of a member or of a supplier may not judge its work."""
    if set(units) & set(own):
        return Refused("expert_conflict", _("{name} 与项目单位、成员企业或服务商有利害关系，不能参加验收，请换一名专家。"), {"name": name})
    return None


@dataclass(frozen=True)
class DecisionDraft:
    """What the bureau decides; `due`: until when it is to be put right, where it failed."""

    event: str = ""
    why: str = ""
    due: date | None = None


def check_decision(draft: DecisionDraft, today: date) -> Iterator[tuple[str, Refused]]:
    if draft.event not in EVENTS:
        yield "event", Refused("unknown_event", _("没有这种决定。"))
    yield from check_text("why", _("理由"), draft.why, most=2_000, required=True)
    if draft.event == "fail":
        if draft.due is None:
            yield "due", Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": _("整改期限")})
        elif not today < draft.due <= today + timedelta(days=MOST_REWORK_DAYS):
            yield "due", Refused("due_out_of_range", _("整改期限要晚于今天，最多 {most} 天。"), {"most": MOST_REWORK_DAYS})


def result_of(event: str, number: int) -> str:
    """What the decision on the n-th round says of the suppliers' work: the results of domain/rating_events."""
    if event == "pass":
        return "passed" if number == 1 else "rectified"
    return "failed"


def mean_stars(given: Mapping[str, int | None]) -> float | None:
    """Of the aspects that the enterprise rated."""
    values = [value for key in ASPECTS if (value := given.get(key)) is not None]
    return sum(values) / len(values) if values else None
