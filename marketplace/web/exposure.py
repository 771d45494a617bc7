"""Exposure and concentration: who stands in the first places of open problems, and who gets the orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.concentration import gini, share_of, share_of_top
from marketplace.guard import permission
from marketplace.records.exposures import ExposureDay, ProviderExposure, find_days, find_exposures, find_largest
from marketplace.records.providers import Provider
from marketplace.site import current_site
from marketplace.web.paging import Paging, paged

pages = Blueprint("exposure", __name__)
TOP = 5
SHOWN_DAYS = 30


@dataclass(frozen=True)
class Concentration:
    """One kind of chance, spread over the pool: how many in all, the share of the five largest, Gini, the share of the new ones."""

    total: int
    top: float
    gini: float
    new: float


@dataclass(frozen=True)
class DayRow:
    """A day of the history; `top`: the share of the five largest of the first three places."""

    day: date
    places: int
    top: float


@dataclass(frozen=True)
class Row:
    """One provider of the list, with its counts."""

    provider: Provider
    counts: ProviderExposure


@dataclass(frozen=True)
class ExposurePage:
    last: ExposureDay | None
    seen: Concentration
    awards: Concentration
    newcomers: int
    providers: int
    rows: Sequence[Row]
    paging: Paging
    days: Sequence[DayRow]


@pages.get("/exposure")
@permission("read", "exposure")
def page() -> str:
    with current_site().database.reading() as session:
        return render_template("ratings/exposure.html", page=read_page(session), rules=current_site().pilot.rating.exploration)


def read_page(session: Session) -> ExposurePage:
    """By a fixed number of queries; shares are of all providers that can be seen, zeros included."""
    days = find_days(session, most=SHOWN_DAYS)
    last = days[0] if days else None
    rows = find_exposures(session, last.day if last else None)
    new = {row.provider_id for row in rows if row.is_new}
    paging = paged(len(rows), current_site().pilot.thresholds.page_size, "exposure.page")
    largest = find_largest(session, [day.day for day in days], TOP)
    return ExposurePage(
        last=last,
        seen=_concentration({row.provider_id: row.top for row in rows}, new),
        awards=_concentration({row.provider_id: row.awards for row in rows}, new),
        newcomers=len(new),
        providers=len(rows),
        rows=_with_providers(session, rows[paging.offset : paging.offset + paging.size]),
        paging=paging,
        days=[DayRow(day.day, day.places, largest.get(day.day, 0) / day.places if day.places else 0.0) for day in days],
    )


def _with_providers(session: Session, rows: Sequence[ProviderExposure]) -> list[Row]:
    """The records of one page; the counts of all are numbers only."""
    found = session.scalars(select(Provider).where(Provider.id.in_([row.provider_id for row in rows])))
    providers = {provider.id: provider for provider in found}
    return [Row(providers[row.provider_id], row) for row in rows]


def _concentration(counts: dict[int, int], new: set[int]) -> Concentration:
    values = list(counts.values())
    return Concentration(sum(values), share_of_top(values, TOP), gini(values), share_of(counts, new))
