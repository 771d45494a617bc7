"""Early warning: where a target that grows with time will stand at its end, if things go on as they have so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Outlook(StrEnum):
    """Reached already, will be reached, will be missed, was missed (the term is over), or not to be said."""

    REACHED = "reached"
    ON_COURSE = "on_course"
    MISSED = "missed"
    OVER = "over"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Pace:
    """`forecast`: what there will be on the last day. `reached_on`: when the target is reached at this pace, None: beyond ten years.
    `needed`: how many times faster the rest must go than so far, None where nothing was done yet."""

    outlook: Outlook
    forecast: float | None = None
    short: float | None = None
    reached_on: date | None = None
    needed: float | None = None


_FAR = 3650


def pace(target: float, actual: float | None, start: date, end: date, today: date, *, least_time: float = 0.1) -> Pace:
    """A straight line from nothing at `start` through `actual` today to `end`. Before `least_time` of the term nothing is said."""
    if actual is None:
        return Pace(Outlook.UNKNOWN)
    if actual >= target - 1e-9:
        return Pace(Outlook.REACHED, forecast=actual)
    if today >= end:
        return Pace(Outlook.OVER, forecast=actual, short=target - actual)
    passed, whole = (today - start).days, (end - start).days
    if whole <= 0 or passed < max(1, whole * least_time):
        return Pace(Outlook.UNKNOWN)
    daily = actual / passed
    forecast = daily * whole
    days = target / daily if daily > 0 else _FAR + 1
    when = start + timedelta(days=round(days)) if days <= _FAR else None
    needed = (target - actual) / (whole - passed) / daily if daily > 0 else None
    if forecast >= target - 1e-9:
        return Pace(Outlook.ON_COURSE, forecast=forecast, reached_on=when, needed=needed)
    return Pace(Outlook.MISSED, forecast=forecast, short=target - forecast, reached_on=when, needed=needed)
