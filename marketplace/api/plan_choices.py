"""What the centre does by hand while it makes a plan: what weighs more, what is put first, left out with a reason, or added."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import plans as actions
from marketplace.api.brokering_models import SolutionRef
from marketplace.api.days import here_now
from marketplace.api.operation import Model, Versioned, operation, refuse_faults, refuse_field
from marketplace.api.writing import read_number, read_version
from marketplace.domain.lifecycle import _
from marketplace.domain.plans import MOST, ChoiceDraft, ChoiceKind, Emphasis, check_choice
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.history import find_last_entry
from marketplace.records.plans import find_choices, find_emphasis
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution, find_solution
from marketplace.site import current_site


class ChoiceOut(Model):
    """A solution that was pinned, excluded or added for a problem, and why."""

    problem: str
    solution: SolutionRef
    kind: ChoiceKind
    why: str
    at: datetime


class WeightsIn(Model):
    """What weighs how much for this enterprise: 0 not at all, 1 as usual, 5 most."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"price": 1, "speed": 3, "local": 5, "record": 1}]})
    price: int = Field(1, ge=0, le=MOST)
    speed: int = Field(1, ge=0, le=MOST)
    local: int = Field(1, ge=0, le=MOST)
    record: int = Field(1, ge=0, le=MOST)


class WeightsOut(Model):
    price: int
    speed: int
    local: int
    record: int


class SteeringOut(Versioned):
    """How a plan is steered. The plan on its page follows it; the version is that of the emphasis."""

    emphasis: WeightsOut
    choices: list[ChoiceOut]


class ChoiceIn(Model):
    """`why` is needed to exclude and to add: the enterprise reads it in the plan."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"solution": "5b0e6f0e-3f1b-4f0e-9a53-3f0c2a0d8a11", "kind": "excluded", "why": "要换主机，企业不接受"}]
        }
    )
    solution: str = Field(max_length=36)
    kind: ChoiceKind
    why: str = Field("", max_length=500)


@permission("make", "plan")
@operation(
    "/enterprises/<code>/plan/steering",
    summary="What weighs more for an enterprise, and what was done by hand to its problems' lists",
    tag="plans",
    answer=SteeringOut,
)
def read_steering(code: str) -> SteeringOut:
    with current_site().database.reading() as session:
        return _steering(session, find_enterprise(session, code) or not_found())


def _steering(session: Session, enterprise: Enterprise) -> SteeringOut:
    row, chosen = find_emphasis(session, enterprise.id), find_choices(session, enterprise.id)
    problems = dict(session.execute(select(Problem.id, Problem.public_id).where(Problem.id.in_([one.problem_id for one in chosen]))).all())
    rows = select(Solution).where(Solution.id.in_([one.solution_id for one in chosen]))
    solutions = {one.id: SolutionRef(id=one.public_id, title=one.title) for one in session.scalars(rows)}
    return SteeringOut(
        version=str(find_last_entry(session, actions.EMPHASIS_NOUN, row.id) if row else 0),
        emphasis=WeightsOut(**dict((row.emphasis if row else Emphasis()).items())),
        choices=[
            ChoiceOut(problem=problems[one.problem_id], solution=solutions[one.solution_id], kind=one.kind, why=one.why, at=one.at)
            for one in chosen
        ],
    )


@permission("make", "plan", scope="write")
@operation(
    "/enterprises/<code>/plan/emphasis",
    method="PUT",
    summary="Set what weighs more for an enterprise",
    tag="plans",
    body=WeightsIn,
    answer=SteeringOut,
    writes=True,
    match="may",
)
def set_emphasis(code: str, body: WeightsIn) -> SteeringOut:
    database = current_site().database
    with database.reading() as session:
        number = (find_enterprise(session, code) or not_found()).id
    emphasis = Emphasis(body.price, body.speed, body.local, body.record)
    actions.weigh(database, number, emphasis, viewer=current_viewer(), at=here_now(), seen=read_number(read_version()))
    return _now(number)


def _now(enterprise_id: int) -> SteeringOut:
    with current_site().database.reading() as session:
        return _steering(session, session.get_one(Enterprise, enterprise_id))


def _problem(session: Session, id: str) -> Problem:
    return session.scalar(select(Problem).where(Problem.public_id == id)) or not_found()


@permission("make", "plan", scope="write")
@operation(
    "/problems/<id>/choices",
    method="POST",
    summary="Put a solution first, leave it out, or add it",
    tag="plans",
    body=ChoiceIn,
    answer=SteeringOut,
    writes=True,
)
def choose_solution(id: str, body: ChoiceIn) -> SteeringOut:
    database, draft = current_site().database, ChoiceDraft(kind=body.kind, why=body.why.strip())
    with database.reading() as session:
        problem = _problem(session, id)
        number, enterprise, solution = problem.id, problem.enterprise_id, find_solution(session, body.solution)
        if solution is None:
            refuse_field("body.solution", "unknown_solution", _("没有这个方案，请核对编号。"))
        solution_id = solution.id
    refuse_faults(check_choice(draft))
    actions.choose(database, number, solution_id, draft, viewer=current_viewer(), at=here_now())
    return _now(enterprise)


@permission("make", "plan", scope="write")
@operation(
    "/problems/<id>/choices/<solution>",
    method="DELETE",
    summary="The order of the machine holds again for this solution",
    tag="plans",
    answer=SteeringOut,
    writes=True,
)
def take_choice_back(id: str, solution: str) -> SteeringOut:
    database = current_site().database
    with database.reading() as session:
        problem = _problem(session, id)
        number, enterprise = problem.id, problem.enterprise_id
        solution_id = (find_solution(session, solution) or not_found()).id
    if not actions.take_back_choice(database, number, solution_id, viewer=current_viewer(), at=here_now()):
        not_found()
    return _now(enterprise)
