"""Writing down who did what: one entry per change, chained to the one before as the last statement of the transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.records.history import HistoryEntry


def record(
    session: Session,
    *,
    actor: str,
    verb: str,
    noun: str,
    noun_id: int | None,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    why: str = "",
    at: datetime,
) -> HistoryEntry:
    """Note a change; it is written with the transaction of `Database.writing()` or not at all."""
    entry = HistoryEntry(
        # The digest covers the moment as it is read back, which is in UTC.
        at=at.astimezone(UTC),
        actor=actor[:100],
        verb=verb,
        noun=noun,
        noun_id=noun_id,
        before=before,
        after=after,
        why=why,
    )
    entries: list[HistoryEntry] = session.info["history"]
    entries.append(entry)
    return entry
