"""An enterprise agrees that its own scenario is published, and may take that back: then it is found no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.domain.access import Role, Viewer, may_act_for
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.scenarios import TABLE, ScenarioKind, ScenarioState
from marketplace.records.database import Database
from marketplace.records.scenario_lists import ScenarioConsent, find_consent
from marketplace.records.scenarios import Scenario

NOUN = "scenario"
TAKEN_BACK = "企业撤回了公开同意"


def agree(database: Database, scenario_id: int, *, viewer: Viewer, at: datetime) -> bool:
    """Recorded with who and when. False: it had agreed before."""
    with database.writing() as session:
        scenario = _own(session, scenario_id, viewer)
        if find_consent(session, scenario.id) is not None:
            return False
        session.add(ScenarioConsent(scenario_id=scenario.id, account_id=viewer.account_id, agreed=at))
        session.flush()
        record(session, actor=actor_of(viewer), verb="agree", noun=NOUN, noun_id=scenario.id, before=None, after={"consent": True}, at=at)
        return True


def take_back(database: Database, scenario_id: int, *, viewer: Viewer, at: datetime) -> bool:
    """The consent ends, and with it the publication, in one step. False: there was none."""
    with database.writing() as session:
        scenario = _own(session, scenario_id, viewer)
        consent = find_consent(session, scenario.id)
        if consent is None and scenario.state != ScenarioState.PUBLISHED:
            return False
        if consent is not None:
            consent.taken_back = at
            session.flush()
        actor = actor_of(viewer)
        record(session, actor=actor, verb="take_back", noun=NOUN, noun_id=scenario.id, before={"consent": True}, after=None, at=at)
        if scenario.state == ScenarioState.PUBLISHED:
            # The enterprise has no part in publishing; what its word is needed for ends with its word.
            transition.apply(session, scenario, TABLE, "withdraw", actor=actor, roles={Role.ADMIN}, at=at, why=TAKEN_BACK)
        return True


def refuse_without_consent(session: Session, scenarios: Sequence[Scenario]) -> None:
    """An enterprise's own scenario is published with its consent only."""
    own = [scenario for scenario in scenarios if scenario.kind == ScenarioKind.INDIVIDUAL]
    agreed = set(
        session.scalars(
            select(ScenarioConsent.scenario_id).where(
                ScenarioConsent.scenario_id.in_([scenario.id for scenario in own]), ScenarioConsent.taken_back.is_(None)
            )
        )
    )
    missing = [scenario.code for scenario in own if scenario.id not in agreed]
    if missing:
        values = {"codes": "、".join(missing[:10]), "count": len(missing)}
        raise RefusedError(Refused("no_consent", _("企业个性化场景要企业同意才能公开，还缺 {count} 个：{codes}。"), values))


def _own(session: Session, scenario_id: int, viewer: Viewer) -> Scenario:
    """Nobody agrees in the enterprise's place, whatever their rank."""
    scenario = session.get_one(Scenario, scenario_id, with_for_update={"of": Scenario})
    enterprise = scenario.enterprise
    own = enterprise is not None and enterprise.id in viewer.enterprise_ids
    refuse_unless(own and may_act_for(viewer, enterprise.organisation_id if enterprise else None, "submit"))
    return scenario
