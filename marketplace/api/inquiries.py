"""Inquiries (询问): an enterprise asks a provider about one of its solutions. The provider answers the introduction that comes of it."""

from __future__ import annotations

from datetime import date

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from marketplace.actions import inquiries as actions
from marketplace.actions.inquiries import InquiryDraft
from marketplace.api.brokerings_steps import done, step_of
from marketplace.api.operation import Done, Model, operation, refuse_faults
from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.solutions import SolutionState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution
from marketplace.site import current_site

_ID = "5b0e6f0e-3f1b-4f0e-9a53-3f0c2a0d8a11"


class InquiryIn(Model):
    """`problem`: an open one of the viewer's own enterprise; `wanted`: until when it should be solved."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"solution": _ID, "problem": _ID, "question": "能接现有 PLC 吗", "wanted": None}]}
    )
    solution: str = Field(max_length=36)
    problem: str = Field(max_length=36)
    question: str = Field(max_length=2_000)
    wanted: date | None = None


@permission("write", "inquiry", scope="write")
@operation(
    "/inquiries",
    method="POST",
    summary="Ask a provider about a solution; the centre reads along",
    tag="brokerings",
    body=InquiryIn,
    answer=Done,
    status=201,
    faults=(404,),
    writes=True,
)
def send_inquiry(body: InquiryIn) -> Done:
    """Answers with the brokering that begins with it."""
    site, viewer, step = current_site(), current_viewer(), step_of()
    with site.database.reading() as session:
        query = select(Solution).where(Solution.public_id == body.solution, Solution.state == SolutionState.PUBLISHED)
        solution = session.scalar(query.options(joinedload(Solution.provider)))
        if solution is None or solution.provider.state not in SEARCHABLE:
            not_found()
        own = select(Problem.id, Problem.enterprise_id).where(Problem.public_id == body.problem, Problem.state == ProblemState.OPEN)
        problem = session.execute(own.where(Problem.enterprise_id.in_(viewer.enterprise_ids))).first()
        number = solution.id
    draft = InquiryDraft(problem.id if problem else None, body.question, body.wanted)
    refuse_faults(actions.check(draft, step.today))
    assert problem is not None
    inquiry = actions.inquire(site.database, problem.enterprise_id, number, draft, step)
    return done(inquiry.brokering_id)
