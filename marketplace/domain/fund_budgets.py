"""预算 (budgets of the funds): so much of a source for a year, with the targets it is to reach; proposed by one person, approved by another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.decisions import another_person, the_same_person
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.money import FEN_PER_WAN
from marketplace.domain.texts import check_text

# Nobody's budget for one year is larger: a slip of the keyboard is.
MOST_FEN = 1_000_000 * FEN_PER_WAN
MOST_TARGETS = 20
LONGEST_NOTE = 2000


class BudgetState(StrEnum):
    DRAFT = "draft"
    PROPOSED = "proposed"
    EFFECTIVE = "effective"
    DROPPED = "dropped"


_S = BudgetState
_OFFICES = (Role.FINANCE, Role.BUREAU, Role.ADMIN)
# Roles of the money steps: the bureau and the finance bureau.
TABLE: Table = (
    Transition((_S.DRAFT,), "propose", _S.PROPOSED, _OFFICES, "报请复核"),
    Transition((_S.PROPOSED,), "approve", _S.EFFECTIVE, _OFFICES, "复核下达", another_person),
    Transition((_S.PROPOSED,), "return", _S.DRAFT, _OFFICES, "退回", another_person),
    Transition((_S.PROPOSED,), "take_back", _S.DRAFT, _OFFICES, "撤回", the_same_person),
    Transition((_S.DRAFT,), "drop", _S.DROPPED, _OFFICES, "作废"),
)


@dataclass(frozen=True)
class TargetDraft:
    """What the money is to reach, with a figure."""

    name: str
    unit: str
    target: float


@dataclass(frozen=True)
class BudgetDraft:
    """`fen`: positive adds to the year's budget of the source, negative lowers it. `document`: the paper that says so."""

    source: str
    year: int
    fen: int | None
    document: str
    note: str = ""
    targets: Sequence[TargetDraft] = ()


def check(draft: BudgetDraft, *, first_year: int, last_year: int) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a budget."""
    if not draft.source:
        yield "source", Refused("no_source", _("请选资金来源。"))
    if not first_year <= draft.year <= last_year:
        yield "year", Refused("year_outside", _("年度要在 {first} 至 {last} 年之间。"), {"first": first_year, "last": last_year})
    if not draft.fen:
        yield "amount", Refused("no_amount", _("金额没有填，或者不是数。"))
    elif abs(draft.fen) > MOST_FEN:
        yield "amount", Refused("amount_too_large", _("金额超过 100 亿元，请核对单位是否为万元。"))
    yield from check_text("document", _("文号"), draft.document, most=64, required=True)
    yield from check_text("note", _("说明"), draft.note, most=LONGEST_NOTE, required=False)
    if len(draft.targets) > MOST_TARGETS:
        yield "targets", Refused("too_many_targets", _("绩效目标最多 {most} 条。"), {"most": MOST_TARGETS})
    if draft.fen and draft.fen > 0 and not draft.targets:
        yield "targets", Refused("no_targets", _("请至少写一条绩效目标。"))
    for row in draft.targets:
        yield from check_text("targets", _("绩效目标"), row.name, most=100, required=True)
        if row.target <= 0:
            yield "targets", Refused("no_target", _("绩效目标“{name}”没有写目标值。"), {"name": row.name})


def attainment(target: float, actual: float | None) -> float | None:
    """How much of a target was reached, 0–… as a share; None where nobody has looked."""
    return None if actual is None or not target else actual / target
