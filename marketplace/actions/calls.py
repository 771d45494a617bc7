"""Calls for solutions: staff publish and close them, providers answer with what they have."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.catalogue import must_act
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_roles, notify
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Role, Viewer, may
from marketplace.domain.calls import TABLE, CallDraft, CallState, check, check_answer
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _
from marketplace.domain.scenarios import ScenarioState
from marketplace.records.calls import CallAnswer, SolutionCall
from marketplace.records.database import Database
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution

NOUN = "solution_call"
# The platform itself closes what has run out.
CLOCK = "到期自动结束"
_FIELDS = ("scenario_code", "title", "text", "opens", "closes")


def create(database: Database, draft: CallDraft, *, days_least: int, viewer: Viewer, at: datetime) -> SolutionCall:
    """A call that nobody sees yet."""
    with database.writing() as session:
        _must_manage(viewer)
        _refuse_faults(session, draft, days_least)
        call = SolutionCall(created_by=viewer.account_id, at=at, **_values(draft))
        session.add(call)
        session.flush()
        record(session, actor=actor_of(viewer), verb="create", noun=NOUN, noun_id=call.id, before=None, after=_plain(_values(draft)), at=at)
        return call


def change(
    database: Database, call_id: int, draft: CallDraft, *, days_least: int, viewer: Viewer, at: datetime, seen: int | None = None
) -> SolutionCall:
    """Change a call that has not ended. A published one keeps its scenario: providers are answering to it.

    `seen`: the last entry of its history that the form knew; whoever saved meanwhile is not written over.
    """
    with database.writing() as session:
        _must_manage(viewer)
        _refuse_faults(session, draft, days_least)
        call = session.get_one(SolutionCall, call_id, with_for_update=True)
        if call.state == CallState.CLOSED:
            raise RefusedError(Refused("call_closed", _("征集已于 {closes} 24:00 截止。"), {"closes": call.closes.isoformat()}))
        if call.state == CallState.PUBLISHED and draft.scenario_code != call.scenario_code:
            raise RefusedError(Refused("scenario_fixed", _("征集已发布，场景不能再换。可以结束后另发一个。")))
        refuse_if_moved(session, NOUN, call.id, seen=seen, at=at, harmless=("answer", "take_back"))
        new = _values(draft)
        before = {name: getattr(call, name) for name in _FIELDS if getattr(call, name) != new[name]}
        for name in before:
            setattr(call, name, new[name])
        if before:
            after = {name: new[name] for name in before}
            record(
                session,
                actor=actor_of(viewer),
                verb="change",
                noun=NOUN,
                noun_id=call.id,
                before=_plain(before),
                after=_plain(after),
                at=at,
            )
        return call


def publish(database: Database, call_id: int, *, viewer: Viewer, at: datetime) -> Transition:
    """Everybody sees it; providers are told."""
    with database.writing() as session:
        call = session.get_one(SolutionCall, call_id)
        step = transition.apply(session, call, TABLE, "publish", actor=actor_of(viewer), roles=viewer.roles, at=at)
        values = {"title": call.title, "closes": call.closes.isoformat()}
        message = _("新的方案征集：{title}，{closes} 24:00 截止。")
        accounts = accounts_of_roles(session, [Role.PROVIDER])
        notify(session, accounts, "call", message, at=at, values=values, noun=NOUN, public_ref=call.public_id)
        return step


def close(database: Database, call_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """No more answers, before its last day."""
    with database.writing() as session:
        call = session.get_one(SolutionCall, call_id)
        return transition.apply(session, call, TABLE, "close", actor=actor_of(viewer), roles=viewer.roles, at=at, why=why)


def close_ended_calls(session: Session, today: date, at: datetime) -> None:
    """Daily: calls whose last day is over are closed."""
    over = select(SolutionCall).where(SolutionCall.state == CallState.PUBLISHED, SolutionCall.closes < today)
    for call in session.scalars(over.order_by(SolutionCall.id)).all():
        transition.apply(session, call, TABLE, "close", actor=CLOCK, roles={Role.ADMIN}, at=at)


def answer(database: Database, call_id: int, solution_id: int, *, note: str, viewer: Viewer, at: datetime, today: date) -> CallAnswer:
    """A provider names one of its solutions, published or still a draft. Named again, it stands there once."""
    with database.writing() as session:
        call = session.get_one(SolutionCall, call_id, with_for_update=True)
        solution = session.get_one(Solution, solution_id)
        must_act(viewer, solution.provider, "submit")
        refused = check_answer(
            state=call.state,
            opens=call.opens,
            closes=call.closes,
            today=today,
            provider=solution.provider.state,
            solution=solution.state,
        )
        if refused is not None:
            raise RefusedError(refused)
        found = _answer(session, call_id, solution_id)
        if found is None:
            found = CallAnswer(call_id=call_id, solution_id=solution_id, at=at)
            session.add(found)
        found.note, found.account_id, found.taken_back = note.strip()[:2000], viewer.account_id, None
        session.flush()
        after = {"solution_id": solution_id, "note": found.note}
        record(session, actor=actor_of(viewer), verb="answer", noun=NOUN, noun_id=call_id, before=None, after=after, at=at)
        values = {"call": call.title, "provider": solution.provider.name, "title": solution.title}
        if call.created_by is not None:
            message = _("{provider}用“{title}”应征了“{call}”。")
            notify(session, [call.created_by], "call", message, at=at, values=values, noun=NOUN, public_ref=call.public_id)
        return found


def take_back(database: Database, call_id: int, solution_id: int, *, viewer: Viewer, at: datetime) -> None:
    """The provider answers no longer with this solution."""
    with database.writing() as session:
        solution = session.get_one(Solution, solution_id)
        must_act(viewer, solution.provider, "submit")
        found = _answer(session, call_id, solution_id)
        if found is None or found.taken_back is not None:
            return
        found.taken_back = at
        before = {"solution_id": solution_id}
        record(session, actor=actor_of(viewer), verb="take_back", noun=NOUN, noun_id=call_id, before=before, after=None, at=at)


def _answer(session: Session, call_id: int, solution_id: int) -> CallAnswer | None:
    query = select(CallAnswer).where(CallAnswer.call_id == call_id, CallAnswer.solution_id == solution_id)
    return session.scalar(query.with_for_update())


def _must_manage(viewer: Viewer) -> None:
    if not may(viewer, "manage", "call"):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))


def _refuse_faults(session: Session, draft: CallDraft, days_least: int) -> None:
    for _field, refused in check(draft, days_least=days_least):
        raise RefusedError(refused)
    known = select(Scenario.id).where(Scenario.code == draft.scenario_code, Scenario.state == ScenarioState.PUBLISHED)
    if session.scalar(known) is None:
        raise RefusedError(Refused("unknown_scenario", _("没有编号为“{code}”的公开场景。"), {"code": draft.scenario_code}))


def _values(draft: CallDraft) -> dict[str, object]:
    return {name: getattr(draft, name) for name in _FIELDS}


def _plain(values: dict[str, object]) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
