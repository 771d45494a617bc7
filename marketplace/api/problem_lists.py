"""Writing a problem list: lines of a diagnosis by the centre, and problems that an enterprise brings by itself.

What the enterprise has confirmed is only corrected, and `why` says why.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy import select

from marketplace.actions import problem_lists as actions
from marketplace.api.days import here_now
from marketplace.api.diagnosis_lists import PROBLEM, found_diagnosis
from marketplace.api.operation import Done, Model, operation, refuse_faults
from marketplace.api.recommendations import Budget, key_of_word
from marketplace.api.writing import read_number, read_version
from marketplace.domain.access import may_read_plan
from marketplace.domain.money import fen_from_wan
from marketplace.domain.problems import ProblemDraft, check
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.enterprises import find_enterprise
from marketplace.records.history import find_last_entry
from marketplace.records.problems import Problem
from marketplace.site import current_site


class ListedProblemIn(Model):
    """A line of the problem list, whole. Words are the pilot's keys or names; null: the budget is still to be asked."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": "压机三天两头停机，每月约 40 小时", "budget_wan": {"low": 20.0, "high": 50.0}, "priority": "high"}]
        }
    )
    text: str = Field(max_length=10_000)
    stage: str = Field("", max_length=64)
    orientation: str = Field("", max_length=64)
    scenario: str = Field("", max_length=32)
    priority: str = Field("", max_length=64)
    severity: str = Field("", max_length=16)
    root_cause: str = Field("", max_length=10_000)
    effect_if_unsolved: str = Field("", max_length=10_000)
    budget_wan: Budget | None = None
    why: str = Field("", max_length=500)


class RemovalIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"why": "与第 3 条重复"}]})
    why: str = Field("", max_length=500)


def fen_of(wan: float | None) -> int | None:
    return None if wan is None else fen_from_wan(wan)


def word_of(kind: str, word: str, field: str) -> str:
    """The pilot's key of a word; an unknown one is refused together with what may be meant."""
    return key_of_word(current_site(), kind, word, f"body.{field}") or ""


def _problem_draft(body: ListedProblemIn) -> ProblemDraft:
    budget, scenario = body.budget_wan or Budget(), current_site().pilot.scenario(body.scenario) if body.scenario else None
    draft = ProblemDraft(
        text=body.text.strip(),
        budget_low_fen=fen_of(budget.low),
        budget_high_fen=fen_of(budget.high),
        severity=body.severity,
        root_cause=body.root_cause.strip(),
        effect_if_unsolved=body.effect_if_unsolved.strip(),
        stage=word_of("stage", body.stage, "stage"),
        orientation=word_of("orientation", body.orientation, "orientation"),
        scenario_code=scenario.code if scenario else body.scenario,
        priority=word_of("priority", body.priority, "priority"),
    )
    refuse_faults(check(draft))
    return draft


def _problem_done(number: int) -> Done:
    with current_site().database.reading() as session:
        row = session.get_one(Problem, number)
        return Done(id=row.public_id, state=row.state, version=str(find_last_entry(session, PROBLEM, number)))


@permission("edit", "problem_list", scope="write")
@operation(
    "/diagnoses/<id>/problems",
    method="POST",
    summary="A new line of the problem list",
    tag="diagnoses",
    body=ListedProblemIn,
    answer=Done,
    status=201,
    writes=True,
)
def add_listed_problem(id: str, body: ListedProblemIn) -> Done:
    database = current_site().database
    with database.reading() as session:
        row = found_diagnosis(session, id)
        about: dict[str, Any] = {"enterprise_id": row.enterprise_id, "diagnosis_id": row.id}
    return _problem_done(actions.add(database, _problem_draft(body), **about, viewer=current_viewer(), at=here_now(), why=body.why).id)


@permission("edit", "problem_list", scope="write")
@operation(
    "/enterprises/<code>/problems",
    method="POST",
    summary="A problem that the enterprise brings by itself",
    tag="diagnoses",
    body=ListedProblemIn,
    answer=Done,
    status=201,
    writes=True,
)
def add_own_problem(code: str, body: ListedProblemIn) -> Done:
    database, viewer = current_site().database, current_viewer()
    with database.reading() as session:
        row = find_enterprise(session, code)
        number = row.id if row is not None and may_read_plan(viewer, row.id) else not_found()
    return _problem_done(actions.add(database, _problem_draft(body), enterprise_id=number, viewer=viewer, at=here_now()).id)


def _problem(id: str) -> int:
    """The number inside, for the enterprise and the centre."""
    with current_site().database.reading() as session:
        row = session.scalar(select(Problem).where(Problem.public_id == id))
        return row.id if row is not None and may_read_plan(current_viewer(), row.enterprise_id) else not_found()


@permission("edit", "problem_list", scope="write")
@operation(
    "/problems/<id>", method="PUT", summary="Change a problem", tag="diagnoses", body=ListedProblemIn, answer=Done, writes=True, match="may"
)
def change_problem(id: str, body: ListedProblemIn) -> Done:
    number = _problem(id)
    values: dict[str, Any] = {"viewer": current_viewer(), "at": here_now(), "seen": read_number(read_version()), "why": body.why}
    actions.change(current_site().database, number, _problem_draft(body), **values)
    return _problem_done(number)


@permission("edit", "problem_list", scope="write")
@operation(
    "/problems/<id>/remove",
    method="POST",
    summary="Take a problem out of its list",
    tag="diagnoses",
    body=RemovalIn,
    answer=Done,
    writes=True,
    match="may",
)
def remove_problem(id: str, body: RemovalIn) -> Done:
    number = _problem(id)
    actions.remove(current_site().database, number, viewer=current_viewer(), at=here_now(), why=body.why, seen=read_number(read_version()))
    return _problem_done(number)
