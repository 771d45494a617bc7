"""共性需求共同方案: what several members of a group need, which solutions serve most of them, and brokering them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import joint_brokerings as actions
from marketplace.actions.brokerings import Line
from marketplace.actions.joint_brokerings import Share
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.matches import Match
from marketplace.guard import permission
from marketplace.records.brokerings import Brokering, find_unbound_of_problems
from marketplace.records.groups import EnterpriseGroup, find_members
from marketplace.records.problems import Problem
from marketplace.site import current_site
from marketplace.web.brokerings import WORDS, status_of, step_of
from marketplace.web.cards import SolutionCard, find_solution_cards
from marketplace.web.group_needs import find_shared
from marketplace.web.groups import find_readable
from marketplace.web.language import say
from marketplace.web.plan_sheet import ask_of
from marketplace.web.plan_steering import read_steering
from marketplace.web.refusals import form_page
from marketplace.web.remembered import remembered
from marketplace.web.wording import opening

pages = Blueprint("group_plans", __name__)
# Asked of the ranking, and shown.
MOST_ASKED, FOUND, SHOWN = 24, 10, 5
# Weaker ones would need a talk before anybody could say that they serve.
SERVES = 2


@dataclass(frozen=True)
class Serving:
    """A solution for a shared need. `served`: for how many of its enterprises it is at least a partial answer; `score`: the mean over all."""

    card: SolutionCard
    match: Match
    served: int
    score: float


@dataclass(frozen=True)
class SharedNeed:
    """One shared need with what serves most of the enterprises that have it."""

    number: int
    name: str
    problems: Sequence[Problem]
    serving: Sequence[Serving]
    under_way: Mapping[int, Sequence[Brokering]]
    found: Mapping[int, Mapping[int, Match]]

    @property
    def enterprises(self) -> int:
        return len({row.enterprise_id for row in self.problems})


def read_needs(session: Session, group: EnterpriseGroup) -> list[SharedNeed]:
    """Every shared need of the group; the problems ranked as the members' own plans rank them."""
    shared = find_shared(session, group, [row.enterprise_id for row in find_members(session, group.id)])
    rows = [row for need in shared for row in need.rows[:MOST_ASKED]]
    steering = {number: read_steering(session, number) for number in {row.enterprise_id for row in rows}}
    asks = [ask_of(row, row.enterprise, steering[row.enterprise_id]) for row in rows]
    answers = remembered(session, ("group", *asks), lambda: current_site().recommender.recommend_many(asks, limit=FOUND)) if asks else {}
    found = {int(key): {match.solution_id: match for match in answer.matches} for key, answer in answers.items()}
    cards = find_solution_cards(session, {number for matches in found.values() for number in matches})
    under_way = find_unbound_of_problems(session, [row.id for row in rows])
    needs = []
    for number, need in enumerate(shared, 1):
        problems = need.rows[:MOST_ASKED]
        needs.append(
            SharedNeed(number, need.name or opening(problems[0].text, 24), problems, serving_of(problems, found, cards), under_way, found)
        )
    return needs


def serving_of(problems: Sequence[Problem], found: Mapping[int, Mapping[int, Match]], cards: Mapping[int, SolutionCard]) -> list[Serving]:
    """The solutions that serve most enterprises, then those that serve them best. Of an enterprise its best answered problem counts."""
    best: dict[int, dict[int, Match]] = {}
    for problem in problems:
        for number, match in found.get(problem.id, {}).items():
            so_far = best.setdefault(number, {})
            if problem.enterprise_id not in so_far or so_far[problem.enterprise_id].score < match.score:
                so_far[problem.enterprise_id] = match
    size = len({row.enterprise_id for row in problems})
    rows = [
        Serving(
            cards[number],
            max(matches.values(), key=lambda match: match.score),
            sum(match.strength >= SERVES for match in matches.values()),
            sum(match.score for match in matches.values()) / size,
        )
        for number, matches in best.items()
        if number in cards
    ]
    useful = [row for row in rows if row.served]
    return sorted(useful, key=lambda row: (-row.served, -row.score, row.card.solution.id))[:SHOWN]


@pages.get("/groups/<public_id>/plan")
@permission("run", "brokering")
def show(public_id: str) -> AnyResponse:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        group = find_readable(session, public_id)
        needs = read_needs(session, group)
        typed = request.form if refused is not None else None
        answer = form_page("groups/plan.html", refused=refused, group=group, needs=needs, typed=typed, **WORDS)
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


@pages.post("/groups/<public_id>/brokerings")
@permission("run", "brokering")
def create(public_id: str) -> AnyResponse:
    """A draft for each enterprise whose problem was ticked, with the solutions that were ticked, as they stand for its problem."""
    problems, solutions = request.form.getlist("problem"), request.form.getlist("s")
    with current_site().database.reading() as session:
        group = find_readable(session, public_id)
        number, shares = group.id, shares_of(read_needs(session, group), problems, solutions)
    try:
        made = actions.draft_joint(current_site().database, number, shares, step_of())
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say("已为 {n} 家企业各建一张对接单。定好比较标准，可以一并发出。", n=len(made)), "good")
    return redirect(url_for("brokerings.show", public_id=made[0].public_id), 303)


def shares_of(needs: Sequence[SharedNeed], problems: Sequence[str], solutions: Sequence[str]) -> dict[int, Share]:
    """Enterprise id → its share of what was ticked (public ids)."""
    shares: dict[int, Share] = {}
    for need in needs:
        for problem in need.problems:
            if problem.public_id not in problems:
                continue
            held = shares.get(problem.enterprise_id, Share((), ()))
            lines = held.lines or [
                Line(row.card.solution.id, problem.id, place, match.model if match else "", match.features if match else None)
                for place, row in enumerate(need.serving, 1)
                for match in [need.found.get(problem.id, {}).get(row.card.solution.id)]
                if row.card.solution.public_id in solutions
            ]
            shares[problem.enterprise_id] = Share([*held.problem_ids, problem.id], lines)
    return shares
