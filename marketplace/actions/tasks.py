"""Opening and closing what waits for people. The verbs that move a thing say here, in their own transaction, who is next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.domain.access import Role
from marketplace.records.tasks import Task


def open_task(
    session: Session,
    kind: str,
    message: str,
    *,
    noun: str,
    noun_id: int,
    public_ref: str,
    at: datetime,
    values: dict[str, Any] | None = None,
    account_id: int | None = None,
    roles: Iterable[Role] = (),
    organisation_id: int | None = None,
    due: date | None = None,
) -> None:
    """Ask for something: of a person, of each of some roles, or of an organisation. Asked twice, it stands there once, with the later term."""
    for role in sorted(str(role) for role in roles) or [""]:
        same = select(Task).where(Task.kind == kind, Task.noun == noun, Task.noun_id == noun_id, Task.done_at.is_(None), Task.role == role)
        same = same.where(Task.account_id == account_id, Task.organisation_id == organisation_id)
        task = session.scalar(same)
        if task is None:
            task = Task(kind=kind, noun=noun, noun_id=noun_id, role=role, created=at, public_ref=public_ref, message=message)
            task.account_id, task.organisation_id = account_id, organisation_id
            session.add(task)
        task.message, task.values, task.due = message, values or {}, due
    session.flush()


def close_tasks(
    session: Session, noun: str, noun_id: int, *, at: datetime, kinds: Iterable[str] = (), account_id: int | None = None
) -> None:
    """What was asked about a thing is done, or no longer asked: all of it, or some kinds, or one person's."""
    done = update(Task).where(Task.noun == noun, Task.noun_id == noun_id, Task.done_at.is_(None))
    if kinds:
        done = done.where(Task.kind.in_(list(kinds)))
    if account_id is not None:
        done = done.where(Task.account_id == account_id)
    session.execute(done.values(done_at=at))
