"""Who may write the lists of a diagnosis, and the one way in which a line of them is written down."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.diagnosis_lists import check_writing, is_correction
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.columns import Record
from marketplace.records.diagnoses import Diagnosis, Investment, ScenarioNeed
from marketplace.records.enterprises import Enterprise

Line = TypeVar("Line", ScenarioNeed, Investment)


def must_write_lists(viewer: Viewer, diagnosis: Diagnosis, why: str) -> None:
    """The centre writes the lists of a diagnosis, while they may be written."""
    refuse_unless(may(viewer, "edit", "problem_list"))
    if (refused := check_writing(diagnosis.state, why=why)) is not None:
        raise RefusedError(refused)


def must_write_own(viewer: Viewer, enterprise: Enterprise) -> None:
    """What belongs to no diagnosis is written by the enterprise's own people who fill in for it, and by the centre."""
    own = enterprise.id in viewer.enterprise_ids and may_act_for(viewer, enterprise.organisation_id, "edit")
    refuse_unless(may(viewer, "edit", "problem_list") or own)


def locked_diagnosis(session: Session, diagnosis_id: int) -> Diagnosis:
    """Under its lock, so that nobody confirms it while a line is written."""
    return session.get_one(Diagnosis, diagnosis_id, with_for_update=True)


def locked_line(session: Session, kind: type[Line], number: int, viewer: Viewer, why: str) -> tuple[Line, Diagnosis]:
    """A line of the scenario or investment list that this person may write now, with its diagnosis, both under lock."""
    row = session.get_one(kind, number, with_for_update=True)
    diagnosis = locked_diagnosis(session, row.diagnosis_id)
    must_write_lists(viewer, diagnosis, why)
    return row, diagnosis


def verb_of(verb: str, diagnosis: Diagnosis | None) -> str:
    """What the history calls it: after the enterprise's confirmation everything is a correction."""
    return "correct" if diagnosis is not None and is_correction(diagnosis.state) and verb == "change" else verb


def add_line(session: Session, row: Record, noun: str, values: dict[str, Any], *, viewer: Viewer, at: datetime, why: str = "") -> None:
    """Store a new line with its history."""
    session.add(row)
    session.flush()
    number: int = row.id  # type: ignore[attr-defined]
    record(session, actor=actor_of(viewer), verb="add", noun=noun, noun_id=number, before=None, after=said(values), why=why, at=at)


def change_line(
    session: Session,
    row: Record,
    noun: str,
    values: dict[str, Any],
    *,
    viewer: Viewer,
    at: datetime,
    seen: int | None,
    verb: str = "change",
    why: str = "",
) -> bool:
    """Write what differs; whether anything did. `seen`: the last entry of its history that the form knew."""
    number: int = row.id  # type: ignore[attr-defined]
    refuse_if_moved(session, noun, number, seen=seen, at=at)
    before = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    if not before:
        return False
    for name in before:
        setattr(row, name, values[name])
    session.flush()
    after = said({name: values[name] for name in before})
    record(session, actor=actor_of(viewer), verb=verb, noun=noun, noun_id=number, before=said(before), after=after, why=why, at=at)
    return True


def remove_line(session: Session, row: Record, noun: str, values: dict[str, Any], *, viewer: Viewer, at: datetime, why: str = "") -> None:
    """Take a line out; the history keeps what it said."""
    number: int = row.id  # type: ignore[attr-defined]
    session.delete(row)
    session.flush()
    record(session, actor=actor_of(viewer), verb="remove", noun=noun, noun_id=number, before=said(values), after=None, why=why, at=at)


def refuse_first(faults: Any) -> None:
    """Raise the first refusal of a check."""
    for _field, refused in faults:
        raise RefusedError(refused)


def unknown_scenario(code: str) -> RefusedError:
    return RefusedError(Refused("unknown_scenario", _("没有编号为“{code}”的场景。"), {"code": code}))


def said(values: dict[str, Any]) -> dict[str, Any]:
    """Values as the history keeps them."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}
