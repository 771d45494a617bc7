"""What happens once on every day of the pilot, each in a transaction of its own together with the note that it did.

A site that stood still for some days does it once, for today: whatever looks for terms that are over asks for "until
today", never for "on this day".
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from marketplace.actions.applications_daily import ask_about_overdue_supplements, tell_of_closed_windows
from marketplace.actions.calls import close_ended_calls
from marketplace.actions.complaints import close_answered_complaints
from marketplace.actions.events import close_ended_sign_ups
from marketplace.actions.guides import close_ended_guides
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.project_reminders import remind_of_projects
from marketplace.actions.work_items_due import remind_of_work
from marketplace.domain.access import Role
from marketplace.jobs.accounts import ask_for_anchor, forget_registrations
from marketplace.jobs.adjustments import ask_for_proposals
from marketplace.jobs.alerts import ask_for_alerts
from marketplace.jobs.brokerings import ask_for_answers
from marketplace.jobs.meetings import remind_invited
from marketplace.jobs.open_demands import close_open_demands
from marketplace.jobs.performance import ask_for_evaluation
from marketplace.jobs.progress import Progress
from marketplace.jobs.ratings import ask_for_ratings
from marketplace.jobs.supervision import ask_for_supervision
from marketplace.records.database import Database
from marketplace.records.jobs import Job, JobState
from marketplace.records.schedules import Schedule
from marketplace.site import Site

Daily = Callable[[Session, date, datetime], object]
# When people are told once a day, by the clock of the pilot.
DIGEST_HOUR = 8
SCHEDULE = "daily"
# How long a job that is done can still be seen.
KEPT = timedelta(days=30)

log = logging.getLogger(__name__)


def _ask_for_digests(session: Session, day: date, at: datetime) -> None:
    """One mail a day for those who want one, in the morning."""
    enqueue_job(session, "mail_digests", {"day": day.isoformat()}, at=at, key="mail_digests", run_after=_morning(session, day, at))


def _ask_for_collection(session: Session, day: date, at: datetime) -> None:
    """Files that nothing speaks of go."""
    enqueue_job(session, "collect_files", {}, at=at, key="collect_files")


def _forget_done_jobs(session: Session, day: date, at: datetime) -> None:
    """What was done long ago is of use to nobody; what was given up stays until somebody deals with it."""
    session.execute(delete(Job).where(Job.state == JobState.DONE, Job.ended < at - KEPT))


# Every area adds its own: (session, the day of the pilot, the moment).
DAILY: list[Daily] = [
    _ask_for_digests,
    _ask_for_collection,
    _forget_done_jobs,
    close_ended_calls,
    close_open_demands,
    close_ended_guides,
    close_ended_sign_ups,
    close_answered_complaints,
    remind_invited,
    remind_of_work,
    remind_of_projects,
    ask_for_ratings,
    ask_for_proposals,
    ask_for_answers,
    ask_for_alerts,
    tell_of_closed_windows,
    ask_about_overdue_supplements,
    forget_registrations,
    ask_for_supervision,
    ask_for_evaluation,
    ask_for_anchor,
]


def name_of(function: Daily) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def today_of(site: Site, at: datetime) -> date:
    """The day of the pilot, which begins at its own midnight."""
    return at.astimezone(ZoneInfo(site.pilot.city.zone)).date()


def _morning(session: Session, day: date, at: datetime) -> datetime:
    zone = ZoneInfo(session.info["zone"])
    return max(at, datetime.combine(day, time(DIGEST_HOUR), zone).astimezone(UTC))


def ask_when_due(site: Site, at: datetime) -> bool:
    """Ask for the day's work once a day, however many workers there are; whether this call did."""
    day = today_of(site, at)
    with site.database.reading() as session:
        row = session.get(Schedule, SCHEDULE)
        if row is not None and row.last_day is not None and row.last_day >= day:
            return False
    return _claim(site.database, day, at)


def _claim(database: Database, day: date, at: datetime) -> bool:
    with database.writing() as session:
        if not _begin(session, SCHEDULE, day, at):
            return False
        enqueue_job(session, "daily", {"day": day.isoformat()}, at=at, key=f"daily:{day.isoformat()}")
    return True


def _begin(session: Session, name: str, day: date, at: datetime) -> bool:
    """Note in this transaction that `name` is done for this day; False where that is noted already."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(insert(Schedule).values(name=name).on_conflict_do_nothing(index_elements=["name"]))
    row = session.get_one(Schedule, name, with_for_update=True)
    if row.last_day is not None and row.last_day >= day:
        return False
    row.last_day, row.at = day, at
    session.flush()
    return True


def run(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """All that is done daily. One that fails does not keep the others from it; the job then tries again what is left."""
    at = datetime.now(UTC)
    day = max(date.fromisoformat(job.payload["day"]), today_of(site, at))
    names = {role: found.name for role in Role if (found := site.pilot.roles.find(role.value))}
    failed: list[str] = []
    for number, function in enumerate(DAILY, 1):
        try:
            with site.database.writing() as session:
                session.info["zone"] = site.pilot.city.zone
                session.info["remind_days"] = site.pilot.brokering.remind_days
                session.info["role_names"] = names
                if _begin(session, name_of(function), day, at):
                    function(session, day, at)
        except Exception as error:
            log.exception("what is done daily failed: %s", name_of(function))
            failed.append(f"{name_of(function)}: {error}")
        progress(number, len(DAILY))
    if failed:
        raise RuntimeError("; ".join(failed))
    return {"day": day.isoformat(), "done": len(DAILY)}
