"""拨付 (payments): prepared by one person, checked by a second one, released by the finance bureau, paid by the bank or returned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from marketplace.domain.access import Role
from marketplace.domain.decisions import another_person, the_same_person
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.money import exact_text
from marketplace.domain.projects import ProjectState
from marketplace.domain.texts import check_text


class PaymentState(StrEnum):
    PREPARED = "prepared"
    CHECKED = "checked"
    RELEASED = "released"
    PAID = "paid"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class PaymentPart(StrEnum):
    """首笔, or what waits for acceptance."""

    FIRST = "first"
    REST = "rest"


_S = PaymentState
_OFFICES = (Role.BUREAU, Role.FINANCE, Role.ADMIN)
_FINANCE = (Role.FINANCE, Role.ADMIN)
# Of these the money is gone, or may go any moment.
UNDER_WAY = frozenset({_S.PREPARED, _S.CHECKED, _S.RELEASED})
STANDING = UNDER_WAY | {_S.PAID}
# The rest is paid for what was accepted.
ACCEPTED = frozenset({ProjectState.PASSED, ProjectState.FINISHED})


class Ordered(Protocol):
    proposed_by: int
    second_person: int | None
    released_by: int | None


def not_the_preparer(subject: Ordered) -> Refused | None:
    """Who prepared an order does not release it."""
    if subject.released_by == subject.proposed_by:
        return Refused("same_person", _("这笔拨付由您经办，须由另一人放款。"))
    return None


TABLE: Table = (
    Transition((_S.PREPARED,), "check", _S.CHECKED, _OFFICES, "复核", another_person),
    Transition((_S.PREPARED,), "reject", _S.CANCELLED, _OFFICES, "复核不同意", another_person),
    Transition((_S.PREPARED,), "take_back", _S.CANCELLED, _OFFICES, "撤回", the_same_person),
    Transition((_S.CHECKED,), "release", _S.RELEASED, _FINANCE, "放款", not_the_preparer),
    Transition((_S.CHECKED,), "refuse", _S.CANCELLED, _FINANCE, "不予放款", not_the_preparer),
    Transition((_S.RELEASED,), "pay", _S.PAID, _FINANCE, "登记到账"),
    Transition((_S.RELEASED,), "bounce", _S.RETURNED, _FINANCE, "登记退回"),
    Transition((_S.PAID,), "bounce", _S.RETURNED, _FINANCE, _("登记退汇")),
)
# What must be said in words.
WITH_REASON = frozenset({"reject", "take_back", "refuse", "bounce"})


@dataclass(frozen=True)
class Receipt:
    """What the bank says: the day and its number."""

    day: date | None = None
    reference: str = ""


def check_receipt(receipt: Receipt, *, today: date) -> Iterator[tuple[str, Refused]]:
    if receipt.day is None:
        yield "day", Refused("no_day", _("{label}没有填，请写成 2026-11-20。"), {"label": _("到账日期")})
    elif receipt.day > today:
        yield "day", Refused("day_in_future", _("日期还没有到。"))
    yield from check_text("reference", _("银行流水号"), receipt.reference, most=64, required=True)


def within_part(fen: int, planned_fen: int, standing_fen: int) -> Refused | None:
    """`standing_fen`: other orders of the same part that stand."""
    if fen <= 0:
        return Refused("no_amount", _("金额没有填，或者不是数。"))
    if fen + standing_fen <= planned_fen:
        return None
    values = {"planned": exact_text(planned_fen), "left": exact_text(planned_fen - standing_fen), "wanted": exact_text(fen)}
    return Refused("over_part", _("这一部分计划 {planned} 万元，还可以拨付 {left} 万元，不能拨付 {wanted} 万元。"), values)


def rest_may_be_paid(state: ProjectState, *, waits_for_central: bool, received_fen: int, going_fen: int, fen: int) -> Refused | None:
    """`received_fen`: central instalments that have come; `going_fen`: central money paid or ordered otherwise."""
    if state not in ACCEPTED:
        return Refused("not_accepted", _("项目还没有通过验收，余款要等验收通过后拨付。"))
    if waits_for_central and received_fen < going_fen + fen:
        values = {"received": exact_text(received_fen), "going": exact_text(going_fen), "wanted": exact_text(fen)}
        message = _("中央资金已到账 {received} 万元，已拨付和在办 {going} 万元，不够拨付这笔 {wanted} 万元，要等下一笔中央资金到账。")
        return Refused("waits_for_central", message, values)
    return None
