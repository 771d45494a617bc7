"""绩效评价 (performance evaluation): one round from its opening to the paper, and how its lines are scored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Protocol

from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.performance_rules import Comparison, PerformanceRules, Scoring, Subject, Unit
from marketplace.domain.texts import check_text

# Two figures that differ by less are the same.
_SAME = 1e-9
LONGEST = 2_000
LONGEST_SUMMARY = 20_000
# No figure of a pilot is larger: a slip of the keyboard is.
MOST = 1e9


class RoundKind(StrEnum):
    """The self-evaluation of a year (年度自评), or the final evaluation (终期评价)."""

    ANNUAL = "annual"
    FINAL = "final"


class RoundState(StrEnum):
    """Drafted: its targets may still be set. Sent back: filled again. Issued: frozen."""

    DRAFTED = "drafted"
    FILLING = "filling"
    REVIEW = "review"
    SENT_BACK = "sent_back"
    ISSUED = "issued"
    CANCELLED = "cancelled"


class Scored(Protocol):
    """A line: what it weighs, what it is to reach, what was found."""

    @property
    def weight(self) -> float: ...
    @property
    def target(self) -> float: ...
    @property
    def comparison(self) -> str: ...
    @property
    def scoring(self) -> str: ...
    @property
    def floor(self) -> float: ...
    @property
    def value(self) -> float | None: ...


@dataclass(frozen=True)
class Facts:
    """What the guards look at. `unexplained`, `unproved`: public ids of lines that fall short without a reason, or are typed without a file.
    `workers`: whoever filled in or handed in."""

    unexplained: Sequence[str] = ()
    unproved: Sequence[str] = ()
    handed_in_by: int | None = None
    workers: Collection[int] = ()
    person: int | None = None


def complete(facts: Facts) -> Refused | None:
    """An evaluation is not closed with gaps that nobody has explained, nor with typed figures that nothing proves."""
    if facts.unexplained:
        message = _("还有 {count} 条指标没有数值或没有达到目标，又没有写原因。请逐条写明后再办理。")
        return Refused("gaps_unexplained", message, {"count": len(facts.unexplained)})
    if facts.unproved:
        return Refused("no_evidence", _("还有 {count} 条手工填写的指标没有上传佐证。"), {"count": len(facts.unproved)})
    return None


def another_person(facts: Facts) -> Refused | None:
    """Whoever filled in a figure or handed it in does not review it."""
    if facts.person is not None and facts.person in {*facts.workers, facts.handed_in_by}:
        return Refused("same_person", _("您填写或提交过这次评价，须由另一人审核。"))
    return None


def the_same_person(facts: Facts) -> Refused | None:
    if facts.person != facts.handed_in_by:
        return Refused("not_own", _("这次评价不是您提交的，不能由您撤回。"))
    return None


def _issuable(facts: Facts) -> Refused | None:
    return another_person(facts) or complete(facts)


_S = RoundState
_BUREAU = (Role.BUREAU, Role.ADMIN)
_FILLERS = (Role.MANAGER, Role.AREA, Role.BUREAU, Role.ADMIN)
TABLE: Table = (
    Transition((_S.DRAFTED,), "start", _S.FILLING, _BUREAU, "开始填报"),
    Transition((_S.FILLING, _S.SENT_BACK), "hand_in", _S.REVIEW, _FILLERS, "提交审核", complete),
    Transition((_S.REVIEW,), "take_back", _S.FILLING, _FILLERS, "撤回", the_same_person),
    Transition((_S.REVIEW,), "send_back", _S.SENT_BACK, _BUREAU, "退回修改", another_person),
    Transition((_S.REVIEW,), "issue", _S.ISSUED, _BUREAU, "审核通过并印发", _issuable),
    Transition((_S.DRAFTED, _S.FILLING, _S.SENT_BACK), "cancel", _S.CANCELLED, _BUREAU, "取消"),
)
FILLABLE = frozenset({_S.FILLING, _S.SENT_BACK})
# What is over: nothing of it changes any more.
OVER = frozenset({_S.ISSUED, _S.CANCELLED})
NEEDS_REASON = frozenset({"send_back", "cancel"})


@dataclass(frozen=True)
class RoundDraft:
    """`areas`: of an evaluation of areas, one round each. `as_of`: the day whose figures count; `due`: until when it is to be handed in."""

    kind: str = RoundKind.ANNUAL
    year: int = 0
    subject: str = Subject.PILOT
    areas: tuple[str, ...] = ()
    as_of: date | None = None
    due: date | None = None


def check(draft: RoundDraft, *, first_year: int, last_year: int) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a round that is to be opened."""
    if draft.kind not in tuple(RoundKind):
        yield "kind", Refused("required", _("{label}没有填。"), {"label": _("种类")})
    if draft.subject not in tuple(Subject):
        yield "subject", Refused("required", _("{label}没有填。"), {"label": _("评价对象")})
    if not first_year <= draft.year <= last_year:
        yield "year", Refused("year_outside", _("年度要在 {first} 至 {last} 年之间。"), {"first": first_year, "last": last_year})
    if draft.subject == Subject.AREA and not draft.areas:
        yield "areas", Refused("no_area", _("请至少选一个开发区或街镇。"))
    for name, label, day in (("as_of", _("数据截至"), draft.as_of), ("due", _("填报期限"), draft.due)):
        if day is None:
            yield name, Refused("no_day", _("{label}没有填，请写成 2026-11-20。"), {"label": label})


