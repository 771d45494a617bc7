"""Days of the demonstration set: what people did so many days ago, they did on a working day and in the morning."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from marketplace.domain.working_days import Calendar

# Half past ten in the morning of the pilot.
_MORNING = time(2, 30)
_DAY = timedelta(days=1)


def worked(at: datetime, today: date, ago: int, calendar: Calendar) -> tuple[datetime, date]:
    """The working day that `ago` days before `today` was, or the last one before it, and the moment; today itself is as it is. What came
    later stays later."""
    if ago <= 0:
        return at - ago * _DAY, today - ago * _DAY
    day = today - ago * _DAY
    while not calendar.is_working(day):
        day -= _DAY
    return datetime.combine(day, _MORNING, UTC), day


def works_by(today: date, ago: int, calendar: Calendar) -> int:
    """The same the other way round: how long ago the first working day from that day on was; 0 where there was none until today."""
    while ago > 0 and not calendar.is_working(today - ago * _DAY):
        ago -= 1
    return ago
