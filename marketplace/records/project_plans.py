"""What a project plans, in rows: its indicators, its costs by quarter, its milestones; and what the park or street said of it first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.project_plans import Direction
from marketplace.records.columns import PrimaryKey, PublicId, Record, Rows, UtcDateTime, stored


class ProjectIndicator(Record):
    """A line of the KPI table. `weight`: of 100 over all lines. `evidence`: by what it will be shown."""

    __tablename__ = "project_indicators"
    __table_args__ = (Index("ix_project_indicators_project", "project_id", "position"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(100))
    unit: Mapped[str] = mapped_column(String(32), default="")
    direction: Mapped[Direction] = mapped_column(stored(Direction), default=Direction.UP)
    baseline: Mapped[float]
    target: Mapped[float]
    weight: Mapped[int]
    evidence: Mapped[str] = mapped_column(Text, default="")


class ProjectCost(Record):
    """A line of the fund-use plan: `amount_fen` is `fiscal_fen` of public money and `own_fen` of the applicant's. `kind`: a cost of the pilot."""

    __tablename__ = "project_costs"
    __table_args__ = (Index("ix_project_costs_project", "project_id", "year", "quarter"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    year: Mapped[int]
    quarter: Mapped[int]
    kind: Mapped[str] = mapped_column(String(32))
    item: Mapped[str] = mapped_column(String(200))
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    fiscal_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    own_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    basis: Mapped[str] = mapped_column(Text, default="")


class Milestone(Record):
    """`actual`: the day on which it was reached, None as long as it was not."""

    __tablename__ = "milestones"
    __table_args__ = (Index("ix_milestones_project", "project_id", "position"), Index("ix_milestones_planned", "planned"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    position: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    planned: Mapped[date] = mapped_column(Date)
    actual: Mapped[date | None] = mapped_column(Date)


class FirstReview(Record):
    """One opinion of the park or street; each time it was handed in anew there is another. `checks`: rows of {key, passed, note}."""

    __tablename__ = "first_reviews"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    verdict: Mapped[str] = mapped_column(String(16))
    checks: Mapped[Rows]
    text: Mapped[str] = mapped_column(Text, default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def find_indicators(session: Session, project_id: int) -> Sequence[ProjectIndicator]:
    query = select(ProjectIndicator).where(ProjectIndicator.project_id == project_id)
    return session.scalars(query.order_by(ProjectIndicator.position, ProjectIndicator.id)).all()


def find_costs(session: Session, project_id: int) -> Sequence[ProjectCost]:
    """By quarter, then as they were typed."""
    query = select(ProjectCost).where(ProjectCost.project_id == project_id)
    return session.scalars(query.order_by(ProjectCost.year, ProjectCost.quarter, ProjectCost.id)).all()


def find_milestones(session: Session, project_id: int) -> Sequence[Milestone]:
    query = select(Milestone).where(Milestone.project_id == project_id)
    return session.scalars(query.order_by(Milestone.position, Milestone.id)).all()


def find_first_reviews(session: Session, project_id: int) -> Sequence[FirstReview]:
    """The newest first."""
    return session.scalars(select(FirstReview).where(FirstReview.project_id == project_id).order_by(FirstReview.id.desc())).all()


def find_first_review(session: Session, project_id: int) -> FirstReview | None:
    """The last opinion."""
    return next(iter(find_first_reviews(session, project_id)), None)
