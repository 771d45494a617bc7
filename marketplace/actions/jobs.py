"""Asking for a job, in the transaction of whatever needs it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.jobs import Job, JobState


def enqueue_job(
    session: Session,
    kind: str,
    payload: dict[str, Any],
    *,
    at: datetime,
    key: str | None = None,
    run_after: datetime | None = None,
    account_id: int | None = None,
) -> Job:
    """A job that runs once this transaction is committed. With a `key`, a job of that key that has not begun is returned instead.

    The worker takes the key away when it begins, so that what is asked for meanwhile is not missed.
    """
    if key is not None and (same := session.scalar(select(Job).where(Job.key == key))) is not None:
        return same
    job = Job(kind=kind, key=key, payload=payload, run_after=run_after or at, created=at, account_id=account_id)
    session.add(job)
    session.flush()
    return job


def retry_job(session: Session, job: Job, *, viewer: Viewer, at: datetime) -> None:
    """Give a dead job its attempts again. Whoever does so has mended what was wrong."""
    must_hold(viewer, "read", "job")
    dead = update(Job).where(Job.id == job.id, Job.state == JobState.DEAD)
    again = dead.values(state=JobState.WAITING, attempts=0, run_after=at, ended=None)
    if session.execute(again).rowcount != 1:  # type: ignore[attr-defined]
        raise RefusedError(Refused("job_not_dead", _("这项任务没有停下，不用重试。")))
    session.expire(job)
    before = {"state": JobState.DEAD.value, "kind": job.kind}
    after = {"state": JobState.WAITING.value}
    record(session, actor=actor_of(viewer), verb="retry", noun="job", noun_id=job.id, before=before, after=after, at=at)
