"""The library: solutions, providers, scenarios. Open to everybody."""

from __future__ import annotations

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from marketplace.api import models as out
from marketplace.api import shown
from marketplace.api.operation import Model, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.cases import Case
from marketplace.records.providers import Provider
from marketplace.records.readable import readable_providers, readable_scenarios, readable_solutions
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from marketplace.site import current_site


class SolutionQuery(ListQuery):
    provider: str = Field("", max_length=36)
    """Only of this provider (its id)."""


class ScenarioQuery(ListQuery):
    sector: str = Field("", max_length=32)
    """Only of this sector (its key)."""


class SolutionList(Model):
    items: list[out.SolutionLine]
    next: str | None


class ProviderList(Model):
    items: list[out.ProviderLine]
    next: str | None


class ScenarioList(Model):
    items: list[out.ScenarioLine]
    next: str | None


@permission("read", "solution")
@operation("/solutions", summary="Solutions, oldest first", tag="library", query=SolutionQuery, answer=SolutionList)
def list_solutions(query: SolutionQuery) -> SolutionList:
    rows = select(Solution).where(readable_solutions(current_viewer())).options(joinedload(Solution.provider))
    if query.provider:
        rows = rows.where(Solution.provider_id.in_(select(Provider.id).where(Provider.public_id == query.provider)))
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, Solution, query)
        return SolutionList(items=[shown.solution_line(row) for row in part], next=following)


@permission("read", "solution")
@operation("/solutions/<id>", summary="One solution with its cases", tag="library", answer=out.SolutionOut, faults=(404,), etag=True)
def read_solution(id: str) -> out.SolutionOut:
    with current_site().database.reading() as session:
        row = session.scalar(select(Solution).where(Solution.public_id == id, readable_solutions(current_viewer())))
        if row is None:
            not_found()
        cases = session.scalars(select(Case).where(Case.solution_id == row.id).order_by(Case.id)).all()
        return shown.solution_out(row, cases)


@permission("read", "provider")
@operation("/providers", summary="Providers of the pool", tag="library", query=ListQuery, answer=ProviderList)
def list_providers(query: ListQuery) -> ProviderList:
    with current_site().database.reading() as session:
        part, following = part_of(session, select(Provider).where(readable_providers(current_viewer())), Provider, query)
        return ProviderList(items=[shown.provider_line(row, current_viewer()) for row in part], next=following)


@permission("read", "provider")
@operation("/providers/<id>", summary="One provider with its record", tag="library", answer=out.ProviderOut, faults=(404,), etag=True)
def read_provider(id: str) -> out.ProviderOut:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        row = session.scalar(select(Provider).where(Provider.public_id == id, readable_providers(viewer)))
        return shown.provider_out(session, row, viewer) if row is not None else not_found()


@permission("read", "scenario")
@operation("/scenarios", summary="Published scenarios", tag="library", query=ScenarioQuery, answer=ScenarioList)
def list_scenarios(query: ScenarioQuery) -> ScenarioList:
    rows = select(Scenario).where(readable_scenarios(current_viewer())).options(joinedload(Scenario.enterprise))
    if query.sector:
        rows = rows.where(Scenario.sector == query.sector)
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, Scenario, query)
        viewer, pilot = current_viewer(), current_site().pilot
        return ScenarioList(items=[shown.scenario_line(row, viewer, pilot) for row in part], next=following)


@permission("read", "scenario")
@operation("/scenarios/<code>", summary="One scenario", tag="library", answer=out.ScenarioOut, faults=(404,), etag=True)
def read_scenario(code: str) -> out.ScenarioOut:
    with current_site().database.reading() as session:
        row = session.scalar(select(Scenario).where(Scenario.code == code, readable_scenarios(current_viewer())))
        return shown.scenario_out(row, current_viewer(), current_site().pilot) if row is not None else not_found()
