"""Files: blobs by the hash of their content, and attachments that say whose they are and what they prove."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored

# The kind of what the office has issued about a thing.
LETTER = "letter"


class Scan(StrEnum):
    """What the virus scanner said. Only CLEAN and UNSCANNED (the site has no scanner, and says so) may be downloaded."""

    PENDING = "pending"
    CLEAN = "clean"
    INFECTED = "infected"
    UNSCANNED = "unscanned"


class Blob(Record):
    """One content, kept once. `size` in bytes, `kind` the media type found by content; `text` what can be read of it, if asked."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(100))
    scan: Mapped[Scan] = mapped_column(stored(Scan))
    text: Mapped[str | None] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(UtcDateTime)


class Attachment(Record):
    """A blob attached to a thing (`noun`, `noun_id`) as proof of one kind. Nothing is deleted, only superseded."""

    __tablename__ = "attachments"
    __table_args__ = (Index("ix_attachments_thing", "noun", "noun_id"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    sha256: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"), index=True)
    noun: Mapped[str] = mapped_column(String(32))
    noun_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(32))
    filename: Mapped[str] = mapped_column(String(200))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    uploaded_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    superseded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Whoever may read the thing may read the file; a file that is not public is for its organisation and the staff concerned.
    is_public: Mapped[bool] = mapped_column(default=False)
    blob: Mapped[Blob] = relationship(lazy="joined")


class Download(Record):
    """Who took a file that is not public."""

    __tablename__ = "downloads"

    id: Mapped[PrimaryKey]
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachments.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    address: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def find_attachments(session: Session, noun: str, noun_id: int) -> Sequence[Attachment]:
    """What is attached to a thing now, oldest first."""
    query = select(Attachment).where(Attachment.noun == noun, Attachment.noun_id == noun_id, Attachment.superseded_at.is_(None))
    return session.scalars(query.order_by(Attachment.id)).all()


def find_attachments_of(session: Session, noun: str, ids: Collection[int]) -> dict[int, list[Attachment]]:
    """The same of several things at once; a thing without files is not in it."""
    found: dict[int, list[Attachment]] = {}
    query = select(Attachment).where(Attachment.noun == noun, Attachment.noun_id.in_(ids), Attachment.superseded_at.is_(None))
    for row in session.scalars(query.order_by(Attachment.id)):
        found.setdefault(row.noun_id, []).append(row)
    return found


def find_attachment(session: Session, public_id: str) -> Attachment | None:
    return session.scalar(select(Attachment).where(Attachment.public_id == public_id))
