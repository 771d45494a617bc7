"""The history for staff: who did what to which thing, before and after, and why."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.dependants import NOUNS
from marketplace.api.operation import Model, operation, refuse_field
from marketplace.api.paging import ListQuery, cursor_of, number_of
from marketplace.domain.lifecycle import _
from marketplace.guard import current_viewer, permission
from marketplace.records.columns import Record
from marketplace.records.history import HistoryEntry
from marketplace.records.history_search import HistoryQuery as Wanted
from marketplace.records.history_search import find_history
from marketplace.site import current_site


class EntryOut(Model):
    """One entry. `number` counts all entries; `digest` chains it to the one before. `before` null: the thing was new."""

    number: int
    at: datetime
    actor: str
    noun: str
    verb: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    why: str
    digest: str


class EntryList(Model):
    items: list[EntryOut]
    next: str | None


class HistoryQuery(ListQuery):
    noun: str = Field("", max_length=32)
    """Only of things of this kind, e.g. application."""
    thing: str = Field("", max_length=36)
    """Only of the thing with this id; with its `noun`."""
    verb: str = Field("", max_length=32)
    actor: str = Field("", max_length=100)
    """A part of who did it."""
    text: str = Field("", max_length=100)
    """A part of what was changed, or of the reason."""
    since: date | None = None
    until: date | None = None
    """The last day, included."""


@permission("read", "history")
@operation("/history", summary="Entries of the history, the newest first", tag="history", query=HistoryQuery, answer=EntryList)
def list_history(query: HistoryQuery) -> EntryList:
    with current_site().database.reading() as session:
        wanted = Wanted(
            noun=query.noun,
            noun_id=_thing(session, query) if query.thing else None,
            verb=query.verb,
            actor=query.actor,
            text=query.text,
            since=_midnight(query.since, 0, "since"),
            until=_midnight(query.until, 1, "until"),
            below=number_of(query.cursor) or None,
        )
        rows = find_history(session, current_viewer(), wanted, most=query.limit + 1)
        part = rows[: query.limit]
        return EntryList(items=[_out(row) for row in part], next=cursor_of(part[-1].id) if len(rows) > len(part) else None)


def _out(row: HistoryEntry) -> EntryOut:
    same = {name: getattr(row, name) for name in ("at", "actor", "noun", "verb", "before", "after", "why", "digest")}
    return EntryOut(**same, number=row.id)


def _thing(session: Session, query: HistoryQuery) -> int:
    """The number inside of a thing; 0, which nothing has, where there is none."""
    kinds = {NOUNS.get(kind, str(kind.__tablename__).removesuffix("s")): kind for kind in _kinds()}
    if query.noun not in kinds:
        refuse_field("query.noun", "unknown_word", _("只能是：{expected}。"), expected="、".join(sorted(kinds)))
    kind: Any = kinds[query.noun]
    return session.scalar(select(kind.id).where(kind.public_id == query.thing)) or 0


def _kinds() -> list[type[Record]]:
    """Everything that has an address of its own."""
    return [mapper.class_ for mapper in Record.registry.mappers if "public_id" in mapper.columns and "id" in mapper.columns]


def _midnight(day: date | None, after: int, field: str) -> datetime | None:
    """The beginning of a day in the pilot's zone, `after` days later."""
    if day is None:
        return None
    # Before and after these years a zone's offset leads out of the calendar.
    if not 1900 < day.year < 9000:
        refuse_field(f"query.{field}", "date_out_of_range", _("日期应在 1901 年至 8999 年之间。"))
    return datetime.combine(day + timedelta(days=after), time(), ZoneInfo(current_site().pilot.city.zone))
