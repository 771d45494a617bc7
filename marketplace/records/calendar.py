"""The yearly calendar: public holidays, and weekend days on which one works (调休); whatever is not here is as the week says."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.working_days import Calendar
from marketplace.records.columns import Record


class CalendarDay(Record):
    """`works`: a make-up day; otherwise a day off."""

    __tablename__ = "calendar_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    works: Mapped[bool]
    name: Mapped[str] = mapped_column(String(50))


def find_calendar(session: Session) -> Calendar:
    rows = session.execute(select(CalendarDay.day, CalendarDay.works)).all()
    return Calendar(frozenset(day for day, works in rows if not works), frozenset(day for day, works in rows if works))
