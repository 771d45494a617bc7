"""What happens to a solution: published, withdrawn by its provider, blocked by staff."""

from __future__ import annotations

from datetime import datetime

from marketplace.actions import transition
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.roles import actor_of, roles_on
from marketplace.domain.access import Role, Viewer, may_act_for
from marketplace.domain.lifecycle import Transition, _
from marketplace.domain.solutions import TABLE
from marketplace.records.database import Database
from marketplace.records.solutions import Solution


def publish(database: Database, solution_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """From now on it is found."""
    return _move(database, solution_id, "publish", viewer, at, why)


def withdraw(database: Database, solution_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """Its provider, or staff, takes it out of the search."""
    return _move(database, solution_id, "withdraw", viewer, at, why)


def block(database: Database, solution_id: int, *, viewer: Viewer, at: datetime, why: str) -> Transition:
    """Staff take it out of the search for a reason; only the bureau puts it back."""
    return _move(database, solution_id, "block", viewer, at, why)


def unblock(database: Database, solution_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """It is found again."""
    return _move(database, solution_id, "unblock", viewer, at, why)


def _move(database: Database, solution_id: int, event: str, viewer: Viewer, at: datetime, why: str) -> Transition:
    with database.writing() as session:
        solution = session.get_one(Solution, solution_id)
        roles = roles_on(viewer, provider_id=solution.provider_id)
        # A member who may only fill in takes nothing off and puts nothing up.
        if not may_act_for(viewer, solution.provider.organisation_id, "submit"):
            roles -= {Role.PROVIDER}
        step = transition.apply(session, solution, TABLE, event, actor=actor_of(viewer), roles=roles, at=at, why=why)
        # What others do with its solution, its provider is told.
        if solution.provider_id not in viewer.provider_ids:
            accounts = accounts_of_organisation(session, solution.provider.organisation_id)
            message = _("方案“{title}”：{step}。{why}")
            values = {"title": solution.title, "step": step.label, "why": why}
            notify(session, accounts, "catalogue", message, at=at, values=values, noun="own_solution", public_ref=solution.public_id)
        return step
