"""What happens to a scenario: published for everybody, or withdrawn."""

from __future__ import annotations

from datetime import datetime

from marketplace.actions import transition
from marketplace.actions.roles import actor_of, roles_on
from marketplace.actions.scenario_consents import refuse_without_consent
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Transition
from marketplace.domain.scenarios import TABLE
from marketplace.records.database import Database
from marketplace.records.scenarios import Scenario


def publish(database: Database, scenario_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """From now on it is found."""
    return _move(database, scenario_id, "publish", viewer, at, why)


def withdraw(database: Database, scenario_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """It is not found any more."""
    return _move(database, scenario_id, "withdraw", viewer, at, why)


def _move(database: Database, scenario_id: int, event: str, viewer: Viewer, at: datetime, why: str) -> Transition:
    with database.writing() as session:
        scenario = session.get_one(Scenario, scenario_id)
        if event == "publish":
            refuse_without_consent(session, [scenario])
        roles = roles_on(viewer, enterprise_id=scenario.enterprise_id)
        return transition.apply(session, scenario, TABLE, event, actor=actor_of(viewer), roles=roles, at=at, why=why)
