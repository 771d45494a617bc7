"""How often each provider stood in the first places, counted once a night over all open problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.providers import SEARCHABLE
from marketplace.records.columns import PrimaryKey, Record, UtcDateTime
from marketplace.records.matches import Decision, Outcome
from marketplace.records.providers import Provider
from marketplace.records.ratings import RatingScore


class ExposureDay(Record):
    """One night's count: how many open problems were ranked, how many had anybody, how many first places that made."""

    __tablename__ = "exposure_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    problems: Mapped[int]
    answered: Mapped[int]
    places: Mapped[int]
    model: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Exposure(Record):
    """How often one provider stood among the first three; `first`: in the first place. Zero is not written down."""

    __tablename__ = "exposures"
    __table_args__ = (UniqueConstraint("day", "provider_id"),)

    id: Mapped[PrimaryKey]
    day: Mapped[date] = mapped_column(ForeignKey("exposure_days.day"))
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    first: Mapped[int]
    top: Mapped[int]


@dataclass(frozen=True)
class ProviderExposure:
    """A provider of the pool: how often seen on that day, how many matches it was ever given, whether it is new."""

    provider: Provider
    first: int
    top: int
    proposed: int
    awards: int
    is_new: bool


def find_last_day(session: Session) -> ExposureDay | None:
    return session.scalar(select(ExposureDay).order_by(ExposureDay.day.desc()).limit(1))


def find_days(session: Session, *, most: int = 90) -> Sequence[ExposureDay]:
    """The last days, newest first."""
    return session.scalars(select(ExposureDay).order_by(ExposureDay.day.desc()).limit(most)).all()


def find_tops(session: Session, days: Sequence[date]) -> dict[date, dict[int, int]]:
    """Day → provider → how often among the first three."""
    found: dict[date, dict[int, int]] = {day: {} for day in days}
    for day, provider, top in session.execute(select(Exposure.day, Exposure.provider_id, Exposure.top).where(Exposure.day.in_(list(days)))):
        found[day][provider] = top
    return found


def find_exposures(session: Session, day: date | None) -> list[ProviderExposure]:
    """Every provider that can be seen, the most seen first; awards are past matches that were accepted."""
    counted = select(
        Outcome.provider_id, func.count().label("proposed"), func.count().filter(Outcome.decision == Decision.ACCEPTED).label("awards")
    )
    awards = counted.group_by(Outcome.provider_id).subquery()
    seen = select(Exposure).where(Exposure.day == day).subquery()
    query = (
        select(Provider, seen.c.first, seen.c.top, awards.c.proposed, awards.c.awards, RatingScore.projects)
        .outerjoin(seen, seen.c.provider_id == Provider.id)
        .outerjoin(awards, awards.c.provider_id == Provider.id)
        .outerjoin(RatingScore, (RatingScore.provider_id == Provider.id) & RatingScore.replaced_at.is_(None))
        .where(Provider.state.in_(SEARCHABLE))
    )
    rows = [
        ProviderExposure(provider, first or 0, top or 0, proposed or 0, given or 0, not projects)
        for provider, first, top, proposed, given, projects in session.execute(query)
    ]
    return sorted(rows, key=lambda row: (-row.top, -row.first, -row.awards, row.provider.id))
