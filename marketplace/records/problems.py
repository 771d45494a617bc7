"""Problem lists (问题清单) and who was told whose problem it is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.problems import ProblemState
from marketplace.records.columns import Fen, PrimaryKey, PublicId, Record, Sourced, UtcDateTime, stored
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise


class Problem(Sourced, Record):
    """Stage, orientation and priority are pilot keys; the budget is in fen, None = not said."""

    __tablename__ = "problems"
    __table_args__ = (UniqueConstraint("source", "source_ref"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"), index=True)
    diagnosis_id: Mapped[int | None] = mapped_column(ForeignKey("diagnoses.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    stage: Mapped[str] = mapped_column(String(32), default="")
    orientation: Mapped[str] = mapped_column(String(32), default="")
    priority: Mapped[str] = mapped_column(String(16), default="")
    severity: Mapped[str] = mapped_column(String(16), default="")
    root_cause: Mapped[str] = mapped_column(Text, default="")
    effect_if_unsolved: Mapped[str] = mapped_column(Text, default="")
    scenario_code: Mapped[str] = mapped_column(String(32), default="")
    budget_low_fen: Mapped[Fen]
    budget_high_fen: Mapped[Fen]
    state: Mapped[ProblemState] = mapped_column(stored(ProblemState), default=ProblemState.OPEN)
    enterprise: Mapped[Enterprise] = relationship()
    diagnosis: Mapped[Diagnosis | None] = relationship()


class Disclosure(Record):
    """The enterprise agreed that this provider sees whose problem it is, where, and its exact budget."""

    __tablename__ = "disclosures"
    __table_args__ = (UniqueConstraint("problem_id", "provider_id"),)

    id: Mapped[PrimaryKey]
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), index=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    agreed: Mapped[datetime] = mapped_column(UtcDateTime)


def find_problem(session: Session, key: str) -> Problem | None:
    """By public id or by the key of its source (PRB-0001); an ambiguous source key finds the first."""
    return session.scalars(select(Problem).where((Problem.public_id == key) | (Problem.source_ref == key)).order_by(Problem.id)).first()


def find_problems_of(session: Session, enterprise_id: int) -> list[Problem]:
    return list(session.scalars(select(Problem).where(Problem.enterprise_id == enterprise_id).order_by(Problem.id)))
