"""Diagnoses of enterprises and the lists that come out: problems (problems.py), scenarios and investments (here)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, String, Text, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.access import Viewer, may
from marketplace.domain.diagnoses import GRADED, OPEN, DiagnosisState
from marketplace.records.accounts import Account
from marketplace.records.columns import Fen, Json, PrimaryKey, PublicId, Record, Sourced, UtcDateTime, stored
from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation

_OPEN = text("state IN ('planned', 'on_site', 'drafted', 'confirmed')")


class Diagnosis(Sourced, Record):
    """`visited`: the day of the visit; `due`: until when the present step should be done. `questionnaire`: its key, "" where the
    diagnosis came by import and none was filled in.

    `grade`, `score`, `grading`: as they were computed when it was drafted, with the conditions and how far each section has come.
    """

    __tablename__ = "diagnoses"
    __table_args__ = (
        UniqueConstraint("source", "source_ref"),
        Index("uq_diagnoses_one_open", "enterprise_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_diagnoses_state", "state"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"), index=True)
    number: Mapped[str] = mapped_column(String(32), default="")
    visited: Mapped[date | None] = mapped_column(Date)
    state: Mapped[DiagnosisState] = mapped_column(stored(DiagnosisState), default=DiagnosisState.ISSUED)
    questionnaire: Mapped[str] = mapped_column(String(32), default="")
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    # Who diagnoses: a provider of the pool, or none but the centre itself.
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    planned_on: Mapped[date | None] = mapped_column(Date)
    due: Mapped[date | None] = mapped_column(Date)
    summary: Mapped[str] = mapped_column(Text, default="")
    grade: Mapped[int | None]
    score: Mapped[float | None]
    grading: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    drafted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # What the enterprise answered, and who answered for it.
    return_reason: Mapped[str] = mapped_column(Text, default="")
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    issued_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    enterprise: Mapped[Enterprise] = relationship()
    officer: Mapped[Account | None] = relationship(foreign_keys=[officer_id])
    organisation: Mapped[Organisation | None] = relationship()


class DiagnosisAnswer(Record):
    """The answer to one question: as the questionnaire's kind has it, with a remark, by whom and when. Null is no answer."""

    __tablename__ = "diagnosis_answers"
    __table_args__ = (UniqueConstraint("diagnosis_id", "question"),)

    id: Mapped[PrimaryKey]
    diagnosis_id: Mapped[int] = mapped_column(ForeignKey("diagnoses.id"))
    question: Mapped[str] = mapped_column(String(32))
    value: Mapped[Any | None] = mapped_column(Json)
    remark: Mapped[str] = mapped_column(Text, default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class OutsideGrade(Record):
    """A grade that an enterprise has from elsewhere. `place`: its number in the model; proof hangs on it as an attachment."""

    __tablename__ = "outside_grades"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"), index=True)
    model: Mapped[str] = mapped_column(String(16))
    place: Mapped[int]
    on: Mapped[date] = mapped_column(Date)
    by: Mapped[str] = mapped_column(String(200), default="")
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Entered by mistake: it stays, and counts no longer.
    taken_back: Mapped[datetime | None] = mapped_column(UtcDateTime)
    enterprise: Mapped[Enterprise] = relationship()


class ScenarioNeed(Record):
    """One line of the scenario list (场景清单): a scenario, its present and target level (1–4), the effect expected."""

    __tablename__ = "scenario_needs"

    id: Mapped[PrimaryKey]
    diagnosis_id: Mapped[int] = mapped_column(ForeignKey("diagnoses.id"), index=True)
    scenario_id: Mapped[int] = mapped_column(ForeignKey("scenarios.id"), index=True)
    present_level: Mapped[int | None]
    target_level: Mapped[int | None]
    expected: Mapped[str] = mapped_column(Text, default="")
    # A key of the pilot's priorities.
    urgency: Mapped[str] = mapped_column(String(16), default="", server_default="")


class Investment(Record):
    """One line of the investment list (投入清单), amounts in fen."""

    __tablename__ = "investments"

    id: Mapped[PrimaryKey]
    diagnosis_id: Mapped[int] = mapped_column(ForeignKey("diagnoses.id"), index=True)
    scenario_id: Mapped[int | None] = mapped_column(ForeignKey("scenarios.id"))
    hardware_fen: Mapped[Fen]
    software_fen: Mapped[Fen]
    service_fen: Mapped[Fen]
    year: Mapped[int | None]
    money_source: Mapped[str] = mapped_column(String(64), default="")
    expected_start: Mapped[date | None] = mapped_column(Date)
    wants_subsidy: Mapped[bool] = mapped_column(default=False)
    wants_loan: Mapped[bool] = mapped_column(default=False)


def find_diagnosis(session: Session, public_id: str, viewer: Viewer) -> Diagnosis | None:
    """A diagnosis that this person may read at all: staff, or its enterprise."""
    query = select(Diagnosis).where(Diagnosis.public_id == public_id)
    found = session.scalar(query.options(joinedload(Diagnosis.officer), joinedload(Diagnosis.organisation)))
    if found is None or not (may(viewer, "read", "diagnosis") or found.enterprise_id in viewer.enterprise_ids):
        return None
    return found


def find_open_diagnosis(session: Session, enterprise_id: int) -> Diagnosis | None:
    """The one that is under way."""
    return session.scalar(select(Diagnosis).where(Diagnosis.enterprise_id == enterprise_id, Diagnosis.state.in_(OPEN)))


def find_answers(session: Session, diagnosis_id: int) -> dict[str, DiagnosisAnswer]:
    """Question → its answer, also where only a remark is there."""
    query = select(DiagnosisAnswer).where(DiagnosisAnswer.diagnosis_id == diagnosis_id)
    return {row.question: row for row in session.scalars(query.order_by(DiagnosisAnswer.id))}


def values_of(answers: dict[str, DiagnosisAnswer]) -> dict[str, Any]:
    """What the rules of the questionnaire look at."""
    return {question: row.value for question, row in answers.items() if row.value is not None}


def find_sector_gradings(session: Session, sector: str, besides: int) -> list[dict[str, Any]]:
    """The gradings of the other enterprises of a sector, of each its newest that was confirmed."""
    query = select(Diagnosis.enterprise_id, Diagnosis.grading).join(Enterprise, Enterprise.id == Diagnosis.enterprise_id)
    query = query.where(Enterprise.sector == sector, Diagnosis.enterprise_id != besides)
    query = query.where(Diagnosis.state.in_(GRADED), Diagnosis.grade.is_not(None)).order_by(Diagnosis.id)
    return list(dict(session.execute(query).all()).values())


def sector_means(gradings: Sequence[dict[str, Any]], least: int) -> tuple[dict[str, float], int]:
    """Section → the mean of the others, and of how many they are. Of fewer than `least` nothing is told: it would be told of one."""
    if len(gradings) < least:
        return {}, 0
    found: dict[str, list[float]] = {}
    for grading in gradings:
        for key, value in grading.get("axes", {}).items():
            found.setdefault(key, []).append(value)
    return {key: round(sum(values) / len(values), 1) for key, values in found.items() if len(values) >= least}, len(gradings)


def find_outside_grades(session: Session, enterprise_id: int) -> Sequence[OutsideGrade]:
    """The newest first; what was taken back is left out."""
    query = select(OutsideGrade).where(OutsideGrade.enterprise_id == enterprise_id, OutsideGrade.taken_back.is_(None))
    return session.scalars(query.order_by(OutsideGrade.on.desc(), OutsideGrade.id.desc())).all()


def find_diagnoses_of(session: Session, enterprise_id: int) -> Sequence[Diagnosis]:
    """All diagnoses of an enterprise with the organisations that made them, the newest visit first."""
    query = select(Diagnosis).where(Diagnosis.enterprise_id == enterprise_id).options(joinedload(Diagnosis.organisation))
    return session.scalars(query.order_by(Diagnosis.visited.desc(), Diagnosis.id.desc())).all()


def diagnosing_organisation(found: Sequence[Diagnosis]) -> Organisation | None:
    """Who made the newest issued one; None where the centre itself did. Its solutions are marked on the plan."""

    def age(row: Diagnosis) -> tuple[float, date, int]:
        return row.issued_at.timestamp() if row.issued_at else 0.0, row.visited or date.min, row.id

    newest = max((row for row in found if row.state == DiagnosisState.ISSUED), key=age, default=None)
    return newest.organisation if newest is not None else None
