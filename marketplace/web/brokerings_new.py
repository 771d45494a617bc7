"""Drafting a brokering by hand, and adding to one: the centre picks problems of an enterprise and solutions for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import brokerings as actions
from marketplace.actions.brokerings import Line
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.matches import Match
from marketplace.domain.problems import ProblemState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.brokerings import Brokering, find_brokering, find_brokering_problems, find_unbound_of_problems
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.introductions import find_introductions
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem, find_problems_of
from marketplace.records.solutions import find_solution
from marketplace.site import current_site
from marketplace.web.brokerings import WORDS, case_page, status_of, step_of
from marketplace.web.cards import SolutionCard, find_solution_cards
from marketplace.web.language import say
from marketplace.web.plan_sheet import SHOWN, ask_of
from marketplace.web.plan_steering import read_steering
from marketplace.web.refusals import form_page
from marketplace.web.remembered import remembered
from recommender.recommend import steered

pages = Blueprint("brokerings_new", __name__)
FOUND = 20


@dataclass(frozen=True)
class Choice:
    """One open problem with the solutions that answer it best, and brokerings that are under way about it."""

    problem: Problem
    matches: Sequence[tuple[Match, SolutionCard]]
    under_way: Sequence[Brokering]


@pages.get("/brokerings/new")
@permission("run", "brokering")
def new() -> Response:
    """Which enterprise: those whose name holds what was typed, with open problems."""
    text = request.args.get("q", "").strip()[:100]
    with current_site().database.reading() as session:
        query = (
            select(Enterprise)
            .join(Enterprise.organisation)
            .where(Enterprise.id.in_(select(Problem.enterprise_id).where(Problem.state == ProblemState.OPEN)))
        )
        if text:
            query = query.where(Organisation.name.contains(text, autoescape=True) | (Organisation.credit_code == text))
        rows = session.scalars(query.order_by(Organisation.name, Enterprise.id).limit(FOUND)).all()
        return Response(render_template("brokerings/choose.html", rows=rows, text=text, most=FOUND))


@pages.get("/brokerings/new/<public_id>")
@permission("run", "brokering")
def of(public_id: str) -> AnyResponse:
    """Its open problems with what answers them; what a plan page ticked stands ticked."""
    return _page(public_id)


def read_choices(session: Session, enterprise: Enterprise, problems: Sequence[Problem]) -> list[Choice]:
    steering = read_steering(session, enterprise.id)
    asks = [ask_of(problem, enterprise, steering) for problem in problems]
    found = remembered(session, ("brokering", *asks), lambda: current_site().recommender.recommend_many(asks, limit=SHOWN)) if asks else {}
    first = steering.first()
    lists = {key: steered(answer.matches, first.get(key, ()), None) for key, answer in found.items()}
    wanted = {match.solution_id for matches in lists.values() for match in matches}
    cards = find_solution_cards(session, wanted)
    under_way = find_unbound_of_problems(session, [problem.id for problem in problems])
    return [
        Choice(
            problem,
            [(match, cards[match.solution_id]) for match in lists[str(problem.id)] if match.solution_id in cards],
            under_way[problem.id],
        )
        for problem in problems
    ]


def _open_problems(session: Session, enterprise: Enterprise) -> list[Problem]:
    return [row for row in find_problems_of(session, enterprise.id) if row.state == ProblemState.OPEN][:FOUND]


def _page(key: str, refused: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        enterprise = find_enterprise(session, key) or not_found()
        typed = request.form if refused is not None else request.args
        asked = typed.getlist("problem")
        choices = read_choices(session, enterprise, _open_problems(session, enterprise))
        choices.sort(key=lambda choice: not _is_asked(choice, asked))
        answer = form_page(
            "brokerings/new.html",
            refused=refused,
            enterprise=enterprise,
            choices=choices,
            ticked=_ticked(choices, asked, typed.getlist("s")) | set(typed.getlist("match")),
            place=_place(typed.get("place", "")),
            **WORDS,
        )
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _is_asked(choice: Choice, asked: Sequence[str]) -> bool:
    return not {str(choice.problem.id), choice.problem.public_id}.isdisjoint(asked)


def _ticked(choices: Sequence[Choice], asked: Sequence[str], solutions: Sequence[str]) -> set[str]:
    """What stands ticked at first: the problems that were asked for, and of each of them the solutions that a plan page names."""
    ticked = {choice.problem.public_id for choice in choices if _is_asked(choice, asked)}
    for choice in choices:
        if choice.problem.public_id in ticked:
            ticked |= {key_of(choice, card) for match, card in choice.matches if str(match.solution_id) in solutions}
    return ticked


def _place(typed: str) -> str:
    """Where the brokering came from: the plan page says so, everything else is done by hand."""
    return "plan" if typed == "plan" else "hand"


def key_of(choice: Choice, card: SolutionCard) -> str:
    return f"{choice.problem.public_id}:{card.solution.public_id}"


@pages.post("/brokerings/new/<public_id>")
@permission("run", "brokering")
def create(public_id: str) -> AnyResponse:
    form = request.form
    with current_site().database.reading() as session:
        enterprise = find_enterprise(session, public_id) or not_found()
        choices = read_choices(session, enterprise, _open_problems(session, enterprise))
        lines = chosen_lines(choices, form.getlist("match"))
        wanted = {*form.getlist("problem"), *(one.partition(":")[0] for one in form.getlist("match"))}
        problems = [choice.problem.id for choice in choices if choice.problem.public_id in wanted]
        enterprise_id = enterprise.id
    try:
        brokering = actions.draft(current_site().database, enterprise_id, problems, lines, step_of(), place=_place(form.get("place", "")))
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say("已建对接单 {number}，定好比较标准后发出。", number=brokering.number), "good")
    return redirect(url_for("brokerings.show", public_id=brokering.public_id), 303)


def chosen_lines(choices: Sequence[Choice], ticked: Sequence[str]) -> list[Line]:
    """What was ticked (problem:solution), with the place and features it had when it was shown; each solution once."""
    lines: dict[int, Line] = {}
    for choice in choices:
        for place, (match, card) in enumerate(choice.matches, 1):
            if key_of(choice, card) in ticked and match.solution_id not in lines:
                lines[match.solution_id] = Line(match.solution_id, choice.problem.id, place, match.model, match.features)
    return list(lines.values())


@pages.get("/brokerings/<public_id>/add")
@permission("run", "brokering")
def more(public_id: str) -> AnyResponse:
    """More solutions for a brokering, or one in place of another."""
    return _more_page(public_id)


def _more_page(public_id: str) -> Response:
    with current_site().database.reading() as session:
        brokering = find_brokering(session, public_id, current_viewer()) or not_found()
        problems = find_brokering_problems(session, brokering.id)
        known = {row.solution_id for row in find_introductions(session, brokering.id)}
        choices = read_choices(session, brokering.enterprise, problems)
        return form_page("brokerings/add.html", brokering=brokering, choices=choices, known=known, **WORDS)


@pages.post("/brokerings/<public_id>/add")
@permission("run", "brokering")
def add(public_id: str) -> AnyResponse:
    with current_site().database.reading() as session:
        brokering = find_brokering(session, public_id, current_viewer()) or not_found()
        choices = read_choices(session, brokering.enterprise, find_brokering_problems(session, brokering.id))
        lines = chosen_lines(choices, request.form.getlist("match"))
        other = find_solution(session, request.form.get("solution", "").strip())
        if other is not None and other.id not in {line.solution_id for line in lines}:
            lines.append(Line(other.id))
        number = brokering.id
    try:
        if not lines:
            return case_page(public_id, Refused("no_introduction", "还没有选服务商和方案，不能发出。"), "add")
        actions.add(current_site().database, number, lines, step_of())
    except RefusedError as error:
        return case_page(public_id, error.refused, "add")
    flash(say("已加入，发出后双方收到通知。"), "good")
    return redirect(url_for("brokerings.show", public_id=public_id), 303)
