"""One history: who did what to which thing, before and after, and why; append-only and chained by hash."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, String, Text, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.records.columns import Json, PrimaryKey, Record, UtcDateTime


class HistoryEntry(Record):
    """`digest` = SHA-256 over the previous digest and this row's content; the first row chains to 64 zeros."""

    __tablename__ = "history"

    id: Mapped[PrimaryKey]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(100))
    verb: Mapped[str] = mapped_column(String(32))
    noun: Mapped[str] = mapped_column(String(32), index=True)
    noun_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(Json)
    after: Mapped[dict[str, Any] | None] = mapped_column(Json)
    why: Mapped[str] = mapped_column(Text, default="")
    digest: Mapped[str] = mapped_column(String(64))


FIRST = "0" * 64
_ADVISORY_LOCK = 7_110_251


def digest(previous: str, entry: HistoryEntry) -> str:
    """The link of one entry: SHA-256 of the previous digest and the entry as canonical JSON."""
    content = [
        entry.at.isoformat(),
        entry.actor,
        entry.verb,
        entry.noun,
        entry.noun_id,
        entry.before,
        entry.after,
        entry.why,
    ]
    packed = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{packed}".encode()).hexdigest()


def chain(session: Session, entries: list[HistoryEntry]) -> None:
    """Append entries as the last statement before commit; on PostgreSQL an advisory lock keeps the chain single."""
    if not entries:
        return
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    previous = session.scalar(select(HistoryEntry.digest).order_by(HistoryEntry.id.desc()).limit(1)) or FIRST
    for entry in entries:
        entry.digest = previous = digest(previous, entry)
        session.add(entry)
    session.flush()


def find_broken_link(session: Session) -> int | None:
    """The id of the first entry whose digest does not follow from its predecessor, or None."""
    previous = FIRST
    # Closed even when the first broken link ends the reading: on PostgreSQL the rows come through a cursor of the server.
    with session.scalars(select(HistoryEntry).order_by(HistoryEntry.id).execution_options(yield_per=1000)) as entries:
        for entry in entries:
            if entry.digest != digest(previous, entry):
                return entry.id
            previous = entry.digest
    return None
