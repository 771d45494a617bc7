"""Inquiries (询问): an enterprise's question to a solution, from which a brokering begins."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime


class Inquiry(Record):
    """`wanted`: until when the enterprise would like it solved."""

    __tablename__ = "inquiries"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    brokering_id: Mapped[int] = mapped_column(ForeignKey("brokerings.id"), unique=True)
    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), index=True)
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"))
    question: Mapped[str] = mapped_column(Text)
    wanted: Mapped[date | None] = mapped_column(Date)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def find_inquiry(session: Session, brokering_id: int) -> Inquiry | None:
    return session.scalar(select(Inquiry).where(Inquiry.brokering_id == brokering_id))
