"""Who has the ball of a brokering after a step: the columns of the board and the tasks of everybody concerned, in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import BROKERING, INTRODUCTION, Whole, feedback_owed, part_of, whole_of
from marketplace.actions.tasks import open_task
from marketplace.domain.access import Role
from marketplace.domain.brokerings import UNBOUND, BrokeringState, ball
from marketplace.domain.introductions import Answer, IntroductionState, Side
from marketplace.domain.lifecycle import _
from marketplace.domain.working_days import Calendar, term
from marketplace.records.brokerings import Brokering
from marketplace.records.calendar import find_calendar
from marketplace.records.introductions import Introduction
from marketplace.records.tasks import Task

_S, _B = IntroductionState, BrokeringState
# Step of the ball → which term of the brokering it has.
_TERMS: Mapping[str, str] = {
    "send": "centre",
    "replace": "centre",
    "compare": "centre",
    "decide": "centre",
    "quote": "quote",
    "award": "award",
    "confirm": "award",
    "contract": "contract",
    "feedback": "feedback",
}


@dataclass(frozen=True)
class _Wanted:
    """A task that should stand open. For the officer in charge where no organisation is named."""

    kind: str
    noun: str
    noun_id: int
    public_ref: str
    message: str
    due: date | None
    organisation_id: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def settle(session: Session, brokering: Brokering, *, at: datetime, today: date) -> None:
    """After every step, in its transaction."""
    session.flush()
    whole, calendar = whole_of(session, brokering), find_calendar(session)
    found = ball(brokering.state, [part_of(row) for row in whole.introductions], finish_reported=whole.finish_reported)
    if (brokering.waits_for, brokering.waits_step) != (found.who, found.step):
        brokering.waits_since = today if found.step else None
        brokering.waits_due = _due(whole, found.step, today, calendar)
    elif found.step == "answer":
        brokering.waits_due = _due(whole, found.step, today, calendar)
    brokering.lane, brokering.waits_for, brokering.waits_step = found.lane, found.who, found.step
    session.flush()
    _put(session, whole, list(_wanted(whole, today, calendar)), at)


def _due(whole: Whole, step: str, today: date, calendar: Calendar) -> date | None:
    if step == "answer":
        waiting = [row.due for one in whole.introductions if one.state == _S.SENT for row in one.answers if row.answer == Answer.PENDING]
        return min(waiting, default=None)
    if step == "finish":
        return whole.contract.ends if whole.contract else None
    return term(today, whole.term(_TERMS[step]), calendar).due if step in _TERMS else None


def _wanted(whole: Whole, today: date, calendar: Calendar) -> Iterator[_Wanted]:
    yield from _of_brokering(whole)
    for row in whole.introductions:
        yield from _of_introduction(whole, row, today, calendar)


_OFFICE: Mapping[str, str] = {
    "send": _("发出对接单 {number}"),
    "replace": _("对接单 {number} 已没有可洽谈的服务商：另选，或记下没有合适的"),
    "compare": _("把报价送企业比较：{number}"),
    "decide": _("{number} 已签约：转储备项目，或登记开工"),
}
_ENTERPRISE: Mapping[str, str] = {
    "award": _("比较报价并选定一家：{number}"),
    "contract": _("登记合同：{number}"),
    "confirm": _("确认完工并评价：{number}"),
}


def _of_brokering(whole: Whole) -> Iterator[_Wanted]:
    brokering = whole.brokering
    step, values = brokering.waits_step, {"number": brokering.number}
    about: dict[str, Any] = {"noun": BROKERING, "noun_id": brokering.id, "public_ref": brokering.public_id, "values": values}
    if step in _OFFICE:
        yield _Wanted(step, message=_OFFICE[step], due=brokering.waits_due, **about)
    elif step in _ENTERPRISE:
        unit = brokering.enterprise.organisation_id
        yield _Wanted(step, message=_ENTERPRISE[step], due=brokering.waits_due, organisation_id=unit, **about)


def _of_introduction(whole: Whole, row: Introduction, today: date, calendar: Calendar) -> Iterator[_Wanted]:
    # What a provider is told never names the enterprise; the enterprise and the centre read who the provider is.
    own, values = {"number": whole.brokering.number, "solution": row.solution.title}, {"number": whole.brokering.number}
    about: dict[str, Any] = {"noun": INTRODUCTION, "noun_id": row.id, "public_ref": row.public_id}
    named = {**values, "provider": row.provider.name}
    unit = row.provider.organisation_id
    if row.state == _S.SENT:
        yield from _answers(whole, row, about, own, named, today)
    if row.state == _S.TALKING and row.talks_since is not None:
        due = term(row.talks_since.date(), whole.term("quote"), calendar).due
        yield _Wanted("quote", message=_("洽谈并报价：{number}（{solution}）"), due=due, organisation_id=unit, values=own, **about)
    if row.state == _S.FROZEN and whole.brokering.state in UNBOUND:
        due = term((row.ended_at or row.proposed_at).date(), whole.term("centre"), calendar).due
        yield _Wanted("replace", message=_("{provider}已不接新单，{number} 已冻结：选替代服务商"), due=due, values=named, **about)
    if feedback_owed(row) and whole.brokering.state not in UNBOUND - {_B.AWARDED} and row.ended_at is not None:
        due = term(row.ended_at.date(), whole.term("feedback"), calendar).due
        yield _Wanted("feedback", message=_("写落选反馈：{provider}（{number}）"), due=due, values=named, **about)
    if row.state == _S.AWARDED and whole.brokering.state == _B.IMPLEMENTING and not whole.finish_reported:
        ends = whole.contract.ends if whole.contract else None
        yield _Wanted("finish", message=_("完工后登记：{number}（{solution}）"), due=ends, organisation_id=unit, values=own, **about)


def _answers(
    whole: Whole, row: Introduction, about: dict[str, Any], own: dict[str, str], named: dict[str, str], today: date
) -> Iterator[_Wanted]:
    late = False
    for answer in row.answers:
        if answer.answer != Answer.PENDING:
            continue
        late = late or answer.due < today
        if answer.side == Side.PROVIDER:
            unit, message, values = row.provider.organisation_id, _("答复对接单 {number}（{solution}）"), own
        else:
            unit, message, values = whole.brokering.enterprise.organisation_id, _("答复对接单 {number}：是否与{provider}洽谈"), named
        yield _Wanted("answer", message=message, due=answer.due, organisation_id=unit, values=values, **about)
    if late:
        until = max(answer.silent_until for answer in row.answers if answer.answer == Answer.PENDING)
        yield _Wanted("chase", message=_("{number} 超期未答复（{provider}）：催办或代录答复"), due=until, values=named, **about)


def _put(session: Session, whole: Whole, wanted: list[_Wanted], at: datetime) -> None:
    """Open what should be open, and close what is no longer asked."""
    brokering = whole.brokering
    numbers = [row.id for row in whole.introductions]
    about = (Task.noun == BROKERING) & (Task.noun_id == brokering.id)
    about = about | ((Task.noun == INTRODUCTION) & Task.noun_id.in_(numbers))
    keys = {(one.noun, one.noun_id, one.kind, one.organisation_id) for one in wanted}
    for task in session.scalars(select(Task).where(about, Task.done_at.is_(None))):
        if (task.noun, task.noun_id, task.kind, task.organisation_id) not in keys:
            task.done_at = at
    session.flush()
    for one in wanted:
        whose: dict[str, Any] = {"organisation_id": one.organisation_id}
        if one.organisation_id is None:
            officer = brokering.officer_id
            whose = {"account_id": officer} if officer is not None else {"roles": (Role.CENTRE,)}
        values = dict(one.values)
        open_task(
            session, one.kind, one.message, noun=one.noun, noun_id=one.noun_id, public_ref=one.public_ref, at=at, values=values,
            due=one.due, **whose
        )  # fmt: skip
