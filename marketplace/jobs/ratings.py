"""The nightly work of the rating: everybody's score as of today, who was seen how often, what expires."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.actions.certificates import ask_for_recheck, remind
from marketplace.actions.exposures import PLACES, write_exposures
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.ratings import recompute_all
from marketplace.domain.problems import ProblemState
from marketplace.jobs.progress import Progress
from marketplace.records.jobs import Job
from marketplace.records.problems import Problem
from marketplace.site import Site
from recommender.records import ask_of

_BATCH = 20


def ask_for_ratings(session: Session, day: date, at: datetime) -> None:
    """Scores move with time, places with everything: both are counted anew each night."""
    for kind in ("ratings", "exposures", "certificates"):
        enqueue_job(session, kind, {"day": day.isoformat()}, at=at, key=kind)


def rate_all(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Everybody's rating as of the day."""
    with progress.finishing() as session:
        recompute_all(session, site.pilot.rating, at=datetime.now(UTC), on=_day(job))
    return None


def count_exposures(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Rank all open problems as anybody would see them, and write down who stands among the first three."""
    with site.database.reading() as session:
        query = select(Problem).where(Problem.state == ProblemState.OPEN).options(joinedload(Problem.enterprise)).order_by(Problem.id)
        asks = [ask_of(row) for row in session.scalars(query)]
    lists: list[list[int]] = []
    for start in range(0, len(asks), _BATCH):
        part = asks[start : start + _BATCH]
        found = site.recommender.recommend_many(part)
        lists += [[row.provider_id for row in found[ask.key].providers[:PLACES]] for ask in part]
        progress(len(lists), len(asks))
    with progress.finishing() as session:
        write_exposures(session, _day(job), lists, model=site.recommender.model, at=datetime.now(UTC))
    return None


def look_at_certificates(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Reminders, and once a year the re-check."""
    rules, zone = site.pilot.rating.certificates, site.pilot.city.zone
    with progress.finishing() as session:
        at = datetime.now(UTC)
        remind(session, rules, at=at, today=_day(job))
        ask_for_recheck(session, rules, at=at, today=_day(job), zone=zone)
    return None


def _day(job: Job) -> date:
    return date.fromisoformat(job.payload["day"])
