"""The recommended products, by batch, with what was found of their advancement and effect."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.listings import ListingState
from marketplace.domain.providers import ProviderState
from marketplace.domain.solutions import SolutionState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.solutions import Solution


class ProductListing(Record):
    """One solution in one batch. `listed`: the moment from which it is in the catalogue."""

    __tablename__ = "product_listings"
    __table_args__ = (Index("ix_product_listings_state_batch", "state", "batch"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), index=True)
    batch: Mapped[str] = mapped_column(String(32))
    advancement: Mapped[str] = mapped_column(Text)
    effect: Mapped[str] = mapped_column(Text)
    state: Mapped[ListingState] = mapped_column(stored(ListingState), default=ListingState.PROPOSED)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    listed: Mapped[datetime | None] = mapped_column(UtcDateTime)
    solution: Mapped[Solution] = relationship()

    @property
    def provider_state(self) -> ProviderState:
        return self.solution.provider.state

    @property
    def solution_state(self) -> SolutionState:
        return self.solution.state


def find_listing(session: Session, public_id: str) -> ProductListing | None:
    return session.scalar(select(ProductListing).where(ProductListing.public_id == public_id))


def find_listed_batches(session: Session, solution_ids: Iterable[int]) -> dict[int, str]:
    """Those of these solutions that are in the catalogue now, each with its newest batch."""
    wanted = set(solution_ids)
    if not wanted:
        return {}
    query = select(ProductListing.solution_id, ProductListing.batch).where(
        ProductListing.solution_id.in_(wanted), ProductListing.state == ListingState.LISTED
    )
    return dict(session.execute(query.order_by(ProductListing.id)).all())
