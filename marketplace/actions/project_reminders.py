"""Terms of projects at night: whoever has the ball, or is to put something right, is told when the term is near, and once more when it is over.

What was said is kept on the open task; with the next step there is another task, and so another term to be told of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.notices import accounts_of_organisation, accounts_of_roles, notify
from marketplace.actions.project_steps import PROJECT, STEP
from marketplace.actions.rectifications import RECTIFY
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import _
from marketplace.domain.working_days import days_left
from marketplace.records.calendar import find_calendar
from marketplace.records.tasks import Task

# Key in the values of a task: what was said about its term.
SAID = "reminded"
_SOON, _OVER = _("{number} {title}：{what}，{due} 到期。"), _("{number} {title}：{what}，已于 {due} 到期，请尽快办理。")
_MANY = _("有 {count} 个项目的事快到期或已超期，最急的是 {number} {title}：{what}（{due}）。")
_RECTIFICATION = _("整改并提交报告")
# More for one person at once are told in one notice.
_MOST = 3
# Before the working days are counted: no holidays make one of them longer than this.
_FAR = timedelta(days=21)


def remind_of_projects(session: Session, today: date, at: datetime) -> int:
    """Tell of every term that is near or over, unless that was said; of how many tasks."""
    near, calendar = int(session.info.get("remind_days", 1)), find_calendar(session)
    query = select(Task).where(Task.kind.in_([STEP, RECTIFY]), Task.done_at.is_(None), Task.due <= today + _FAR)
    told: dict[int, list[tuple[Task, str]]] = {}
    found = 0
    for task in session.scalars(query.order_by(Task.due, Task.id)):
        assert task.due is not None
        message = _OVER if task.due < today else _SOON
        said = str(task.values.get(SAID, ""))
        if said == message or (message == _SOON and days_left(today, task.due, calendar) > near):
            continue
        task.values = {**task.values, SAID: message}
        found += 1
        for account in _whose(session, task):
            told.setdefault(account, []).append((task, message))
    for account, tasks in told.items():
        _tell(session, account, tasks, at)
    return found


def _whose(session: Session, task: Task) -> Iterable[int]:
    if task.account_id is not None:
        return [task.account_id]
    if task.organisation_id is not None:
        return accounts_of_organisation(session, task.organisation_id)
    return accounts_of_roles(session, [Role(task.role)])


def _tell(session: Session, account: int, tasks: Sequence[tuple[Task, str]], at: datetime) -> None:
    """One by one, or all in one where there are many; the most urgent one is the first."""
    many = len(tasks) > _MOST
    for task, message in tasks[: 1 if many else None]:
        values = _values(task) | ({"count": len(tasks)} if many else {})
        told = _MANY if many else message
        notify(session, [account], PROJECT, told, at=at, values=values, noun=PROJECT, public_ref=task.public_ref)


def _values(task: Task) -> dict[str, Any]:
    what = task.values.get("step", _RECTIFICATION)
    due = task.due.isoformat() if task.due else ""
    return {"number": task.values.get("number", ""), "title": task.values.get("title", ""), "what": what, "due": due}
