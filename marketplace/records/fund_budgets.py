"""Budgets of the funds by year and source, and the targets that the money is to reach."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Float, ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.fund_budgets import BudgetState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored


class FundBudget(Record):
    """`fen`: what it adds to the year's budget of the source; negative where it lowers it. In effect, it is a posting and does not change."""

    __tablename__ = "fund_budgets"
    __table_args__ = (Index("ix_fund_budgets_year", "year", "source"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    source: Mapped[str] = mapped_column(String(32))
    year: Mapped[int]
    fen: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[BudgetState] = mapped_column(stored(BudgetState), default=BudgetState.DRAFT, index=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    second_person: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    second_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str] = mapped_column(Text, default="")
    targets: Mapped[list[FundTarget]] = relationship(order_by="FundTarget.id", cascade="all, delete-orphan")


class FundTarget(Record):
    """A target of a budget, and what the key performance evaluation (重点绩效评价) found: `actual` with a note."""

    __tablename__ = "fund_targets"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    budget_id: Mapped[int] = mapped_column(ForeignKey("fund_budgets.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    unit: Mapped[str] = mapped_column(String(32), default="")
    target: Mapped[float] = mapped_column(Float)
    actual: Mapped[float | None] = mapped_column(Float)
    note: Mapped[str] = mapped_column(Text, default="")
    evaluated_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    evaluated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def find_budget(session: Session, public_id: str) -> FundBudget | None:
    return session.scalar(select(FundBudget).where(FundBudget.public_id == public_id))


def find_budgets(session: Session, year: int | None = None) -> Sequence[FundBudget]:
    """All but those that were dropped: what is not in effect yet first, then the newest year first."""
    query = select(FundBudget).where(FundBudget.state != BudgetState.DROPPED)
    if year is not None:
        query = query.where(FundBudget.year == year)
    return session.scalars(query.order_by(FundBudget.state == BudgetState.EFFECTIVE, FundBudget.year.desc(), FundBudget.id)).all()


def find_target(session: Session, public_id: str) -> FundTarget | None:
    return session.scalar(select(FundTarget).where(FundTarget.public_id == public_id))


def find_targets(session: Session) -> Sequence[tuple[FundTarget, FundBudget]]:
    """The targets of what is in effect."""
    query = select(FundTarget, FundBudget).join(FundBudget, FundTarget.budget_id == FundBudget.id)
    query = query.where(FundBudget.state == BudgetState.EFFECTIVE).order_by(FundBudget.year.desc(), FundBudget.id, FundTarget.id)
    return [(target, budget) for target, budget in session.execute(query)]
