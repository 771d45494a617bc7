"""Consents that come with the sheet of scenarios: an enterprise's own scenario is published with its consent only.

A new one without consent is stored as a draft; one that became an enterprise's own is withdrawn until the enterprise agrees.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import history, transition
from marketplace.actions.imports.checking import Item
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.scenarios import TABLE, ScenarioKind, ScenarioState
from marketplace.records.scenario_lists import ScenarioConsent
from marketplace.records.scenarios import Scenario

SHEET, COLUMN, NOUN = "scenarios", "consented_on", "scenario"


def resolve_consents(session: Session, rows: list[Item], today: date) -> None:
    """Which rows bring a consent that is not on record yet. One of a day to come is none."""
    known = [item.existing.id for item in rows if isinstance(item.existing, Scenario) and item.values.get(COLUMN) is not None]
    standing: set[int] = set()
    for start in range(0, len(known), 500):
        query = select(ScenarioConsent.scenario_id).where(ScenarioConsent.scenario_id.in_(known[start : start + 500]))
        standing |= set(session.scalars(query.where(ScenarioConsent.taken_back.is_(None))))
    for item in rows:
        day: date | None = item.values.get(COLUMN)
        if day is None:
            continue
        if day > today:
            message = _("企业同意公开的日期 {day} 还没有到，请填实际同意的日期，或空着。")
            item.refuse(item.table.sheet.column(COLUMN), Refused("in_the_future", message, {"day": day.isoformat()}))
        elif getattr(item.existing, "id", None) not in standing:
            item.consent = day


def is_held_back(item: Item) -> bool:
    """Whether a new scenario waits as a draft for its enterprise's consent."""
    return item.values.get("kind") == ScenarioKind.INDIVIDUAL and item.consent is None


def keep_consents(session: Session, items: list[Item], *, actor: str, at: datetime) -> None:
    """The consents that the rows bring, once their scenarios are written, and nothing public that has none."""
    for item in items:
        if item.consent is not None:
            row: Any = item.existing
            session.add(ScenarioConsent(scenario_id=row.id, agreed=datetime.combine(item.consent, time(), tzinfo=UTC)))
            session.flush()
            after = {"consent": True, "agreed": item.consent.isoformat()}
            history.record(session, actor=actor, verb="agree", noun=NOUN, noun_id=row.id, before=None, after=after, at=at)
    shown = [item.existing for item in items if isinstance(item.existing, Scenario) and item.existing.state == ScenarioState.PUBLISHED]
    own = {row.id: row for row in shown if row.kind == ScenarioKind.INDIVIDUAL}
    query = select(ScenarioConsent.scenario_id).where(ScenarioConsent.scenario_id.in_(own), ScenarioConsent.taken_back.is_(None))
    for number in sorted(own.keys() - set(session.scalars(query))):
        why = "成为企业个性化场景，企业还没有同意公开"
        transition.apply(session, own[number], TABLE, "withdraw", actor=actor, roles={Role.ADMIN}, at=at, why=why)
