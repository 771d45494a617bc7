"""What people type into forms, as values: days and numbers, or nothing where it cannot be one."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import request

from marketplace.site import current_site


def typed_day(text: str) -> date | None:
    """YYYY-MM-DD, as browsers send a day; None for nothing and for what is no day."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def seen(name: str = "seen") -> int | None:
    """The last entry of the history that the page knew; None where it carried none."""
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def seen_still(last: int, *, lost: bool) -> int:
    """What a form carries that is shown again. `last`: the last entry of the history now. A form that was refused for what was
    typed knows no more than before; one that lost a race (`lost`) has shown what the other one saved."""
    before = seen()
    return last if lost or before is None else before


def local_day(moment: datetime) -> date:
    """The day that it is then where the pilot is."""
    return moment.astimezone(ZoneInfo(current_site().pilot.city.zone)).date()
