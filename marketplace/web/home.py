"""The home page: search and 说说您的难题 side by side, the figures of the pool, the sectors with their scenarios."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from flask import Blueprint, render_template
from sqlalchemy import Text, case, cast, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.guard import current_viewer, open_to_all
from marketplace.records.cases import Case
from marketplace.records.enterprises import Enterprise
from marketplace.records.matches import Acceptance, Outcome
from marketplace.records.open_demands import find_demands_of
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.cards import published
from marketplace.web.news import find_news
from marketplace.web.open_demands_shown import shown
from marketplace.web.remembered import remembered
from marketplace.web.tasks import read_first
from marketplace.web.terms import days

pages = Blueprint("home", __name__)
LATEST, NEWEST = 4, 6


@dataclass(frozen=True)
class Figures:
    providers: int
    solutions: int
    enterprises: int
    problems: int
    finished: int
    on_time: int


@dataclass(frozen=True)
class SectorPanel:
    key: str
    enterprises: int
    problems: int
    solutions: int
    scenarios: Sequence[Scenario]


@dataclass(frozen=True)
class Home:
    figures: Figures
    sectors: Sequence[SectorPanel]
    cases: Sequence[Case]
    done: Sequence[tuple[Outcome, Solution]]


@pages.get("/")
@open_to_all
def page() -> str:
    site = current_site()
    if current_viewer().is_known:
        days()  # before the session: a page holds one connection at a time
    with site.database.reading() as session:
        home = read_home(session, [sector.key for sector in site.pilot.sectors])
        viewer = current_viewer()
        demands = [shown(row, viewer) for row in find_demands_of(session, viewer.enterprise_ids, most=3)] if viewer.enterprise_ids else []
        news = find_news(session, most=NEWEST)
        return render_template("home/page.html", home=home, first_tasks=read_first(session, viewer), demands=demands, news=news)


def read_home(session: Session, sectors: Sequence[str]) -> Home:
    solutions = remembered(session, "solutions by sectors", lambda: _by_sectors(session))
    enterprises = dict(session.execute(select(Enterprise.sector, func.count()).group_by(Enterprise.sector)).all())
    listed = select(Enterprise.sector, func.count()).join(Problem, Problem.enterprise_id == Enterprise.id)
    listed = listed.where(Problem.state != ProblemState.WITHDRAWN).group_by(Enterprise.sector)
    problems = dict(session.execute(listed).all())
    providers = session.scalar(select(func.count()).select_from(Provider).where(Provider.state.in_(SEARCHABLE))) or 0
    ended = select(func.count(), func.sum(case((Outcome.on_time.is_(True), 1), else_=0))).where(Outcome.acceptance.is_not(None))
    finished, on_time = session.execute(ended).one()
    figures = Figures(
        providers, sum(count for _used, count in solutions), sum(enterprises.values()), sum(problems.values()), finished, on_time or 0
    )
    scenarios = _typical(session)
    panels = [
        SectorPanel(
            key,
            enterprises.get(key, 0),
            problems.get(key, 0),
            sum(count for used, count in solutions if key in used),
            [row for row in scenarios if row.sector == key],
        )
        for key in sectors
    ]
    return Home(figures, panels, _cases(session), _done(session))


def _by_sectors(session: Session) -> list[tuple[Sequence[str], int]]:
    """How many solutions are offered for just these sectors; counted by the database, however many there are."""
    used = cast(Solution.sectors, Text)
    query = select(used, func.count()).join(Solution.provider).where(*published()).group_by(used)
    return [(json.loads(sectors), count) for sectors, count in session.execute(query)]


def _typical(session: Session) -> Sequence[Scenario]:
    query = select(Scenario).where(Scenario.kind == ScenarioKind.TYPICAL, Scenario.state == ScenarioState.PUBLISHED)
    return session.scalars(query.order_by(Scenario.code)).all()


def _cases(session: Session) -> Sequence[Case]:
    """The newest implementations of solutions that are still offered, the sectors in turn."""
    # Asked of each case in turn, so that the database follows the cases from the newest and stops early.
    is_offered = select(Solution.id).join(Solution.provider).where(Solution.id == Case.solution_id, *published()).exists()
    query = select(Case).where(is_offered).options(joinedload(Case.solution))
    newest = query.order_by(Case.completed.desc(), Case.id.desc()).limit(LATEST * 8)
    waiting: dict[str, list[Case]] = {}
    for row in session.scalars(newest):
        if row.effects:
            waiting.setdefault(row.client_sector, []).append(row)
    turns = zip_longest(*waiting.values())
    return [row for turn in turns for row in turn if row is not None][:LATEST]


def _done(session: Session) -> Sequence[tuple[Outcome, Solution]]:
    """The newest projects that passed; whose problem it was is not said here."""
    query = select(Outcome, Solution).join(Solution, Solution.id == Outcome.solution_id).join(Solution.provider)
    query = query.where(Outcome.acceptance == Acceptance.PASSED, *published()).options(joinedload(Solution.provider))
    return session.execute(query.order_by(Outcome.proposed.desc(), Outcome.id).limit(LATEST)).all()
