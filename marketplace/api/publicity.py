"""Public notices (公示): who is about to enter the pool. Open to everybody, without answers, scores or names of people."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from marketplace.api.days import today
from marketplace.api.operation import Model, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.domain.applications import ApplicationState
from marketplace.guard import open_to_all
from marketplace.records.applications import ProviderApplication
from marketplace.records.reviews import Review
from marketplace.site import current_site


class PublishedOut(Model):
    """An applicant of whom everybody may object until the last day. Its application keeps an address of its own."""

    id: str
    name: str
    code: str | None
    window: str
    begins: date | None
    until: date | None
    open: bool


class PublishedList(Model):
    items: list[PublishedOut]
    next: str | None


@open_to_all
@operation(
    "/publicity", summary="Applicants of whom the public is told before a decision", tag="windows", query=ListQuery, answer=PublishedList
)
def list_publicity(query: ListQuery) -> PublishedList:
    rows = select(Review).join(Review.application).where(ProviderApplication.state == ApplicationState.PUBLICITY)
    with current_site().database.reading() as session:
        part, following = part_of(session, rows.options(contains_eager(Review.application)), Review, query)
        return PublishedList(items=[_out(row) for row in part], next=following)


def _out(row: Review) -> PublishedOut:
    unit, until = row.application.organisation, row.publicity_until
    return PublishedOut(
        id=row.public_id,
        name=unit.name,
        code=unit.credit_code,
        window=row.application.window.title,
        begins=row.publicity_from,
        until=until,
        open=until is not None and today() <= until,
    )
