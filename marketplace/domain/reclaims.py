"""追回 (reclaims): money that was paid is to come back. One person proposes, another orders; it ends when all of it has come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.decisions import another_person, the_same_person
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.money import exact_text
from marketplace.domain.texts import check_text


class ReclaimState(StrEnum):
    PROPOSED = "proposed"
    ORDERED = "ordered"
    RECOVERED = "recovered"
    REJECTED = "rejected"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True)
class Coming:
    """What the last guard looks at: what has not come back yet."""

    outstanding_fen: int


def all_back(subject: Coming) -> Refused | None:
    if subject.outstanding_fen <= 0:
        return None
    return Refused("outstanding", _("还有 {amount} 万元没有收回。"), {"amount": exact_text(subject.outstanding_fen)})


_S = ReclaimState
_OFFICES = (Role.BUREAU, Role.FINANCE, Role.ADMIN)
TABLE: Table = (
    Transition((_S.PROPOSED,), "order", _S.ORDERED, _OFFICES, "复核，责令退回", another_person),
    Transition((_S.PROPOSED,), "reject", _S.REJECTED, _OFFICES, "复核不同意", another_person),
    Transition((_S.PROPOSED,), "take_back", _S.TAKEN_BACK, _OFFICES, "撤回", the_same_person),
    Transition((_S.ORDERED,), "recover", _S.RECOVERED, _OFFICES, "全部收回", all_back),
)


@dataclass(frozen=True)
class ReclaimDraft:
    fen: int | None
    due: date | None
    why: str


def check(draft: ReclaimDraft, *, paid_fen: int, today: date) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal). `paid_fen`: paid from this source and year, and not named for recovery yet."""
    yield from check_text("why", _("事由"), draft.why, most=2000, required=True)
    if draft.fen is None or draft.fen <= 0:
        yield "amount", Refused("no_amount", _("金额没有填，或者不是数。"))
    elif draft.fen > paid_fen:
        values = {"paid": exact_text(paid_fen), "wanted": exact_text(draft.fen)}
        yield "amount", Refused("over_paid", _("已拨付 {paid} 万元，不能追回 {wanted} 万元。"), values)
    if draft.due is None or draft.due < today:
        yield "due", Refused("no_due", _("请写明退回期限，不早于今天。"))
