"""Diagnoses (诊断): the roster of all enterprises, the diagnoses there are, and one with its answers, its grade and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.api.applications import UnitRef
from marketplace.api.attached import FileOut, file_outs
from marketplace.api.introductions import unit_of
from marketplace.api.operation import Model, Versioned, operation
from marketplace.api.paging import ListQuery, cursor_of, number_of, part_of
from marketplace.domain.access import Viewer, may, may_read_plan
from marketplace.domain.diagnoses import GRADED, DiagnosisState, ball
from marketplace.domain.outside_grades import grade_name
from marketplace.domain.questionnaires import axes, grade, missing
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.accounts import Account
from marketplace.records.diagnoses import Diagnosis, find_answers, find_diagnosis, find_outside_grades, values_of
from marketplace.records.diagnosis_roster import Asked, Row, find_roster
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import LETTER, find_attachments
from marketplace.records.history import find_last_entry
from marketplace.records.organisations import Organisation
from marketplace.site import current_site

NOUN = "diagnosis"
_BEFORE_A_GRADE = (DiagnosisState.PLANNED, DiagnosisState.ON_SITE)


class PersonRef(Model):
    id: str
    name: str


class DiagnosisLine(Model):
    """A diagnosis in a list. `organisation` null: the centre itself diagnoses. A grade is told to all staff once the enterprise confirmed."""

    id: str
    number: str
    enterprise: UnitRef
    sector: str
    state: DiagnosisState
    planned_on: date | None
    visited: date | None
    due: date | None
    officer: PersonRef | None
    organisation: UnitRef | None
    grade: int | None
    score: float | None


class ConditionOut(Model):
    met: bool
    text: str


class GradingOut(Model):
    """`final`: as it was drafted; else what the answers reach so far. `reached`, `next`: the conditions of this grade and of the one above."""

    final: bool
    level: int
    score: float
    axes: dict[str, float]
    reached: list[ConditionOut]
    next: list[ConditionOut]


class OutsideGradeOut(Model):
    """A grade that the enterprise has from elsewhere."""

    id: str
    model: str
    grade: str
    on: date
    by: str


class DiagnosisOut(Versioned, DiagnosisLine):
    """A diagnosis in full. What begins at `summary` is for the enterprise and the centre, and null for all others.

    `missing`: questions that must be answered and are not; `reports` are written once it is issued.
    """

    waits_for: str | None
    next_step: str | None
    drafted: datetime | None
    confirmed: datetime | None
    issued: datetime | None
    return_reason: str
    questionnaire: str
    grading: GradingOut | None
    outside: list[OutsideGradeOut]
    summary: str | None
    answered: int | None
    missing: list[str] | None
    reports: list[FileOut] | None
    evidence: list[FileOut] | None


class DiagnosisList(Model):
    items: list[DiagnosisLine]
    next: str | None


class DiagnosisQuery(ListQuery):
    state: DiagnosisState | None = None
    """Only in this state."""
    enterprise: str = Field("", max_length=36)
    """Only of the enterprise with this id or credit code."""


class RosterLine(Model):
    """An enterprise with its newest diagnosis; null: nobody was there yet."""

    enterprise: UnitRef
    sector: str
    area: str
    officer: PersonRef | None
    diagnosis: DiagnosisLine | None


class RosterList(Model):
    items: list[RosterLine]
    next: str | None


class RosterQuery(ListQuery):
    state: Literal["", "none", "planned", "on_site", "drafted", "confirmed", "issued"] = ""
    """Of the newest diagnosis; none: not visited yet."""
    sector: str = Field("", max_length=32)
    area: str = Field("", max_length=64)
    officer: str = Field("", max_length=36)
    """The id of an officer; none: without one."""
    q: str = Field("", max_length=100)
    """A part of the name, the credit code, or the number of the diagnosis."""
    everybody: bool = True
    """False: only those above the scale (规上)."""


@permission("read", "diagnosis")
@operation(
    "/diagnoses", summary="Diagnoses: all for staff, an enterprise's own", tag="diagnoses", query=DiagnosisQuery, answer=DiagnosisList
)
def list_diagnoses(query: DiagnosisQuery) -> DiagnosisList:
    viewer, rows = current_viewer(), select(Diagnosis).join(Enterprise, Enterprise.id == Diagnosis.enterprise_id)
    if not may(viewer, "read", NOUN):
        rows = rows.where(Diagnosis.enterprise_id.in_(viewer.enterprise_ids))
    if query.state is not None:
        rows = rows.where(Diagnosis.state == query.state)
    if query.enterprise:
        unit = select(Organisation.id).where(Organisation.credit_code == query.enterprise)
        rows = rows.where((Enterprise.public_id == query.enterprise) | Enterprise.organisation_id.in_(unit))
    rows = rows.options(joinedload(Diagnosis.enterprise), joinedload(Diagnosis.officer), joinedload(Diagnosis.organisation))
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, Diagnosis, query)
        return DiagnosisList(items=[DiagnosisLine(**_line(row, viewer)) for row in part], next=following)


def _line(row: Diagnosis, viewer: Viewer) -> dict[str, Any]:
    same = {name: getattr(row, name) for name in ("number", "state", "planned_on", "visited", "due")}
    graded = row.state in GRADED or (may_read_plan(viewer, row.enterprise_id) and row.state not in _BEFORE_A_GRADE)
    unit = row.organisation
    return {
        **same,
        "id": row.public_id,
        "enterprise": unit_of(row.enterprise),
        "sector": row.enterprise.sector,
        "officer": person_of(row.officer),
        "organisation": UnitRef(id=unit.public_id, code=unit.credit_code, name=unit.name) if unit else None,
        "grade": row.grade if graded else None,
        "score": row.score if graded else None,
    }


def person_of(account: Account | None) -> PersonRef | None:
    return PersonRef(id=account.public_id, name=account.name) if account else None


@permission("read", "diagnosis")
@operation(
    "/roster",
    summary="All enterprises with their newest diagnosis, those that nobody visited first; for staff",
    tag="diagnoses",
    query=RosterQuery,
    answer=RosterList,
    faults=(404,),
)
def list_roster(query: RosterQuery) -> RosterList:
    """The cursor counts rows here: what comes and goes meanwhile may be skipped or told twice."""
    viewer = current_viewer()
    if not may(viewer, "read", NOUN):
        not_found()
    asked = Asked(query.sector, query.area, query.officer, query.state, query.q.strip(), query.everybody)
    first = number_of(query.cursor)
    with current_site().database.reading() as session:
        rows = find_roster(session, asked, offset=first, most=query.limit + 1)
        part = rows[: query.limit]
        following = cursor_of(first + len(part)) if len(rows) > len(part) else None
        return RosterList(items=[_roster_line(row, viewer) for row in part], next=following)


def _roster_line(row: Row, viewer: Viewer) -> RosterLine:
    same = {"sector": row.enterprise.sector, "area": row.enterprise.area, "officer": person_of(row.officer)}
    diagnosis = DiagnosisLine(**_line(row.diagnosis, viewer)) if row.diagnosis is not None else None
    return RosterLine(**same, enterprise=unit_of(row.enterprise), diagnosis=diagnosis)


@permission("read", "diagnosis")
@operation("/diagnoses/<id>", summary="One diagnosis with its grade and its report", tag="diagnoses", answer=DiagnosisOut)
def read_diagnosis(id: str) -> DiagnosisOut:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        return _out(session, find_diagnosis(session, id, viewer) or not_found(), viewer)


def _out(session: Session, row: Diagnosis, viewer: Viewer) -> DiagnosisOut:
    form, detail = current_site().pilot.questionnaire, may_read_plan(viewer, row.enterprise_id)
    values = values_of(find_answers(session, row.id)) if detail else {}
    files = find_attachments(session, NOUN, row.id) if detail else []
    turn = ball(row.state, planned_on=row.planned_on, due=row.due)
    open_ones = missing(form, values, row.enterprise.sector)
    return DiagnosisOut(
        **_line(row, viewer),
        version=version_of(session, row.id),
        waits_for=turn.who if turn else None,
        next_step=said(turn.what, {}) if turn else None,
        drafted=row.drafted_at,
        confirmed=row.confirmed_at,
        issued=row.issued_at,
        return_reason=row.return_reason if row.state == DiagnosisState.ON_SITE else "",
        questionnaire=row.questionnaire,
        grading=_grading(row, values, detail=detail),
        outside=_outside(session, row.enterprise_id),
        summary=row.summary if detail else None,
        answered=len(values) if detail else None,
        missing=[one.key for one in open_ones] if detail else None,
        reports=file_outs(one for one in files if one.kind == LETTER) if detail else None,
        evidence=file_outs(one for one in files if one.kind != LETTER) if detail else None,
    )


def version_of(session: Session, number: int) -> str:
    """The last entry of the history about the diagnosis, answers included."""
    return str(find_last_entry(session, NOUN, number))


def _grading(row: Diagnosis, values: Mapping[str, Any], *, detail: bool) -> GradingOut | None:
    """As it was drafted; before, what the answers reach so far, for those who may read them."""
    stored = row.grading if row.state not in _BEFORE_A_GRADE and (detail or row.state in GRADED) else {}
    if stored:
        conditions = {name: _conditions(stored.get(name, ())) for name in ("reached", "next")}
        same = {name: stored[name] for name in ("level", "score")}
        return GradingOut(final=True, **same, axes=stored.get("axes", {}), **conditions)
    if not values:
        return None
    form = current_site().pilot.questionnaire
    found = grade(form, values)
    rows = {
        name: _conditions([{"met": one.met, "message": one.message, "values": one.values} for one in conditions])
        for name, conditions in (("reached", found.reached), ("next", found.next))
    }
    return GradingOut(final=False, level=found.level, score=found.score, axes=axes(form, values), **rows)


def _conditions(rows: Sequence[Mapping[str, Any]]) -> list[ConditionOut]:
    return [ConditionOut(met=bool(one["met"]), text=said(one["message"], one["values"])) for one in rows]


def _outside(session: Session, enterprise_id: int) -> list[OutsideGradeOut]:
    return [
        OutsideGradeOut(id=one.public_id, model=one.model, grade=said(grade_name(one.model, one.place), {}), on=one.on, by=one.by)
        for one in find_outside_grades(session, enterprise_id)
    ]
