"""Scenarios: a sector's typical ones and enterprises' own."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.records.columns import PrimaryKey, PublicId, Record, Sourced, Strings, stored
from marketplace.records.enterprises import Enterprise


class Scenario(Sourced, Record):
    """`code` is the list's own (CHEM-01); `canonical` names the taxonomy's codes (CH-05) that it belongs to."""

    __tablename__ = "scenarios"
    __table_args__ = (UniqueConstraint("source", "source_ref"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    code: Mapped[str] = mapped_column(String(32), unique=True)
    canonical: Mapped[Strings]
    kind: Mapped[ScenarioKind] = mapped_column(stored(ScenarioKind))
    sector: Mapped[str] = mapped_column(String(32), index=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    stage: Mapped[str] = mapped_column(String(32), default="")
    orientations: Mapped[Strings]
    typical_problems: Mapped[Strings]
    typical_solutions: Mapped[Strings]
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprises.id"), index=True)
    state: Mapped[ScenarioState] = mapped_column(stored(ScenarioState), default=ScenarioState.PUBLISHED)
    enterprise: Mapped[Enterprise | None] = relationship()


def find_scenario(session: Session, key: str) -> Scenario | None:
    """By public id or by code."""
    return session.scalar(select(Scenario).where((Scenario.public_id == key) | (Scenario.code == key)))
