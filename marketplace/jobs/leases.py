"""Who does which job, and until when. As with the index queue, a lease is named by its end: the moment that a worker wrote
into `lease_until`. Whoever finds another one there has lost the job and must write nothing of it.

The state of a job is moved here and in `actions.jobs` by statements that name the lease they rest on; it is no process of
people, and no table of transitions could say whether a lease still holds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from marketplace.records.database import Database
from marketplace.records.jobs import Job, JobState

# A killed worker's job waits this long; one that lives renews its lease when a third of it is over.
LEASE = timedelta(seconds=60)
ATTEMPTS = 5
# How long a job rests after its first, second … failure.
PAUSES = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
KILLED = "执行它的进程中途停止了"


class LeaseLost(Exception):
    """Another worker has the job: it took longer than its lease, and nobody renewed it."""


@dataclass
class Lease:
    """One job that this worker holds until `until`."""

    job_id: int
    until: datetime


class Leases:
    """Taking, renewing and ending. Each is one short transaction, but for the end that a handler shares with its own work."""

    def __init__(self, database: Database, duration: timedelta = LEASE) -> None:
        self._database = database
        self.duration = duration

    def take(self, kinds: Collection[str]) -> tuple[Job, Lease] | None:
        """The job that is due for longest. One whose worker was killed too often is dead; its key is free from the beginning."""
        with self._database.reading() as session:
            if session.scalar(select(Job.id).where(_is_due(moment(session), kinds)).limit(1)) is None:
                return None
        with self._database.writing() as session:
            now = moment(session)
            due = select(Job).where(_is_due(now, kinds)).order_by(Job.run_after, Job.id).limit(1)
            job = session.scalar(due.with_for_update(skip_locked=True))
            if job is None:
                return None
            lease = Lease(job.id, now + self.duration)
            if job.attempts >= ATTEMPTS:
                dead = {"state": JobState.DEAD, "error": job.error or KILLED, "ended": now, "lease_until": None}
                session.execute(update(Job).where(Job.id == job.id).values(dead))
                return None
            begun = {"state": JobState.RUNNING, "lease_until": lease.until, "attempts": job.attempts + 1, "key": None}
            session.execute(update(Job).where(Job.id == job.id).values(begun | {"progress_done": 0, "progress_total": 0}))
            session.refresh(job)
            session.expunge(job)
        return job, lease

    def renew(self, lease: Lease) -> None:
        """Hold it for the whole duration again. Raises LeaseLost."""
        with self._database.writing() as session:
            until = moment(session) + self.duration
            self._write(session, lease, {"lease_until": until})
            lease.until = until

    def note_progress(self, lease: Lease, done: int, total: int) -> None:
        with self._database.writing() as session:
            self._write(session, lease, {"progress_done": done, "progress_total": total})

    def finish(self, session: Session, lease: Lease, result: dict[str, Any] | None) -> None:
        """Done, in the caller's transaction: what the caller writes there happens exactly once. Raises LeaseLost."""
        done = {"state": JobState.DONE, "result": result, "error": "", "ended": moment(session), "lease_until": None}
        self._write(session, lease, done)

    def fail(self, job: Job, lease: Lease, error: str, *, hopeless: bool = False) -> bool:
        """Try again after a pause, or give it up; whether it is dead now. Raises LeaseLost."""
        with self._database.writing() as session:
            now = moment(session)
            dead = hopeless or job.attempts >= ATTEMPTS
            if dead:
                values: dict[str, Any] = {"state": JobState.DEAD, "ended": now}
            else:
                values = {"state": JobState.WAITING, "run_after": now + PAUSES[min(job.attempts, len(PAUSES)) - 1]}
            self._write(session, lease, values | {"error": error[:2000], "lease_until": None})
        return dead

    def put_off(self, job: Job, lease: Lease, pause: timedelta, why: str) -> None:
        """Not now, through no fault of the job's: this attempt does not count. Raises LeaseLost."""
        with self._database.writing() as session:
            later = {"state": JobState.WAITING, "run_after": moment(session) + pause, "attempts": job.attempts - 1}
            self._write(session, lease, later | {"error": why[:2000], "lease_until": None})

    def _write(self, session: Session, lease: Lease, values: dict[str, Any]) -> None:
        held = and_(Job.id == lease.job_id, Job.state == JobState.RUNNING, Job.lease_until == lease.until)
        found = session.execute(update(Job).where(held).values(values).execution_options(synchronize_session=False))
        if found.rowcount != 1:  # type: ignore[attr-defined]
            raise LeaseLost(f"job {lease.job_id}")


def moment(session: Session) -> datetime:
    """The database's own clock where several machines share it; a file has one machine."""
    if session.get_bind().dialect.name != "postgresql":
        return datetime.now(UTC)
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)


def _is_due(now: datetime, kinds: Collection[str]) -> ColumnElement[bool]:
    waits = and_(Job.state == JobState.WAITING, Job.run_after <= now)
    abandoned = and_(Job.state == JobState.RUNNING, Job.lease_until < now)
    return and_(or_(waits, abandoned), Job.kind.in_(list(kinds)))
