"""Terms as pages show them: how many working days are left, until which day, and how they were counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import g
from sqlalchemy import select

from marketplace.domain.lifecycle import _
from marketplace.domain.tasks import count_to
from marketplace.domain.working_days import Calendar, days_left
from marketplace.guard import now
from marketplace.records.calendar import CalendarDay
from marketplace.sentences import told_value
from marketplace.site import current_site
from marketplace.web.language import language, say
from marketplace.web.wording import day as day_word


class Days(NamedTuple):
    """The calendar as pages need it: with the names of holidays, and the years that somebody has entered."""

    calendar: Calendar
    names: Mapping[date, str]
    years: frozenset[int]


# What the calendar of the country calls its holidays; others keep the name that was entered.
HOLIDAYS = (_("元旦"), _("春节"), _("清明节"), _("劳动节"), _("端午节"), _("中秋节"), _("国庆节"))


@dataclass(frozen=True)
class Span:
    """Days that follow each other, with their name where they have one."""

    first: date
    last: date
    name: str = ""

    @property
    def words(self) -> str:
        first, last = _short(self.first), _short(self.last)
        dates = first if self.first == self.last else say("{first} 至 {last}", first=first, last=last)
        return f"{told_value(self.name)} {dates}" if self.name else dates


def _short(value: date) -> str:
    """A day of a year that is known."""
    return f"{value:%m-%d}" if language() == "zh" else f"{value.day} {value:%b}"


@dataclass(frozen=True)
class Until:
    """A day until which something is to be done. `left` < 0: overdue by so many working days. `unknown`: years without a calendar."""

    due: date
    left: int
    words: str
    start: date
    end: date
    weekends: tuple[Span, ...]
    holidays: tuple[Span, ...]
    made_up: tuple[Span, ...]
    unknown: tuple[int, ...]


def here_now() -> datetime:
    """This moment in the zone of the pilot, in which days are counted."""
    return now().astimezone(ZoneInfo(current_site().pilot.city.zone))


def today() -> date:
    """The day in the pilot's zone; it ends there at 24:00."""
    return now().astimezone(ZoneInfo(current_site().pilot.city.zone)).date()


def days() -> Days:
    """The calendar, read once a request."""
    if "days" not in g:
        with current_site().database.reading() as session:
            rows = session.execute(select(CalendarDay.day, CalendarDay.works, CalendarDay.name)).all()
        calendar = Calendar(
            frozenset(day for day, works, _name in rows if not works), frozenset(day for day, works, _name in rows if works)
        )
        g.days = Days(calendar, {day: name for day, _works, name in rows}, frozenset(day.year for day, _works, _name in rows))
    found: Days = g.days
    return found


def left_word(due: date) -> str:
    """剩 3 个工作日 · 今天 24:00 前 · 超期 2 个工作日, without the day itself."""
    here = today()
    if due == here:
        return say("今天 24:00 前")
    left = days_left(here, due, days().calendar)
    # A term that ended on the last working day before a weekend is over, though no working day has passed since.
    if due < here:
        return say("超期 {days} 个工作日", days=-left) if left else say("已到期")
    return say("剩 {days} 个工作日", days=left)


def left_words(due: date) -> str:
    """The same with the day: 剩 3 个工作日（至 2026-11-25）, for places without room for how it was counted."""
    until = say("（至 {date}）", date=day_word(due))
    return left_word(due) + (until if due != today() else "")


def until_of(due: date) -> Until:
    """A term with all that the details of a page say of it."""
    here, known = today(), days()
    found = count_to(due, here, known.calendar)
    years = tuple(year for year in range(found.first.year, found.last.year + 1) if year not in known.years)
    return Until(
        due=due,
        left=found.days,
        words=left_words(due),
        start=found.first,
        end=found.last,
        weekends=spans(found.weekends, {}),
        holidays=spans(found.holidays, known.names),
        made_up=spans(found.made_up, known.names),
        unknown=years,
    )


def spans(found: Iterable[date], names: Mapping[date, str]) -> tuple[Span, ...]:
    """Days in a row, of one name, as one span."""
    rows: list[Span] = []
    for day in sorted(found):
        name = names.get(day, "")
        if rows and rows[-1].last + timedelta(days=1) == day and rows[-1].name == name:
            rows[-1] = Span(rows[-1].first, day, name)
        else:
            rows.append(Span(day, day, name))
    return tuple(rows)
