"""Past matches and how they ended (history of brokering)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from sqlalchemy import Date, ForeignKey, Index, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.ratings import TrackRecord, rated
from marketplace.records.columns import PrimaryKey, PublicId, Record, Sourced, stored
from marketplace.records.ratings import RatingScore, find_all_scores

# The flag of a running project whose provider left the pool of its own wish.
LEFT = "left"


class Decision(StrEnum):
    ACCEPTED = "accepted"
    DECLINED = "declined"
    NO_RESPONSE = "no_response"


class Acceptance(StrEnum):
    PASSED = "passed"
    RECTIFIED = "rectified"
    FAILED = "failed"


class Outcome(Sourced, Record):
    """A proposed match, its answer, and, once finished, its project's acceptance; score 0–100, rating 1–5."""

    __tablename__ = "outcomes"
    __table_args__ = (UniqueConstraint("source", "source_ref"), Index("ix_outcomes_acceptance_proposed", "acceptance", "proposed"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), index=True)
    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), index=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    proposed: Mapped[date] = mapped_column(Date)
    decision: Mapped[Decision] = mapped_column(stored(Decision))
    decline_reason: Mapped[str] = mapped_column(Text, default="")
    on_time: Mapped[bool | None]
    acceptance: Mapped[Acceptance | None] = mapped_column(stored(Acceptance))
    score: Mapped[float | None]
    enterprise_rating: Mapped[float | None]
    # Why this running project needs somebody's eye: the number of the decision about its provider, or LEFT; None: nothing.
    flag: Mapped[str | None] = mapped_column(String(32))


def find_track_records(session: Session) -> dict[int, TrackRecord]:
    """The track record of every provider that has past matches or a rating."""
    grouped: dict[int, list[Outcome]] = {}
    for row in session.scalars(select(Outcome)):
        grouped.setdefault(row.provider_id, []).append(row)
    scores = find_all_scores(session)
    return {provider: track_record(grouped.get(provider, []), scores.get(provider)) for provider in sorted(grouped.keys() | scores.keys())}


def track_record(rows: Sequence[Outcome], score: RatingScore | None = None) -> TrackRecord:
    """Count past matches (a finished one is one with an acceptance result), with the provider's latest rating beside them."""
    finished = [row for row in rows if row.acceptance is not None]
    scores = [row.score for row in finished if row.score is not None]
    ratings = [row.enterprise_rating for row in finished if row.enterprise_rating is not None]
    counted = TrackRecord(
        proposed=len(rows),
        accepted=sum(row.decision == Decision.ACCEPTED for row in rows),
        finished=len(finished),
        on_time=sum(bool(row.on_time) for row in finished),
        passed=sum(row.acceptance == Acceptance.PASSED for row in finished),
        failed=sum(row.acceptance == Acceptance.FAILED for row in finished),
        mean_score=sum(scores) / len(scores) if scores else None,
        mean_rating=sum(ratings) / len(ratings) if ratings else None,
    )
    return rated(counted, score)
