"""Objections to a public notice: anybody may raise one, staff look into it and say why it holds or not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text

SHORTEST_TEXT, LONGEST_TEXT = 10, 2000


class ObjectionState(StrEnum):
    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


_STAFF = (Role.MANAGER, Role.BUREAU, Role.ADMIN)

TABLE: Table = (
    Transition((ObjectionState.OPEN,), "uphold", ObjectionState.UPHELD, _STAFF, "异议成立"),
    Transition((ObjectionState.OPEN,), "dismiss", ObjectionState.DISMISSED, _STAFF, "异议不成立"),
)


def check(name: str, contact: str, text: str) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal). An objection is looked into with whoever raised it, so it has a name and a way to answer."""
    yield from check_text("name", _("姓名或单位名称"), name, most=100, required=True)
    yield from check_text("contact", _("联系方式"), contact, most=100, required=True)
    if len(text.strip()) < SHORTEST_TEXT:
        yield "text", Refused("too_short", _("异议内容至少 {least} 个字，请写明事实和依据。"), {"least": SHORTEST_TEXT})
    yield from check_text("text", _("异议内容"), text, most=LONGEST_TEXT)


def why_not_object(publicity_until: date | None, today: date) -> Refused | None:
    """Objections are taken while the notice runs, on its last day until 24:00."""
    if publicity_until is not None and today <= publicity_until:
        return None
    return Refused("publicity_over", _("公示期已过，不再受理异议。其他问题请联系区工信局。"))
