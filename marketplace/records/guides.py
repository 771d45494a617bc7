"""申报指南 (guides): what the bureau supports, under which conditions, with how much money and until when."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.guides import GuideState
from marketplace.domain.projects import ProjectClass
from marketplace.records.columns import PrimaryKey, PublicId, Record, Rows, Strings, UtcDateTime, stored


class Guide(Record):
    """`conditions`: rows of {rule, value} that a submission is checked by, and {text} that people read. `documents`: keys of the pilot's
    project documents. `budget_fen`: all that can be given under it. `closes`: the last day, until 24:00."""

    __tablename__ = "guides"
    __table_args__ = (Index("ix_guides_state_closes", "state", "closes"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    project_class: Mapped[ProjectClass] = mapped_column(stored(ProjectClass))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    levels: Mapped[Strings]
    sectors: Mapped[Strings]
    orientations: Mapped[Strings]
    conditions: Mapped[Rows]
    documents: Mapped[Strings]
    budget_fen: Mapped[int | None] = mapped_column(BigInteger)
    opens: Mapped[date] = mapped_column(Date)
    closes: Mapped[date] = mapped_column(Date)
    state: Mapped[GuideState] = mapped_column(stored(GuideState), default=GuideState.DRAFT)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def find_guide(session: Session, public_id: str) -> Guide | None:
    return session.scalar(select(Guide).where(Guide.public_id == public_id))
