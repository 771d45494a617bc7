"""What every step of the centre's own nouns shares: the lock, the guard against lost updates, the entry of the history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, Table, _
from marketplace.records.columns import Record

Thing = TypeVar("Thing", bound=Record)


@dataclass(frozen=True)
class Step:
    """Who acts and when. `at` and `today` are of the pilot's zone; `seen`: the last entry of the history on the page."""

    viewer: Viewer
    at: datetime
    today: date
    seen: int | None = None


def locked(session: Session, kind: type[Thing], number: int, noun: str, step: Step, *, harmless: Collection[str] = ()) -> Thing:
    """The thing under lock, as it is now; refused where somebody has moved it since the page was made."""
    key = kind.__table__.c.id
    session.execute(select(key).where(key == number).with_for_update())
    thing = session.get_one(kind, number, populate_existing=True)
    refuse_if_moved(session, noun, number, seen=step.seen, at=step.at, harmless=harmless)
    return thing


def move(session: Session, thing: Record, table: Table, event: str, step: Step, *, why: str = "", subject: Any = None) -> None:
    """One step of the process, by whoever acts."""
    actor, roles = actor_of(step.viewer), step.viewer.roles
    transition.apply(session, thing, table, event, actor=actor, roles=roles, at=step.at, why=why.strip(), subject=subject)


def refuse_without_reason(event: str, why: str, with_reason: Collection[str]) -> None:
    if event in with_reason and not why.strip():
        raise RefusedError(Refused("no_reason", _("请写明原因。")))


def refuse_first(faults: Iterable[tuple[str, Refused]]) -> None:
    for _field, refused in faults:
        raise RefusedError(refused)


def note(
    session: Session, noun: str, number: int, verb: str, step: Step, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> None:
    was = plain(before) if before is not None else None
    record(session, actor=actor_of(step.viewer), verb=verb, noun=noun, noun_id=number, before=was, after=plain(after), at=step.at)


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As the history keeps it."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found[name] = value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value
    return found


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What is not what it was, as it is now."""
    return {name: value for name, value in after.items() if before.get(name) != value}
