"""Evaluation rounds (评价周期) and what each provider got in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Integer, String, Text, UniqueConstraint, case, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.evaluations import Period, ResultState, RoundState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.providers import Provider


class EvaluationRound(Record):
    """One round over a period (both days included). `comment_until`: the last day on which providers may comment."""

    __tablename__ = "evaluation_rounds"
    __table_args__ = (UniqueConstraint("start", "end", "turn"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    start: Mapped[date] = mapped_column("start", Date)
    end: Mapped[date] = mapped_column("end", Date)
    # A cancelled round may be opened once more: the first one is turn 1.
    turn: Mapped[int] = mapped_column(Integer, default=1)
    state: Mapped[RoundState] = mapped_column(stored(RoundState), default=RoundState.REVIEWING, index=True)
    mean: Mapped[float]
    version: Mapped[str] = mapped_column(String(32))
    comment_until: Mapped[date | None] = mapped_column(Date)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def period(self) -> Period:
        return Period(self.start, self.end)


class EvaluationResult(Record):
    """One provider in a round. `score`: as proposed by the events, or as staff set it for the reason `why`; None: not rated."""

    __tablename__ = "evaluation_results"
    __table_args__ = (UniqueConstraint("round_id", "provider_id"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    round_id: Mapped[int] = mapped_column(ForeignKey("evaluation_rounds.id"))
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    projects: Mapped[int]
    events: Mapped[int]
    proposed: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    score: Mapped[float | None]
    result: Mapped[str] = mapped_column(String(32))
    why: Mapped[str] = mapped_column(Text, default="")
    reviewed_by: Mapped[str] = mapped_column(String(100), default="")
    comment: Mapped[str] = mapped_column(Text, default="")
    answer: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[ResultState] = mapped_column(stored(ResultState), default=ResultState.PROPOSED)
    round: Mapped[EvaluationRound] = relationship()
    provider: Mapped[Provider] = relationship()


def find_round(session: Session, public_id: str) -> EvaluationRound | None:
    return session.scalar(select(EvaluationRound).where(EvaluationRound.public_id == public_id))


def find_rounds(session: Session, *, most: int = 50) -> Sequence[EvaluationRound]:
    """Newest first."""
    return session.scalars(select(EvaluationRound).order_by(EvaluationRound.start.desc(), EvaluationRound.id.desc()).limit(most)).all()


def find_result(session: Session, public_id: str) -> EvaluationResult | None:
    query = select(EvaluationResult).where(EvaluationResult.public_id == public_id)
    return session.scalar(query.options(joinedload(EvaluationResult.round), joinedload(EvaluationResult.provider)))


def count_states(session: Session, round_id: int) -> dict[ResultState, int]:
    """How many results of a round are in each state."""
    query = select(EvaluationResult.state, func.count()).where(EvaluationResult.round_id == round_id)
    return dict(session.execute(query.group_by(EvaluationResult.state)).all())


def find_results(
    session: Session, round_id: int, *, states: Iterable[ResultState] = (), first: int = 0, most: int | None = None
) -> Sequence[EvaluationResult]:
    """Results of a round: those to be answered first, then the unreviewed, then by score from below."""
    urgency = case((EvaluationResult.state == ResultState.COMMENTED, 0), (EvaluationResult.state == ResultState.PROPOSED, 1), else_=2)
    query = select(EvaluationResult).where(EvaluationResult.round_id == round_id)
    if wanted := list(states):
        query = query.where(EvaluationResult.state.in_(wanted))
    query = query.options(joinedload(EvaluationResult.provider).joinedload(Provider.organisation))
    order = (urgency, EvaluationResult.score.is_(None), EvaluationResult.score, EvaluationResult.id)
    return session.scalars(query.order_by(*order).offset(first).limit(most)).all()


def find_own_results(session: Session, provider_ids: Iterable[int]) -> Sequence[EvaluationResult]:
    """What these providers may see of rounds: from the day on which they are told."""
    told = (ResultState.SHOWN, ResultState.COMMENTED, ResultState.ANSWERED, ResultState.ISSUED)
    query = select(EvaluationResult).join(EvaluationResult.round).options(joinedload(EvaluationResult.round))
    query = query.where(EvaluationResult.provider_id.in_(list(provider_ids)), EvaluationResult.state.in_(told))
    return session.scalars(query.order_by(EvaluationRound.start.desc(), EvaluationResult.id.desc())).all()
