"""A group of enterprises (群组): a chain leader with those around it (链主及上下游), or a park. Planned for together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_text

MOST_MEMBERS = 2_000
# A need counts as shared once so many of the members have it.
SHARED_BY = 2


class GroupKind(StrEnum):
    CHAIN = "chain"
    PARK = "park"


KIND_WORDS = {GroupKind.CHAIN: _("产业链"), GroupKind.PARK: _("园区")}


@dataclass
class GroupDraft:
    """A group as it is typed. A chain has a leader (the enterprise's public id), a park an area (a key of the pilot)."""

    kind: str = ""
    name: str = ""
    note: str = ""
    leader: str = ""
    area: str = ""


def check(draft: GroupDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    if draft.kind not in tuple(GroupKind):
        yield "kind", Refused("required", _("群组类型没有选：产业链或园区。"))
    yield from check_text("name", _("群组名称"), draft.name, most=100, required=True)
    yield from check_text("note", _("说明"), draft.note, most=2_000)
    if draft.kind == GroupKind.CHAIN and not draft.leader:
        yield "leader", Refused("required", _("产业链要写明链主企业。"))
    if draft.kind == GroupKind.PARK and not draft.area:
        yield "area", Refused("required", _("园区没有选。"))
