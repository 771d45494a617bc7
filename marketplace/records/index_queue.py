"""The index queue names a thing, not a payload: one row per thing, an upsert of `wanted + 1` per change.

The worker re-reads the thing's row, writes what it finds with version `wanted`, then marks it indexed. There is no
foreign key: a deleted thing must stay here until the index has forgotten it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Index, String, Text, case, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from marketplace.records.columns import Record, UtcDateTime

# A thing that failed so often is parked until somebody changes it or asks for it again.
ATTEMPTS = 8
# What PostgreSQL calls out when something was enqueued.
CHANNEL = "jigai_index_queue"


class QueuedThing(Record):
    """`wanted` > `indexed` means work, since `waiting_since`. `lease_until` keeps two workers apart and names the lease:
    whoever finds another moment there than the one it wrote has lost it. `attempts` ≥ 8 parks a thing.
    """

    __tablename__ = "index_queue"
    __table_args__ = (Index("ix_index_queue_pending", "kind", "indexed", "wanted"),)

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    thing_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    wanted: Mapped[int] = mapped_column(BigInteger, default=1)
    indexed: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text, default="")
    waiting_since: Mapped[datetime | None] = mapped_column(UtcDateTime)


def is_waiting() -> ColumnElement[bool]:
    """Not indexed in its newest version, and not given up."""
    return (QueuedThing.wanted > QueuedThing.indexed) & (QueuedThing.attempts < ATTEMPTS)


def is_parked() -> ColumnElement[bool]:
    """Given up after its last attempt, until somebody changes it or asks for it again."""
    return (QueuedThing.wanted > QueuedThing.indexed) & (QueuedThing.attempts >= ATTEMPTS)


def enqueue(session: Session, kind: str, thing_ids: Iterable[int]) -> None:
    """Ask for things to be indexed again, in the transaction of the change itself; on PostgreSQL its commit wakes a worker."""
    now = datetime.now(UTC)
    rows = [
        {"kind": kind, "thing_id": thing_id, "wanted": 1, "indexed": 0, "attempts": 0, "error": "", "waiting_since": now}
        for thing_id in sorted(set(thing_ids))
    ]
    if not rows:
        return
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert if is_postgresql else sqlite.insert
    statement = insert(QueuedThing)
    waits = QueuedThing.wanted > QueuedThing.indexed
    statement = statement.on_conflict_do_update(
        index_elements=["kind", "thing_id"],
        set_={
            "wanted": QueuedThing.wanted + 1,
            "attempts": 0,
            "error": "",
            "lease_until": None,
            "waiting_since": case((waits, QueuedThing.waiting_since), else_=statement.excluded.waiting_since),
        },
    )
    # One short statement with many parameter sets: a statement with thousands of values takes longer to compile than to run.
    session.connection().execute(statement, rows)
    if is_postgresql:
        session.connection().execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


def count_pending(session: Session) -> int:
    """Things whose wanted version is not indexed yet."""
    return session.scalar(select(func.count()).select_from(QueuedThing).where(QueuedThing.wanted > QueuedThing.indexed)) or 0


def count_waiting(session: Session) -> int:
    """Things that a worker will deal with: those that were given up are not among them."""
    return session.scalar(select(func.count()).select_from(QueuedThing).where(is_waiting())) or 0


def count_parked(session: Session) -> int:
    """Things that were given up."""
    return session.scalar(select(func.count()).select_from(QueuedThing).where(is_parked())) or 0


def find_longest_wait(session: Session, now: datetime) -> timedelta:
    """How long the oldest thing waits that was not given up; nothing when none does."""
    oldest = session.scalar(select(func.min(QueuedThing.waiting_since)).where(is_waiting()))
    return max(now - oldest, timedelta()) if oldest else timedelta()
