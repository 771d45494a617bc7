"""Leases on the index queue: which worker deals with which things, and until when.

A lease is named by its end: the moment that a worker wrote into `lease_until`. Whoever finds another one there has lost
the thing, to a change that asked for it anew or to a worker that took over, and must leave its row alone. Rows that
somebody else holds locked are passed over, so that a worker never waits for an action, nor an action for a worker.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from indexer.query import Kind
from marketplace.records.columns import UtcDateTime
from marketplace.records.database import Database
from marketplace.records.index_queue import QueuedThing, is_waiting

# A killed worker's things wait this long; one that lives renews its lease when a third of it is over.
LEASE = timedelta(seconds=60)
# A thing that failed is tried again after this long.
PAUSE = timedelta(seconds=1)


@dataclass(frozen=True)
class Leased:
    kind: Kind
    thing_id: int
    version: int

    @property
    def key(self) -> tuple[str, int]:
        return self.kind.value, self.thing_id


@dataclass
class Lease:
    """Things that this worker holds until `until`; renewing moves the end and drops what was lost."""

    things: list[Leased]
    until: datetime
    taken: float


class Leases:
    """Taking, renewing and settling. Each is one short transaction."""

    def __init__(self, database: Database, duration: timedelta = LEASE) -> None:
        self._database = database
        self.duration = duration

    def take(self, most: int) -> Lease:
        """Things that wait: half of them the newest, so that a publication does not queue behind an import, half the oldest."""
        with self._database.reading() as session:
            if session.scalar(select(QueuedThing.thing_id).where(_is_due(_now(session))).limit(1)) is None:
                return Lease([], datetime.now(UTC), time.monotonic())
        with self._database.writing() as session:
            now = _now(session)
            lease = Lease([], now + self.duration, time.monotonic())
            due = select(QueuedThing).where(_is_due(now)).with_for_update(skip_locked=True)
            newest = session.scalars(due.order_by(QueuedThing.thing_id.desc()).limit(most // 2)).all()
            oldest = session.scalars(due.order_by(QueuedThing.attempts, QueuedThing.thing_id).limit(most - most // 2)).all()
            for row in {(row.kind, row.thing_id): row for row in (*newest, *oldest)}.values():
                row.lease_until = lease.until
                lease.things.append(Leased(Kind(row.kind), row.thing_id, row.wanted))
        return lease

    def is_ageing(self, lease: Lease) -> bool:
        """Whether a third of it is over: time to renew it before anything is written."""
        return time.monotonic() - lease.taken > self.duration.total_seconds() / 3

    def renew(self, lease: Lease) -> None:
        """Hold what is still ours for the whole duration again; `lease.things` is what is left."""
        with self._database.writing() as session:
            until, taken = _now(session) + self.duration, time.monotonic()
            rows = self._held(session, lease, lease.things)
            for row in rows.values():
                row.lease_until = until
        lease.things = [thing for thing in lease.things if thing.key in rows]
        lease.until, lease.taken = until, taken

    def give_back(self, lease: Lease, things: Collection[Leased], *, error: str = "") -> None:
        """Anybody may take them at once. `error`: what the engine said; it is not the things' fault."""
        with self._database.writing() as session:
            for row in self._held(session, lease, things).values():
                row.lease_until = None
                row.error = error[:2000]

    def settle(self, lease: Lease, outcome: Mapping[Leased, str]) -> None:
        """What the engine has ("" for a yes) is indexed; what failed is tried again later, and parked after some attempts."""
        with self._database.writing() as session:
            now = _now(session)
            rows = self._held(session, lease, outcome)
            for thing, wrong in outcome.items():
                row = rows.get(thing.key)
                if row is None:
                    continue
                if wrong:
                    row.attempts, row.error, row.lease_until = row.attempts + 1, wrong[:2000], now + PAUSE
                else:
                    row.indexed, row.attempts, row.error, row.lease_until = thing.version, 0, "", None

    def count_due(self) -> int:
        """Things that could be taken now."""
        with self._database.reading() as session:
            return session.scalar(select(func.count()).select_from(QueuedThing).where(_is_due(_now(session)))) or 0

    def seconds_to_next(self) -> float | None:
        """How long until a lease or a pause ends, so that something is due by itself; None when nothing waits."""
        with self._database.reading() as session:
            now = _now(session)
            rows = select(func.count(), func.min(func.coalesce(QueuedThing.lease_until, literal(now, UtcDateTime())))).where(is_waiting())
            count, first = session.execute(rows).one()
        return max(0.0, (first - now).total_seconds()) if count else None

    def _held(self, session: Session, lease: Lease, things: Collection[Leased]) -> dict[tuple[str, int], QueuedThing]:
        """The rows of those things whose lease is still ours."""
        keys = [thing.key for thing in things]
        if not keys:
            return {}
        rows = select(QueuedThing).where(tuple_(QueuedThing.kind, QueuedThing.thing_id).in_(keys)).with_for_update(skip_locked=True)
        return {(row.kind, row.thing_id): row for row in session.scalars(rows) if row.lease_until == lease.until}


def _now(session: Session) -> datetime:
    """The database's own clock where several machines share it; a file has one machine."""
    if session.get_bind().dialect.name != "postgresql":
        return datetime.now(UTC)
    moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment.astimezone(UTC)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(is_waiting(), or_(QueuedThing.lease_until.is_(None), QueuedThing.lease_until < now))
