"""Problems, each with as much as the viewer may know, and a provider's demands."""

from __future__ import annotations

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from marketplace.api import models as out
from marketplace.api import shown
from marketplace.api.enterprises import ProblemList
from marketplace.api.operation import Model, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.problems import Problem
from marketplace.records.readable import readable_problems
from marketplace.site import current_site


class DemandQuery(Model):
    limit: int = Field(20, ge=1, le=50)
    """How many at most."""


class DemandOut(Model):
    """An open problem that one of the provider's solutions answers."""

    problem: out.ProblemOut
    solution: str
    solution_id: str
    title: str
    score: float
    strength: int
    reasons: list[out.ReasonOut]


class DemandList(Model):
    items: list[DemandOut]


class ProblemAnswer(Model):
    problem: out.ProblemOut


@permission("search", "problem")
@operation("/problems", summary="Problems that the viewer may read", tag="problems", query=ListQuery, answer=ProblemList, faults=(403,))
def list_problems(query: ListQuery) -> ProblemList:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        rows = select(Problem).where(readable_problems(viewer)).options(joinedload(Problem.enterprise))
        part, following = part_of(session, rows, Problem, query)
        told = shown.find_told(session, viewer, current_site().pilot)
        return ProblemList(items=[shown.problem_out(row, told) for row in part], next=following)


@permission("search", "problem")
@operation("/problems/<id>", summary="One problem", tag="problems", answer=ProblemAnswer, faults=(403, 404), etag=True)
def read_problem(id: str) -> ProblemAnswer:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        row = session.scalar(select(Problem).where(Problem.public_id == id, readable_problems(viewer)))
        if row is None:
            not_found()
        return ProblemAnswer(problem=shown.problem_out(row, shown.find_told(session, viewer, current_site().pilot)))


@permission("read", "demand")
@operation(
    "/demands",
    summary="Open problems that the viewer's own solutions answer, best first",
    tag="problems",
    query=DemandQuery,
    answer=DemandList,
    faults=(403,),
)
def list_demands(query: DemandQuery) -> DemandList:
    site, viewer = current_site(), current_viewer()
    found = [demand for number in sorted(viewer.provider_ids) for demand in site.recommender.demands(number, limit=query.limit)]
    found = sorted(found, key=lambda demand: -demand.match.score)[: query.limit]
    with site.database.reading() as session:
        wanted = select(Problem).where(Problem.id.in_([demand.problem_id for demand in found]), readable_problems(viewer))
        problems = {row.id: row for row in session.scalars(wanted.options(joinedload(Problem.enterprise)))}
        solutions = shown.find_solutions(session, [demand.match.solution_id for demand in found])
        told = shown.find_told(session, viewer, site.pilot)
        return DemandList(
            items=[
                DemandOut(
                    problem=shown.problem_out(problems[demand.problem_id], told),
                    solution=solutions[demand.match.solution_id].source_ref or solutions[demand.match.solution_id].public_id,
                    solution_id=solutions[demand.match.solution_id].public_id,
                    title=solutions[demand.match.solution_id].title,
                    score=round(demand.match.score, 4),
                    strength=demand.match.strength,
                    reasons=[
                        shown.reason_out(reason)
                        for reason in shown.reasons_for_provider(demand.match.reasons, problems[demand.problem_id], told)
                    ],
                )
                for demand in found
                if demand.problem_id in problems and demand.match.solution_id in solutions
            ]
        )
