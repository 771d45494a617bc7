"""Funding plans and the lines of their projects."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Select, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, contains_eager, mapped_column, relationship

from marketplace.domain.funding_plans import FundingPlanState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.projects import Project


class FundingPlan(Record):
    """`minutes`: the reference of the minutes of the meeting that was `held` on that day."""

    __tablename__ = "funding_plans"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    title: Mapped[str] = mapped_column(String(100))
    minutes: Mapped[str] = mapped_column(String(64), default="")
    held: Mapped[date | None] = mapped_column(Date)
    state: Mapped[FundingPlanState] = mapped_column(stored(FundingPlanState), default=FundingPlanState.DRAFT, index=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    second_person: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str] = mapped_column(Text, default="")
    lines: Mapped[list[FundingLine]] = relationship(back_populates="plan", order_by="FundingLine.id", cascade="all, delete-orphan")


class FundingLine(Record):
    """Money of one source and year for one project: `first_fen` at once, `rest_fen` after acceptance."""

    __tablename__ = "funding_lines"
    __table_args__ = (
        UniqueConstraint("plan_id", "project_id", "source", "year"),
        CheckConstraint("first_fen >= 0 AND rest_fen >= 0", name="not_below_nothing"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    plan_id: Mapped[int] = mapped_column(ForeignKey("funding_plans.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    source: Mapped[str] = mapped_column(String(32))
    year: Mapped[int]
    first_fen: Mapped[int] = mapped_column(BigInteger)
    rest_fen: Mapped[int] = mapped_column(BigInteger)
    plan: Mapped[FundingPlan] = relationship(back_populates="lines")
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)

    @property
    def fen(self) -> int:
        return self.first_fen + self.rest_fen


def find_plan(session: Session, public_id: str) -> FundingPlan | None:
    return session.scalar(select(FundingPlan).where(FundingPlan.public_id == public_id))


def find_line(session: Session, public_id: str) -> FundingLine | None:
    return session.scalar(select(FundingLine).where(FundingLine.public_id == public_id))


# A plan in these states stands.
STANDING = (FundingPlanState.PROPOSED, FundingPlanState.ISSUED)


def find_lines_of_project(session: Session, project_id: int, states: Collection[FundingPlanState] = STANDING) -> Sequence[FundingLine]:
    query = select(FundingLine).join(FundingLine.plan).where(FundingLine.project_id == project_id, FundingPlan.state.in_(states))
    return session.scalars(query.options(contains_eager(FundingLine.plan)).order_by(FundingLine.id)).all()


def planned_fen(session: Session, project_id: int, source: str, year: int, *, without: int | None = None) -> int:
    """What the plans that stand give a project from one source and year, one plan left out on demand."""
    query = select(func.coalesce(func.sum(FundingLine.first_fen + FundingLine.rest_fen), 0)).join(FundingLine.plan)
    query = query.where(FundingLine.project_id == project_id, FundingLine.source == source, FundingLine.year == year)
    query = query.where(FundingPlan.state.in_(STANDING))
    return int(session.scalar(query if without is None else query.where(FundingPlan.id != without)) or 0)


def find_planned(session: Session, projects: Select[int]) -> dict[tuple[int, str, int], int]:
    """The same of several projects, named by a query of their ids: (project, source, year) → fen."""
    keys = (FundingLine.project_id, FundingLine.source, FundingLine.year)
    query = select(*keys, func.sum(FundingLine.first_fen + FundingLine.rest_fen)).join(FundingLine.plan)
    query = query.where(FundingPlan.state.in_(STANDING), FundingLine.project_id.in_(projects)).group_by(*keys)
    return {(project_id, source, year): int(fen) for project_id, source, year, fen in session.execute(query)}
