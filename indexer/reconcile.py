"""The net below the queue: ids and versions in the database against those in the index; the difference is enqueued."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from indexer.backends import SearchBackend
from indexer.query import Kind
from indexer.rows import find_searchable_ids
from marketplace.records.database import Database
from marketplace.records.index_queue import QueuedThing, enqueue


@dataclass(frozen=True)
class Difference:
    """What a kind's index lacks, holds too much, or holds in another version than was marked as indexed."""

    kind: Kind
    missing: frozenset[int]
    surplus: frozenset[int]
    stale: frozenset[int]

    @property
    def ids(self) -> frozenset[int]:
        return self.missing | self.surplus | self.stale


def find_differences(database: Database, backend: SearchBackend, *, of_next: bool = False) -> tuple[Difference, ...]:
    """For every kind. Things that wait in the queue are no difference: the worker will deal with them."""
    found = []
    for kind in Kind:
        with database.reading() as session:
            wanted = set(find_searchable_ids(session, kind))
            rows = session.execute(
                select(QueuedThing.thing_id, QueuedThing.wanted, QueuedThing.indexed).where(QueuedThing.kind == kind.value)
            )
            queued = {thing_id: (version, indexed) for thing_id, version, indexed in rows}
        held = backend.versions_next(kind) if of_next else backend.versions(kind)
        waiting = {thing_id for thing_id, (version, indexed) in queued.items() if version > indexed}
        found.append(
            Difference(
                kind=kind,
                missing=frozenset(wanted - held.keys() - waiting),
                surplus=frozenset(held.keys() - wanted - waiting),
                stale=frozenset(
                    thing_id
                    for thing_id in wanted & held.keys() - waiting
                    # What a worker has written to the next index since the queue was read is newer, and no difference.
                    if thing_id in queued and (held[thing_id] < queued[thing_id][1] if of_next else held[thing_id] != queued[thing_id][1])
                ),
            )
        )
    return tuple(found)


def reconcile(database: Database, backend: SearchBackend) -> tuple[Difference, ...]:
    """Find the differences and enqueue them."""
    found = find_differences(database, backend)
    if any(difference.ids for difference in found):
        with database.writing() as session:
            for difference in found:
                enqueue(session, difference.kind.value, difference.ids)
    return found


def enqueue_everything(database: Database) -> int:
    """Ask for every thing again; for a process that does not own the index. How many things."""
    count = 0
    with database.writing() as session:
        for kind in Kind:
            ids = set(find_searchable_ids(session, kind))
            ids |= set(session.scalars(select(QueuedThing.thing_id).where(QueuedThing.kind == kind.value)))
            enqueue(session, kind.value, ids)
            count += len(ids)
    return count
