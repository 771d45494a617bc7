"""Scenario lists: written as drafts, issued as a numbered batch, withdrawn or superseded as a whole; search follows in the same step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.diagnosis_lists import refuse_first, unknown_scenario
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_roles, notify
from marketplace.actions.roles import actor_of, must_hold
from marketplace.actions.scenario_consents import refuse_without_consent
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _
from marketplace.domain.scenario_lists import TABLE, ScenarioListDraft, ScenarioListState, check, check_reason
from marketplace.domain.scenarios import TABLE as SCENARIO_TABLE
from marketplace.domain.scenarios import ScenarioState
from marketplace.records.database import Database
from marketplace.records.scenario_lists import ScenarioList, ScenarioListEntry, find_list_scenarios
from marketplace.records.scenarios import Scenario

NOUN = "scenario_list"


@dataclass(frozen=True)
class _Filled:
    """What the table's guard asks."""

    size: int


def create(database: Database, draft: ScenarioListDraft, *, viewer: Viewer, at: datetime) -> ScenarioList:
    """A list that nobody sees yet."""
    with database.writing() as session:
        must_hold(viewer, "manage", NOUN)
        refuse_first(check(draft))
        _refuse_known_batch(session, draft.batch, None)
        found = ScenarioList(batch=draft.batch, title=draft.title, note=draft.note, created_by=viewer.account_id, at=at)
        session.add(found)
        session.flush()
        _fill(session, found, draft.codes)
        after = {"batch": draft.batch, "title": draft.title, "codes": list(draft.codes)}
        record(session, actor=actor_of(viewer), verb="create", noun=NOUN, noun_id=found.id, before=None, after=after, at=at)
        return found


def change(
    database: Database, list_id: int, draft: ScenarioListDraft, *, viewer: Viewer, at: datetime, seen: int | None = None
) -> ScenarioList:
    """Change a draft. What was issued stands as it was: a list is only withdrawn or superseded as a whole."""
    with database.writing() as session:
        must_hold(viewer, "manage", NOUN)
        refuse_first(check(draft))
        found = session.get_one(ScenarioList, list_id, with_for_update=True)
        if found.state != ScenarioListState.DRAFT:
            raise RefusedError(Refused("list_issued", _("清单已印发，不能逐条改。请整批撤回，或印发新的一批替代它。")))
        _refuse_known_batch(session, draft.batch, list_id)
        refuse_if_moved(session, NOUN, found.id, seen=seen, at=at)
        codes = [scenario.code for scenario in find_list_scenarios(session, list_id)]
        before: dict[str, Any] = {"batch": found.batch, "title": found.title, "note": found.note, "codes": codes}
        after = {"batch": draft.batch, "title": draft.title, "note": draft.note, "codes": list(draft.codes)}
        changed = [name for name in after if before[name] != after[name]]
        if not changed:
            return found
        assert draft.batch is not None
        found.batch, found.title, found.note = draft.batch, draft.title, draft.note
        if "codes" in changed:
            session.execute(delete(ScenarioListEntry).where(ScenarioListEntry.list_id == list_id))
            _fill(session, found, draft.codes)
        was, now = {name: before[name] for name in changed}, {name: after[name] for name in changed}
        record(session, actor=actor_of(viewer), verb="change", noun=NOUN, noun_id=found.id, before=was, after=now, at=at)
        return found


def issue(database: Database, list_id: int, *, viewer: Viewer, at: datetime, today: date, supersedes: int | None = None) -> Transition:
    """Everybody sees it and its scenarios. `supersedes`: an issued list whose place it takes, whole, in the same step."""
    with database.writing() as session:
        must_hold(viewer, "manage", NOUN)
        found = session.get_one(ScenarioList, list_id, with_for_update=True)
        scenarios = find_list_scenarios(session, list_id)
        refuse_without_consent(session, scenarios)
        step = transition.apply(
            session, found, TABLE, "issue", actor=actor_of(viewer), roles=viewer.roles, at=at, subject=_Filled(len(scenarios))
        )
        found.issued, found.supersedes_id = today, supersedes
        for scenario in scenarios:
            if scenario.state != ScenarioState.PUBLISHED:
                _move(session, scenario, "publish", viewer, at, found.title)
        if supersedes is not None:
            old = session.get_one(ScenarioList, supersedes, with_for_update=True)
            transition.apply(session, old, TABLE, "supersede", actor=actor_of(viewer), roles=viewer.roles, at=at, why=found.title)
            old.why = found.title
            _leave(session, old, viewer, at, found.title)
        accounts = accounts_of_roles(session, [Role.PROVIDER, Role.ENTERPRISE])
        message = _("{title}已印发，共 {count} 个场景。")
        values = {"title": found.title, "count": len(scenarios)}
        notify(session, accounts, "scenario_list", message, at=at, values=values, noun=NOUN, public_ref=found.public_id)
        return step


def withdraw(database: Database, list_id: int, *, viewer: Viewer, at: datetime, why: str) -> Transition:
    """The whole list is taken back; its scenarios are found no more, unless another issued list has them too."""
    with database.writing() as session:
        must_hold(viewer, "manage", NOUN)
        if (refused := check_reason(why)) is not None:
            raise RefusedError(refused)
        found = session.get_one(ScenarioList, list_id, with_for_update=True)
        was_issued = found.state == ScenarioListState.ISSUED
        step = transition.apply(session, found, TABLE, "withdraw", actor=actor_of(viewer), roles=viewer.roles, at=at, why=why)
        found.why = why
        if was_issued:
            _leave(session, found, viewer, at, why)
        return step


def _leave(session: Session, found: ScenarioList, viewer: Viewer, at: datetime, why: str) -> None:
    """Withdraw what stood on this list and stands on no other issued one."""
    session.flush()
    elsewhere = (
        select(ScenarioListEntry.scenario_id)
        .join(ScenarioList, ScenarioList.id == ScenarioListEntry.list_id)
        .where(ScenarioList.state == ScenarioListState.ISSUED, ScenarioList.id != found.id)
    )
    kept = set(session.scalars(elsewhere))
    for scenario in find_list_scenarios(session, found.id):
        if scenario.id not in kept and scenario.state == ScenarioState.PUBLISHED:
            _move(session, scenario, "withdraw", viewer, at, why)


def _move(session: Session, scenario: Scenario, event: str, viewer: Viewer, at: datetime, why: str) -> None:
    transition.apply(session, scenario, SCENARIO_TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at, why=why)


def _fill(session: Session, found: ScenarioList, codes: Iterable[str]) -> None:
    wanted = list(dict.fromkeys(codes))
    known = dict(session.execute(select(Scenario.code, Scenario.id).where(Scenario.code.in_(wanted))).all())
    for place, code in enumerate(wanted, start=1):
        if code not in known:
            raise unknown_scenario(code)
        session.add(ScenarioListEntry(list_id=found.id, scenario_id=known[code], place=place))
    session.flush()


def _refuse_known_batch(session: Session, batch: int | None, own: int | None) -> None:
    same = select(ScenarioList.id).where(ScenarioList.batch == batch, ScenarioList.id != (own or 0))
    if session.scalar(same) is not None:
        raise RefusedError(Refused("batch_taken", _("已经有第 {batch} 批，请换一个批次号。"), {"batch": batch}))
