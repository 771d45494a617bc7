"""方案征集: calls for solutions on a scenario, for everybody to read and for providers to answer."""

from __future__ import annotations

from datetime import date

from pydantic import ConfigDict, Field
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from marketplace.actions import calls as actions
from marketplace.api import models as out
from marketplace.api.days import today
from marketplace.api.operation import Model, operation, refuse_field
from marketplace.api.paging import ListQuery, part_of
from marketplace.api.shown import provider_ref
from marketplace.domain.access import Viewer, may
from marketplace.domain.calls import CallState, is_running
from marketplace.domain.lifecycle import _
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.solutions import SolutionState
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.calls import CallAnswer, SolutionCall, find_answers
from marketplace.records.solutions import Solution
from marketplace.site import current_site


class CallLine(Model):
    """A call in a list. Both days belong to it."""

    id: str
    scenario: str
    title: str
    opens: date
    closes: date
    state: CallState
    running: bool


class CallAnswerOut(Model):
    """A solution with which somebody answered. `note` is told to whoever brought it and to those who make calls."""

    solution: str
    title: str
    provider: out.ProviderRef
    note: str | None


class CallOut(CallLine):
    """A call in full. A draft among the answers is for staff and for whoever brought it."""

    text: str
    answers: list[CallAnswerOut]


class CallList(Model):
    items: list[CallLine]
    next: str | None


class CallAnswerIn(Model):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"solution": "5b0e6f0e-3f1b-4f0e-9a53-3f0c2a0d8a11", "note": "已在两家化工厂实施"}]}
    )
    solution: str = Field(max_length=36)
    """The id of one of the viewer's own solutions."""
    note: str = Field("", max_length=2_000)


def _readable() -> ColumnElement[bool]:
    states = [CallState.PUBLISHED, CallState.CLOSED]
    return SolutionCall.state.in_([*states, CallState.DRAFT] if may(current_viewer(), "manage", "call") else states)


@permission("read", "call")
@operation("/calls", summary="Calls for solutions", tag="calls", query=ListQuery, answer=CallList)
def list_calls(query: ListQuery) -> CallList:
    with current_site().database.reading() as session:
        part, following = part_of(session, select(SolutionCall).where(_readable()), SolutionCall, query)
        return CallList(items=[CallLine(**_line(row)) for row in part], next=following)


def _line(row: SolutionCall) -> dict[str, object]:
    same = {name: getattr(row, name) for name in ("title", "opens", "closes", "state")}
    return {**same, "id": row.public_id, "scenario": row.scenario_code, "running": is_running(row.state, row.opens, row.closes, today())}


@permission("read", "call")
@operation("/calls/<id>", summary="One call with its answers", tag="calls", answer=CallOut)
def read_call(id: str) -> CallOut:
    with current_site().database.reading() as session:
        return _out(session, _find(session, id))


def _out(session: Session, row: SolutionCall) -> CallOut:
    viewer = current_viewer()
    answers = [_answer(one, viewer) for one in find_answers(session, row.id) if _may_see(one, viewer)]
    return CallOut(**_line(row), text=row.text, answers=answers)


def _find(session: Session, id: str) -> SolutionCall:
    return session.scalar(select(SolutionCall).where(SolutionCall.public_id == id, _readable())) or not_found()


def _is_involved(answer: CallAnswer, viewer: Viewer) -> bool:
    return may(viewer, "manage", "call") or answer.solution.provider_id in viewer.provider_ids


def _may_see(answer: CallAnswer, viewer: Viewer) -> bool:
    solution = answer.solution
    return _is_involved(answer, viewer) or (solution.state == SolutionState.PUBLISHED and solution.provider.state in SEARCHABLE)


def _answer(answer: CallAnswer, viewer: Viewer) -> CallAnswerOut:
    solution = answer.solution
    return CallAnswerOut(
        solution=solution.public_id,
        title=solution.title,
        provider=provider_ref(solution.provider),
        note=answer.note if _is_involved(answer, viewer) else None,
    )


def _own(session: Session, public_id: str) -> int | None:
    query = select(Solution.id).where(Solution.public_id == public_id, Solution.provider_id.in_(current_viewer().provider_ids))
    return session.scalar(query)


@permission("write", "catalogue", scope="write")
@operation(
    "/calls/<id>/answers",
    method="POST",
    summary="Answer a call with one of the viewer's own solutions",
    tag="calls",
    body=CallAnswerIn,
    answer=CallOut,
    status=201,
    writes=True,
)
def answer_call(id: str, body: CallAnswerIn) -> CallOut:
    database = current_site().database
    with database.reading() as session:
        number, solution = _find(session, id).id, _own(session, body.solution)
    if solution is None:
        refuse_field("body.solution", "unknown_solution", _("没有这个方案，请选一个自己的方案。"))
    actions.answer(database, number, solution, note=body.note, viewer=current_viewer(), at=now(), today=today())
    with database.reading() as session:
        return _out(session, session.get_one(SolutionCall, number))


@permission("write", "catalogue", scope="write")
@operation(
    "/calls/<id>/answers/<solution>",
    method="DELETE",
    summary="Answer no longer with this solution",
    tag="calls",
    answer=CallOut,
    writes=True,
)
def take_answer_back(id: str, solution: str) -> CallOut:
    database = current_site().database
    with database.reading() as session:
        number, own = _find(session, id).id, _own(session, solution) or not_found()
    actions.take_back(database, number, own, viewer=current_viewer(), at=now())
    with database.reading() as session:
        return _out(session, session.get_one(SolutionCall, number))
