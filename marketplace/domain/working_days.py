"""Terms in working days (工作日): counted by weekends and by the yearly calendar of holidays and make-up days (调休)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

SATURDAY = 5
_ONE = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """`off`: holidays that fall on weekdays or weekends; `made_up`: weekend days on which one works."""

    off: frozenset[date] = frozenset()
    made_up: frozenset[date] = frozenset()

    def is_working(self, day: date) -> bool:
        if day in self.made_up:
            return True
        return day not in self.off and day.weekday() < SATURDAY


@dataclass(frozen=True)
class Term:
    """A term of `days` working days after `start` ends on `due` at 24:00; what was left out and what was counted in."""

    start: date
    days: int
    due: date
    weekends: tuple[date, ...]
    holidays: tuple[date, ...]
    made_up: tuple[date, ...]


def _after(start: date) -> Iterator[date]:
    day = start
    while True:
        day += _ONE
        yield day


def term(start: date, days: int, calendar: Calendar) -> Term:
    """The day on which it begins does not count (民法典 201 条). `days` ≥ 1; raises ValueError for fewer."""
    if days < 1:
        raise ValueError("a term has at least one working day")
    left = days
    weekends: list[date] = []
    holidays: list[date] = []
    made_up: list[date] = []
    for day in _after(start):
        if calendar.is_working(day):
            left -= 1
            if day in calendar.made_up:
                made_up.append(day)
            if not left:
                return Term(start, days, day, tuple(weekends), tuple(holidays), tuple(made_up))
        elif day in calendar.off:
            holidays.append(day)
        else:
            weekends.append(day)
    raise AssertionError("a day always has a next one")


def days_left(today: date, due: date, calendar: Calendar) -> int:
    """Working days after `today` up to and with `due`; 0 on the last day (today until 24:00); negative: overdue by so many."""
    if due >= today:
        return sum(calendar.is_working(today + _ONE * n) for n in range(1, (due - today).days + 1))
    return -sum(calendar.is_working(due + _ONE * n) for n in range(1, (today - due).days + 1))
