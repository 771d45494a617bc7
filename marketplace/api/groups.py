"""Groups of enterprises (群组): a chain with its leader, or a park. What several members need stands on the page."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import joinedload

from marketplace.api.applications import UnitRef
from marketplace.api.introductions import unit_of
from marketplace.api.operation import Model, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.domain.access import Viewer, may
from marketplace.domain.groups import GroupKind
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.groups import EnterpriseGroup, GroupMember, OrientationWish, count_members, find_members
from marketplace.site import current_site


class GroupLine(Model):
    """A group. `size`: how many members it has."""

    id: str
    kind: GroupKind
    name: str
    area: str
    leader: UnitRef | None
    size: int


class GroupOut(GroupLine):
    """A group in full. An enterprise reads who leads it and itself, staff all members; `wishes`: orientation → how many want it."""

    note: str
    members: list[UnitRef]
    wishes: dict[str, int]


class GroupList(Model):
    items: list[GroupLine]
    next: str | None


def _readable(viewer: Viewer) -> ColumnElement[bool]:
    """Staff read every group, an enterprise those that it is in."""
    if may(viewer, "read", "group"):
        return true()
    return EnterpriseGroup.id.in_(select(GroupMember.group_id).where(GroupMember.enterprise_id.in_(viewer.enterprise_ids)))


@permission("read", "group")
@operation("/groups", summary="Groups: all for staff, an enterprise's own", tag="lists", query=ListQuery, answer=GroupList)
def list_groups(query: ListQuery) -> GroupList:
    rows = select(EnterpriseGroup).where(_readable(current_viewer())).options(joinedload(EnterpriseGroup.leader))
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, EnterpriseGroup, query)
        sizes = count_members(session, [row.id for row in part])
        return GroupList(items=[GroupLine(**_line(row, sizes.get(row.id, 0))) for row in part], next=following)


def _line(row: EnterpriseGroup, size: int) -> dict[str, Any]:
    same = {name: getattr(row, name) for name in ("kind", "name", "area")}
    return {**same, "id": row.public_id, "leader": unit_of(row.leader) if row.leader else None, "size": size}


@permission("read", "group")
@operation("/groups/<id>", summary="One group with its members", tag="lists", answer=GroupOut)
def read_group(id: str) -> GroupOut:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        row = session.scalar(select(EnterpriseGroup).where(EnterpriseGroup.public_id == id, _readable(viewer))) or not_found()
        members, all_ = find_members(session, row.id), may(viewer, "read", "group")
        # Members know that they are in one group with its leader; who else is in it is for the offices.
        known = [one for one in members if all_ or one.enterprise_id in viewer.enterprise_ids or one.enterprise_id == row.leader_id]
        wishes = select(OrientationWish.orientations).where(OrientationWish.enterprise_id.in_([one.enterprise_id for one in members]))
        counted = Counter(key for keys in session.scalars(wishes) for key in keys)
        units = [unit_of(one.enterprise) for one in known]
        return GroupOut(**_line(row, len(members)), note=row.note, members=units, wishes=dict(counted.most_common()))
