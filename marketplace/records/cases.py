"""A provider's past implementations, with their measured effect."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.records.columns import Fen, PrimaryKey, PublicId, Record, Rows, Sourced, Strings
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution


class Case(Sourced, Record):
    """`effects`: rows of {indicator, before, after, unit}. `signed` and `completed`: YYYY-MM."""

    __tablename__ = "cases"
    __table_args__ = (UniqueConstraint("source", "source_ref"), Index("ix_cases_completed", "completed", "id"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    solution_id: Mapped[int | None] = mapped_column(ForeignKey("solutions.id"), index=True)
    # Nothing where it came by a sheet, which has no column for it.
    title: Mapped[str | None] = mapped_column(String(200))
    client_sector: Mapped[str] = mapped_column(String(32), default="")
    signed: Mapped[str] = mapped_column(String(10), default="")
    completed: Mapped[str] = mapped_column(String(10), default="")
    cost_fen: Mapped[Fen]
    process: Mapped[str] = mapped_column(Text, default="")
    effects: Mapped[Rows]
    proofs: Mapped[Strings]
    provider: Mapped[Provider] = relationship()
    solution: Mapped[Solution | None] = relationship()


def find_cases_of_solution(session: Session, solution_id: int) -> Sequence[Case]:
    """The cases that are shown with a solution, in the order in which they came."""
    return session.scalars(select(Case).where(Case.solution_id == solution_id).order_by(Case.id)).all()


def find_loose_cases(session: Session, provider_id: int) -> Sequence[Case]:
    """A provider's own cases that belong to no solution yet."""
    query = select(Case).where(Case.provider_id == provider_id, Case.solution_id.is_(None))
    return session.scalars(query.order_by(Case.completed.desc(), Case.id)).all()
