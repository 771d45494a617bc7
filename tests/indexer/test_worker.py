"""From the queue to the index: publish → found, late writes, failures, crashes, differences, rebuilding."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from indexer.backends import Change, EngineError, Entry, Removal
from indexer.embedding import EmbeddingStore
from indexer.opening import open_for_writing
from indexer.query import Kind, Mode, SearchQuery
from indexer.rebuild import rebuild
from indexer.reconcile import enqueue_everything, find_differences, reconcile
from indexer.search import Index
from indexer.worker import ATTEMPTS, Worker
from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import ProviderState
from marketplace.domain.solutions import SolutionState
from marketplace.records.database import Database
from marketplace.records.index_queue import QueuedThing, count_pending, enqueue
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution
from tests.indexer.conftest import Opened
from tests.indexer.corpus import HashedEmbedder, labels

NEW_TITLE = "搪玻璃反应釜釜盖密封面在线修复"


def publish(database: Database, title: str = NEW_TITLE) -> int:
    with database.writing() as session:
        row = Solution(provider_id=1, title=title, sectors=["chem"], summary="不拆釜，三天恢复生产。", source_ref=title)
        session.add(row)
        session.flush()
        enqueue(session, "solution", [row.id])
        return row.id


def change(database: Database, thing_id: int, **values: object) -> None:
    with database.writing() as session:
        row = session.get_one(Solution, thing_id)
        for name, value in values.items():
            setattr(row, name, value)
        enqueue(session, "solution", [thing_id])


def ids(site: Opened, text: str) -> list[int]:
    return [hit.thing_id for hit in site.index.search(SearchQuery(text=text, mode=Mode.LEXICAL)).hits]


def differences(site: Opened) -> set[int]:
    return {thing_id for found in find_differences(site.database, site.backend) for thing_id in found.ids}


def test_publish_change_withdraw(own: Opened) -> None:
    thing_id = publish(own.database)
    own.worker.drain()
    assert ids(own, "搪玻璃")[0] == thing_id
    change(own.database, thing_id, title="离心机主轴修复")
    own.worker.drain()
    assert thing_id not in ids(own, "搪玻璃")
    assert ids(own, "离心机主轴")[0] == thing_id
    change(own.database, thing_id, state=SolutionState.WITHDRAWN)
    own.worker.drain()
    assert thing_id not in ids(own, "离心机主轴")
    assert not differences(own)


def test_published_is_found_within_a_second(own: Opened) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=own.worker.run, args=(stop,))
    thread.start()
    try:
        waits = []
        for number in range(6):
            thing_id = publish(own.database, f"新方案{number}：釜盖{number}号密封")
            started = time.monotonic()
            while thing_id not in ids(own, f"釜盖{number}号") and time.monotonic() - started < 20:
                time.sleep(0.02)
            waits.append(time.monotonic() - started)
        # The figure itself is measured by the benchmark; here a busy machine is given room.
        assert sorted(waits)[len(waits) // 2] < 5
    finally:
        stop.set()
        thread.join()


def test_an_older_version_never_replaces_a_newer_one(own: Opened) -> None:
    def entry(version: int, word: str) -> Entry:
        return Entry(Kind.SCENARIO, 900, version, title=word, tokens={"words": (word,)}, audience=("public",))

    def held() -> list[int]:
        page = own.index.search(SearchQuery(text="newer", kind=Kind.SCENARIO, mode=Mode.LEXICAL))
        return [hit.thing_id for hit in page.hits]

    assert own.backend.apply([entry(5, "newer")]) == [""]
    assert own.backend.apply([entry(4, "older")]) == [""]
    own.backend.refresh()
    assert held() == [900]
    own.backend.apply([Removal(Kind.SCENARIO, 900, 4)])
    own.backend.refresh()
    assert held() == [900]
    own.backend.apply([Removal(Kind.SCENARIO, 900, 6)])
    own.backend.refresh()
    own.backend.apply([entry(5, "newer")])
    own.backend.refresh()
    assert held() == []
    assert 900 not in own.backend.versions(Kind.SCENARIO)


def test_a_retired_provider_leaves_with_all_it_has(own: Opened) -> None:
    with own.database.writing() as session:
        provider = session.get_one(Provider, 1)
        provider.state = ProviderState.RETIRED
        solutions = [row.id for row in session.query(Solution).filter_by(provider_id=1)]
        enqueue(session, "solution", solutions)
        enqueue(session, "provider", [1])
    own.worker.drain()
    assert not set(solutions) & own.backend.versions(Kind.SOLUTION).keys()
    assert 1 not in own.backend.versions(Kind.PROVIDER)


def test_a_solved_problem_is_no_longer_shown_to_providers(own: Opened) -> None:
    query = SearchQuery(kind=Kind.PROBLEM, audience=frozenset({"public", "provider"}), size=100)
    before = {hit.thing_id for hit in own.index.search(query).hits}
    with own.database.writing() as session:
        session.get_one(Problem, min(before)).state = ProblemState.SOLVED
        enqueue(session, "problem", before)
    own.worker.drain()
    assert {hit.thing_id for hit in own.index.search(query).hits} == before - {min(before)}


def test_a_change_while_indexing_is_not_lost(own: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    thing_id = publish(own.database)
    real = own.backend.refresh

    def refresh() -> None:
        monkeypatch.setattr(own.backend, "refresh", real)
        change(own.database, thing_id, title="改过的标题：液环泵")
        real()

    monkeypatch.setattr(own.backend, "refresh", refresh)
    own.worker.step()
    with own.database.reading() as session:
        assert count_pending(session) == 1
    own.worker.drain()
    assert ids(own, "液环泵") == [thing_id]


def test_a_failing_thing_is_parked_with_its_error_and_woken_by_a_change(own: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    thing_id = publish(own.database)
    real = own.backend.apply

    def apply(changes: Sequence[Change]) -> list[str]:
        return ["盘坏了" if one.thing_id == thing_id else answer for one, answer in zip(changes, real(changes), strict=True)]

    monkeypatch.setattr(own.backend, "apply", apply)
    for _ in range(ATTEMPTS + 2):
        own.worker.step()
        with own.database.writing() as session:
            session.query(QueuedThing).update({"lease_until": None})
    with own.database.reading() as session:
        row = session.get_one(QueuedThing, ("solution", thing_id))
        assert (row.attempts, row.error) == (ATTEMPTS, "盘坏了")
    monkeypatch.setattr(own.backend, "apply", real)
    change(own.database, thing_id, title=NEW_TITLE)
    own.worker.drain()
    assert ids(own, "搪玻璃")[0] == thing_id


def test_an_engine_that_cannot_commit_keeps_what_it_had(own: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ids(own, "密封点")
    monkeypatch.setattr(own.backend, "refresh", lambda: (_ for _ in ()).throw(EngineError("磁盘满了")))
    publish(own.database)
    own.worker.step()
    assert ids(own, "密封点") == before
    with own.database.reading() as session:
        assert count_pending(session) == 1


@pytest.mark.parametrize(("failures", "left"), [(1, 0), (99, 1)])
def test_draining_outlasts_a_moment_without_the_engine(own: Opened, monkeypatch: pytest.MonkeyPatch, failures: int, left: int) -> None:
    """It ended quietly at the first timeout of a busy machine, with most things still waiting."""
    real, rest = own.backend.refresh, [EngineError("没有在规定时间内回答")] * failures

    def refresh() -> None:
        if rest:
            raise rest.pop()
        real()

    monkeypatch.setattr(own.backend, "refresh", refresh)
    thing_id = publish(own.database)
    own.worker.drain()
    with own.database.reading() as session:
        assert count_pending(session) == left
    assert left or ids(own, "搪玻璃")[0] == thing_id


def test_reconciling_finds_what_the_queue_never_heard_of(own: Opened) -> None:
    with own.database.writing() as session:
        session.add(Solution(provider_id=1, title=NEW_TITLE, sectors=["chem"], source_ref="x"))
        session.get_one(Solution, 2).state = SolutionState.BLOCKED
    found = {row.kind: row for row in reconcile(own.database, own.backend)}
    assert len(found[Kind.SOLUTION].missing) == 1
    assert found[Kind.SOLUTION].surplus == {2}
    own.worker.drain()
    assert not differences(own)


def test_rebuilding_while_changes_arrive_and_searches_go_on(own: Opened) -> None:
    stop, wrong = threading.Event(), []

    def search() -> None:
        while not stop.is_set():
            if not ids(own, "密封点"):
                wrong.append("nothing found")

    worker = threading.Thread(target=own.worker.run, args=(stop,))
    reader = threading.Thread(target=search)
    worker.start()
    reader.start()
    told: list[tuple[int, int]] = []
    published = [publish(own.database, f"重建中发布{number}") for number in range(3)]
    rebuild(own.database, own.backend, own.embeddings, labels, lambda done, total: told.append((done, total)))
    published += [publish(own.database, f"重建后发布{number}") for number in range(3)]
    stop.set()
    worker.join()
    reader.join()
    own.worker.drain()
    assert not wrong
    assert told[-1][0] == told[-1][1]
    assert set(published) <= own.backend.versions(Kind.SOLUTION).keys()
    assert not differences(own)


def test_a_failing_rebuild_leaves_the_old_index(own: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    before = own.backend.versions(Kind.SOLUTION)

    def fail(changes: object) -> None:
        raise EngineError("磁盘满了")

    monkeypatch.setattr(own.backend, "fill_next", fail)
    with pytest.raises(EngineError):
        rebuild(own.database, own.backend, own.embeddings, labels)
    assert own.backend.versions(Kind.SOLUTION) == before
    assert ids(own, "密封点")


def test_everything_can_be_asked_for_again(own: Opened) -> None:
    count = enqueue_everything(own.database)
    assert own.worker.drain() == count
    assert not differences(own)


CRASHING = """
import sys
from pathlib import Path
from indexer.embedding import EmbeddingStore
from indexer.opening import open_for_writing
from indexer.worker import Worker
from marketplace.records.database import Database
from tests.indexer.corpus import HashedEmbedder, labels
folder = Path(sys.argv[1])
database = Database(f"sqlite:///{folder / 'jigai.db'}")
embeddings = EmbeddingStore(HashedEmbedder(), database)
worker = Worker(database, open_for_writing(sys.argv[2], folder, embeddings, database, labels), embeddings, labels)
print("ready", flush=True)
while True:
    worker.step(batch=2)
