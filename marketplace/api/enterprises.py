"""Enterprises, their problem lists and their plans: for staff (the list and the plan for the centre), and for themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.api import models as out
from marketplace.api import shown
from marketplace.api.days import today
from marketplace.api.operation import Model, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.domain.access import Viewer, may_read_plan
from marketplace.domain.problems import ProblemState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.plan_steering import Steering, read_steering
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.readable import readable_enterprises, readable_problems
from marketplace.site import Site, current_site
from recommender.recommend import Ask


class EnterpriseList(Model):
    items: list[out.EnterpriseOut]
    next: str | None


class ProblemList(Model):
    items: list[out.ProblemOut]
    next: str | None


class PlanQuery(Model):
    budget_wan: float | None = Field(None, ge=0, le=100_000_000, allow_inf_nan=False)
    """What the enterprise can spend in all, 万元; without it the sum of its problems' budgets."""
    limit: int = Field(5, ge=1, le=20)
    """How many matches a problem."""
    by_outcomes: bool = True
    """False: past matches do not move the order."""


class PlannedProblem(Model):
    """A problem of the plan with its matches; `uncovered` says why no provider of the set takes it."""

    id: str
    ref: str
    text: str
    matches: list[out.MatchOut]
    uncovered: str | None


class Taken(Model):
    """Which problem a provider takes, with which solution."""

    problem: str
    solution: str


class PlanProvider(Model):
    """A provider of the set. An unknown cost is 价格面议."""

    provider: str
    provider_code: str | None
    provider_id: str
    takes: list[Taken]
    cost_wan: out.Span | None


class PlanOut(Model):
    """一企一策. `gap`: distance to the proven optimum (0 = exact); `unknown_prices`: solutions with 价格面议."""

    enterprise: str
    enterprise_code: str | None
    problems: list[PlannedProblem]
    providers: list[PlanProvider]
    uncovered: list[str]
    budget_wan: float | None
    cost_low_wan: float
    unknown_prices: int
    gap: float
    model: str


@permission("list", "enterprise")
@operation("/enterprises", summary="Enterprises", tag="enterprises", query=ListQuery, answer=EnterpriseList, faults=(403,))
def list_enterprises(query: ListQuery) -> EnterpriseList:
    with current_site().database.reading() as session:
        part, following = part_of(session, select(Enterprise).where(readable_enterprises(current_viewer())), Enterprise, query)
        return EnterpriseList(items=[shown.enterprise_out(row) for row in part], next=following)


@permission("read", "enterprise")
@operation("/enterprises/<code>", summary="One enterprise", tag="enterprises", answer=out.EnterpriseOut, faults=(403, 404), etag=True)
def read_enterprise(code: str) -> out.EnterpriseOut:
    with current_site().database.reading() as session:
        return shown.enterprise_out(_find(session, code))


@permission("read", "plan")
@operation(
    "/enterprises/<code>/problems",
    summary="The problem list of an enterprise",
    tag="enterprises",
    query=ListQuery,
    answer=ProblemList,
    faults=(403, 404),
)
def list_problems_of_enterprise(code: str, query: ListQuery) -> ProblemList:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        row = _find(session, code, plan=True)
        rows = select(Problem).where(Problem.enterprise_id == row.id, readable_problems(viewer)).options(joinedload(Problem.enterprise))
        part, following = part_of(session, rows, Problem, query)
        told = shown.find_told(session, viewer, current_site().pilot)
        return ProblemList(items=[shown.problem_out(problem, told) for problem in part], next=following)


@permission("read", "plan")
@operation(
    "/enterprises/<code>/plan",
    summary="The plan of an enterprise: matches per problem, and a small set of providers that covers the list",
    tag="enterprises",
    query=PlanQuery,
    answer=PlanOut,
    faults=(403, 404),
)
def read_plan(code: str, query: PlanQuery) -> PlanOut:
    with current_site().database.reading() as session:
        number = _find(session, code, plan=True).id
    budget = None if query.budget_wan is None else round(query.budget_wan * 1_000_000)
    values: dict[str, Any] = {"limit": query.limit, "viewer": current_viewer(), "by_outcomes": query.by_outcomes}
    return plan_out(current_site(), number, budget_fen=budget, day=today(), **values)


