"""One queue for long and delayed work: a lease each, retries with a pause, a dead letter, progress to be watched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, case, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, UtcDateTime, stored


class JobState(StrEnum):
    """Waiting for `run_after`, running under a lease, done, or dead after its last attempt."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class Job(Record):
    """`kind` names the handler, `payload` what it is about (ids, never contents). `key`: of one key only one job waits."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_state_run_after", "state", "run_after"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    kind: Mapped[str] = mapped_column(String(32))
    key: Mapped[str | None] = mapped_column(String(128), unique=True)
    payload: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    state: Mapped[JobState] = mapped_column(stored(JobState), default=JobState.WAITING)
    run_after: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    progress_done: Mapped[int] = mapped_column(default=0)
    progress_total: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[str] = mapped_column(Text, default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime)


def count_jobs(session: Session) -> dict[JobState, int]:
    """How many jobs are in each state."""
    counts = dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).all())
    return {state: counts.get(state, 0) for state in JobState}


def find_jobs(session: Session, *, states: Sequence[JobState] = tuple(JobState), offset: int = 0, most: int = 50) -> Sequence[Job]:
    """The dead first, then what runs, what waits (the next first) and what is done (the newest first)."""
    order = case({JobState.DEAD: 0, JobState.RUNNING: 1, JobState.WAITING: 2}, value=Job.state, else_=3)
    next_first = case((Job.state == JobState.WAITING, Job.run_after))
    query = select(Job).where(Job.state.in_(states)).order_by(order, next_first, Job.id.desc())
    return session.scalars(query.offset(offset).limit(most)).all()


def find_job(session: Session, public_id: str) -> Job | None:
    return session.scalar(select(Job).where(Job.public_id == public_id))
