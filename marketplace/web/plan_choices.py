"""What the centre does by hand to the list of one problem: put a solution first, leave it out with a reason, add one."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from indexer.query import Kind, SearchQuery
from marketplace.actions import plans as actions
from marketplace.domain.access import audience
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.plans import ChoiceDraft, ChoiceKind, check_choice
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.problems import Problem
from marketplace.records.providers import find_unmatchable_provider_ids
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.cards import SolutionCard, find_solution_cards
from marketplace.web.catalogue_form import sentences
from marketplace.web.language import say
from marketplace.web.plan_steering import read_steering
from marketplace.web.terms import here_now, today

pages = Blueprint("plan_choices", __name__)
OFFERED = 10


@pages.post("/problems/<public_id>/choices")
@permission("make", "plan")
def choose(public_id: str) -> Response | tuple[str, int]:
    site, viewer = current_site(), current_viewer()
    draft = ChoiceDraft(kind=request.form.get("kind", ""), why=request.form.get("why", "").replace("\0", "").strip())
    with site.database.reading() as session:
        problem, solution = _problem(session, public_id), _solution(session, request.form.get("solution", ""))
        number, solution_id, title = problem.id, solution.id, solution.title
        back = url_for("plans.show", public_id=problem.enterprise.public_id, _anchor=f"p{number}")
    if faults := list(check_choice(draft)):
        return _form(public_id, solution_id, draft, faults), 422
    try:
        actions.choose(site.database, number, solution_id, draft, viewer=viewer, at=here_now())
    except RefusedError as error:
        return _form(public_id, solution_id, draft, [("", error.refused)]), 422
    said = {
        ChoiceKind.PINNED: say("已置顶并列入组合：{title}", title=title),
        ChoiceKind.EXCLUDED: say("已排除：{title}", title=title),
        ChoiceKind.ADDED: say("已加入：{title}", title=title),
    }
    flash(said[ChoiceKind(draft.kind)], "good")
    return redirect(back, 303)


@pages.post("/problems/<public_id>/choices/take-back")
@permission("make", "plan")
def take_back(public_id: str) -> Response:
    site = current_site()
    with site.database.reading() as session:
        problem, solution = _problem(session, public_id), _solution(session, request.form.get("solution", ""))
        number, solution_id = problem.id, solution.id
        back = url_for("plans.show", public_id=problem.enterprise.public_id, _anchor=f"p{number}")
    if actions.take_back_choice(site.database, number, solution_id, viewer=current_viewer(), at=here_now()):
        flash(say("已恢复自动排序。"), "good")
    return redirect(back, 303)


@pages.get("/problems/<public_id>/choices/new")
@permission("make", "plan")
def new(public_id: str) -> str:
    """One solution named in the address: the form for its reason. Else a search, from whose results one is added."""
    with current_site().database.reading() as session:
        named = request.args.get("solution", "")
        solution = _solution(session, named).id if named else None
    kind = request.args.get("kind", "")
    return _form(public_id, solution, ChoiceDraft(kind=kind if kind in set(ChoiceKind) else ChoiceKind.ADDED))


def _form(public_id: str, solution_id: int | None, draft: ChoiceDraft, faults: Sequence[tuple[str, Refused]] = ()) -> str:
    with current_site().database.reading() as session:
        problem = _problem(session, public_id)
        text = request.args.get("q", "").strip()[:200] or problem.text[:200]
        offered = [] if solution_id else _offered(session, problem, text)
        return render_template(
            "plans/choice.html",
            problem=problem,
            enterprise=problem.enterprise,
            chosen=find_solution_cards(session, [solution_id]).get(solution_id) if solution_id else None,
            draft=draft,
            faults=sentences(faults),
            offered=offered,
            text=text,
        )


def _offered(session: Session, problem: Problem, text: str) -> list[SolutionCard]:
    """What a search finds and is not in the list by hand yet."""
    viewer, site = current_viewer(), current_site()
    without = find_unmatchable_provider_ids(session, today())
    query = SearchQuery(text=text, kind=Kind.SOLUTION, audience=audience(viewer), size=OFFERED, facets=False, without_providers=without)
    found = [hit.thing_id for hit in site.index.search(query).hits]
    known = {choice.solution.id for choice in read_steering(session, problem.enterprise_id).choices.get(problem.id, ())}
    cards = find_solution_cards(session, found)
    return [cards[number] for number in found if number in cards and number not in known]


def _problem(session: Session, public_id: str) -> Problem:
    return session.scalar(select(Problem).where(Problem.public_id == public_id)) or not_found()


def _solution(session: Session, public_id: str) -> Solution:
    return session.scalar(select(Solution).where(Solution.public_id == public_id)) or not_found()
