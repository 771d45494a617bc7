"""How far each series of readable business numbers has got (SQ-2026, SB-2026)."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.records.columns import Record


class NumberSeries(Record):
    __tablename__ = "number_series"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    last: Mapped[int]
