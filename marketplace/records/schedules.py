"""What happens once a day, and on which day of the pilot it last did."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.records.columns import Record, UtcDateTime


class Schedule(Record):
    """`name`: of what is done daily; `last_day`: the last day for which it was done, in the same transaction as the doing."""

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    last_day: Mapped[date | None] = mapped_column(Date)
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
