"""The history as staff look through it: what they may not read elsewhere is absent here too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, or_, select, tuple_
from sqlalchemy.orm import Session

from marketplace.domain.access import Viewer, may
from marketplace.records.history import HistoryEntry

# A problem list is for its enterprise and the centre; its history holds every word of it.
_NEEDS = {"problem": ("plan", "read"), "diagnosis": ("plan", "read")}


@dataclass(frozen=True, kw_only=True)
class HistoryQuery:
    """What is looked for. `since`, `until`: moments, the second one not included; `below`: only what comes after this entry."""

    noun: str = ""
    noun_id: int | None = None
    verb: str = ""
    actor: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    below: int | None = None

    @property
    def by_moment(self) -> bool:
        """Whether entries stand by their moment, as their index has them; without one they stand by number, which is the same but
        for what was written down later than it happened."""
        return self.since is not None or self.until is not None


def hidden_nouns(viewer: Viewer) -> list[str]:
    """The things whose history this person may not read."""
    return [noun for noun, (object_, verb) in _NEEDS.items() if not may(viewer, verb, object_)]


def readable_history(viewer: Viewer) -> ColumnElement[bool]:
    """What this person may read of the history."""
    return HistoryEntry.noun.not_in(hidden_nouns(viewer))


def _wanted(viewer: Viewer, query: HistoryQuery) -> Select[HistoryEntry]:
    conditions: list[ColumnElement[bool]] = [readable_history(viewer)]
    if query.noun:
        conditions.append(HistoryEntry.noun == query.noun)
    if query.noun_id is not None:
        conditions.append(HistoryEntry.noun_id == query.noun_id)
    if query.verb:
        conditions.append(HistoryEntry.verb == query.verb)
    if query.actor:
        conditions.append(HistoryEntry.actor.contains(query.actor, autoescape=True))
    if query.since:
        conditions.append(HistoryEntry.at >= query.since)
    if query.until:
        conditions.append(HistoryEntry.at < query.until)
    if query.below is not None:
        conditions.append(_after(query.below) if query.by_moment else HistoryEntry.id < query.below)
    if query.text:
        # JSON is stored in ASCII: a Chinese word stands there as its escapes.
        escaped = json.dumps(query.text)[1:-1]
        held = [cast(column, String).contains(escaped, autoescape=True) for column in (HistoryEntry.before, HistoryEntry.after)]
        conditions.append(or_(HistoryEntry.why.contains(query.text, autoescape=True), *held))
    order = (HistoryEntry.at.desc(), HistoryEntry.id.desc()) if query.by_moment else (HistoryEntry.id.desc(),)
    return select(HistoryEntry).where(and_(*conditions)).order_by(*order)


def _after(number: int) -> ColumnElement[bool]:
    """What comes after this entry where they stand by their moment, the newest first."""
    moment = select(HistoryEntry.at).where(HistoryEntry.id == number).scalar_subquery()
    return tuple_(HistoryEntry.at, HistoryEntry.id) < tuple_(moment, number)


def find_history(session: Session, viewer: Viewer, query: HistoryQuery, *, most: int) -> Sequence[HistoryEntry]:
    """The newest first."""
    return session.scalars(_wanted(viewer, query).limit(most)).all()


def count_history(session: Session, viewer: Viewer, query: HistoryQuery, *, most: int) -> int:
    """How many there are, counted no further than `most`."""
    found = _wanted(viewer, query).with_only_columns(HistoryEntry.id).order_by(None).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def every_entry(session: Session, viewer: Viewer, query: HistoryQuery, *, most: int) -> Iterator[HistoryEntry]:
    """The same, for a sheet: a thousand at a time."""
    with session.scalars(_wanted(viewer, query).limit(most).execution_options(yield_per=1000)) as entries:
        yield from entries