def check_entry(value: float | None, explanation: str, unit: str) -> Iterator[tuple[str, Refused]]:
    """What is typed for a line: a figure within what its unit allows, and a reason that is not too long."""
    if value is not None:
        low, high = {Unit.SHARE: (0.0, 1.0), Unit.MARK: (1.0, 5.0), Unit.CHANGE: (-1.0, 100.0)}.get(Unit(unit), (0.0, MOST))
        if not low <= value <= high:
            message = _("数值要在 {low} 至 {high} 之间，百分数请带百分号，如 80 %。")
            yield "value", Refused("value_outside", message, {"low": f"{low:g}", "high": f"{high:g}"})
    yield from check_text("explanation", _("原因和措施"), explanation, most=LONGEST, required=False)


def attainment(value: float | None, target: float, comparison: str) -> float | None:
    """How much of a target was reached, 0–1; None where there is no figure. A fall that is wanted is a negative target."""
    if value is None:
        return None
    if comparison == Comparison.LEAST:
        if value >= target - _SAME:
            return 1.0
        return max(0.0, value / target) if target > 0 else 0.0
    if value <= target + _SAME:
        return 1.0
    if target < 0:
        return max(0.0, value / target)
    return target / value if target > 0 else 0.0


def reached(line: Scored) -> bool:
    share = attainment(line.value, line.target, line.comparison)
    return share is not None and share >= 1.0


def gap(line: Scored) -> float | None:
    """By how much a line falls short, positive; None where it does not, or where nothing is known."""
    if line.value is None or reached(line):
        return None
    return line.target - line.value if line.comparison == Comparison.LEAST else line.value - line.target


def score_of(line: Scored) -> float:
    """The points of a line. Without a figure there are none."""
    share = attainment(line.value, line.target, line.comparison)
    if share is None or share < line.floor or (line.scoring == Scoring.WHOLE and share < 1.0):
        return 0.0
    return rounded(line.weight * share)


def rounded(points: float) -> float:
    """To hundredths, halves up, as people do it."""
    return float(Decimal(repr(round(points, 9))).quantize(Decimal("0.01"), ROUND_HALF_UP))


def total_of(lines: Iterable[Scored]) -> float:
    return rounded(sum(score_of(one) for one in lines))


def shares_of_weight(weight: float, count: int) -> list[float]:
    """A weight in hundredths for `count` lines: the last one takes what is left, so that they make the whole."""
    each = rounded(weight / count)
    return [each] * (count - 1) + [rounded(weight - each * (count - 1))]


def roles_on(viewer: Viewer, subject: str, area: str) -> frozenset[Role]:
    """Which of a person's roles count for one round: a park's or street's officer acts on its own area's only, and an area's round is not
    the general manager's to fill alone – it supports."""
    held = set(viewer.roles)
    if subject != Subject.AREA or area not in viewer.areas:
        held.discard(Role.AREA)
    return frozenset(held)


def may_fill(viewer: Viewer, subject: str, area: str) -> bool:
    return bool(roles_on(viewer, subject, area) & set(_FILLERS))


def grade_of(rules: PerformanceRules, total: float) -> str:
    return rules.grade(total).key
