"""A solution: what it solves, for whom, how, with what effect, at what price, by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from indexer.query import Kind, SearchQuery
from marketplace.domain.ratings import TrackRecord
from marketplace.guard import not_found, open_to_all
from marketplace.records.cases import Case
from marketplace.records.providers import find_hidden_provider_ids
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.cards import SolutionCard, find_cases, find_records_of, find_solution_cards, published

pages = Blueprint("solutions", __name__)
SIMILAR = 4


@dataclass(frozen=True)
class SolutionPage:
    solution: Solution
    record: TrackRecord
    cases: Sequence[Case]
    scenarios: Sequence[Scenario]
    similar: Sequence[SolutionCard]


@pages.get("/solutions/<public_id>")
@open_to_all
def show(public_id: str) -> str:
    with current_site().database.reading() as session:
        found = read_page(session, public_id) or not_found()
        return render_template("solutions/show.html", page=found, solution=found.solution, provider=found.solution.provider)


def read_page(session: Session, public_id: str) -> SolutionPage | None:
    """The page of a solution that is offered now; a withdrawn one, or one of a provider outside the pool, has none."""
    query = select(Solution).join(Solution.provider).where(Solution.public_id == public_id, *published())
    solution = session.scalar(query.options(joinedload(Solution.provider)))
    if solution is None:
        return None
    record = find_records_of(session, [solution.provider_id])[solution.provider_id]
    scenarios = session.scalars(select(Scenario).where(Scenario.code.in_(solution.scenario_codes)).order_by(Scenario.code)).all()
    return SolutionPage(solution, record, find_cases(session, solution_id=solution.id), scenarios, _similar(session, solution.id))


def _similar(session: Session, solution_id: int) -> list[SolutionCard]:
    query = SearchQuery(kind=Kind.SOLUTION, without_providers=find_hidden_provider_ids(session), size=SIMILAR, facets=False, relax=False)
    hits = current_site().index.similar(Kind.SOLUTION, solution_id, query).hits
    cards = find_solution_cards(session, [hit.thing_id for hit in hits])
    return [cards[hit.thing_id] for hit in hits if hit.thing_id in cards]
