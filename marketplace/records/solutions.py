"""Products, solutions and services that providers publish."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.solutions import SolutionState
from marketplace.records.columns import Fen, PrimaryKey, PublicId, Record, Sourced, Strings, stored
from marketplace.records.providers import Provider


class Solution(Sourced, Record):
    """Money in fen, duration in weeks; None = not said. The optional lists hold pilot keys or free words."""

    __tablename__ = "solutions"
    __table_args__ = (
        UniqueConstraint("source", "source_ref"),
        Index("ix_solutions_state_provider", "state", "provider_id"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    form: Mapped[str] = mapped_column(String(32), default="")
    sectors: Mapped[Strings]
    orientations: Mapped[Strings]
    stages: Mapped[Strings]
    scenario_codes: Mapped[Strings]
    summary: Mapped[str] = mapped_column(Text, default="")
    solves: Mapped[Strings]
    technologies: Mapped[Strings]
    price_low_fen: Mapped[Fen]
    price_high_fen: Mapped[Fen]
    weeks_low: Mapped[int | None]
    weeks_high: Mapped[int | None]
    references: Mapped[int] = mapped_column("reference_count", default=0)
    levels: Mapped[Strings]
    enterprise_sizes: Mapped[Strings]
    deployments: Mapped[Strings]
    origin: Mapped[str] = mapped_column(String(16), default="")
    explosion_proof: Mapped[bool | None]
    interfaces: Mapped[Strings]
    certificates: Mapped[Strings]
    state: Mapped[SolutionState] = mapped_column(stored(SolutionState), default=SolutionState.PUBLISHED)
    provider: Mapped[Provider] = relationship()


def find_solution(session: Session, public_id: str) -> Solution | None:
    return session.scalar(select(Solution).where(Solution.public_id == public_id))
