"""公共服务资源: the centre writes them down, publishes them and takes them out of the directory."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.centre_steps import Step, changed, locked, move, note, refuse_first
from marketplace.actions.roles import must_hold
from marketplace.domain.centre_rules import CentreRules
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.resources import TABLE, ResourceDraft, check
from marketplace.domain.scenarios import ScenarioState
from marketplace.records.database import Database
from marketplace.records.resources import Resource, ResourceScenario
from marketplace.records.scenarios import Scenario

NOUN = "resource"


class Keyed(Protocol):
    """A word of the pilot."""

    @property
    def key(self) -> str: ...


@dataclass(frozen=True)
class Choices:
    """What the pilot knows: stages, and the scenarios of its catalogue."""

    stages: frozenset[str]
    scenarios: frozenset[str]

    @classmethod
    def of(cls, stages: Iterable[Keyed], scenarios: Iterable[Keyed]) -> Choices:
        return cls(frozenset(one.key for one in stages), frozenset(one.key for one in scenarios))


FIELDS = ("name", "kind", "host", "does", "conditions", "price", "contact", "stages")


def create(database: Database, draft: ResourceDraft, step: Step, rules: CentreRules, choices: Choices) -> Resource:
    """A resource that only the centre sees yet."""
    _refuse_faults(draft, step, rules, choices)
    with database.writing() as session:
        _refuse_unknown(session, set(draft.scenario_codes) - choices.scenarios)
        resource = Resource(created_by=step.viewer.account_id, created=step.at, **_values(draft))
        resource.scenarios = [ResourceScenario(code=code) for code in draft.scenario_codes]
        session.add(resource)
        session.flush()
        note(session, NOUN, resource.id, "create", step, None, {**_values(draft), "scenario_codes": draft.scenario_codes})
        return resource


def change(database: Database, resource_id: int, draft: ResourceDraft, step: Step, rules: CentreRules, choices: Choices) -> Resource:
    _refuse_faults(draft, step, rules, choices)
    with database.writing() as session:
        resource = locked(session, Resource, resource_id, NOUN, step)
        held = resource.scenario_codes
        _refuse_unknown(session, set(draft.scenario_codes) - choices.scenarios - set(held))
        before = {**{name: getattr(resource, name) for name in FIELDS}, "scenario_codes": held}
        after = changed(before, {**_values(draft), "scenario_codes": sorted(set(draft.scenario_codes))})
        for name, value in after.items():
            if name == "scenario_codes":
                kept = {row.code: row for row in resource.scenarios}
                resource.scenarios = [kept.get(code) or ResourceScenario(code=code) for code in value]
            else:
                setattr(resource, name, value)
        if after:
            session.flush()
            note(session, NOUN, resource.id, "change", step, {name: before[name] for name in after}, after)
        return resource


def advance(database: Database, resource_id: int, event: str, step: Step) -> Resource:
    with database.writing() as session:
        resource = locked(session, Resource, resource_id, NOUN, step)
        move(session, resource, TABLE, event, step)
        return resource


def _refuse_faults(draft: ResourceDraft, step: Step, rules: CentreRules, choices: Choices) -> None:
    must_hold(step.viewer, "manage", NOUN)
    refuse_first(check(draft, kinds=[row.key for row in rules.resource_kinds], stages=choices.stages))


def _refuse_unknown(session: Session, codes: Collection[str]) -> None:
    """A form can send any code; what stood there before may stay."""
    known = set(session.scalars(select(Scenario.code).where(Scenario.code.in_(codes), Scenario.state == ScenarioState.PUBLISHED)))
    for code in sorted(set(codes) - known):
        raise RefusedError(Refused("unknown_scenario", _("没有编号为“{code}”的公开场景。"), {"code": code}))


def _values(draft: ResourceDraft) -> dict[str, Any]:
    found = {name: getattr(draft, name) for name in FIELDS}
    return {name: value.strip() if isinstance(value, str) else list(value) for name, value in found.items()}
