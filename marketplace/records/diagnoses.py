"""Diagnoses of enterprises and the lists that come out: problems (problems.py), scenarios and investments (here)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.domain.diagnoses import DiagnosisState
from marketplace.records.columns import Fen, PrimaryKey, PublicId, Record, Sourced, stored
from marketplace.records.enterprises import Enterprise


class Diagnosis(Sourced, Record):
    __tablename__ = "diagnoses"
    __table_args__ = (UniqueConstraint("source", "source_ref"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"), index=True)
    number: Mapped[str] = mapped_column(String(32), default="")
    visited: Mapped[date | None] = mapped_column(Date)
    state: Mapped[DiagnosisState] = mapped_column(stored(DiagnosisState), default=DiagnosisState.ISSUED)
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
    wants_subsidy: Mapped[bool] = mapped_column(default=False)
    wants_loan: Mapped[bool] = mapped_column(default=False)
