"""How often each provider stood in the first places, counted once a night over all open problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, Select, UniqueConstraint, func, select
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
    __table_args__ = (UniqueConstraint("day", "provider_id"), Index("ix_exposures_day_top", "day", "top"))

    id: Mapped[PrimaryKey]
    day: Mapped[date] = mapped_column(ForeignKey("exposure_days.day"))
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    first: Mapped[int]
    top: Mapped[int]


@dataclass(frozen=True)
class ProviderExposure:
    """A provider of the pool: how often seen on that day, how many matches it was ever given, whether it is new."""

    provider_id: int
    first: int
    top: int
    proposed: int
    awards: int
    is_new: bool


def find_days(session: Session, *, most: int = 90) -> Sequence[ExposureDay]:
    """The last days, newest first."""
    return session.scalars(select(ExposureDay).order_by(ExposureDay.day.desc()).limit(most)).all()


def find_largest(session: Session, days: Sequence[date], most: int) -> dict[date, int]:
    """Day → how often those `most` providers together stood among the first three that stood there most often."""
    top = select(Exposure.top).where(Exposure.day == ExposureDay.day).order_by(Exposure.top.desc()).limit(most)
    largest = select(func.sum(top.correlate(ExposureDay).subquery().c.top)).scalar_subquery()
    return dict(session.execute(select(ExposureDay.day, largest).where(ExposureDay.day.in_(list(days)))).all())


def find_exposures(session: Session, day: date | None) -> list[ProviderExposure]:
    """Every provider that can be seen, the most seen first; awards are past matches that were accepted. Numbers only, and four
    queries: to read the records of a large pool, or to join all of it at once, takes ten times as long."""
    accepted = func.count().filter(Outcome.decision == Decision.ACCEPTED)
    given = _by_provider(session, select(Outcome.provider_id, func.count(), accepted).group_by(Outcome.provider_id))
    seen = _by_provider(session, select(Exposure.provider_id, Exposure.first, Exposure.top).where(Exposure.day == day))
    finished = set(session.scalars(select(RatingScore.provider_id).where(RatingScore.replaced_at.is_(None), RatingScore.projects > 0)))
    rows = [
        ProviderExposure(number, *seen.get(number, (0, 0)), *given.get(number, (0, 0)), number not in finished)
        for number in session.scalars(select(Provider.id).where(Provider.state.in_(SEARCHABLE)))
    ]
    return sorted(rows, key=lambda row: (-row.top, -row.first, -row.awards, row.provider_id))


def _by_provider(session: Session, query: Select[int, int, int]) -> dict[int, tuple[int, int]]:
    return {number: (one, other) for number, one, other in session.execute(query)}
