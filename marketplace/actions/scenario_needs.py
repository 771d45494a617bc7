"""Writing the scenario list of a diagnosis (场景清单)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.diagnosis_lists import (
    add_line,
    change_line,
    locked_diagnosis,
    locked_line,
    must_write_lists,
    refuse_first,
    remove_line,
    unknown_scenario,
    verb_of,
)
from marketplace.domain.access import Viewer
from marketplace.domain.scenario_needs import ScenarioNeedDraft, check
from marketplace.records.database import Database
from marketplace.records.diagnoses import ScenarioNeed
from marketplace.records.scenarios import find_scenario

NOUN = "scenario_need"
FIELDS = ("scenario_id", "present_level", "target_level", "expected", "urgency")


def add(database: Database, diagnosis_id: int, draft: ScenarioNeedDraft, *, viewer: Viewer, at: datetime, why: str = "") -> ScenarioNeed:
    """A new line of the scenario list."""
    with database.writing() as session:
        must_write_lists(viewer, locked_diagnosis(session, diagnosis_id), why)
        values = _values(session, draft)
        row = ScenarioNeed(diagnosis_id=diagnosis_id, **values)
        add_line(session, row, NOUN, {"diagnosis_id": diagnosis_id, **values}, viewer=viewer, at=at, why=why)
        return row


def change(
    database: Database, number: int, draft: ScenarioNeedDraft, *, viewer: Viewer, at: datetime, seen: int | None = None, why: str = ""
) -> ScenarioNeed:
    with database.writing() as session:
        row, diagnosis = locked_line(session, ScenarioNeed, number, viewer, why)
        verb = verb_of("change", diagnosis)
        change_line(session, row, NOUN, _values(session, draft), viewer=viewer, at=at, seen=seen, verb=verb, why=why)
        return row


def remove(database: Database, number: int, *, viewer: Viewer, at: datetime, why: str = "") -> None:
    with database.writing() as session:
        row, _diagnosis = locked_line(session, ScenarioNeed, number, viewer, why)
        values = {"diagnosis_id": row.diagnosis_id} | {name: getattr(row, name) for name in FIELDS}
        remove_line(session, row, NOUN, values, viewer=viewer, at=at, why=why)


def _values(session: Session, draft: ScenarioNeedDraft) -> dict[str, Any]:
    refuse_first(check(draft))
    scenario = find_scenario(session, draft.scenario_code)
    if scenario is None:
        raise unknown_scenario(draft.scenario_code)
    plain = {name: getattr(draft, name) for name in FIELDS if name != "scenario_id"}
    return {"scenario_id": scenario.id, **plain}
