"""推荐产品目录: what is listed and can be found now, by batch, for everybody."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from marketplace.api import models as out
from marketplace.api.operation import Model, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.api.shown import solution_line
from marketplace.domain.listings import ListingState
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.solutions import SolutionState
from marketplace.guard import permission
from marketplace.records.listings import ProductListing
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution
from marketplace.site import current_site


class ListingOut(Model):
    """A recommended product, with what was found of its advancement and effect."""

    id: str
    batch: str
    solution: out.SolutionLine
    advancement: str
    effect: str
    listed: datetime | None


class ListingList(Model):
    items: list[ListingOut]
    next: str | None


class ListingQuery(ListQuery):
    batch: str = Field("", max_length=32)
    """Only of this batch."""


@permission("read", "listing")
@operation("/listings", summary="Recommended products", tag="library", query=ListingQuery, answer=ListingList)
def list_listings(query: ListingQuery) -> ListingList:
    rows = select(ProductListing).join(ProductListing.solution).join(Solution.provider)
    rows = rows.where(
        ProductListing.state == ListingState.LISTED, Solution.state == SolutionState.PUBLISHED, Provider.state.in_(SEARCHABLE)
    )
    if query.batch:
        rows = rows.where(ProductListing.batch == query.batch)
    loaded = joinedload(ProductListing.solution).joinedload(Solution.provider).joinedload(Provider.organisation)
    with current_site().database.reading() as session:
        part, following = part_of(session, rows.options(loaded), ProductListing, query)
        return ListingList(items=[_out(row) for row in part], next=following)


def _out(row: ProductListing) -> ListingOut:
    same = {name: getattr(row, name) for name in ("batch", "advancement", "effect", "listed")}
    return ListingOut(**same, id=row.public_id, solution=solution_line(row.solution))
