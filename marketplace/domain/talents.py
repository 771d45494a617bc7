"""人才供需 (talents): people whom enterprises look for and whom universities and providers can send; contact goes through the centre."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class TalentSide(StrEnum):
    DEMAND = "demand"
    SUPPLY = "supply"


class TalentState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


SIDES: dict[TalentSide, str] = {TalentSide.DEMAND: _("人才需求"), TalentSide.SUPPLY: _("人才供给")}
_ANY = (Role.ENTERPRISE, Role.PROVIDER, Role.CENTRE, Role.ADMIN)
_S = TalentState
# Whose it is publishes and takes it down; so may the centre.
TABLE: Table = (
    Transition((_S.DRAFT, _S.WITHDRAWN), "publish", _S.PUBLISHED, _ANY, "发布人才信息"),
    Transition((_S.PUBLISHED,), "withdraw", _S.WITHDRAWN, _ANY, "撤下人才信息"),
)
MOST_PEOPLE = 10_000


@dataclass(frozen=True)
class TalentDraft:
    """`until`: the last day on which it is of use. `contact` is read by the centre and by whose it is, nobody else."""

    side: str = ""
    title: str = ""
    text: str = ""
    people: int | None = None
    until: date | None = None
    contact: str = ""


def check(draft: TalentDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be kept."""
    if draft.side not in tuple(TalentSide):
        yield "side", Refused("required", _("{label}没有填。"), {"label": _("类别")})
    yield from check_text("title", _("标题"), draft.title, most=200, required=True)
    yield from check_text("text", _("内容"), draft.text, most=10_000, required=True)
    yield from check_text("contact", _("联系方式"), draft.contact, most=500, required=True)
    if draft.people is None or not 1 <= draft.people <= MOST_PEOPLE:
        yield "people", Refused("bad_people", _("人数要在 1 到 {most} 之间。"), {"most": MOST_PEOPLE})
    if draft.until is None:
        yield "until", Refused("no_day", _("{label}没有填，请写成 2026-11-20。"), {"label": _("有效期至")})


def is_current(state: TalentState, until: date, today: date) -> bool:
    """Whether everybody reads it today."""
    return state == TalentState.PUBLISHED and today <= until
