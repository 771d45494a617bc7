"""一企一策 as issued, and what the centre does by hand while it makes one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.plans import ChoiceKind, Emphasis, PlanState
from marketplace.records.accounts import Account
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem


class PlanEmphasis(Record):
    """What weighs how much for an enterprise; no row: as usual."""

    __tablename__ = "plan_emphases"

    id: Mapped[PrimaryKey]
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"), unique=True)
    price: Mapped[int]
    speed: Mapped[int]
    local: Mapped[int]
    record: Mapped[int]

    @property
    def emphasis(self) -> Emphasis:
        return Emphasis(self.price, self.speed, self.local, self.record)


class PlanChoice(Record):
    """A solution that the centre put first, left out or added for one problem. At most one of a problem is put first."""

    __tablename__ = "plan_choices"
    __table_args__ = (UniqueConstraint("problem_id", "solution_id"),)

    id: Mapped[PrimaryKey]
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"))
    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), index=True)
    kind: Mapped[ChoiceKind] = mapped_column(stored(ChoiceKind))
    why: Mapped[str] = mapped_column(Text, default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class IssuedPlan(Record):
    """One version of an enterprise's plan, word for word as it was issued: `content` holds problems, matches with features and
    reasons, the set, what stays open and the road map. `number` with `version` is what the paper carries."""

    __tablename__ = "plans"
    __table_args__ = (UniqueConstraint("enterprise_id", "version"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"))
    version: Mapped[int]
    state: Mapped[PlanState] = mapped_column(stored(PlanState), default=PlanState.ISSUED, index=True)
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    follow_up: Mapped[date] = mapped_column(Date)
    note: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[dict[str, Any]] = mapped_column(Json)
    model: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    enterprise: Mapped[Enterprise] = relationship()
    officer: Mapped[Account | None] = relationship()


def find_emphasis(session: Session, enterprise_id: int) -> PlanEmphasis | None:
    return session.scalar(select(PlanEmphasis).where(PlanEmphasis.enterprise_id == enterprise_id))


def find_choices(session: Session, enterprise_id: int) -> Sequence[PlanChoice]:
    """What was done by hand to the lists of an enterprise's problems, in order."""
    query = select(PlanChoice).join(Problem, Problem.id == PlanChoice.problem_id).where(Problem.enterprise_id == enterprise_id)
    return session.scalars(query.order_by(PlanChoice.id)).all()


def find_plans(session: Session, enterprise_id: int) -> Sequence[IssuedPlan]:
    """The versions that were issued, newest first."""
    query = select(IssuedPlan).where(IssuedPlan.enterprise_id == enterprise_id)
    return session.scalars(query.options(joinedload(IssuedPlan.officer)).order_by(IssuedPlan.version.desc())).all()


def find_plan(session: Session, public_id: str) -> IssuedPlan | None:
    query = select(IssuedPlan).where(IssuedPlan.public_id == public_id)
    return session.scalar(query.options(joinedload(IssuedPlan.enterprise), joinedload(IssuedPlan.officer)))


def last_version(session: Session, enterprise_id: int) -> int:
    return session.scalar(select(func.max(IssuedPlan.version)).where(IssuedPlan.enterprise_id == enterprise_id)) or 0
