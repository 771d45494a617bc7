"""This moment and this day where the pilot is: a day ends there at 24:00."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from marketplace.guard import now
from marketplace.site import current_site


def here_now() -> datetime:
    """The moment of this request in the pilot's zone, in which days are counted."""
    return now().astimezone(ZoneInfo(current_site().pilot.city.zone))


def today() -> date:
    return here_now().date()
