"""A rebuild behind the alias: searches go on, several processes write, one may be killed, an error leaves the old index."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexer.backends import EngineError, Entry, IndexBroken, Removal
from indexer.backends.opensearch import OpenSearchBackend
from indexer.embedding import EmbeddingStore
from indexer.opening import open_for_reading, open_for_writing
from indexer.query import Kind, Mode, SearchQuery
from indexer.rebuild import rebuild
from indexer.search import Index
from tests.indexer.conftest import Opened
from tests.indexer.corpus import SOLUTIONS, HashedEmbedder, labels
from tests.opensearch_server import OpenSearchServer, prefix_of

pytestmark = pytest.mark.parametrize("engine", ["opensearch"])
ROOT = Path(__file__).parents[2]


class OtherEmbedder(HashedEmbedder):
    """Another space, of another dimension."""

    space = "other"
    dimension = 8


def ids(site: Opened, text: str) -> list[int]:
    return [hit.thing_id for hit in site.index.search(SearchQuery(text=text, mode=Mode.LEXICAL)).hits]


def names(server: OpenSearchServer, site: Opened) -> set[str]:
    return set(server.ask("GET", f"/{prefix_of(site.url)}-*/_alias"))


def entry(thing_id: int, version: int, word: str) -> Entry:
    return Entry(Kind.SCENARIO, thing_id, version, title=word, tokens={"words": (word,)}, audience=("public",))


@contextmanager
def another_process(site: Opened) -> Iterator[OpenSearchBackend]:
    """A second writer, which knows of the first only what the engine tells it."""
    backend = OpenSearchBackend(site.url, meta=site.backend.meta, write=True)
    yield backend
    backend.close()


@contextmanager
def searching(index: Index) -> Iterator[list[str]]:
    """Searches without pause; what went wrong."""
    stop = threading.Event()
    wrong: list[str] = []
    count = 0

    def search() -> None:
        nonlocal count
        while not stop.is_set():
            try:
                if not index.search(SearchQuery(text="密封点泄漏", filters={"sector": ("chem",)})).hits:
                    wrong.append("nothing found")
            except EngineError as error:
                wrong.append(str(error))
            count += 1

    thread = threading.Thread(target=search)
    thread.start()
    try:
        yield wrong
    finally:
        stop.set()
        thread.join()
    assert count > 5


def test_every_search_during_a_rebuild_is_answered(own: Opened, opensearch_server: OpenSearchServer) -> None:
    before = names(opensearch_server, own)
    with searching(own.index) as wrong:
        rebuild(own.database, own.backend, own.embeddings, labels)
    assert wrong == []
    after = names(opensearch_server, own)
    assert len(before) == len(after) == len(Kind)
    assert not before & after
    assert len(own.backend.versions(Kind.SOLUTION)) == SOLUTIONS


KILLED = """
import sys, time
from pathlib import Path
from indexer.embedding import EmbeddingStore
from indexer.opening import open_for_writing
from indexer.rebuild import rebuild
from marketplace.records.database import Database
from tests.indexer.corpus import HashedEmbedder, labels
folder = Path(sys.argv[1])
database = Database(f"sqlite:///{folder / 'jigai.db'}")
embeddings = EmbeddingStore(HashedEmbedder(), database)
backend = open_for_writing(sys.argv[2], folder, embeddings, database, labels)
def told(done, total):
    print("filling", flush=True)
    time.sleep(60)
rebuild(database, backend, embeddings, labels, told)
"""


def test_what_a_killed_rebuild_left_is_dropped_by_the_next_one(own: Opened, opensearch_server: OpenSearchServer) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(own.folder), own.url], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"filling\n"
        os.kill(process.pid, signal.SIGKILL)
    assert len(names(opensearch_server, own)) == 2 * len(Kind)
    assert ids(own, "密封点")
    rebuild(own.database, own.backend, own.embeddings, labels)
    assert len(names(opensearch_server, own)) == len(Kind)
    assert len(own.backend.versions(Kind.SOLUTION)) == SOLUTIONS
    assert ids(own, "密封点")


def test_an_error_leaves_the_old_index(own: Opened, opensearch_server: OpenSearchServer, monkeypatch: pytest.MonkeyPatch) -> None:
    before = names(opensearch_server, own)
    monkeypatch.setattr(own.backend, "versions_next", lambda kind: {})
    with pytest.raises(EngineError, match="旧索引继续使用"):
        rebuild(own.database, own.backend, own.embeddings, labels)
    assert names(opensearch_server, own) == before
    assert ids(own, "密封点")


def test_another_writer_writes_to_both(own: Opened) -> None:
    with another_process(own) as other:
        own.backend.begin_next()
        assert other.apply([entry(900, 5, "newer"), Removal(Kind.SCENARIO, 1, 1000)]) == ["", ""]
        # The rebuild comes later with what it read before: the newer one stays, the removed one stays away.
        own.backend.fill_next([entry(900, 4, "older"), entry(1, 999, "older")])
        assert own.backend.versions_next(Kind.SCENARIO) == {900: 5}
        own.backend.swap()
        assert own.backend.versions(Kind.SCENARIO) == {900: 5}
        assert ids_of_scenarios(own, "newer") == [900]


def ids_of_scenarios(site: Opened, text: str) -> list[int]:
    return [hit.thing_id for hit in site.index.search(SearchQuery(text=text, kind=Kind.SCENARIO, mode=Mode.LEXICAL)).hits]


def test_a_rebuild_that_begins_or_ends_during_a_write_misses_nothing(own: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    with another_process(own) as other:
        real = other._indices._send
        events = iter([own.backend.begin_next, own.backend.swap])

        def send(writes: Sequence[tuple[Entry, str]]) -> object:
            outcome = real(writes)
            next(events, lambda: None)()
            return outcome

        monkeypatch.setattr(other._indices, "_send", send)
        assert other.apply([entry(900, 5, "newer")]) == [""]
    assert own.backend.versions(Kind.SCENARIO) == {900: 5}


def test_of_two_rebuilds_the_later_one_wins(own: Opened, opensearch_server: OpenSearchServer) -> None:
    with another_process(own) as other:
        own.backend.begin_next()
        other.begin_next()
        with pytest.raises(EngineError, match="另一个进程"):
            own.backend.swap()
        own.backend.abandon_next()
        other.fill_next([entry(900, 1, "word")])
        other.swap()
    assert own.backend.versions(Kind.SCENARIO) == {900: 1}
    assert len(names(opensearch_server, own)) == len(Kind)


def test_an_index_of_another_form_answers_until_the_new_one_takes_its_place(own: Opened) -> None:
    embeddings = EmbeddingStore(OtherEmbedder(), own.database)
    with pytest.raises(IndexBroken, match="重建"):
        open_for_reading(own.url, own.folder, embeddings)
    told: list[str] = []
    found: list[int] = []
    backend = open_for_writing(
        own.url,
        own.folder,
        embeddings,
        own.database,
        labels,
        told=told.append,
        progress=lambda done, total: found.append(len(ids(own, "密封点"))),
    )
    assert "重建" in told[0]
    assert found
    assert all(found)
    assert Index(backend, embeddings).search(SearchQuery(text="密封点")).hits
    # The process of the former form notices that nothing here is for it any more.
    with pytest.raises(IndexBroken, match="重建"):
        own.index.search(SearchQuery(text="密封点"))
    backend.close()
