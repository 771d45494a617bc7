from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
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
from tests.opensearch_server import OpenSearchServer, opensearch_server

__all__ = ["opensearch_server"]

ENGINES = ("embedded", "opensearch")


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
    """The index of a folder, everything in it indexed."""
    database = Database(f"sqlite:///{folder / 'jigai.db'}")
    embeddings = EmbeddingStore(embedder, database)
    backend = open_for_writing(url, folder, embeddings, database, labels)
    worker = Worker(database, backend, embeddings, labels)
    worker.drain()
    return Opened(url, folder, database, embeddings, backend, Index(backend, embeddings), worker)


@pytest.fixture(scope="session")
def rows_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the small corpus, nothing indexed yet."""
    folder = tmp_path_factory.mktemp("rows")
    database = migrated(folder)
    load(database)
    database.close()
    return folder / "jigai.db"


@contextmanager
def address_of(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An engine of one kind without any index; of a server's, nothing is left behind."""
    if engine == "embedded":
        yield "embedded:"
        return
    server: OpenSearchServer = request.getfixturevalue("opensearch_server")
    url = server.url()
    yield url
    server.drop(url)


@pytest.fixture(scope="session")
def template(rows_only: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything indexed by the embedded engine, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    shutil.copy(rows_only, folder)
    site = opened("embedded:", folder, HashedEmbedder())
    site.backend.close()
    site.database.close()
    return folder


@pytest.fixture(scope="session", params=ENGINES)
def shared(request: pytest.FixtureRequest, rows_only: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Read only: real vectors, shared by all tests that change nothing."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copy(rows_only, folder)
    with address_of(request.param, request) as url:
        site = opened(url, folder, CachedEmbedder())
        yield site
        site.backend.close()
        site.database.close()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The kind of engine that `own` has."""
    return str(request.param)


@pytest.fixture
def own(engine: str, template: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """For tests that change something: vectors without meaning, an index of its own."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    with address_of(engine, request) as url:
        site = opened(url, tmp_path, HashedEmbedder())
        yield site
        site.backend.close()
        site.database.close()
