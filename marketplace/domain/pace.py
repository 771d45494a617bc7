"""Whether a target will be reached by its day: the one rule for the figures, the screen in the hall and the early warning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

# A forecast within this share of the target is a risk, below it the target is missed.
NEAR = 0.95
_SAME = 1e-9
# Nobody is told a day that lies further ahead.
_FAR = 3650
DAYS_OF_MONTH = 30.44


class Verdict(StrEnum):
    """Reached; will be reached; nearly; will be missed; was missed, since its day is over; too early to say, or nothing known. The words are the
    pilot's."""

    REACHED = "reached"
    ON_COURSE = "on_course"
    AT_RISK = "at_risk"
    MISSED = "missed"
    OVER = "over"
    UNKNOWN = "unknown"


# Those that ask for something come first.
ORDER = (Verdict.MISSED, Verdict.OVER, Verdict.AT_RISK, Verdict.UNKNOWN, Verdict.ON_COURSE, Verdict.REACHED)


@dataclass(frozen=True)
class Span:
    """From when to when a target is worked for. Before `least_time` of it has passed nothing is forecast, and in its last `least_time` what
    does not grow is no longer hoped for."""

    first: date
    last: date
    least_time: float = 0.1

    def is_early(self, today: date) -> bool:
        return (today - self.first).days < max(1.0, self.least_time * (self.last - self.first).days)

    def is_late(self, today: date) -> bool:
        return (self.last - today).days <= self.least_time * (self.last - self.first).days

    def looked_back(self, today: date, months: int) -> date:
        """The day from which on the pace is measured: the last months, as far as the span has them."""
        return max(self.first, today - timedelta(days=round(months * DAYS_OF_MONTH)))


@dataclass(frozen=True)
class Pace:
    """`forecast`: what there will be on the last day, None for what does not grow. `reached_on`: when the target is reached at this pace, None:
    not within ten years. `needed`: how many times faster the rest must go than lately, None where nothing moved."""

    verdict: Verdict
    forecast: float | None = None
    reached_on: date | None = None
    needed: float | None = None


def pace(target: float, now: float | None, before: tuple[date, float], span: Span, today: date, *, most: float | None = None) -> Pace:
    """Of what grows: straight on from `before` (a day and what there was) through today to the last day. `most`: a share is never above 1."""
    if now is None:
        return Pace(Verdict.UNKNOWN)
    if now >= target - _SAME:
        return Pace(Verdict.REACHED, forecast=now)
    if today >= span.last:
        return Pace(Verdict.OVER)
    if span.is_early(today):
        return Pace(Verdict.UNKNOWN)
    since, then = before
    daily, left = max(0.0, now - then) / max(1, (today - since).days), (span.last - today).days
    forecast = now + daily * left
    forecast = forecast if most is None else min(most, forecast)
    days = (target - now) / daily if daily > 0 else _FAR + 1
    reached_on = today + timedelta(days=round(days)) if days <= _FAR else None
    needed = (target - now) / left / daily if daily > 0 else None
    return Pace(_judged(forecast / target) if target else Verdict.REACHED, forecast, reached_on, needed)


def standing(attained: float | None, span: Span, today: date) -> Pace:
    """Of what does not grow with time (a ratio, a mark, one project): `attained` is how much of the target there is, 0–1. It is reached or not;
    while there is time, what is missing is a risk."""
    if attained is None:
        return Pace(Verdict.UNKNOWN)
    if attained >= 1.0 - _SAME:
        return Pace(Verdict.REACHED)
    if today >= span.last:
        return Pace(Verdict.OVER)
    if span.is_late(today) and attained < NEAR:
        return Pace(Verdict.MISSED)
    return Pace(Verdict.UNKNOWN if span.is_early(today) else Verdict.AT_RISK)


def _judged(share: float) -> Verdict:
    return Verdict.ON_COURSE if share >= 1.0 - _SAME else Verdict.AT_RISK if share >= NEAR else Verdict.MISSED
