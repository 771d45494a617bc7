"""Versions of solutions: every content that was ever written, and who decided what about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.providers import ProviderState
from marketplace.domain.solution_versions import OPEN, VersionState
from marketplace.domain.solutions import SolutionState
from marketplace.records.accounts import Account
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.solutions import Solution


class SolutionVersion(Record):
    """`content`: see domain.solution_versions.FIELDS. `revision` counts the savings, so that of two who write at once one is told.

    `author_id` is empty where a content stood already when the first version was begun; `note`: the author's, for the reviewer.
    """

    __tablename__ = "solution_versions"
    __table_args__ = (UniqueConstraint("solution_id", "number"), Index("ix_solution_versions_state_submitted", "state", "submitted"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), index=True)
    number: Mapped[int]
    revision: Mapped[int] = mapped_column(default=1)
    content: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[VersionState] = mapped_column(stored(VersionState), default=VersionState.DRAFT)
    note: Mapped[str] = mapped_column(Text, default="")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    submitted: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    decided: Mapped[datetime | None] = mapped_column(UtcDateTime)
    why: Mapped[str] = mapped_column(Text, default="")
    solution: Mapped[Solution] = relationship()
    author: Mapped[Account | None] = relationship(foreign_keys=[author_id])
    decider: Mapped[Account | None] = relationship(foreign_keys=[decided_by])

    @property
    def provider_state(self) -> ProviderState:
        return self.solution.provider.state

    @property
    def solution_state(self) -> SolutionState:
        return self.solution.state


def find_versions(session: Session, solution_id: int) -> Sequence[SolutionVersion]:
    """All versions of a solution, the newest first."""
    query = select(SolutionVersion).where(SolutionVersion.solution_id == solution_id)
    loaded = (joinedload(SolutionVersion.author), joinedload(SolutionVersion.decider))
    return session.scalars(query.options(*loaded).order_by(SolutionVersion.number.desc())).all()


def find_open_version(session: Session, solution_id: int) -> SolutionVersion | None:
    """The version that is being written or waits for a decision; there is at most one."""
    query = select(SolutionVersion).where(SolutionVersion.solution_id == solution_id, SolutionVersion.state.in_(OPEN))
    return session.scalars(query.order_by(SolutionVersion.number.desc())).first()


def find_version(session: Session, public_id: str) -> SolutionVersion | None:
    query = select(SolutionVersion).where(SolutionVersion.public_id == public_id)
    return session.scalar(query.options(joinedload(SolutionVersion.solution).joinedload(Solution.provider)))


def find_last_number(session: Session, solution_id: int) -> int:
    """The number of the newest version; 0 where there is none."""
    return session.scalar(select(func.max(SolutionVersion.number)).where(SolutionVersion.solution_id == solution_id)) or 0
