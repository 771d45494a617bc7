"""What the statistics bureau reports of investment (统计口径技改投资), month by month."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.records.columns import PrimaryKey, Record, UtcDateTime


class ReportedInvestment(Record):
    """技改投资 of one month as the statistics bureau gives it: of a sector, and of an area or ("") of all of them. A later sheet with the same
    month, sector and area replaces the figure; what stood there stays in the history."""

    __tablename__ = "reported_investments"
    __table_args__ = (Index("uq_reported_investments_place", "month", "sector", "area", unique=True),)

    id: Mapped[PrimaryKey]
    month: Mapped[str] = mapped_column(String(7))
    sector: Mapped[str] = mapped_column(String(32))
    area: Mapped[str] = mapped_column(String(64), default="")
    fen: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(String(200), default="")
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def last_day(month: str) -> date:
    """Of a month written as 2026-10."""
    year, number = int(month[:4]), int(month[5:])
    after = date(year + number // 12, number % 12 + 1, 1)
    return date.fromordinal(after.toordinal() - 1)
