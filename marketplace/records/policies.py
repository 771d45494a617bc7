"""Policies (政策库): each with its versions, of which one at most holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.policies import PUBLIC, PolicyVersionState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored


class Policy(Record):
    """What stays the same over all versions. `successor_id`: the policy that took its place when it was repealed."""

    __tablename__ = "policies"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("policies.id"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)


class PolicyVersion(Record):
    """One version, from 1. `number`: 文号; `published_on`: the day on which it came into the library."""

    __tablename__ = "policy_versions"
    __table_args__ = (UniqueConstraint("policy_id", "version"), Index("ix_policy_versions_state", "state", "published_on"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    policy_id: Mapped[int] = mapped_column(ForeignKey("policies.id"))
    version: Mapped[int]
    topic: Mapped[str] = mapped_column(String(32))
    title: Mapped[str] = mapped_column(String(200))
    number: Mapped[str] = mapped_column(String(64), default="")
    issuer: Mapped[str] = mapped_column(String(100))
    issued: Mapped[date] = mapped_column(Date)
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    summary: Mapped[str] = mapped_column(Text, default="")
    text: Mapped[str] = mapped_column(Text, default="")
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[PolicyVersionState] = mapped_column(stored(PolicyVersionState), default=PolicyVersionState.DRAFT)
    why: Mapped[str] = mapped_column(Text, default="")
    published_on: Mapped[date | None] = mapped_column(Date)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    policy: Mapped[Policy] = relationship(lazy="joined", innerjoin=True)


def find_version(session: Session, public_id: str) -> PolicyVersion | None:
    return session.scalar(select(PolicyVersion).where(PolicyVersion.public_id == public_id))


def find_versions(session: Session, policy_id: int, *, drafts: bool) -> Sequence[PolicyVersion]:
    """The newest first. `drafts`: with what is not public."""
    query = select(PolicyVersion).where(PolicyVersion.policy_id == policy_id, PolicyVersion.state != PolicyVersionState.DROPPED)
    if not drafts:
        query = query.where(PolicyVersion.state.in_(PUBLIC))
    return session.scalars(query.order_by(PolicyVersion.version.desc())).all()


def find_current(session: Session, policy_ids: Collection[int]) -> dict[int, PolicyVersion]:
    """Of each policy the newest version that is public."""
    query = select(PolicyVersion).where(PolicyVersion.policy_id.in_(policy_ids), PolicyVersion.state.in_(PUBLIC))
    return {row.policy_id: row for row in session.scalars(query.order_by(PolicyVersion.version))}
