"""The nightly work of the rating: everybody's score as of today, who was seen how often, what expires."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.actions.certificates import ask_for_recheck, remind
from marketplace.actions.coverage import CountedNeed, write_coverage
from marketplace.actions.exposures import PLACES, write_exposures
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.ratings import recompute_all
from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.solutions import SolutionState
from marketplace.jobs.progress import Progress
from marketplace.records.database import Database
from marketplace.records.jobs import Job, JobState
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution
from marketplace.site import Site
from recommender.records import ask_of

_BATCH = 20


def ask_for_ratings(session: Session, day: date, at: datetime) -> None:
    """Scores move with time, places with everything: both are counted anew each night."""
    for kind in ("ratings", "exposures", "certificates"):
        enqueue_job(session, kind, {"day": day.isoformat()}, at=at, key=kind)


def ask_for_first_count(database: Database, day: date, at: datetime) -> None:
    """On a site that has just been filled, supply and demand are counted before the letters that wait: pages of figures rest on it, and nobody
    is in a hurry for the letters of a demonstration."""
    with database.writing() as session:
        before = session.scalar(select(func.min(Job.run_after)).where(Job.state == JobState.WAITING)) or at
        enqueue_job(session, "exposures", {"day": day.isoformat()}, at=at, key="exposures", run_after=before - timedelta(seconds=1))


def rate_all(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Everybody's rating as of the day."""
    with progress.finishing() as session:
        recompute_all(session, site.pilot.rating, at=datetime.now(UTC), on=_day(job))
    return None


def count_exposures(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Rank all open problems as anybody would see them, and write down who stands among the first three, which of them nobody can
    serve and which solutions nobody asks for."""
    with site.database.reading() as session:
        query = select(Problem).where(Problem.state == ProblemState.OPEN).options(joinedload(Problem.enterprise)).order_by(Problem.id)
        rows = session.scalars(query).all()
        asks, codes = [ask_of(row) for row in rows], {str(row.id): row.scenario_code for row in rows}
        supply = _supply(site, session)
    lists: list[list[int]] = []
    needs: list[CountedNeed] = []
    for start in range(0, len(asks), _BATCH):
        part = asks[start : start + _BATCH]
        found = site.recommender.recommend_many(part)
        lists += [[row.provider_id for row in found[ask.key].providers[:PLACES]] for ask in part]
        for ask in part:
            # Where nobody wrote the scenario down, the one that was understood from the words counts.
            code = _scenario(site, codes[ask.key]) or _guessed(site, found[ask.key].guesses.get("scenario", ""), ask.sector or "")
            needs.append(CountedNeed(ask.problem_id or 0, ask.sector or "", code, found[ask.key].matches))
        progress(len(lists), len(asks))
    with progress.finishing() as session:
        write_exposures(session, _day(job), lists, model=site.recommender.model, at=datetime.now(UTC))
        write_coverage(session, _day(job), needs, supply)
        # Who answers what is known now: whoever wants to hear of new demands can be told.
        enqueue_job(session, "demand_alerts", {"day": job.payload["day"]}, at=datetime.now(UTC), key="demand_alerts")
    return None


def _supply(site: Site, session: Session) -> dict[tuple[str, str], set[int]]:
    """(Sector, scenario of the catalogue) → the published solutions of the pool that name it."""
    query = select(Solution.id, Solution.scenario_codes, Solution.sectors).join(Provider, Provider.id == Solution.provider_id)
    found: dict[tuple[str, str], set[int]] = {}
    for number, codes, sectors in session.execute(query.where(Solution.state == SolutionState.PUBLISHED, Provider.state.in_(SEARCHABLE))):
        for code in {_scenario(site, code) for code in codes or ()} - {""}:
            for sector in sectors or ():
                found.setdefault((sector, code), set()).add(number)
    return found


def _guessed(site: Site, code: str, sector: str) -> str:
    """What was understood from the words, where it is a scenario of the problem's own sector or of all."""
    found = site.pilot.scenario(code) if code else None
    return found.code if found is not None and found.sector in ("any", sector) else ""


def _scenario(site: Site, code: str) -> str:
    """The catalogue's code for a list's own, "" for a stranger."""
    return next(iter(site.pilot.scenario_codes(code)), "") if code else ""


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
