"""任务书 (agreements): what was drawn up for a project, version by version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, UtcDateTime
from marketplace.records.projects import Project


class Agreement(Record):
    """`content`: the words of the paper as they were when it was drawn up. `check_code`: printed on it, for whoever wants to verify it.
    `due`: until when both sides sign. A version that was drawn up anew supersedes the one before; the number stays. Where it stands is
    the project's state: what is signed by both is confirmed, or the term lapses."""

    __tablename__ = "agreements"
    __table_args__ = (UniqueConstraint("number", "version"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    number: Mapped[str] = mapped_column(String(32))
    version: Mapped[int] = mapped_column(default=1)
    check_code: Mapped[str] = mapped_column(String(32), unique=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    due: Mapped[date | None] = mapped_column(Date)
    drawn_up_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    superseded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)


def find_agreement(session: Session, project_id: int) -> Agreement | None:
    """The version that holds."""
    return session.scalar(select(Agreement).where(Agreement.project_id == project_id, Agreement.superseded_at.is_(None)))


def find_agreements(session: Session, project_id: int) -> Sequence[Agreement]:
    """All versions, the newest first."""
    return session.scalars(select(Agreement).where(Agreement.project_id == project_id).order_by(Agreement.version.desc())).all()


def find_by_code(session: Session, code: str) -> Agreement | None:
    return session.scalar(select(Agreement).where(Agreement.check_code == code))
