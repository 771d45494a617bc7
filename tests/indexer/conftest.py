from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from indexer.backends import SearchBackend
from indexer.embedding import EmbeddingStore
from indexer.opening import open_for_writing
from indexer.search import Index
from indexer.worker import Worker
from marketplace.records.database import Database
from tests.indexer.corpus import CachedEmbedder, HashedEmbedder, labels, load, migrated

ENGINES = ("embedded:",)


@dataclass(frozen=True)
class Opened:
    """A whole index over the small corpus."""

    url: str
    folder: Path
    database: Database
    embeddings: EmbeddingStore
    backend: SearchBackend
    index: Index
    worker: Worker


def opened(url: str, folder: Path, embedder: CachedEmbedder | HashedEmbedder) -> Opened:
    database = migrated(folder)
    load(database)
    embeddings = EmbeddingStore(embedder, database)
    backend = open_for_writing(url, folder, embeddings, database, labels)
    worker = Worker(database, backend, embeddings, labels)
    worker.drain()
    return Opened(url, folder, database, embeddings, backend, Index(backend, embeddings), worker)


@pytest.fixture(scope="session", params=ENGINES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Read only: real vectors, shared by all tests that change nothing."""
    site = opened(request.param, tmp_path_factory.mktemp("shared"), CachedEmbedder())
    yield site
    site.backend.close()
    site.database.close()


@pytest.fixture(params=ENGINES)
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """For tests that change something: vectors without meaning, an index of its own."""
    site = opened(request.param, tmp_path, HashedEmbedder())
    yield site
    site.backend.close()
    site.database.close()
