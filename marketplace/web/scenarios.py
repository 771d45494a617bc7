"""The scenario library by sector and stage, and the page of one scenario."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, render_template, request
from sqlalchemy import Text, case, cast, func, or_, select
from sqlalchemy.orm import Session, joinedload

from indexer.query import Kind, SearchQuery
from marketplace.domain.access import may, may_read_enterprise
from marketplace.domain.problems import ProblemState
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.domain.small_counts import told_count
from marketplace.guard import current_viewer, not_found, open_to_all
from marketplace.records.cases import Case
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider, find_hidden_provider_ids
from marketplace.records.scenario_lists import ScenarioList, find_lists_of
from marketplace.records.scenarios import Scenario, find_scenario
from marketplace.records.showcases import naming_scenarios
from marketplace.records.solutions import Solution
from marketplace.scenario_texts import scenario_text
from marketplace.site import current_site
from marketplace.web.cards import SolutionCard, find_solution_cards, published
from marketplace.web.paging import Paging, paged
from marketplace.web.showcases_shown import Shown, related
from marketplace.web.wording import term

pages = Blueprint("scenarios", __name__)
SOLUTIONS = 8
# The catalogue of a pilot stands on one page or two; enterprises' own scenarios may become many.
SIZE = 100


def word(code: str) -> str:
    """The name of a scenario of the catalogue."""
    return term("scenario", code)


def told(scenario: Scenario, text: str) -> str:
    """A text of a scenario; one of a single enterprise is told to others without that enterprise's name."""
    return scenario_text(scenario, text, current_viewer(), current_site().pilot)


@dataclass(frozen=True)
class Library:
    """One page of scenarios by stage, in the order of the pilot; `sector` and `kind` are what was chosen, "" for all.

    `counts`: by sector; `sizes`: by stage, of the sector that was chosen; `total`: of all sectors.
    """

    sector: str
    kind: str
    stages: Mapping[str, Sequence[Scenario]]
    counts: Mapping[str, int]
    sizes: Mapping[str, int]
    total: int
    paging: Paging

    @property
    def shown(self) -> int:
        return sum(len(rows) for rows in self.stages.values())


@dataclass(frozen=True)
class Supply:
    """Who could serve a scenario: published solutions that name it, their cases and their providers."""

    solutions: int
    cases: int
    providers: Sequence[Provider]

    @property
    def coverage(self) -> str:
        """covered: at least two providers; thin: one; gap: none names the scenario."""
        return "covered" if len(self.providers) > 1 else "thin" if self.providers else "gap"


@dataclass(frozen=True)
class ScenarioPage:
    scenario: Scenario
    solutions: Sequence[SolutionCard]
    # How many problems are like it; None: too few to be told to this viewer.
    problems: int | None
    enterprise: Enterprise | None
    siblings: Sequence[Scenario]
    lists: Sequence[ScenarioList]
    supply: Supply
    showcases: Sequence[Shown]


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
    fitting = [Scenario.state == ScenarioState.PUBLISHED, *([Scenario.kind == ScenarioKind(kind)] if kind else [])]
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    counted = select(Scenario.sector, Scenario.stage, func.count()).where(*fitting).group_by(Scenario.sector, Scenario.stage)
    for of_sector, stage, count in session.execute(counted):
        counts[of_sector] += count
        sizes[stage] += count if sector in ("", of_sector) else 0
    paging = paged(sizes.total(), SIZE, "scenarios.library", sector=sector, kind=kind)
    query = select(Scenario).where(*fitting).options(joinedload(Scenario.enterprise))
    if sector:
        query = query.where(Scenario.sector == sector)
    place = case({stage: number for number, stage in enumerate(stages)}, value=Scenario.stage, else_=len(stages))
    rows = session.scalars(query.order_by(place, Scenario.stage, Scenario.code).offset(paging.offset).limit(paging.size))
    by_stage = {stage: list(found) for stage, found in groupby(rows, key=lambda row: row.stage)}
    return Library(sector, kind, by_stage, counts, sizes, counts.total(), paging)


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
    viewer = current_viewer()
    return ScenarioPage(
        scenario,
        _solutions(session, scenario),
        told_count(_problems(session, scenario), openly=may(viewer, "read", "plan")),
        scenario.enterprise,
        siblings,
        find_lists_of(session, scenario.id),
        read_supply(session, scenario),
        related(session, naming_scenarios([scenario.code, *scenario.canonical])),
    )


def _problems(session: Session, scenario: Scenario) -> int:
    """How many open problems name the scenario, or lie in its sector and stage without naming one: a count, never whose they are."""
    query = select(func.count()).select_from(Problem).join(Enterprise, Enterprise.id == Problem.enterprise_id)
    named = Problem.scenario_code.in_([scenario.code, *scenario.canonical])
    beside = (Problem.scenario_code == "") & (Problem.stage == scenario.stage)
    query = query.where(Enterprise.sector == scenario.sector, Problem.state == ProblemState.OPEN, or_(named, beside))
    return session.scalar(query) or 0


def read_supply(session: Session, scenario: Scenario) -> Supply:
    """By the codes that solutions name, the library's own or the catalogue's."""
    wanted = {scenario.code, *scenario.canonical}
    codes = cast(Solution.scenario_codes, Text)
    naming = or_(*(codes.contains(f'"{code}"', autoescape=True) for code in wanted))
    rows = session.execute(select(Solution.id, Solution.provider_id).join(Solution.provider).where(naming, *published())).all()
    ids = [row.id for row in rows]
    cases = session.scalar(select(func.count()).select_from(Case).where(Case.solution_id.in_(ids))) or 0
    providers = session.scalars(select(Provider).where(Provider.id.in_({row.provider_id for row in rows})).order_by(Provider.id)).all()
    return Supply(len(ids), cases, sorted(providers, key=lambda one: one.name))


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
