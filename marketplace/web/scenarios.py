"""The scenario library by sector and stage, and the page of one scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from indexer.query import Kind, SearchQuery
from marketplace.domain.access import may_read_enterprise
from marketplace.domain.problems import ProblemState, redacted
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.guard import current_viewer, not_found, open_to_all
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem
from marketplace.records.providers import find_hidden_provider_ids
from marketplace.records.scenarios import Scenario, find_scenario
from marketplace.site import current_site
from marketplace.web.cards import SolutionCard, find_solution_cards
from marketplace.web.demands import places
from marketplace.web.wording import term

pages = Blueprint("scenarios", __name__)
SOLUTIONS = 8


def word(code: str) -> str:
    """The name of a scenario of the catalogue."""
    return term("scenario", code)


def told(scenario: Scenario, text: str) -> str:
    """A text of a scenario; one of a single enterprise is told to others without that enterprise's name."""
    enterprise = scenario.enterprise
    if enterprise is None or may_read_enterprise(current_viewer(), enterprise.id):
        return text
    return redacted(text, enterprise.name, places(enterprise))


@dataclass(frozen=True)
class Library:
    """Scenarios by stage, in the order of the pilot; `sector` and `kind` are what was chosen, "" for all."""

    sector: str
    kind: str
    stages: Mapping[str, Sequence[Scenario]]
    counts: Mapping[str, int]
    total: int


@dataclass(frozen=True)
class ScenarioPage:
    scenario: Scenario
    solutions: Sequence[SolutionCard]
    problems: int
    enterprise: Enterprise | None
    siblings: Sequence[Scenario]


@pages.get("/scenarios")
@open_to_all
def library() -> str:
    site = current_site()
    sector, kind = site.pilot.find("sector", request.args.get("sector", "")), request.args.get("kind", "")
    with site.database.reading() as session:
        chosen = kind if kind in tuple(ScenarioKind) else ""
        found = read_library(session, sector.key if sector else "", chosen, [stage.key for stage in site.pilot.stages])
        return render_template("scenarios/library.html", library=found, sectors=site.pilot.sectors, kinds=site.pilot.scenario_kinds)


def read_library(session: Session, sector: str, kind: str, stages: Sequence[str]) -> Library:
    query = select(Scenario).where(Scenario.state == ScenarioState.PUBLISHED).options(joinedload(Scenario.enterprise))
    rows = session.scalars(query.order_by(Scenario.code)).all()
    fitting = [row for row in rows if not kind or row.kind == kind]
    shown = [row for row in fitting if not sector or row.sector == sector]
    counts = {row.sector: sum(other.sector == row.sector for other in fitting) for row in fitting}
    order = [*stages, *sorted({row.stage for row in shown} - set(stages))]
    by_stage = {stage: [row for row in shown if row.stage == stage] for stage in order}
    return Library(sector, kind, {stage: found for stage, found in by_stage.items() if found}, counts, len(fitting))


@pages.get("/scenarios/<key>")
@open_to_all
def show(key: str) -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        found = read_page(session, key) or not_found()
        named = found.enterprise is not None and may_read_enterprise(viewer, found.enterprise.id)
        return render_template("scenarios/show.html", page=found, scenario=found.scenario, named=named)


def read_page(session: Session, key: str) -> ScenarioPage | None:
    scenario = find_scenario(session, key)
    if scenario is None or scenario.state != ScenarioState.PUBLISHED:
        return None
    beside = select(Scenario).where(
        Scenario.sector == scenario.sector,
        Scenario.stage == scenario.stage,
        Scenario.id != scenario.id,
        Scenario.state == ScenarioState.PUBLISHED,
    )
    siblings = session.scalars(beside.options(joinedload(Scenario.enterprise)).order_by(Scenario.code).limit(6)).all()
    return ScenarioPage(scenario, _solutions(session, scenario), _problems(session, scenario), scenario.enterprise, siblings)


def _problems(session: Session, scenario: Scenario) -> int:
    """How many problems of the sector lie in this stage and are still open: a count, never whose they are."""
    query = select(func.count()).select_from(Problem).join(Enterprise, Enterprise.id == Problem.enterprise_id)
    query = query.where(Enterprise.sector == scenario.sector, Problem.stage == scenario.stage, Problem.state == ProblemState.OPEN)
    return session.scalar(query) or 0


def _solutions(session: Session, scenario: Scenario) -> list[SolutionCard]:
    """Solutions found by the scenario's own words, within its sector where the sector has any."""
    text = " ".join([scenario.name, *scenario.typical_problems, *scenario.typical_solutions])
    query = SearchQuery(
        text=text,
        kind=Kind.SOLUTION,
        prefer_sector=scenario.sector,
        without_providers=find_hidden_provider_ids(session),
        size=SOLUTIONS,
        facets=False,
    )
    hits = current_site().index.search(query).hits
    cards = find_solution_cards(session, [hit.thing_id for hit in hits])
    return [cards[hit.thing_id] for hit in hits if hit.thing_id in cards]
