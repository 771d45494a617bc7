"""Open demands at night: those whose last day is over are closed, and their enterprises have something to decide."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import CLOCK, Act
from marketplace.actions.open_demands import close_over


def close_open_demands(session: Session, day: date, at: datetime) -> None:
    """Once a day, after the day has begun."""
    zone = session.info.get("zone")
    close_over(session, Act(CLOCK, at.astimezone(ZoneInfo(zone)) if zone else at, day))
