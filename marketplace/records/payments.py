"""Payment orders, and what is to be recovered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.payments import STANDING, PaymentPart, PaymentState
from marketplace.domain.reclaims import ReclaimState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.funding_plans import FundingLine
from marketplace.records.projects import Project


class Payment(Record):
    """One order of a part of a line. `key`: given by the form that made it, so that a repeated press makes one. `payee`: as the bank needs it.
    Three persons: who prepared it, who checked it, who released it."""

    __tablename__ = "payments"
    __table_args__ = (CheckConstraint("fen > 0", name="something"), Index("ix_payments_state", "state", "id"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("funding_lines.id"), index=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    part: Mapped[PaymentPart] = mapped_column(stored(PaymentPart))
    fen: Mapped[int] = mapped_column(BigInteger)
    payee: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[PaymentState] = mapped_column(stored(PaymentState), default=PaymentState.PREPARED)
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    second_person: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    second_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paid_on: Mapped[date | None] = mapped_column(Date)
    reference: Mapped[str] = mapped_column(String(64), default="")
    # Why it was not released, or came back.
    reason: Mapped[str] = mapped_column(Text, default="")
    line: Mapped[FundingLine] = relationship(lazy="joined", innerjoin=True)
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)


class Reclaim(Record):
    """Paid money of one source and year that is to come back by a day."""

    __tablename__ = "reclaims"
    __table_args__ = (CheckConstraint("fen > 0", name="something"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    source: Mapped[str] = mapped_column(String(32))
    year: Mapped[int]
    fen: Mapped[int] = mapped_column(BigInteger)
    recovered_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    due: Mapped[date] = mapped_column(Date)
    why: Mapped[str] = mapped_column(Text)
    state: Mapped[ReclaimState] = mapped_column(stored(ReclaimState), default=ReclaimState.PROPOSED, index=True)
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    second_person: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    second_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str] = mapped_column(Text, default="")
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)

    @property
    def outstanding_fen(self) -> int:
        return self.fen - self.recovered_fen


def find_payment(session: Session, public_id: str) -> Payment | None:
    return session.scalar(select(Payment).where(Payment.public_id == public_id))


def find_payment_by_key(session: Session, key: str) -> Payment | None:
    return session.scalar(select(Payment).where(Payment.key == key))


def find_payments_of_project(session: Session, project_id: int) -> Sequence[Payment]:
    return session.scalars(select(Payment).where(Payment.project_id == project_id).order_by(Payment.id)).all()


def standing_fen(session: Session, line_id: int, part: PaymentPart) -> int:
    """What orders that stand take of a part of a line."""
    query = select(func.coalesce(func.sum(Payment.fen), 0)).where(Payment.line_id == line_id, Payment.part == part)
    return int(session.scalar(query.where(Payment.state.in_(STANDING))) or 0)


def standing_of_sources(session: Session, sources: Collection[str], states: Collection[PaymentState]) -> int:
    """What orders in these states take of these sources, over the pilot."""
    query = select(func.coalesce(func.sum(Payment.fen), 0)).join(Payment.line)
    return int(session.scalar(query.where(FundingLine.source.in_(sources), Payment.state.in_(states))) or 0)


def find_reclaim(session: Session, public_id: str) -> Reclaim | None:
    return session.scalar(select(Reclaim).where(Reclaim.public_id == public_id))


def find_reclaims_of_project(session: Session, project_id: int) -> Sequence[Reclaim]:
    return session.scalars(select(Reclaim).where(Reclaim.project_id == project_id).order_by(Reclaim.id)).all()
