"""Groups of enterprises and what they want: made and filled by the centre; 拟改造方向 by the enterprise itself or the centre."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.diagnosis_lists import change_line, must_write_own, refuse_first
from marketplace.actions.history import record
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.access import Viewer
from marketplace.domain.groups import MOST_MEMBERS, GroupDraft, GroupKind, check
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.groups import EnterpriseGroup, GroupMember, OrientationWish, count_members, find_wish

NOUN = "group"
WISH = "orientation_wish"


def create(database: Database, draft: GroupDraft, *, viewer: Viewer, at: datetime) -> EnterpriseGroup:
    """A group; a chain begins with its leader as first member, a park with every enterprise that lies in it."""
    with database.writing() as session:
        must_hold(viewer, "manage", NOUN)
        values = _values(session, draft)
        _refuse_known_name(session, draft.name, None)
        group = EnterpriseGroup(created_by=viewer.account_id, at=at, **values)
        session.add(group)
        session.flush()
        members = [group.leader_id] if group.leader_id else []
        if group.kind == GroupKind.PARK:
            members = list(
                session.scalars(select(Enterprise.id).where(Enterprise.area == group.area).order_by(Enterprise.id).limit(MOST_MEMBERS))
            )
        session.add_all(GroupMember(group_id=group.id, enterprise_id=number, at=at) for number in members)
        session.flush()
        after = {**values, "kind": str(group.kind), "members": members}
        record(session, actor=actor_of(viewer), verb="create", noun=NOUN, noun_id=group.id, before=None, after=after, at=at)
        return group


def change(
    database: Database, group_id: int, draft: GroupDraft, *, viewer: Viewer, at: datetime, seen: int | None = None
) -> EnterpriseGroup:
    with database.writing() as session:
        must_hold(viewer, "manage", NOUN)
        group = session.get_one(EnterpriseGroup, group_id, with_for_update={"of": EnterpriseGroup})
        values = _values(session, draft)
        _refuse_known_name(session, draft.name, group_id)
        change_line(session, group, NOUN, values, viewer=viewer, at=at, seen=seen)
        return group


def add_member(database: Database, group_id: int, enterprise_key: str, *, viewer: Viewer, at: datetime) -> bool:
    """By public id or credit code. False: it was a member."""
    with database.writing() as session:
        must_hold(viewer, "manage", NOUN)
        group = session.get_one(EnterpriseGroup, group_id, with_for_update={"of": EnterpriseGroup})
        enterprise = find_enterprise(session, enterprise_key.strip()) if enterprise_key.strip() else None
        if enterprise is None:
            raise RefusedError(Refused("unknown_enterprise", _("没有找到这家企业。请填统一社会信用代码。")))
        if _member(session, group.id, enterprise.id) is not None:
            return False
        if count_members(session, [group.id]).get(group.id, 0) >= MOST_MEMBERS:
            raise RefusedError(Refused("too_many", _("一个群组最多 {most:,} 家企业。"), {"most": MOST_MEMBERS}))
        session.add(GroupMember(group_id=group.id, enterprise_id=enterprise.id, at=at))
        session.flush()
        after = {"enterprise_id": enterprise.id}
        record(session, actor=actor_of(viewer), verb="add_member", noun=NOUN, noun_id=group.id, before=None, after=after, at=at)
        return True


def remove_member(database: Database, group_id: int, enterprise_id: int, *, viewer: Viewer, at: datetime) -> bool:
    with database.writing() as session:
        must_hold(viewer, "manage", NOUN)
        group = session.get_one(EnterpriseGroup, group_id, with_for_update={"of": EnterpriseGroup})
        member = _member(session, group.id, enterprise_id)
        if member is None:
            return False
        if group.leader_id == enterprise_id:
            raise RefusedError(Refused("leader_stays", _("链主不能移出。请先把群组的链主改成另一家企业。")))
        session.delete(member)
        session.flush()
        before = {"enterprise_id": enterprise_id}
        record(session, actor=actor_of(viewer), verb="remove_member", noun=NOUN, noun_id=group.id, before=before, after=None, at=at)
        return True


def wish(
    database: Database, enterprise_id: int, orientations: list[str], *, note: str, viewer: Viewer, at: datetime, seen: int | None = None
) -> OrientationWish:
    """拟改造方向 of an enterprise: keys of the pilot, the most wanted first."""
    with database.writing() as session:
        enterprise = session.get_one(Enterprise, enterprise_id, with_for_update={"of": Enterprise})
        must_write_own(viewer, enterprise)
        if len(note) > 2_000:
            raise RefusedError(Refused("too_long", _("说明有 {length} 个字，最多 {most:,} 个。"), {"length": len(note), "most": 2_000}))
        values: dict[str, Any] = {"orientations": list(dict.fromkeys(orientations)), "note": note.strip()}
        found = find_wish(session, enterprise.id)
        if found is None:
            found = OrientationWish(enterprise_id=enterprise.id, account_id=viewer.account_id, at=at, **values)
            session.add(found)
            session.flush()
            record(session, actor=actor_of(viewer), verb="add", noun=WISH, noun_id=found.id, before=None, after=values, at=at)
        elif change_line(session, found, WISH, values, viewer=viewer, at=at, seen=seen):
            found.account_id, found.at = viewer.account_id, at
        return found


def _member(session: Session, group_id: int, enterprise_id: int) -> GroupMember | None:
    return session.scalar(select(GroupMember).where(GroupMember.group_id == group_id, GroupMember.enterprise_id == enterprise_id))


def _values(session: Session, draft: GroupDraft) -> dict[str, Any]:
    refuse_first(check(draft))
    leader = find_enterprise(session, draft.leader) if draft.kind == GroupKind.CHAIN else None
    if draft.kind == GroupKind.CHAIN and leader is None:
        raise RefusedError(Refused("unknown_leader", _("没有找到链主企业。请填统一社会信用代码。")))
    area = draft.area if draft.kind == GroupKind.PARK else ""
    return {"kind": GroupKind(draft.kind), "name": draft.name, "note": draft.note, "leader_id": leader.id if leader else None, "area": area}


def _refuse_known_name(session: Session, name: str, own: int | None) -> None:
    if session.scalar(select(EnterpriseGroup.id).where(EnterpriseGroup.name == name, EnterpriseGroup.id != (own or 0))) is not None:
        raise RefusedError(Refused("name_taken", _("已经有叫“{name}”的群组，请换一个名称。"), {"name": name}))
