"""A provider's past implementations, with their measured effect."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.records.columns import Fen, PrimaryKey, PublicId, Record, Rows, Sourced, Strings
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution


class Case(Sourced, Record):
    """`effects`: rows of {indicator, before, after, unit}. `signed` and `completed`: YYYY-MM."""

    __tablename__ = "cases"
    __table_args__ = (UniqueConstraint("source", "source_ref"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    solution_id: Mapped[int | None] = mapped_column(ForeignKey("solutions.id"), index=True)
    client_sector: Mapped[str] = mapped_column(String(32), default="")
    signed: Mapped[str] = mapped_column(String(10), default="")
    completed: Mapped[str] = mapped_column(String(10), default="")
    cost_fen: Mapped[Fen]
    process: Mapped[str] = mapped_column(Text, default="")
    effects: Mapped[Rows]
    proofs: Mapped[Strings]
    provider: Mapped[Provider] = relationship()
    solution: Mapped[Solution | None] = relationship()
