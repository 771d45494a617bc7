"""The index queue names a thing, not a payload: one row per thing, an upsert of `wanted + 1` per change.

The worker re-reads the thing's row, writes what it finds with version `wanted`, then marks it indexed. There is no
foreign key: a deleted thing must stay here until the index has forgotten it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Text, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.records.columns import Record, UtcDateTime


class QueuedThing(Record):
    """`wanted` > `indexed` means work. `lease_until` keeps two workers apart; `attempts` ≥ 8 parks a thing."""

    __tablename__ = "index_queue"
    __table_args__ = (Index("ix_index_queue_pending", "kind", "indexed", "wanted"),)

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    thing_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    wanted: Mapped[int] = mapped_column(BigInteger, default=1)
    indexed: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text, default="")


def enqueue(session: Session, kind: str, thing_ids: Iterable[int]) -> None:
    """Ask for things to be indexed again, in the transaction of the change itself."""
    rows = [
        {"kind": kind, "thing_id": thing_id, "wanted": 1, "indexed": 0, "attempts": 0, "error": ""} for thing_id in sorted(set(thing_ids))
    ]
    if not rows:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(QueuedThing).on_conflict_do_update(
        index_elements=["kind", "thing_id"],
        set_={"wanted": QueuedThing.wanted + 1, "attempts": 0, "error": "", "lease_until": None},
    )
    # One short statement with many parameter sets: a statement with thousands of values takes longer to compile than to run.
    session.connection().execute(statement, rows)


def count_pending(session: Session) -> int:
    """Things whose wanted version is not indexed yet."""
    return session.scalar(select(func.count()).select_from(QueuedThing).where(QueuedThing.wanted > QueuedThing.indexed)) or 0
