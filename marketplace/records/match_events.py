"""What happened to matches, one row each, only ever added: what was shown, opened, sent, answered, awarded and finished, and where
it stood. The ranker learns from these rows; nothing is decided by them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.records.columns import Json, PrimaryKey, Record, UtcDateTime, stored


class MatchEventKind(StrEnum):
    """In the order in which they follow each other."""

    SHOWN = "shown"
    OPENED = "opened"
    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    AWARDED = "awarded"
    NOT_CHOSEN = "not_chosen"
    FINISHED = "finished"


class MatchEvent(Record):
    """`position`: the place from 1 at which it was shown, None where it was not ranked (by hand). `model`: the version of the ranker.
    `features`: as of that moment. `place`: on which page (plan, ask, demand, inquiry, meeting, hand). `value`: of a finished one how
    well it ended, 0–1. `side`: who answered (enterprise, provider); "" for other kinds."""

    __tablename__ = "match_events"
    __table_args__ = (Index("ix_match_events_pair", "problem_id", "solution_id", "kind"), Index("ix_match_events_at", "at", "id"))

    id: Mapped[PrimaryKey]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[MatchEventKind] = mapped_column(stored(MatchEventKind))
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"))
    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), index=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    introduction_id: Mapped[int | None]
    side: Mapped[str] = mapped_column(String(16), default="")
    position: Mapped[int | None]
    model: Mapped[str] = mapped_column(String(64), default="")
    features: Mapped[dict[str, Any] | None] = mapped_column(Json)
    place: Mapped[str] = mapped_column(String(16), default="")
    value: Mapped[float | None]
