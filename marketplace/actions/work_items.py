"""工作台账: the offices write down tasks, change them and move them; each step leaves its entry."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.actions.centre_steps import Step, changed, locked, move, note, refuse_first, refuse_without_reason
from marketplace.actions.roles import must_hold
from marketplace.actions.tasks import close_tasks
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.work_items import OPEN, TABLE, WITH_REASON, Standing, WorkDraft, WorkState, check, parent_of, rank_of
from marketplace.records.database import Database
from marketplace.records.work_items import WorkItem, count_open_below

NOUN = "work_item"
# The number and the phase of a task stay what they were.
FIELDS = ("title", "owner", "co_owners", "starts", "due", "evidence", "remark")


def create(database: Database, draft: WorkDraft, step: Step, *, phases: Collection[str]) -> WorkItem:
    """A task of the plan, or one below another that is not over."""
    must_hold(step.viewer, "manage", NOUN)
    refuse_first(check(draft, phases))
    with database.writing() as session:
        return add(session, draft, step)


def change(database: Database, item_id: int, draft: WorkDraft, step: Step, *, phases: Collection[str]) -> WorkItem:
    must_hold(step.viewer, "manage", NOUN)
    refuse_first(check(draft, phases))
    with database.writing() as session:
        item = locked(session, WorkItem, item_id, NOUN, step)
        write(session, item, draft, step)
        return item


def advance(database: Database, item_id: int, event: str, step: Step, *, why: str = "") -> WorkItem:
    """Start, finish, drop or reopen."""
    refuse_without_reason(event, why, WITH_REASON)
    with database.writing() as session:
        item = locked(session, WorkItem, item_id, NOUN, step)
        carry(session, item, event, step, why)
        return item


def add(session: Session, draft: WorkDraft, step: Step) -> WorkItem:
    """Within a transaction: a new task. What a draft may be was checked before."""
    above = _above(session, draft.code)
    if session.scalar(select(WorkItem.id).where(WorkItem.code == draft.code)) is not None:
        raise RefusedError(Refused("code_taken", _("序号“{code}”已经有了。"), {"code": draft.code}))
    if above is not None and draft.phase not in ("", above.phase):
        raise RefusedError(Refused("other_phase", _("下级任务的阶段和上级任务一致，不用另填。")))
    item = WorkItem(
        code=draft.code, rank=rank_of(draft.code), parent_id=above.id if above else None, phase=above.phase if above else draft.phase,
        created_by=step.viewer.account_id, created=step.at, **_values(draft),
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(item)
    except IntegrityError:
        # Somebody else took the number in this very moment.
        raise RefusedError(Refused("code_taken", _("序号“{code}”已经有了。"), {"code": draft.code})) from None
    note(session, NOUN, item.id, "create", step, None, {"code": item.code, "phase": item.phase, **_values(draft)})
    return item


def write(session: Session, item: WorkItem, draft: WorkDraft, step: Step) -> bool:
    """Within a transaction: what is typed becomes what is stored; whether anything changed."""
    if draft.code != item.code or draft.phase not in ("", item.phase):
        raise RefusedError(Refused("code_fixed", _("序号和阶段定了不改。要换位置，请另建一项，原来的这一项按“不再办理”处理。")))
    before = {name: getattr(item, name) for name in FIELDS}
    after = changed(before, _values(draft))
    for name, value in after.items():
        setattr(item, name, value)
    if after:
        if {"due", "owner"} & set(after):
            # Whoever answers for it is asked anew, when the new term is near.
            close_tasks(session, NOUN, item.id, at=step.at)
        session.flush()
        note(session, NOUN, item.id, "change", step, {name: before[name] for name in after}, after)
    return bool(after)


def carry(session: Session, item: WorkItem, event: str, step: Step, why: str = "") -> None:
    """Within a transaction: one step of the process."""
    session.flush()
    above = session.get(WorkItem, item.parent_id) if item.parent_id is not None else None
    subject = Standing(count_open_below(session, item.id), above is not None and above.state not in OPEN, item.evidence)
    move(session, item, TABLE, event, step, why=why, subject=subject)
    item.finished_at = step.at if item.state == WorkState.DONE else None
    if item.state not in OPEN:
        close_tasks(session, NOUN, item.id, at=step.at)


def _above(session: Session, code: str) -> WorkItem | None:
    """The task above, under lock: it must not be finished while something is put below it."""
    parent = parent_of(code)
    if not parent:
        return None
    above = session.scalar(select(WorkItem).where(WorkItem.code == parent).with_for_update())
    if above is None:
        raise RefusedError(Refused("no_parent", _("没有序号为“{code}”的上级任务，请先建它。"), {"code": parent}))
    if above.state not in OPEN:
        raise RefusedError(Refused("above_is_over", _("上级任务已办完，请先重新办理上级任务。")))
    return above


def _values(draft: WorkDraft) -> dict[str, Any]:
    return {name: value.strip() if isinstance(value := getattr(draft, name), str) else value for name in FIELDS}
