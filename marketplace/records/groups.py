"""Groups of enterprises (a chain with its leader, a park) and their members; the orientations that an enterprise wants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.groups import GroupKind
from marketplace.records.columns import PrimaryKey, PublicId, Record, Strings, UtcDateTime, stored
from marketplace.records.enterprises import Enterprise


class EnterpriseGroup(Record):
    """`leader_id`: of a chain; `area`: the pilot's key of a park."""

    __tablename__ = "enterprise_groups"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    kind: Mapped[GroupKind] = mapped_column(stored(GroupKind))
    name: Mapped[str] = mapped_column(String(100), unique=True)
    note: Mapped[str] = mapped_column(Text, default="")
    leader_id: Mapped[int | None] = mapped_column(ForeignKey("enterprises.id"))
    area: Mapped[str] = mapped_column(String(64), default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    leader: Mapped[Enterprise | None] = relationship()


class GroupMember(Record):
    __tablename__ = "group_members"
    __table_args__ = (UniqueConstraint("group_id", "enterprise_id"),)

    id: Mapped[PrimaryKey]
    group_id: Mapped[int] = mapped_column(ForeignKey("enterprise_groups.id"))
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    enterprise: Mapped[Enterprise] = relationship()


class OrientationWish(Record):
    """拟改造方向: the orientations (pilot keys) that an enterprise wants, the first one most; one row an enterprise."""

    __tablename__ = "orientation_wishes"

    id: Mapped[PrimaryKey]
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"), unique=True)
    orientations: Mapped[Strings]
    note: Mapped[str] = mapped_column(Text, default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def find_group(session: Session, public_id: str) -> EnterpriseGroup | None:
    return session.scalar(select(EnterpriseGroup).where(EnterpriseGroup.public_id == public_id))


def find_members(session: Session, group_id: int) -> Sequence[GroupMember]:
    """In the order in which they joined."""
    query = select(GroupMember).where(GroupMember.group_id == group_id).options(joinedload(GroupMember.enterprise))
    return session.scalars(query.order_by(GroupMember.id)).all()


def count_members(session: Session, group_ids: Iterable[int]) -> dict[int, int]:
    query = select(GroupMember.group_id, func.count()).where(GroupMember.group_id.in_(list(group_ids)))
    return dict(session.execute(query.group_by(GroupMember.group_id)).all())


def find_wish(session: Session, enterprise_id: int) -> OrientationWish | None:
    return session.scalar(select(OrientationWish).where(OrientationWish.enterprise_id == enterprise_id))
