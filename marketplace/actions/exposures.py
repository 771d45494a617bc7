"""Writing down a night's count of who stood in the first places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from marketplace.records.exposures import Exposure, ExposureDay

PLACES = 3


def write_exposures(session: Session, day: date, lists: Iterable[Sequence[int]], *, model: str, at: datetime) -> ExposureDay:
    """`lists`: for every open problem its providers, best first. Counted again on the same day, the later count stands."""
    first: dict[int, int] = {}
    top: dict[int, int] = {}
    problems = answered = 0
    for providers in lists:
        problems += 1
        answered += bool(providers)
        for place, provider in enumerate(providers[:PLACES]):
            top[provider] = top.get(provider, 0) + 1
            first[provider] = first.get(provider, 0) + (place == 0)
    session.execute(delete(Exposure).where(Exposure.day == day))
    session.execute(delete(ExposureDay).where(ExposureDay.day == day))
    counted = ExposureDay(day=day, problems=problems, answered=answered, places=sum(top.values()), model=model, at=at)
    session.add(counted)
    session.flush()
    session.add_all(Exposure(day=day, provider_id=key, first=first[key], top=top[key]) for key in sorted(top))
    session.flush()
    return counted
