"""Writing the investment list of a diagnosis (投入清单)."""

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
from marketplace.domain.investments import InvestmentDraft, check
from marketplace.records.database import Database
from marketplace.records.diagnoses import Investment
from marketplace.records.scenarios import find_scenario

NOUN = "investment"
FIELDS = (
    "scenario_id", "hardware_fen", "software_fen", "service_fen", "year", "money_source", "expected_start", "wants_subsidy", "wants_loan",
)  # fmt: skip


def add(database: Database, diagnosis_id: int, draft: InvestmentDraft, *, viewer: Viewer, at: datetime, why: str = "") -> Investment:
    """A new line of the investment list."""
    with database.writing() as session:
        must_write_lists(viewer, locked_diagnosis(session, diagnosis_id), why)
        values = _values(session, draft)
        row = Investment(diagnosis_id=diagnosis_id, **values)
        add_line(session, row, NOUN, {"diagnosis_id": diagnosis_id, **values}, viewer=viewer, at=at, why=why)
        return row


def change(
    database: Database, number: int, draft: InvestmentDraft, *, viewer: Viewer, at: datetime, seen: int | None = None, why: str = ""
) -> Investment:
    with database.writing() as session:
        row, diagnosis = locked_line(session, Investment, number, viewer, why)
        verb = verb_of("change", diagnosis)
        change_line(session, row, NOUN, _values(session, draft), viewer=viewer, at=at, seen=seen, verb=verb, why=why)
        return row


def remove(database: Database, number: int, *, viewer: Viewer, at: datetime, why: str = "") -> None:
    with database.writing() as session:
        row, _diagnosis = locked_line(session, Investment, number, viewer, why)
        values = {"diagnosis_id": row.diagnosis_id} | {name: getattr(row, name) for name in FIELDS}
        remove_line(session, row, NOUN, values, viewer=viewer, at=at, why=why)


def _values(session: Session, draft: InvestmentDraft) -> dict[str, Any]:
    refuse_first(check(draft))
    scenario = find_scenario(session, draft.scenario_code) if draft.scenario_code else None
    if draft.scenario_code and scenario is None:
        raise unknown_scenario(draft.scenario_code)
    plain = {name: getattr(draft, name) for name in FIELDS if name != "scenario_id"}
    return {"scenario_id": scenario.id if scenario else None, **plain}
