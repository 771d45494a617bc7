"""Brokering at night: who has not answered is reminded, and taken to be silent once the days of grace are over."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_steps import CLOCK, Step, locked_introduction
from marketplace.actions.introductions import find_due, lapse, put_reminder
from marketplace.actions.jobs import enqueue_job
from marketplace.domain.introductions import Answer, IntroductionState
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.working_days import days_left
from marketplace.jobs.progress import Progress
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.introductions import Introduction
from marketplace.records.jobs import Job
from marketplace.site import Site


def ask_for_answers(session: Session, day: date, at: datetime) -> None:
    """Once a day, after the day has begun."""
    enqueue_job(session, "brokerings", {"day": day.isoformat()}, at=at, key="brokerings")


def look_at_answers(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Each introduction in a transaction of its own: two nights' work is as good as one."""
    step = Step(CLOCK, datetime.now(UTC), date.fromisoformat(job.payload["day"]), site.pilot.brokering, site.pilot.rating)
    counts = look_at(site.database, step)
    with progress.finishing(counts):
        return counts


def look_at(database: Database, step: Step) -> dict[str, Any]:
    """Remind, ask the centre to ring up, end what was not answered."""
    with database.reading() as session:
        numbers = list(dict.fromkeys(number for number, _answer, _side in find_due(session, step.today)))
    counts = {"reminded": 0, "lapsed": 0}
    for number in numbers:
        counts["lapsed"] += _lapsed(database, number, step)
        with database.writing() as session:
            row = locked_introduction(session, number, step)
            if row.state == IntroductionState.SENT:
                counts["reminded"] += _remind(session, row, step)
                settle(session, row.brokering, at=step.at, today=step.today)
    return counts


def _lapsed(database: Database, number: int, step: Step) -> int:
    with suppress(RefusedError):
        lapse(database, number, step)
        return 1
    return 0


def _remind(session: Session, row: Introduction, step: Step) -> int:
    """Once, when its term comes near."""
    calendar, near = find_calendar(session), int(row.brokering.terms["remind"])
    waiting = [one for one in row.answers if one.answer == Answer.PENDING and one.reminded_at is None]
    due = [one for one in waiting if step.today <= one.due and days_left(step.today, one.due, calendar) <= near]
    for one in due:
        put_reminder(session, row, one, step)
    return len(due)
