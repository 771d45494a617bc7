"""What a viewer may read, as conditions inside the query: what is not readable is as absent as what does not exist.

The search engine holds the same as audience tokens; here it is SQL.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, false, or_, select, true

from marketplace.domain.access import Role, Viewer, may
from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.scenarios import ScenarioState
from marketplace.domain.solutions import SolutionState
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Disclosure, Problem
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution


def readable_providers(viewer: Viewer) -> ColumnElement[bool]:
    """Everybody reads providers of the pool; staff and the provider itself read it in every state."""
    return true() if viewer.is_staff else or_(Provider.state.in_(SEARCHABLE), Provider.id.in_(viewer.provider_ids))


def readable_solutions(viewer: Viewer) -> ColumnElement[bool]:
    """Everybody reads what is published by a provider of the pool; staff and its own provider read every state."""
    if viewer.is_staff:
        return true()
    pool = select(Provider.id).where(Provider.state.in_(SEARCHABLE))
    public = (Solution.state == SolutionState.PUBLISHED) & Solution.provider_id.in_(pool)
    return or_(public, Solution.provider_id.in_(viewer.provider_ids))


def readable_scenarios(viewer: Viewer) -> ColumnElement[bool]:
    """Everybody reads published scenarios; staff read drafts and withdrawn ones as well."""
    return true() if viewer.is_staff else Scenario.state == ScenarioState.PUBLISHED


def readable_enterprises(viewer: Viewer) -> ColumnElement[bool]:
    """Staff read every enterprise, an enterprise itself."""
    return true() if may(viewer, "read", "enterprise") else Enterprise.id.in_(viewer.enterprise_ids)


def readable_problems(viewer: Viewer) -> ColumnElement[bool]:
    """The centre reads every problem, an enterprise its own, a provider the open ones and those it was told of."""
    if may(viewer, "read", "plan"):
        return true()
    readable: list[ColumnElement[bool]] = [Problem.enterprise_id.in_(viewer.enterprise_ids)] if viewer.enterprise_ids else []
    if Role.PROVIDER in viewer.roles:
        told = select(Disclosure.problem_id).where(Disclosure.provider_id.in_(viewer.provider_ids))
        readable += [Problem.state == ProblemState.OPEN, Problem.id.in_(told)]
    return or_(*readable) if readable else false()
