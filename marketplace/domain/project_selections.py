"""Selection by the bureau (择优): how much a project may get, how much a guide can give, and what stands in the way of each decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.money import FEN_PER_WAN, exact_text
from marketplace.domain.project_rules import ClassRules
from marketplace.domain.projects import FUNDED, ProjectState
from marketplace.domain.texts import check_text

LONGEST_WHY = 2000
# What the bureau decides in selection and agreement, always by two persons.
EVENTS = ("show", "leave_out", "approve", "agree", "lapse", "send_to_city", "city_approves", "city_refuses")
CITY_EVENTS = ("city_approves", "city_refuses")
# Money of the guide is set aside for a project in these states.
COMMITTED = FUNDED | {ProjectState.SHOWN, ProjectState.APPROVED, ProjectState.AGREED}


@dataclass(frozen=True)
class Ceiling:
    """One bound of an amount: its code, the bound in fen, the sentence that explains it."""

    fen: int
    refused: Refused


def ceilings(rules: ClassRules, level: str, total_fen: int | None, asked_fen: int | None) -> Iterator[Ceiling]:
    """Every bound of what a project of this class can get, each with its reason."""
    if asked_fen is not None:
        yield Ceiling(asked_fen, Refused("above_asked", _("金额不能超过申请的 {most} 万元。"), {"most": exact_text(asked_fen)}))
    if rules.subsidy_share and total_fen is not None:
        share = Decimal(str(rules.subsidy_share))
        most = int((share * total_fen).to_integral_value(ROUND_FLOOR))
        values = {"share": f"{float(share * 100):g}", "most": exact_text(most)}
        yield Ceiling(most, Refused("above_share", _("金额不能超过总投资的 {share} %，即 {most} 万元。"), values))
    if cap := rules.cap_wan(level):
        most = int(Decimal(str(cap)) * FEN_PER_WAN)
        yield Ceiling(most, Refused("above_cap", _("这一层面的单个项目最多支持 {most} 万元。"), {"most": exact_text(most)}))


def most_fen(rules: ClassRules, level: str, total_fen: int | None, asked_fen: int | None) -> int | None:
    """The lowest of the bounds; None for no bound."""
    return min((one.fen for one in ceilings(rules, level, total_fen, asked_fen)), default=None)


def check_amount(
    rules: ClassRules, level: str, total_fen: int | None, asked_fen: int | None, amount_fen: int | None
) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of an amount; the tightest bound speaks."""
    if amount_fen is None or amount_fen <= 0:
        yield "amount", Refused("no_amount", _("支持金额还没有定。"))
        return
    if rules.subsidy_share and total_fen is None:
        yield "amount", Refused("no_total", _("项目没有写总投资，不能核定金额。"))
    broken = [one for one in ceilings(rules, level, total_fen, asked_fen) if amount_fen > one.fen]
    if broken:
        yield "amount", min(broken, key=lambda one: one.fen).refused


def over_budget(amount_fen: int, committed_fen: int, budget_fen: int | None) -> Refused | None:
    """`committed_fen`: what the guide's other projects have already."""
    if budget_fen is None or committed_fen + amount_fen <= budget_fen:
        return None
    values = {"left": exact_text(max(0, budget_fen - committed_fen)), "wanted": exact_text(amount_fen), "budget": exact_text(budget_fen)}
    return Refused("over_budget", _("指南的资金一共 {budget} 万元，还剩 {left} 万元，不够支持 {wanted} 万元。"), values)


def below_mark(total: float | None, mark: int) -> Refused | None:
    """What a panel has scored below the mark is not supported. `total`: None where there was no panel."""
    if total is None or total >= mark:
        return None
    return Refused("below_mark", _("联合评分 {total} 分，低于 {mark} 分，不能支持。"), {"total": f"{total:g}", "mark": mark})


def objection_upheld(count: int) -> Refused | None:
    """An objection that holds must be answered by leaving the project out."""
    return Refused("objection_upheld", _("有 {count} 条异议成立，不能认定，请按不予支持办理。"), {"count": count}) if count else None


def may_lapse(due: date | None, today: date) -> Refused | None:
    if due is None or today > due:
        return None
    return Refused("term_runs", _("签任务书的期限到 {until} 24:00，期满后才能这样办理。"), {"until": due.isoformat()})


@dataclass(frozen=True)
class SelectionDraft:
    """What a decision needs, as it is typed: the amount for `show`, the city's paper for what the city decided. `proposed_by`: the first of
    the two persons, once it takes effect."""

    why: str = ""
    amount_fen: int | None = None
    city_number: str = ""
    city_day: date | None = None
    proposed_by: int | None = None


def check(event: str, draft: SelectionDraft, today: date) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of what is typed; the bounds of an amount are asked where the project is known."""
    yield from check_text("why", _("理由"), draft.why, most=LONGEST_WHY, required=True)
    if event not in CITY_EVENTS:
        return
    yield from check_text("city_number", _("文号"), draft.city_number, most=64, required=True)
    if draft.city_day is None:
        yield "city_day", Refused("no_day", _("{label}没有填，请写成 2026-11-20。"), {"label": _("决定日期")})
    elif draft.city_day > today:
        yield "city_day", Refused("day_in_future", _("日期还没有到。"))
    if event == "city_approves" and (draft.amount_fen is None or draft.amount_fen <= 0):
        yield "amount", Refused("no_amount", _("支持金额还没有定。"))


@dataclass(frozen=True)
class Ranked:
    """One project in the ranking of a guide. `amount_fen`: decided, or else proposed by the panel."""

    place: int
    amount_fen: int
    running_fen: int
    fits: bool


def running(amounts: Iterable[int | None], budget_fen: int | None) -> Sequence[Ranked]:
    """In the order of the ranking: the sum so far, and whether the guide's money still reaches."""
    rows: list[Ranked] = []
    total = 0
    for place, amount in enumerate(amounts, 1):
        total += amount or 0
        rows.append(Ranked(place, amount or 0, total, budget_fen is None or total <= budget_fen))
    return rows
