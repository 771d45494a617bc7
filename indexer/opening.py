"""Opening the index as a whole: a broken or outdated one is rebuilt from the database, by the process that owns it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select, update

from indexer.backends import IndexBroken, SearchBackend, open_backend
from indexer.documents import Labels
from indexer.embedding import EmbeddingStore
from indexer.entries import meta_of
from indexer.query import Kind
from indexer.rebuild import rebuild
from indexer.reconcile import reconcile
from marketplace.records.database import Database
from marketplace.records.index_queue import QueuedThing

Progress = Callable[[int, int], None]


def open_for_reading(url: str, data_dir: Path, embeddings: EmbeddingStore) -> SearchBackend:
    """The index as it is. Raises IndexBroken (a sentence says what to do), EngineError."""
    return open_backend(url, data_dir, meta=meta_of(embeddings), find_vectors=embeddings.find, write=False)


def open_for_writing(
    url: str,
    data_dir: Path,
    embeddings: EmbeddingStore,
    database: Database,
    labels: Labels,
    *,
    told: Callable[[str], None] = lambda sentence: None,
    progress: Progress | None = None,
) -> SearchBackend:
    """The index, owned by this process. Raises IndexBusy, EngineError.

    One that is damaged or was made otherwise is built again from the database before anybody here searches in it; `told`
    hears why. What a crash left between database and index is enqueued.
    """
    try:
        backend = open_backend(url, data_dir, meta=meta_of(embeddings), find_vectors=embeddings.find, write=True)
    except IndexBroken as broken:
        told(str(broken))
        backend = open_backend(url, data_dir, meta=meta_of(embeddings), find_vectors=embeddings.find, write=True, anew=True)
        try:
            rebuild(database, backend, embeddings.bulk(), labels, progress)
        except BaseException:
            backend.close()
            raise
        return backend
    if not any(backend.versions(kind) for kind in Kind):
        _forget_progress(database)
    reconcile(database, backend)
    return backend


def _forget_progress(database: Database) -> None:
    """An empty index beside a queue that calls everything done: the folder was removed. Nothing is done, then."""
    with database.reading() as session:
        done = session.scalar(select(func.count()).select_from(QueuedThing).where(QueuedThing.indexed > 0))
    if done:
        with database.writing() as session:
            session.execute(update(QueuedThing).values(indexed=0, attempts=0, error="", lease_until=None))
