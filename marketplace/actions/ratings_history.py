"""Past matches become events of the rating, once each, and again when their outcome was corrected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.ratings import Incoming, put_events, recompute, refresh_mean
from marketplace.domain.rating_events import EventDraft, EventKind
from marketplace.domain.rating_rules import RatingRules
from marketplace.records.matches import Outcome
from marketplace.records.ratings import RatingEvent, find_mean

SOURCE = "history"
_CHUNK = 500


def rate_imported(
    session: Session,
    *,
    outcome_ids: Iterable[int],
    event_ids: Iterable[int],
    rules: RatingRules,
    actor: str,
    at: datetime,
    on: date,
) -> None:
    """After an import, in its transaction: past matches become events, and whoever has new events is rated anew."""
    providers = put_outcomes(session, outcome_ids, actor=actor, at=at) | _providers_of(session, event_ids)
    if not providers:
        return
    # Before the first night there is no mean of all yet.
    if find_mean(session) is None:
        refresh_mean(session, rules, at=at, on=on)
    recompute(session, providers, rules, at=at, on=on, why="import")


def put_outcomes(session: Session, outcome_ids: Iterable[int], *, actor: str, at: datetime) -> set[int]:
    """Events of these past matches; the providers that have new ones. An outcome says no day but that of its proposal: it is theirs."""
    found: set[int] = set()
    wanted = sorted(set(outcome_ids))
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        outcomes = session.scalars(select(Outcome).where(Outcome.id.in_(part)).order_by(Outcome.id)).all()
        rows = [
            Incoming(outcome.provider_id, draft, f"{outcome.public_id}:{draft.kind}", outcome.solution_id)
            for outcome in outcomes
            for draft in events_of(outcome)
        ]
        found |= {event.provider_id for event in put_events(session, rows, source=SOURCE, actor=actor, at=at)}
    return found


def events_of(outcome: Outcome) -> Iterator[EventDraft]:
    """What a finished project says: its acceptance, whether it was in time, and the enterprise's mark."""
    if outcome.acceptance is None:
        return
    project = f"outcome:{outcome.public_id}"
    result: dict[str, Any] = {"result": str(outcome.acceptance), "score": outcome.score}
    yield EventDraft(EventKind.ACCEPTANCE, outcome.proposed, result, project)
    if outcome.on_time is not None:
        yield EventDraft(EventKind.ON_TIME, outcome.proposed, {"on_time": outcome.on_time}, project)
    if outcome.enterprise_rating is not None:
        yield EventDraft(EventKind.ENTERPRISE_RATING, outcome.proposed, {"overall": outcome.enterprise_rating}, project)


def _providers_of(session: Session, event_ids: Iterable[int]) -> set[int]:
    found: set[int] = set()
    wanted = sorted(set(event_ids))
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        found |= set(session.scalars(select(RatingEvent.provider_id).where(RatingEvent.id.in_(part))))
    return found
