"""Providers of the resource pool (专业化服务商)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date, ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.providers import SEARCHABLE, TAKES_NEW, ProviderState
from marketplace.records.columns import PrimaryKey, PublicId, Record, Rows, Sourced, Strings, stored
from marketplace.records.organisations import Organisation


class Provider(Sourced, Record):
    __tablename__ = "providers"
    __table_args__ = (UniqueConstraint("source", "source_ref"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), unique=True)
    kind: Mapped[str] = mapped_column(String(32), default="")
    region: Mapped[str] = mapped_column(String(100), default="")
    founded: Mapped[int | None]
    staff: Mapped[int | None]
    local_office: Mapped[bool] = mapped_column(default=False)
    local_commitment: Mapped[bool] = mapped_column(default=False)
    sectors: Mapped[Strings]
    declined_sectors: Mapped[Strings]
    qualifications: Mapped[Strings]
    financials: Mapped[Rows]
    experts: Mapped[Rows]
    summary: Mapped[str] = mapped_column(Text, default="")
    # Since when it is in the pool and why: by which application, or by whose import on what basis.
    admitted_on: Mapped[date | None] = mapped_column(Date)
    admission_basis: Mapped[str] = mapped_column(String(200), default="")
    # Terms of the pool: until when it must have rectified, takes no new orders by its own wish, may not apply again.
    rectify_until: Mapped[date | None] = mapped_column(Date)
    no_orders_until: Mapped[date | None] = mapped_column(Date)
    reapply_from: Mapped[date | None] = mapped_column(Date)
    state: Mapped[ProviderState] = mapped_column(stored(ProviderState), default=ProviderState.ADMITTED, index=True)
    organisation: Mapped[Organisation] = relationship(lazy="joined")

    @property
    def name(self) -> str:
        return self.organisation.name


def find_provider(session: Session, public_id: str) -> Provider | None:
    return session.scalar(select(Provider).where(Provider.public_id == public_id))


def find_hidden_provider_ids(session: Session) -> frozenset[int]:
    """Providers that no search may show right now, whatever the index still holds."""
    return frozenset(session.scalars(select(Provider.id).where(Provider.state.not_in(SEARCHABLE))))


def find_unmatchable_provider_ids(session: Session, today: date) -> frozenset[int]:
    """Providers that get no new match today: out of the pool, in rectification, on a break, or without any local service."""
    without_local = (Provider.local_office.is_(False)) & (Provider.local_commitment.is_(False))
    on_a_break = Provider.no_orders_until.is_not(None) & (Provider.no_orders_until >= today)
    return frozenset(session.scalars(select(Provider.id).where(Provider.state.not_in(TAKES_NEW) | without_local | on_a_break)))
