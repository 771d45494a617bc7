"""Terms of the ledger of work: whoever answers for a task is asked when its term is near, and once more when it is over; never night after night.

Owners are units in words. Members of the unit of that name are asked; where there is none, the role that the words name (数字化转型能力中心 names
the centre); else the bureau, which leads the pilot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.notices import accounts_of_roles, notify
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.actions.work_items import NOUN
from marketplace.domain.access import PERMISSIONS, Role
from marketplace.domain.experts import unit_key
from marketplace.domain.lifecycle import _
from marketplace.domain.work_items import OPEN, SOON_DAYS, is_overdue
from marketplace.domain.working_days import days_left
from marketplace.records.accounts import Account, Membership
from marketplace.records.calendar import find_calendar
from marketplace.records.organisations import Organisation
from marketplace.records.tasks import Task
from marketplace.records.work_items import WorkItem

DUE = "work_item_due"
_SOON, _OVER = _("工作任务 {code} 将于 {due} 到期：{title}"), _("工作任务 {code} 已于 {due} 到期，还没有办结：{title}")
_MANY = _("有 {count} 项工作任务快到期或已超期，最早的是 {code}（{due}）：{title}")
# Before the working days are counted: no pair of holidays makes so few of them longer than this.
_FAR = timedelta(days=31)
_OFFICES = PERMISSIONS[NOUN, "manage"]
# More at once, as after a plan was taken over from a sheet, are told in one notice.
_MOST_NOTICES = 3


def remind_of_work(session: Session, today: date, at: datetime) -> int:
    """Ask about each task of the ledger whose term is near or over, unless that was done; how many were asked about. The open task of the
    inbox is the mark of what was said: it goes when the task is over, or its term or owner has changed."""
    names: Mapping[Role, str] = session.info.get("role_names", {})
    near = select(WorkItem).where(WorkItem.state.in_(OPEN), WorkItem.due <= today + _FAR).order_by(WorkItem.rank)
    rows, calendar = session.scalars(near).all(), find_calendar(session)
    query = select(Task.noun_id, Task.message).where(Task.noun == NOUN, Task.kind == DUE, Task.done_at.is_(None)).distinct()
    said: dict[int, str] = dict(session.execute(query).all())
    told: dict[frozenset[int], list[tuple[WorkItem, str]]] = {}
    for item in rows:
        assert item.due is not None
        over = is_overdue(item.state, item.due, today)
        if said.get(item.id) in ((_OVER,) if over else (_SOON, _OVER)) or (not over and days_left(today, item.due, calendar) > SOON_DAYS):
            continue
        message = _OVER if over else _SOON
        told.setdefault(_ask(session, item, message, names, at), []).append((item, message))
    for accounts, asked in told.items():
        _tell(session, accounts, asked, at)
    return sum(len(asked) for asked in told.values())


def _values(item: WorkItem) -> dict[str, Any]:
    return {"code": item.code, "title": item.title, "due": item.due.isoformat() if item.due else ""}


def _ask(session: Session, item: WorkItem, message: str, names: Mapping[Role, str], at: datetime) -> frozenset[int]:
    """Whoever it waits for now."""
    unit_id, roles, accounts = _owners(session, item.owner, names)
    close_tasks(session, NOUN, item.id, at=at, kinds=(DUE,))
    open_task(
        session, DUE, message, noun=NOUN, noun_id=item.id, public_ref=item.public_id, at=at, values=_values(item),
        roles=roles, organisation_id=unit_id, due=item.due,
    )  # fmt: skip
    return frozenset(accounts)


def _tell(session: Session, accounts: Iterable[int], asked: Sequence[tuple[WorkItem, str]], at: datetime) -> None:
    if len(asked) > _MOST_NOTICES:
        first = min((item for item, _message in asked), key=lambda item: (item.due or date.max, item.rank))
        values = _values(first) | {"count": len(asked)}
        notify(session, accounts, NOUN, _MANY, at=at, values=values, noun=NOUN, public_ref=first.public_id)
        return
    for item, message in asked:
        notify(session, accounts, NOUN, message, at=at, values=_values(item), noun=NOUN, public_ref=item.public_id)


def _owners(session: Session, owner: str, names: Mapping[Role, str]) -> tuple[int | None, set[Role], set[int]]:
    """The unit with the roles that its members hold, or roles alone; and the accounts of either."""
    members = select(Organisation.id, Organisation.name, Membership.role, Account.id).join(Membership.account).join(
        Organisation, Organisation.id == Membership.organisation_id
    )  # fmt: skip
    members = members.where(Membership.role.in_(_OFFICES), Account.disabled.is_(False)).order_by(Organisation.id)
    found = [row for row in session.execute(members) if unit_key(row[1]) == unit_key(owner)]
    if found:
        return found[0][0], {row[2] for row in found}, {row[3] for row in found}
    roles = {role for role, name in names.items() if role in _OFFICES and name and name in owner}
    accounts = accounts_of_roles(session, roles) if roles else set()
    return (None, roles, accounts) if accounts else (None, {Role.BUREAU}, accounts_of_roles(session, {Role.BUREAU}))
