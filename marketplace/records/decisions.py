"""Decisions by two persons, waiting or done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.decisions import DecisionState
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, UtcDateTime, stored


class Decision(Record):
    """`event` is to happen to the thing (`noun`, `noun_id`) once another person confirms it. `values`: what the event needs."""

    __tablename__ = "decisions"
    __table_args__ = (Index("ix_decisions_thing", "noun", "noun_id"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    noun: Mapped[str] = mapped_column(String(32))
    noun_id: Mapped[int] = mapped_column(BigInteger)
    event: Mapped[str] = mapped_column(String(32))
    values: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    why: Mapped[str] = mapped_column(Text)
    proposed_by: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[DecisionState] = mapped_column(stored(DecisionState), default=DecisionState.PROPOSED)
    second_person: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    second_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str] = mapped_column(Text, default="")


def find_waiting_decisions(session: Session, noun: str, noun_id: int) -> Sequence[Decision]:
    query = select(Decision).where(Decision.noun == noun, Decision.noun_id == noun_id, Decision.state == DecisionState.PROPOSED)
    return session.scalars(query.order_by(Decision.id)).all()


def find_decision(session: Session, public_id: str) -> Decision | None:
    return session.scalar(select(Decision).where(Decision.public_id == public_id))