def _find(session: Session, code: str, *, plan: bool = False) -> Enterprise:
    """The enterprise if this viewer may read it (or its plan); another's is as absent as one that never was."""
    viewer = current_viewer()
    row = find_enterprise(session, code)
    if row is None or (plan and not may_read_plan(viewer, row.id)):
        not_found()
    readable = session.scalar(select(Enterprise.id).where(Enterprise.id == row.id, readable_enterprises(viewer)))
    return row if readable is not None or plan else not_found()


def ask_of(row: Problem) -> Ask:
    """A stored problem as it is asked."""
    return Ask(
        key=row.public_id,
        text=row.text,
        sector=row.enterprise.sector,
        stage=row.stage or None,
        orientation=row.orientation or None,
        budget_low_fen=row.budget_low_fen,
        budget_high_fen=row.budget_high_fen,
        problem_id=row.id,
        enterprise_id=row.enterprise_id,
    )


def _steered(row: Problem, steering: Steering, *, by_outcomes: bool) -> Ask:
    emphasis = None if steering.emphasis.is_usual else steering.emphasis
    left_out = steering.excluded(row.id)
    return replace(ask_of(row), key=str(row.id), emphasis=emphasis, without_solutions=left_out, by_outcomes=by_outcomes)


def plan_out(
    site: Site, enterprise_id: int, *, budget_fen: int | None, limit: int, viewer: Viewer, day: date, by_outcomes: bool = True
) -> PlanOut:
    """The plan over all problems of an enterprise that were not withdrawn, steered as its page is."""
    with site.database.reading() as session:
        enterprise = session.get_one(Enterprise, enterprise_id)
        rows = session.scalars(
            select(Problem)
            .where(Problem.enterprise_id == enterprise_id, Problem.state != ProblemState.WITHDRAWN)
            .options(joinedload(Problem.enterprise))
            .order_by(Problem.id)
        ).all()
        steering = read_steering(session, enterprise_id, day)
        by_hand: dict[str, Any] = {"first": steering.first(), "fixed": steering.fixed()}
        asks = [_steered(row, steering, by_outcomes=by_outcomes) for row in rows]
        names = {str(row.id): row.public_id for row in rows}
        lines = [(str(row.id), row.source_ref, row.text) for row in rows]
        name, code = enterprise.name, enterprise.organisation.credit_code
    plan = site.recommender.plan(asks, budget_fen=budget_fen, limit=limit, **by_hand)
    with site.database.reading() as session:
        numbers = [match.solution_id for matches in plan.matches.values() for match in matches]
        numbers += [solution for choice in plan.providers for _key, solution in choice.problems]
        solutions = shown.find_solutions(session, numbers)
        providers = {
            row.id: row for row in session.scalars(select(Provider).where(Provider.id.in_([one.provider_id for one in plan.providers])))
        }
        return PlanOut(
            enterprise=name,
            enterprise_code=code,
            problems=[
                PlannedProblem(
                    id=names[key],
                    ref=ref,
                    text=text,
                    matches=shown.match_outs(plan.matches.get(key, ()), solutions, viewer),
                    uncovered=plan.uncovered.get(key),
                )
                for key, ref, text in lines
            ],
            providers=[
                PlanProvider(
                    provider=providers[choice.provider_id].name,
                    provider_code=providers[choice.provider_id].organisation.credit_code,
                    provider_id=providers[choice.provider_id].public_id,
                    takes=[Taken(problem=names[key], solution=solutions[number].public_id) for key, number in choice.problems],
                    cost_wan=out.wan_span(choice.cost_low_fen, choice.cost_high_fen),
                )
                for choice in plan.providers
                if choice.provider_id in providers
            ],
            uncovered=[names[key] for key in plan.uncovered],
            budget_wan=None if plan.budget_fen is None else plan.budget_fen / 1_000_000,
            cost_low_wan=plan.cost_low_fen / 1_000_000,
            unknown_prices=plan.unknown_prices,
            gap=plan.gap,
            model=plan.model,
        )
