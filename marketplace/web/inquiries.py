"""询问: an enterprise asks a provider about a solution, from the solution's own page."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import inquiries as actions
from marketplace.actions.inquiries import InquiryDraft, check
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.problems import ProblemState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.brokerings import Brokering
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.brokerings import step_of
from marketplace.web.cards import in_pool
from marketplace.web.language import say
from marketplace.web.refusals import form_page
from marketplace.web.terms import today
from marketplace.web.typed import typed_day

pages = Blueprint("inquiries", __name__)


@pages.get("/inquiries/new")
@permission("write", "inquiry")
def new() -> AnyResponse:
    return _page(request.args.get("solution", ""))


@pages.post("/inquiries/new")
@permission("write", "inquiry")
def send() -> AnyResponse:
    """The provider is asked; the centre reads along."""
    form, viewer = request.form, current_viewer()
    key = form.get("solution", "")
    with current_site().database.reading() as session:
        solution = _solution(session, key)
        problem = next((one for one in _problems(session) if one.public_id == form.get("problem", "")), None)
        solution_id, problem_id = solution.id, problem.id if problem is not None else None
        enterprise_id = problem.enterprise_id if problem is not None else min(viewer.enterprise_ids, default=0)
    draft = InquiryDraft(problem_id, form.get("question", ""), typed_day(form.get("wanted", "")))
    faults = check(draft, today())
    if faults:
        return _page(key, errors=faults)
    try:
        inquiry = actions.inquire(current_site().database, enterprise_id, solution_id, draft, step_of())
    except RefusedError as error:
        return _page(key, error.refused)
    with current_site().database.reading() as session:
        back = session.get_one(Brokering, inquiry.brokering_id).public_id
    flash(say("询问已发出，服务商在期限内答复，能力中心同时收到。"), "good")
    return redirect(url_for("brokerings.show", public_id=back), 303)


def _page(key: str, refused: Refused | None = None, errors: list[tuple[str, Refused]] | None = None) -> Response:
    with current_site().database.reading() as session:
        return form_page(
            "inquiries/new.html",
            refused=refused,
            errors=errors or [],
            solution=_solution(session, key),
            problems=_problems(session),
            chosen=request.args.get("problem", ""),
            rules=current_site().pilot.brokering,
            typed=request.form,
        )


def _solution(session: Session, key: str) -> Solution:
    found = session.scalar(select(Solution).where(Solution.public_id == key).options(joinedload(Solution.provider)))
    return found if found is not None and found.state == "published" and in_pool(found.provider) else not_found()


def _problems(session: Session) -> list[Problem]:
    query = select(Problem).where(Problem.enterprise_id.in_(current_viewer().enterprise_ids), Problem.state == ProblemState.OPEN)
    return list(session.scalars(query.order_by(Problem.id).limit(200)))
