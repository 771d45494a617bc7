"""Supervision (督办): an order about a project, with a term; answered by who carries it out, closed by an office, escalated when late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import Calendar, days_left


class OrderState(StrEnum):
    """Issued; answered; closed. An answer that does not do is sent back."""

    ISSUED = "issued"
    ANSWERED = "answered"
    CLOSED = "closed"


_S = OrderState
_OFFICE = (Role.MANAGER, Role.BUREAU, Role.ADMIN)
TABLE: Table = (
    Transition((_S.ISSUED,), "answer", _S.ANSWERED, (Role.ENTERPRISE, Role.ADMIN), "答复"),
    Transition((_S.ANSWERED,), "send_back", _S.ISSUED, _OFFICE, "答复不够，退回"),
    Transition((_S.ANSWERED,), "close", _S.CLOSED, _OFFICE, "办结"),
    Transition((_S.ISSUED,), "withdraw", _S.CLOSED, _OFFICE, "撤销"),
)
OPEN = frozenset({_S.ISSUED, _S.ANSWERED})
# An order that is late goes to the manager, and then to the bureau.
LEVELS: tuple[Role | None, ...] = (None, Role.MANAGER, Role.BUREAU)


@dataclass
class OrderDraft:
    text: str = ""
    due: date | None = None


def check(draft: OrderDraft, today: date) -> Iterator[tuple[str, Refused]]:
    yield from check_text("text", _("督办事项"), draft.text, most=5_000, required=True)
    if draft.due is None:
        yield "due", Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": _("答复期限")})
    elif draft.due < today:
        yield "due", Refused("past", _("答复期限 {due} 已经过去。"), {"due": draft.due.isoformat()})


def level_of(due: date, today: date, calendar: Calendar, *, escalate_days: int) -> int:
    """How high a late order stands: 0 in time, 1 with the manager, 2 with the bureau."""
    if today <= due:
        return 0
    return 2 if -days_left(today, due, calendar) > escalate_days else 1
