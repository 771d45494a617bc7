"""记账单 (vouchers): what changes the ledger besides budgets and payments. One person writes it, another one confirms, then it is posted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.decisions import another_person, the_same_person
from marketplace.domain.fund_budgets import MOST_FEN
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text

LONGEST_WHY = 2000


class VoucherKind(StrEnum):
    """Money set aside for a project by hand, given back, received from above, come back from a unit; an entry undone."""

    COMMITMENT = "commitment"
    RELEASE = "release"
    RECEIPT = "receipt"
    RECOVERY = "recovery"
    REVERSAL = "reversal"


class VoucherState(StrEnum):
    PROPOSED = "proposed"
    POSTED = "posted"
    REJECTED = "rejected"
    TAKEN_BACK = "taken_back"


_S = VoucherState
_OFFICES = (Role.FINANCE, Role.BUREAU, Role.ADMIN)
TABLE: Table = (
    Transition((_S.PROPOSED,), "confirm", _S.POSTED, _OFFICES, "复核入账", another_person),
    Transition((_S.PROPOSED,), "reject", _S.REJECTED, _OFFICES, "复核不同意", another_person),
    Transition((_S.PROPOSED,), "take_back", _S.TAKEN_BACK, _OFFICES, "撤回", the_same_person),
)
OF_PROJECT = frozenset({VoucherKind.COMMITMENT, VoucherKind.RELEASE, VoucherKind.RECOVERY})


@dataclass(frozen=True)
class VoucherDraft:
    """`day`: when the money moved. `reference`: the bank's or the paper's number. `entry`: the entry that is undone."""

    kind: VoucherKind
    source: str = ""
    year: int = 0
    fen: int | None = None
    day: date | None = None
    reference: str = ""
    why: str = ""


def check(draft: VoucherDraft, *, today: date) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a voucher."""
    yield from check_text("why", _("事由"), draft.why, most=LONGEST_WHY, required=True)
    needs_paper = draft.kind in (VoucherKind.RECEIPT, VoucherKind.RECOVERY)
    yield from check_text("reference", _("凭证号"), draft.reference, most=64, required=needs_paper)
    if draft.day is None:
        yield "day", Refused("no_day", _("{label}没有填，请写成 2026-11-20。"), {"label": _("日期")})
    elif draft.day > today:
        yield "day", Refused("day_in_future", _("日期还没有到。"))
    if draft.kind == VoucherKind.REVERSAL:
        return
    if not draft.source:
        yield "source", Refused("no_source", _("请选资金来源。"))
    if draft.fen is None or draft.fen <= 0:
        yield "amount", Refused("no_amount", _("金额没有填，或者不是数。"))
    elif draft.fen > MOST_FEN:
        yield "amount", Refused("amount_too_large", _("金额超过 100 亿元，请核对单位是否为万元。"))
