"""Providers of the resource pool (专业化服务商)."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, select
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


def find_unmatchable_provider_ids(session: Session) -> frozenset[int]:
    """Providers that get no new match right now: out of the pool, in rectification, or without any local service."""
    without_local = (Provider.local_office.is_(False)) & (Provider.local_commitment.is_(False))
    return frozenset(session.scalars(select(Provider.id).where(Provider.state.not_in(TAKES_NEW) | without_local)))
