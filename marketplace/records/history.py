"""One history: who did what to which thing, before and after, and why; append-only and chained by hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import orjson
from sqlalchemy import BigInteger, String, Text, cast, select, text
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


# As they are stored, so that the fast way of reading them can be taken.
_READ = (
    HistoryEntry.id,
    HistoryEntry.at,
    HistoryEntry.actor,
    HistoryEntry.verb,
    HistoryEntry.noun,
    HistoryEntry.noun_id,
    cast(HistoryEntry.before, Text),
    cast(HistoryEntry.after, Text),
    HistoryEntry.why,
    HistoryEntry.digest,
)


class _Content(Protocol):
    """What a digest covers: an entry, or a row of its columns."""

    at: Any
    actor: Any
    verb: Any
    noun: Any
    noun_id: Any
    before: Any
    after: Any
    why: Any


FIRST = "0" * 64
_ADVISORY_LOCK = 7_110_251


# Made once: an encoder a row would cost more than the row.
_packed = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def digest(previous: str, entry: _Content) -> str:
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
    return hashlib.sha256(f"{previous}\n{_packed(content)}".encode()).hexdigest()


def _fits(previous: str, content: list[Any], found: str) -> bool:
    """Whether a row as it is stored has this digest; `content`: as `digest` packs it, but JSON still as text.

    The fast encoder writes the same text but for a few numbers and broken characters. Where it does, the text says the same,
    so the content is the same; where it does not, the slow one decides.
    """
    *head, before, after, why = content
    try:
        values = [*head, before and orjson.loads(before), after and orjson.loads(after), why]
        packed = orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
        if hashlib.sha256(previous.encode() + b"\n" + packed).hexdigest() == found:
            return True
    except (orjson.JSONDecodeError, TypeError):
        pass
    try:
        values = [*head, before and json.loads(before), after and json.loads(after), why]
    except ValueError:
        return False
    # Half a character is never written here; somebody may have put one in.
    return hashlib.sha256(f"{previous}\n{_packed(values)}".encode("utf-8", "surrogatepass")).hexdigest() == found


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


def find_broken_link(
    session: Session, *, anchors: Mapping[int, str] | None = None, step: Callable[[int], None] = lambda done: None
) -> int | None:
    """The number of the first entry that does not follow from its predecessor, or None where all do.

    `anchors`: number → digest, as they were written down outside the database. An entry that has another digest now, or
    is gone, is a broken link too: that is how a chain shows that was written anew, or whose end was cut off (then the
    number is that of the first entry that is missing). `step` hears how many entries were read.
    """
    expected = sorted((anchors or {}).items())
    place, number, previous = 0, 0, FIRST
    # Columns, not records, which cost three times as much. Closed even when the first broken link ends the reading:
    # on PostgreSQL the rows come through a cursor of the server.
    columns = select(*_READ).order_by(HistoryEntry.id).execution_options(yield_per=1000)
    done = 0
    with session.execute(columns) as rows:
        for some in rows.partitions(1000):
            for found, at, *content, written in some:
                # An anchored entry that was passed over is gone, however well the rest fits.
                if place < len(expected) and expected[place][0] < found:
                    return expected[place][0]
                number = found
                if not _fits(previous, [at.isoformat(), *content], written):
                    return number
                previous = written
                if place < len(expected) and expected[place][0] == number:
                    if expected[place][1] != written:
                        return number
                    place += 1
            done += len(some)
            step(done)
    return number + 1 if place < len(expected) else None


def find_entries_since(session: Session, noun: str, noun_id: int, seen: int) -> Sequence[HistoryEntry]:
    """What happened to a thing after that entry, the first first."""
    query = select(HistoryEntry).where(HistoryEntry.noun == noun, HistoryEntry.noun_id == noun_id, HistoryEntry.id > seen)
    return session.scalars(query.order_by(HistoryEntry.id)).all()
