"""The only writer of a state column. What may happen is decided by the noun's table, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol, cast

from sqlalchemy.orm import Session

from marketplace.actions.dependants import enqueue_dependants, noun_of
from marketplace.actions.history import record as record_history
from marketplace.domain.lifecycle import Refused, RefusedError, Table, Transition, decide
from marketplace.records.columns import Record


class _WithState(Protocol):
    id: int
    state: Any


def apply(
    session: Session,
    record: Record,
    table: Table,
    event: str,
    *,
    actor: str,
    roles: Iterable[str],
    at: datetime,
    why: str = "",
    subject: Any = None,
) -> Transition:
    """Move a record by an event, or raise RefusedError. Writes history and enqueues whatever speaks of the record."""
    # Two people may press at once: the row is read again under its lock, so that one of them is told that it has moved.
    session.refresh(record, attribute_names=["state"], with_for_update=True)
    thing = cast(_WithState, record)
    before = thing.state
    decision = decide(table, before, event, roles, subject if subject is not None else record)
    if isinstance(decision, Refused):
        raise RefusedError(decision)
    thing.state = type(before)(decision.to)
    session.flush()
    noun = noun_of(record)
    record_history(
        session,
        actor=actor,
        verb=event,
        noun=noun,
        noun_id=thing.id,
        before={"state": str(before)},
        after={"state": str(thing.state)},
        why=why,
        at=at,
    )
    enqueue_dependants(session, {noun: [thing.id]})
    return decision