"""


def test_killed_workers_lose_nothing(own: Opened, tmp_path: Path) -> None:
    own.backend.close()
    wanted = {}
    for number in range(2):
        for place in range(4):
            title = f"方案{10 * number + place:03d}x"
            wanted[publish(own.database, title)] = title
        enqueue_everything(own.database)
        with subprocess.Popen(
            [sys.executable, "-c", CRASHING, str(tmp_path), own.url], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.05 + 0.2 * number)
            os.kill(process.pid, signal.SIGKILL)
        with own.database.writing() as session:
            # What the dead one had leased would wait for its lease to end.
            session.query(QueuedThing).update({"lease_until": None})
    embeddings = EmbeddingStore(HashedEmbedder(), own.database)
    backend = open_for_writing(own.url, tmp_path, embeddings, own.database, labels)
    Worker(own.database, backend, embeddings, labels).drain()
    held = backend.versions(Kind.SOLUTION)
    with own.database.reading() as session:
        versions = {row.thing_id: (row.wanted, row.indexed) for row in session.query(QueuedThing).filter_by(kind="solution")}
    assert {thing_id: held[thing_id] for thing_id in wanted} == {thing_id: versions[thing_id][0] for thing_id in wanted}
    assert all(wanted_version == indexed for wanted_version, indexed in versions.values())
    index = Index(backend, embeddings)
    for thing_id, title in wanted.items():
        page = index.search(SearchQuery(text=title, mode=Mode.LEXICAL))
        assert page.hits[0].thing_id == thing_id
    backend.close()
