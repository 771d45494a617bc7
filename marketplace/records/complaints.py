"""Complaints (投诉建议). Whoever wrote one is known to those who answer it only, and by the complaint's own row only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Date, ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.access import Viewer
from marketplace.domain.complaints import ComplaintKind, ComplaintState, hidden_from
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored


class Complaint(Record):
    """`code_hash`: of the code by which the writer follows it. `due`: until when the present step is to be done."""

    __tablename__ = "complaints"
    __table_args__ = (Index("ix_complaints_list", "state", "due", "id"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    kind: Mapped[ComplaintKind] = mapped_column(stored(ComplaintKind))
    about: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(100), default="")
    contact: Mapped[str] = mapped_column(String(100), default="")
    state: Mapped[ComplaintState] = mapped_column(stored(ComplaintState), default=ComplaintState.RECEIVED)
    received: Mapped[datetime] = mapped_column(UtcDateTime)
    due: Mapped[date | None] = mapped_column(Date)
    taken_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    answered_on: Mapped[date | None] = mapped_column(Date)
    closed_on: Mapped[date | None] = mapped_column(Date)


class ComplaintEntry(Record):
    """What was said after the first text: an answer of the offices (`account_id`), or the writer's next word."""

    __tablename__ = "complaint_entries"

    id: Mapped[PrimaryKey]
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def readable_complaints(viewer: Viewer) -> ColumnElement[bool]:
    """What is about one of the offices is not for that office."""
    return Complaint.about.not_in(hidden_from(viewer.roles))


def find_complaint(session: Session, public_id: str, viewer: Viewer) -> Complaint | None:
    return session.scalar(select(Complaint).where(Complaint.public_id == public_id, readable_complaints(viewer)))


def find_by_number(session: Session, number: str) -> Complaint | None:
    return session.scalar(select(Complaint).where(Complaint.number == number))


def find_entries(session: Session, complaint_id: int) -> Sequence[ComplaintEntry]:
    return session.scalars(select(ComplaintEntry).where(ComplaintEntry.complaint_id == complaint_id).order_by(ComplaintEntry.id)).all()
