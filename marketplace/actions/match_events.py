"""Noting what happened to a match, in the transaction in which it happens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.records.match_events import MatchEvent, MatchEventKind


def note_match(
    session: Session,
    kind: MatchEventKind,
    *,
    problem_id: int,
    solution_id: int,
    provider_id: int,
    at: datetime,
    introduction_id: int | None = None,
    side: str = "",
    position: int | None = None,
    model: str = "",
    features: Mapping[str, float] | None = None,
    place: str = "",
    value: float | None = None,
) -> MatchEvent:
    """One row; see MatchEvent for what the values mean."""
    row = MatchEvent(
        at=at,
        kind=kind,
        problem_id=problem_id,
        solution_id=solution_id,
        provider_id=provider_id,
        introduction_id=introduction_id,
        side=side,
        position=position,
        model=model,
        features=dict(features) if features is not None else None,
        place=place,
        value=value,
    )
    session.add(row)
    return row
