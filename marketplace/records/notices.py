"""Notices to persons (站内通知), and how each of them wants to be told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.notices import KINDS, OTHER, USUAL, Way
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, UtcDateTime


class Notice(Record):
    """`message`: a Chinese source sentence, `values` what it needs; `noun`, `public_ref`: the thing it speaks of."""

    __tablename__ = "notices"
    __table_args__ = (Index("ix_notices_account_read", "account_id", "read_at"), Index("ix_notices_mailed_at", "mailed_at", "at"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[str] = mapped_column(String(32))
    message: Mapped[str] = mapped_column(Text)
    values: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    noun: Mapped[str] = mapped_column(String(32), default="")
    public_ref: Mapped[str] = mapped_column(String(64), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When it went out by mail or gateway, or was found to need neither; None: not yet.
    mailed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def sentence(self) -> str:
        """The Chinese sentence with its values filled in."""
        return self.message.format(**self.values) if self.values else self.message


class NoticePreference(Record):
    """How a person wants to hear of one kind of notice beside the page of notices (see domain.notices.Way)."""

    __tablename__ = "notice_preferences"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    way: Mapped[str] = mapped_column(String(16))


def find_notices(session: Session, account_id: int, *, offset: int = 0, most: int = 50) -> Sequence[Notice]:
    """A person's notices: what was not read first, then the newest."""
    query = select(Notice).where(Notice.account_id == account_id).order_by(Notice.read_at.is_not(None), Notice.id.desc())
    return session.scalars(query.offset(offset).limit(most)).all()


def count_unread(session: Session, account_id: int) -> int:
    query = select(func.count()).select_from(Notice).where(Notice.account_id == account_id, Notice.read_at.is_(None))
    return session.scalar(query) or 0


def find_ways(session: Session, account_id: int) -> dict[str, Way]:
    """kind → the way this person wants; what was never chosen is as usual."""
    query = select(NoticePreference.kind, NoticePreference.way).where(NoticePreference.account_id == account_id)
    chosen = dict(session.execute(query).all())
    return {kind: Way(chosen.get(kind, USUAL)) for kind in (*KINDS, OTHER)}
