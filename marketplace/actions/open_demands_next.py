"""Who is next after a step of an open demand: the tasks of the centre and the enterprise, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import Act
from marketplace.actions.open_demand_steps import DEMAND
from marketplace.actions.tasks import open_task
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import _
from marketplace.domain.open_demands import OpenDemandState
from marketplace.domain.working_days import Calendar, term
from marketplace.records.calendar import find_calendar
from marketplace.records.open_demands import OpenDemand, OpenQuestion
from marketplace.records.tasks import Task

_S = OpenDemandState


@dataclass(frozen=True)
class _Wanted:
    """A task that should stand open; for the centre where it is not the enterprise's."""

    kind: str
    message: str
    due: date | None
    of_enterprise: bool = True


def settle(session: Session, demand: OpenDemand, act: Act) -> None:
    """After every step, in its transaction: open what should be open, close what is no longer asked."""
    session.flush()
    wanted = list(_wanted(session, demand, act, find_calendar(session)))
    kinds = {one.kind for one in wanted}
    about = (Task.noun == DEMAND, Task.noun_id == demand.id, Task.done_at.is_(None))
    there = {task.kind: task for task in session.scalars(select(Task).where(*about))}
    for kind, task in there.items():
        if kind not in kinds:
            task.done_at = act.at
    for one in wanted:
        # A term runs from the step that began it.
        due = there[one.kind].due if one.kind in there and one.kind != "reply" else one.due
        values = {"number": demand.number, "title": demand.title}
        unit = demand.enterprise.organisation_id if one.of_enterprise else None
        open_task(
            session, one.kind, one.message, noun=DEMAND, noun_id=demand.id, public_ref=demand.public_id, at=act.at, values=values, due=due,
            organisation_id=unit, roles=() if one.of_enterprise else (Role.CENTRE,),
        )  # fmt: skip


def _wanted(session: Session, demand: OpenDemand, act: Act, calendar: Calendar) -> Iterator[_Wanted]:
    terms = {name: int(days) for name, days in demand.terms.items()}
    if demand.state == _S.SUBMITTED:
        due = term(act.today, terms["check"], calendar).due
        yield _Wanted("check", _("审核公开需求 {number}：{title}"), due, of_enterprise=False)
    if demand.state == _S.RETURNED:
        yield _Wanted("revise", _("修改退回的公开需求 {number}：{title}"), None)
    if demand.state == _S.CLOSED:
        due = term(demand.answers_until, terms["conclude"], calendar).due
        yield _Wanted("conclude", _("选定或说明没有合适的：公开需求 {number}"), due)
    if demand.state in (_S.PUBLISHED, _S.CLOSED):
        query = select(OpenQuestion.at).where(OpenQuestion.demand_id == demand.id, OpenQuestion.replied_at.is_(None))
        first = session.scalars(query.order_by(OpenQuestion.id).limit(1)).first()
        if first is not None and demand.state == _S.PUBLISHED:
            due = term(first.astimezone(act.at.tzinfo).date(), terms["reply"], calendar).due
            yield _Wanted("reply", _("回答服务商的提问：公开需求 {number}"), due)
