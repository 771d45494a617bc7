"""How urgent a thing is: its group in the inbox, and how many working days are left, counted so that anybody can check it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from marketplace.domain.working_days import Calendar, days_left


class Urgency(StrEnum):
    LATE = "late"
    TODAY = "today"
    WEEK = "week"
    LATER = "later"
    OPEN = "open"


_SUNDAY = 6


def urgency(due: date | None, today: date) -> Urgency:
    """超期, 今天, 本周 (up to and with its Sunday), 以后, or without a term."""
    if due is None:
        return Urgency.OPEN
    if due < today:
        return Urgency.LATE
    if due == today:
        return Urgency.TODAY
    return Urgency.WEEK if due <= today + timedelta(days=_SUNDAY - today.weekday()) else Urgency.LATER


@dataclass(frozen=True)
class Count:
    """Working days between two days, and which days were left out or counted in. `days` is negative where it is overdue."""

    first: date
    last: date
    days: int
    weekends: tuple[date, ...]
    holidays: tuple[date, ...]
    made_up: tuple[date, ...]


def count_to(due: date, today: date, calendar: Calendar) -> Count:
    """The day on which one counts does not count itself; beyond the term, the term's own day does not."""
    low, high = min(due, today), max(due, today)
    days = [low + timedelta(days=number) for number in range(1, (high - low).days + 1)]
    off = [day for day in days if not calendar.is_working(day)]
    return Count(
        first=low + timedelta(days=1),
        last=high,
        days=days_left(today, due, calendar),
        weekends=tuple(day for day in off if day not in calendar.off),
        holidays=tuple(day for day in off if day in calendar.off),
        made_up=tuple(day for day in days if day in calendar.made_up),
    )
