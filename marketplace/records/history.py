"""One history: who did what to which thing, before and after, and why; append-only and chained by hash."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol

import orjson
from sqlalchemy import BigInteger, Index, String, Text, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.records.columns import Json, PrimaryKey, Record, UtcDateTime


class HistoryEntry(Record):
    """`digest` = SHA-256 over the previous digest and this row's content; the first row chains to 64 zeros."""

    __tablename__ = "history"
    # Both in the order in which pages go back in time.
    __table_args__ = (Index("ix_history_at", "at", "id"), Index("ix_history_verb", "verb", "id"))

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


# As they are stored: to verify a chain is to read every row once, and what makes values of them costs more than the hashes.
_READ = 'SELECT id, at, actor, verb, noun, noun_id, CAST("before" AS TEXT), CAST("after" AS TEXT), why, digest FROM history ORDER BY id'
_AT_ONCE = 1000


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
_loads, _dumps, _SORTED = orjson.loads, orjson.dumps, orjson.OPT_SORT_KEYS


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
    return sha256(f"{previous}\n{_packed(content)}".encode()).hexdigest()


def _moment(stored: object) -> str:
    """A moment as a digest has it, from how the driver gives it: SQLite as text, with a blank and six places. "" for what is none."""
    if isinstance(stored, datetime):
        return f"{stored.isoformat()}+00:00"
    if not isinstance(stored, str) or len(stored) != 26 or stored[10] != " ":
        return ""
    return f"{stored[:10]}T{stored[11:19] if stored.endswith('.000000') else stored[11:]}+00:00"


def _fits(previous: str, row: Sequence[Any]) -> bool:
    """Whether a row as it is stored has the digest that stands in it; JSON is still text.

    The fast encoder writes the same text but for a few numbers and broken characters. Where it does, the text says the same,
    so the content is the same; where it does not, the slow one decides.
    """
    _id, at, actor, verb, noun, noun_id, before, after, why, found = row
    moment = _moment(at)
    try:
        # Each for itself: two texts that are no JSON may be one together.
        values = [moment, actor, verb, noun, noun_id, before and _loads(before), after and _loads(after), why]
        if sha256(previous.encode() + b"\n" + _dumps(values, option=_SORTED)).hexdigest() == found:
            return True
    except (orjson.JSONDecodeError, TypeError):
        pass
    try:
        packed = _packed([moment, actor, verb, noun, noun_id, before and json.loads(before), after and json.loads(after), why])
    except (ValueError, TypeError):
        # No JSON, or what SQLite holds in a column of text though it is none.
        return False
    # Half a character is never written here; somebody may have put one in.
    return sha256(f"{previous}\n{packed}".encode("utf-8", "surrogatepass")).hexdigest() == str(found)


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
    # On PostgreSQL the rows come through a cursor of the server; it is closed even when the first broken link ends the reading.
    done = 0
    with session.connection().exec_driver_sql(_READ, execution_options={"stream_results": True}) as rows:
        for some in rows.partitions(_AT_ONCE):
            for row in some:
                # An anchored entry that was passed over is gone, however well the rest fits.
                if place < len(expected) and expected[place][0] < row[0]:
                    return int(expected[place][0])
                number, written = int(row[0]), row[-1]
                if not _fits(previous, row):
                    return number
                previous = written
                if place < len(expected) and expected[place][0] == number:
                    if expected[place][1] != written:
                        return number
                    place += 1
            done += len(some)
            step(done)
    return number + 1 if place < len(expected) else None


def find_last_entry(session: Session, noun: str, noun_id: int) -> int:
    """The number of the last entry about a thing; forms carry it, so that whoever comes second is told."""
    query = select(func.max(HistoryEntry.id)).where(HistoryEntry.noun == noun, HistoryEntry.noun_id == noun_id)
    return session.scalar(query) or 0


def find_last_entries(session: Session, noun: str, ids: Collection[int]) -> dict[int, int]:
    """The same of several things at once."""
    query = select(HistoryEntry.noun_id, func.max(HistoryEntry.id)).where(HistoryEntry.noun == noun, HistoryEntry.noun_id.in_(ids))
    return {number: last for number, last in session.execute(query.group_by(HistoryEntry.noun_id)) if number is not None}


def find_entries_since(session: Session, noun: str, noun_id: int, seen: int) -> Sequence[HistoryEntry]:
    """What happened to a thing after that entry, the first first."""
    query = select(HistoryEntry).where(HistoryEntry.noun == noun, HistoryEntry.noun_id == noun_id, HistoryEntry.id > seen)
    return session.scalars(query.order_by(HistoryEntry.id)).all()
