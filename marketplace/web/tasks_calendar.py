"""The inbox as a calendar: what is due on which day of a month, with the days on which nobody works."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, render_template, request, url_for

from marketplace.guard import current_viewer, for_the_logged_in
from marketplace.records.tasks import find_tasks_due
from marketplace.site import current_site
from marketplace.web.tasks import Row, rows_of
from marketplace.web.terms import days, today

pages = Blueprint("tasks_calendar", __name__)
# More on one day are counted, and led to in the list.
MOST_OF_A_DAY = 4
FIRST_YEAR, LAST_YEAR = 2000, 2100


@dataclass(frozen=True)
class Day:
    """One cell. `works`: by the calendar of holidays and make-up days; `name`: of the holiday; `more`: tasks that are not shown."""

    date: date
    works: bool
    name: str
    is_today: bool
    rows: Sequence[Row]
    more: int


@pages.get("/inbox/calendar")
@for_the_logged_in
def page() -> str:
    known, here = days(), today()
    year, month = asked_month(request.args.get("month", ""), here)
    first, last = date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
    with current_site().database.reading() as session:
        rows = rows_of(find_tasks_due(session, current_viewer(), first, last))
    of_day: dict[date, list[Row]] = {}
    for row in rows:
        if row.until is not None:
            of_day.setdefault(row.until.due, []).append(row)

    def cell(number: int) -> Day | None:
        if not number:
            return None
        day = date(year, month, number)
        found = of_day.get(day, [])
        shown = found[:MOST_OF_A_DAY]
        return Day(day, known.calendar.is_working(day), known.names.get(day, ""), day == here, shown, len(found) - len(shown))

    weeks = [[cell(number) for number in week] for week in calendar.Calendar().monthdayscalendar(year, month)]
    return render_template(
        "tasks/calendar.html",
        weeks=weeks,
        first=first,
        total=len(rows),
        before=_address(year, month - 1),
        after=_address(year, month + 1),
    )


def asked_month(text: str, here: date) -> tuple[int, int]:
    """A month as 2026-11; this month for what is none."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return here.year, here.month
    return (found.year, found.month) if FIRST_YEAR <= found.year <= LAST_YEAR else (here.year, here.month)


def _address(year: int, month: int) -> str:
    """Of the month before or after; 0 and 13 belong to the years beside."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return url_for("tasks_calendar.page", month=f"{year}-{month:02}")
