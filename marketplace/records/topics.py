"""Research topics (课题研究) of the centre and its members. Their results are attachments."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ColumnElement, Date, ForeignKey, Index, String, Text, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.access import Viewer
from marketplace.domain.topics import PUBLIC, TopicState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored


class Topic(Record):
    """`lead`, `members`: units in words."""

    __tablename__ = "topics"
    __table_args__ = (Index("ix_topics_state_due", "state", "due"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    lead: Mapped[str] = mapped_column(String(200))
    members: Mapped[str] = mapped_column(String(500), default="")
    due: Mapped[date] = mapped_column(Date)
    result: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[TopicState] = mapped_column(stored(TopicState), default=TopicState.PLANNED)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)


def readable_topics(viewer: Viewer) -> ColumnElement[bool]:
    """What runs and what was concluded is for all; the offices see the rest too."""
    return true() if viewer.is_staff else Topic.state.in_(PUBLIC)


def find_topic(session: Session, public_id: str, viewer: Viewer) -> Topic | None:
    return session.scalar(select(Topic).where(Topic.public_id == public_id, readable_topics(viewer)))
