"""A new index beside the one in use: filled from the database while the worker writes to both, then swapped in."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from indexer.backends import EngineError, SearchBackend
from indexer.documents import Labels
from indexer.embedding import EmbeddingStore
from indexer.entries import entries_of
from indexer.query import Kind
from indexer.reconcile import find_differences
from indexer.rows import documents_of, find_searchable_ids
from marketplace.records.database import Database
from marketplace.records.index_queue import QueuedThing

BATCH = 200
ROUNDS = 3
Progress = Callable[[int, int], None]


def rebuild(
    database: Database, backend: SearchBackend, embeddings: EmbeddingStore, labels: Labels, progress: Progress | None = None
) -> int:
    """Fill the next index, swap it in, drop the old one; how many things. On any error the old one stays in use.

    Things that changed meanwhile were written to both by the worker; versions see to it that the newer one stays.
    """
    backend.begin_next()
    try:
        with database.reading() as session:
            wanted = {kind: list(find_searchable_ids(session, kind)) for kind in Kind}
        total, done = sum(map(len, wanted.values())), 0
        for kind, ids in wanted.items():
            for start in range(0, len(ids), BATCH):
                _fill(database, backend, embeddings, labels, kind, ids[start : start + BATCH])
                done += len(ids[start : start + BATCH])
                if progress is not None:
                    progress(done, total)
        for attempt in range(ROUNDS + 1):
            lacking = {found.kind: found.missing | found.stale for found in find_differences(database, backend, of_next=True)}
            count = sum(map(len, lacking.values()))
            if not count:
                break
            if attempt == ROUNDS:
                raise EngineError(f"新索引里还缺 {count} 条，补了 {ROUNDS} 次也没有补上，旧索引继续使用")
            for kind, missing in lacking.items():
                _fill(database, backend, embeddings, labels, kind, sorted(missing))
    except BaseException:
        backend.abandon_next()
        raise
    backend.swap()
    return total


def _fill(database: Database, backend: SearchBackend, embeddings: EmbeddingStore, labels: Labels, kind: Kind, ids: list[int]) -> None:
    """Write some things to the next index, with the versions that the queue holds as indexed (0 where it knows nothing)."""
    if not ids:
        return
    with database.reading() as session:
        statement = select(QueuedThing).where(QueuedThing.kind == kind.value, QueuedThing.thing_id.in_(ids))
        versions = dict.fromkeys(ids, 0) | {row.thing_id: row.indexed for row in session.scalars(statement)}
        documents = documents_of(session, kind, versions, labels)
    backend.fill_next(entries_of(list(documents.values()), embeddings))
