"""Objections to public notices. Whoever raised one is known to staff only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.objections import ObjectionState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored


class Objection(Record):
    """`address`: the address of the network that it came from, by which their number is limited."""

    __tablename__ = "objections"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    contact: Mapped[str] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[ObjectionState] = mapped_column(stored(ObjectionState), default=ObjectionState.OPEN)
    reason: Mapped[str] = mapped_column(Text, default="")
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def find_objections(session: Session, review_id: int) -> Sequence[Objection]:
    return session.scalars(select(Objection).where(Objection.review_id == review_id).order_by(Objection.id)).all()


def find_objection(session: Session, public_id: str) -> Objection | None:
    return session.scalar(select(Objection).where(Objection.public_id == public_id))


def count_objections(session: Session, review_id: int, state: ObjectionState) -> int:
    query = select(func.count()).select_from(Objection).where(Objection.review_id == review_id, Objection.state == state)
    return session.scalar(query) or 0


def count_recent(session: Session, address: str, since: datetime) -> int:
    """How many came from this address of the network since then."""
    query = select(func.count()).select_from(Objection).where(Objection.address == address, Objection.at > since)
    return session.scalar(query) or 0
