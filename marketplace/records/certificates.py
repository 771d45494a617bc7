"""Licences and certificates (证照、资质) of providers, with the day on which they expire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime
from marketplace.records.providers import Provider


class Certificate(Record):
    """`expires` None: without term. `replaced_at`: a newer one stands for it. `reminded`: the step (days before) of the last reminder.

    `checked_on`: when staff last compared it with the original or the register.
    """

    __tablename__ = "certificates"
    __table_args__ = (Index("ix_certificates_expires", "replaced_at", "expires"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200))
    number: Mapped[str] = mapped_column(String(100), default="")
    issued: Mapped[date | None] = mapped_column(Date)
    expires: Mapped[date | None] = mapped_column(Date)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    replaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reminded: Mapped[int | None]
    checked_on: Mapped[date | None] = mapped_column(Date)
    provider: Mapped[Provider] = relationship()


def find_certificates(session: Session, provider_id: int) -> Sequence[Certificate]:
    """What holds now of a provider, the first to expire first."""
    query = select(Certificate).where(Certificate.provider_id == provider_id, Certificate.replaced_at.is_(None))
    return session.scalars(query.order_by(Certificate.expires.is_(None), Certificate.expires, Certificate.id)).all()


def find_certificate(session: Session, public_id: str) -> Certificate | None:
    return session.scalar(select(Certificate).where(Certificate.public_id == public_id).options(joinedload(Certificate.provider)))


def find_expiring(session: Session, until: date) -> Sequence[Certificate]:
    """What expires until that day, or has expired, oldest first."""
    query = select(Certificate).where(Certificate.replaced_at.is_(None), Certificate.expires <= until)
    return session.scalars(query.options(joinedload(Certificate.provider)).order_by(Certificate.expires, Certificate.id)).all()
