"""What waits for the viewer: everything that the platform asks of a person, in one list."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field
from sqlalchemy import select

from marketplace.api.days import today
from marketplace.api.operation import Model, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.domain.tasks import Urgency, urgency
from marketplace.faults import said
from marketplace.guard import current_viewer, for_the_logged_in
from marketplace.records.tasks import Task, waits_for
from marketplace.site import current_site


class TaskOut(Model):
    """One thing to do. `thing`: the id of what it is about (`noun`)."""

    id: str
    kind: str
    noun: str
    thing: str
    message: str
    due: date | None
    urgency: Urgency
    created: datetime


class TaskList(Model):
    items: list[TaskOut]
    next: str | None


class TaskQuery(ListQuery):
    noun: str = Field("", max_length=32)
    """Only about things of this kind."""


@for_the_logged_in
@operation("/tasks", summary="What waits for the viewer, the oldest first", tag="inbox", query=TaskQuery, answer=TaskList)
def list_tasks(query: TaskQuery) -> TaskList:
    rows = select(Task).where(waits_for(current_viewer()))
    if query.noun:
        rows = rows.where(Task.noun == query.noun)
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, Task, query)
        return TaskList(items=[_out(row) for row in part], next=following)


def _out(row: Task) -> TaskOut:
    same = {name: getattr(row, name) for name in ("kind", "noun", "due", "created")}
    message, urgent = said(row.message, row.values), urgency(row.due, today())
    return TaskOut(**same, id=row.public_id, thing=row.public_ref, message=message, urgency=urgent)
