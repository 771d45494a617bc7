"""Talent demand and supply (人才供需), and who would like to be put in contact."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ColumnElement, Date, ForeignKey, Index, String, Text, UniqueConstraint, and_, or_, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.access import Viewer, may
from marketplace.domain.talents import TalentSide, TalentState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.organisations import Organisation


class Talent(Record):
    """What an organisation looks for or has to offer. `contact` is for the centre, which brings both together."""

    __tablename__ = "talents"
    __table_args__ = (Index("ix_talents_list", "state", "side", "until"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    side: Mapped[TalentSide] = mapped_column(stored(TalentSide))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    people: Mapped[int]
    until: Mapped[date] = mapped_column(Date)
    contact: Mapped[str] = mapped_column(String(500))
    state: Mapped[TalentState] = mapped_column(stored(TalentState), default=TalentState.DRAFT)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)


class TalentContact(Record):
    """An organisation asks the centre to be put in contact, once."""

    __tablename__ = "talent_contacts"
    __table_args__ = (UniqueConstraint("talent_id", "organisation_id"),)

    id: Mapped[PrimaryKey]
    talent_id: Mapped[int] = mapped_column(ForeignKey("talents.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)


def readable_talents(viewer: Viewer, today: date) -> ColumnElement[bool]:
    """What is published and not out of date is for all; an organisation sees its own, the centre everything."""
    if may(viewer, "manage", "talent"):
        return true()
    shown = and_(Talent.state == TalentState.PUBLISHED, Talent.until >= today)
    return or_(shown, Talent.organisation_id.in_(viewer.organisation_ids)) if viewer.organisation_ids else shown


def find_talent(session: Session, public_id: str, viewer: Viewer, today: date) -> Talent | None:
    return session.scalar(select(Talent).where(Talent.public_id == public_id, readable_talents(viewer, today)))
