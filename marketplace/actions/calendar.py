"""Bringing the calendar of holidays and make-up days up to date: from a sheet, or from the packaged one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Viewer, may
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.calendar import CalendarDay
from marketplace.records.database import Database
from marketplace.sheets.calendar import DayRow, read_calendar
from marketplace.sheets.columns import Words

PACKAGED = Path(__file__).parents[1] / "data" / "calendar.csv"


@dataclass(frozen=True)
class CalendarChange:
    """What a sheet changed: days that are new, that say something else now, that are gone, and the years it spoke of."""

    new: int
    changed: int
    gone: int
    years: tuple[int, ...]


def import_calendar(database: Database, rows: Iterable[DayRow], *, viewer: Viewer, at: datetime) -> CalendarChange:
    """Replace the years that the sheet speaks of by what it says of them; other years stay as they are."""
    if not may(viewer, "manage", "calendar"):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
    with database.writing() as session:
        return _replace(session, list(rows), actor=actor_of(viewer), at=at)


def load_calendar(database: Database, words: Words, *, at: datetime, actor: str) -> CalendarChange:
    """The packaged calendar, for the years that the site knows nothing of yet: what staff imported is never undone."""
    found = read_calendar(PACKAGED, words)
    assert not found.bad, found.bad
    with database.writing() as session:
        known = {day.year for day in session.scalars(select(CalendarDay.day))}
        return _replace(session, [row for row in found.rows if row.day.year not in known], actor=actor, at=at)


def _replace(session: Session, rows: list[DayRow], *, actor: str, at: datetime) -> CalendarChange:
    years = tuple(sorted({row.day.year for row in rows}))
    if not years:
        return CalendarChange(0, 0, 0, ())
    within = CalendarDay.day.between(date(years[0], 1, 1), date(years[-1], 12, 31))
    old = {one.day: one for one in session.scalars(select(CalendarDay).where(within)) if one.day.year in years}
    before = {day.isoformat(): _said(one.works, one.name) for day, one in old.items()}
    after = {row.day.isoformat(): _said(row.works, row.name) for row in rows}
    change = CalendarChange(
        new=len(after.keys() - before.keys()),
        changed=sum(before[day] != after[day] for day in before.keys() & after.keys()),
        gone=len(before.keys() - after.keys()),
        years=years,
    )
    if before == after:
        return change
    session.execute(delete(CalendarDay).where(CalendarDay.day.in_(old)))
    for one in old.values():
        session.expunge(one)
    session.add_all(CalendarDay(day=row.day, works=row.works, name=row.name) for row in rows)
    session.flush()
    differs = sorted(day for day in before.keys() | after.keys() if before.get(day) != after.get(day))
    noted: tuple[dict[str, Any], dict[str, Any]] = (
        {d: before[d] for d in differs if d in before},
        {d: after[d] for d in differs if d in after},
    )
    record(session, actor=actor, verb="import", noun="calendar", noun_id=None, before=noted[0], after=noted[1], at=at)
    return change


def _said(works: bool, name: str) -> str:
    return f"{'班' if works else '休'} {name}"
