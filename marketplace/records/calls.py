"""Calls for solutions on a scenario, and the solutions with which providers answer them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.calls import CallState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.solutions import Solution


class SolutionCall(Record):
    """`scenario_code`: of the catalogue or of an enterprise's published scenario. Both days belong to the call."""

    __tablename__ = "solution_calls"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    scenario_code: Mapped[str] = mapped_column(String(32), index=True)
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    opens: Mapped[date] = mapped_column(Date)
    closes: Mapped[date] = mapped_column(Date)
    state: Mapped[CallState] = mapped_column(stored(CallState), default=CallState.DRAFT, index=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class CallAnswer(Record):
    """One solution for one call. Taken back, it stays with the moment at which it was."""

    __tablename__ = "call_answers"
    __table_args__ = (UniqueConstraint("call_id", "solution_id"),)

    id: Mapped[PrimaryKey]
    call_id: Mapped[int] = mapped_column(ForeignKey("solution_calls.id"))
    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    taken_back: Mapped[datetime | None] = mapped_column(UtcDateTime)
    call: Mapped[SolutionCall] = relationship()
    solution: Mapped[Solution] = relationship()


def find_answers(session: Session, call_id: int) -> Sequence[CallAnswer]:
    """The answers that stand, in the order in which they came."""
    query = select(CallAnswer).where(CallAnswer.call_id == call_id, CallAnswer.taken_back.is_(None))
    return session.scalars(query.options(joinedload(CallAnswer.solution).joinedload(Solution.provider)).order_by(CallAnswer.id)).all()
