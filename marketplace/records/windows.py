"""Application windows (申报窗口), as their notices say them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Date, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.windows import WindowState
from marketplace.records.columns import PrimaryKey, PublicId, Record, Strings, UtcDateTime, stored


class ApplicationWindow(Record):
    """`closes` is the last day, until 24:00 of the pilot's zone. `publicity_days`: working days of 公示 before entry; 0: none."""

    __tablename__ = "application_windows"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    title: Mapped[str] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    sectors: Mapped[Strings]
    required: Mapped[Strings]
    opens: Mapped[date] = mapped_column(Date)
    closes: Mapped[date] = mapped_column(Date, index=True)
    publicity_days: Mapped[int] = mapped_column(default=0)
    state: Mapped[WindowState] = mapped_column(stored(WindowState), default=WindowState.DRAFT, index=True)
    # When the results were made public; written by the review.
    results_published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created: Mapped[datetime] = mapped_column(UtcDateTime)


def find_window(session: Session, public_id: str) -> ApplicationWindow | None:
    return session.scalar(select(ApplicationWindow).where(ApplicationWindow.public_id == public_id))


def find_windows(session: Session, *, drafts: bool, most: int = 100, start: int = 0) -> Sequence[ApplicationWindow]:
    """The latest first. Without `drafts`, only what was published (and not taken back)."""
    query = select(ApplicationWindow).order_by(ApplicationWindow.closes.desc(), ApplicationWindow.id.desc())
    if not drafts:
        query = query.where(ApplicationWindow.state == WindowState.PUBLISHED)
    return session.scalars(query.limit(most).offset(start)).all()
