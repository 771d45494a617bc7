"""Financing: offers of banks and lessors, and what enterprises asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import BigInteger, ColumnElement, Date, ForeignKey, String, Text, false, func, or_, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.access import Viewer, may
from marketplace.domain.financing import FinancingState, OfferKind, OfferState
from marketplace.records.columns import Fen, PrimaryKey, PublicId, Record, Strings, UtcDateTime, stored
from marketplace.records.enterprises import Enterprise
from marketplace.records.projects import Project


class FinancingOffer(Record):
    """What an institution offers, as it words it; published by the centre."""

    __tablename__ = "financing_offers"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    institution: Mapped[str] = mapped_column(String(100))
    product: Mapped[str] = mapped_column(String(100))
    kind: Mapped[OfferKind] = mapped_column(stored(OfferKind))
    low_fen: Mapped[Fen]
    high_fen: Mapped[int] = mapped_column(BigInteger)
    rate: Mapped[str] = mapped_column(String(200))
    conditions: Mapped[str] = mapped_column(Text)
    contact: Mapped[str] = mapped_column(String(200))
    state: Mapped[OfferState] = mapped_column(stored(OfferState), default=OfferState.DRAFT, index=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)


class FinancingApplication(Record):
    """An enterprise asks for an offer. `papers`: public ids of the attachments of its project that it lets the institution read until
    `papers_until`; `offered_fen`, `answer`: what the institution said."""

    __tablename__ = "financing_applications"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    offer_id: Mapped[int] = mapped_column(ForeignKey("financing_offers.id"), index=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"), index=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"), index=True)
    fen: Mapped[int] = mapped_column(BigInteger)
    purpose: Mapped[str] = mapped_column(Text)
    papers: Mapped[Strings]
    papers_until: Mapped[date | None] = mapped_column(Date)
    state: Mapped[FinancingState] = mapped_column(stored(FinancingState), default=FinancingState.DRAFT, index=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    offered_fen: Mapped[Fen]
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    offer: Mapped[FinancingOffer] = relationship(lazy="joined", innerjoin=True)
    enterprise: Mapped[Enterprise] = relationship(lazy="joined", innerjoin=True)
    project: Mapped[Project | None] = relationship()


def readable_offers(viewer: Viewer) -> ColumnElement[bool]:
    """What is published is for all; the centre sees its drafts too."""
    return true() if may(viewer, "manage", "financing") else FinancingOffer.state == OfferState.PUBLISHED


def readable_applications(viewer: Viewer) -> ColumnElement[bool]:
    """The centre reads what was sent, an enterprise its own."""
    rows: list[ColumnElement[bool]] = []
    if may(viewer, "manage", "financing"):
        rows.append(FinancingApplication.sent_at.is_not(None))
    if viewer.enterprise_ids:
        rows.append(FinancingApplication.enterprise_id.in_(viewer.enterprise_ids))
    return or_(*rows) if rows else false()


def find_offer(session: Session, public_id: str, viewer: Viewer) -> FinancingOffer | None:
    return session.scalar(select(FinancingOffer).where(FinancingOffer.public_id == public_id, readable_offers(viewer)))


def count_offers(session: Session, viewer: Viewer) -> int:
    return session.scalar(select(func.count()).select_from(FinancingOffer).where(readable_offers(viewer))) or 0


def find_offers(session: Session, viewer: Viewer, *, offset: int, most: int) -> Sequence[FinancingOffer]:
    query = select(FinancingOffer).where(readable_offers(viewer))
    return session.scalars(query.order_by(FinancingOffer.institution, FinancingOffer.id).offset(offset).limit(most)).all()


def find_financing(session: Session, public_id: str, viewer: Viewer) -> FinancingApplication | None:
    return session.scalar(select(FinancingApplication).where(FinancingApplication.public_id == public_id, readable_applications(viewer)))
