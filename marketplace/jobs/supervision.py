"""Projects at night: monthly reports are asked for, late orders rise, and the health of every project under way is computed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import CLOCK
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.project_health import WatchStep
from marketplace.actions.supervision import look_at
from marketplace.jobs.progress import Progress
from marketplace.records.jobs import Job
from marketplace.site import Site


def ask_for_supervision(session: Session, day: date, at: datetime) -> None:
    """Once a day, after the day has begun."""
    enqueue_job(session, "supervision", {"day": day.isoformat()}, at=at, key="supervision")


def supervise(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Each project in a transaction of its own: two nights' work is as good as one."""
    pilot = site.pilot
    at = datetime.now(UTC).astimezone(ZoneInfo(pilot.city.zone))
    step = WatchStep(
        CLOCK, at, date.fromisoformat(job.payload["day"]), pilot.project, inspection=pilot.inspection, supervision=pilot.supervision,
        rating=pilot.rating, adjustment=pilot.adjustment,
    )  # fmt: skip
    counts: dict[str, Any] = dict(look_at(site.database, step))
    with progress.finishing(counts):
        return counts
