"""Requests to change a project that is under way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.project_changes import OPEN, ChangeKind, ChangeState
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.projects import Project


class ProjectChange(Record):
    """`values`: what is to be, by the fields of its kind; `before`: what was when it was asked for. `needs_approval`: by the rules as they
    were then. `extension`: it puts off the end by more than the rules leave free. `opinion`: the area's, support or object."""

    __tablename__ = "project_changes"
    __table_args__ = (Index("ix_project_changes_project", "project_id", "id"), Index("ix_project_changes_state", "state", "id"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[ChangeKind] = mapped_column(stored(ChangeKind))
    values: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    before: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    reason: Mapped[str] = mapped_column(Text)
    needs_approval: Mapped[bool]
    extension: Mapped[bool] = mapped_column(default=False)
    state: Mapped[ChangeState] = mapped_column(stored(ChangeState), default=ChangeState.REQUESTED)
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    opinion: Mapped[str] = mapped_column(String(16), default="")
    opinion_text: Mapped[str] = mapped_column(Text, default="")
    opinion_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    opinion_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)


def find_changes(session: Session, project_id: int) -> Sequence[ProjectChange]:
    """The newest first."""
    return session.scalars(select(ProjectChange).where(ProjectChange.project_id == project_id).order_by(ProjectChange.id.desc())).all()


def find_change(session: Session, public_id: str, project_id: int) -> ProjectChange | None:
    return session.scalar(select(ProjectChange).where(ProjectChange.public_id == public_id, ProjectChange.project_id == project_id))


def count_open_changes(session: Session, project_id: int) -> int:
    query = select(func.count()).select_from(ProjectChange).where(ProjectChange.project_id == project_id, ProjectChange.state.in_(OPEN))
    return session.scalar(query) or 0
