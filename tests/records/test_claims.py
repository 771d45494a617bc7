"""Several workers on one PostgreSQL: no thing is anybody's twice, a killed worker's things are taken over, a call wakes.

The engine here writes down what it is given, in a table of the same database; what it would answer is not the matter.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from indexer.backends import Change, EngineError
from indexer.embedding import EmbeddingStore
from indexer.leases import Leases
from indexer.worker import Worker
from marketplace.records.database import Database
from marketplace.records.index_queue import QueuedThing, count_pending, enqueue, find_longest_wait
from tests.conftest import NOW, PostgreSQL
from tests.indexer.corpus import HashedEmbedder, labels

ROOT = Path(__file__).parents[2]
THINGS = 500


class NotingEngine:
    """Notes every change with the name of the worker that brought it."""

    def __init__(self, database: Database, worker: str, *, pause: float = 0.0, hangs: bool = False, away: bool = False) -> None:
        self.database, self.worker, self.pause, self.hangs, self.away = database, worker, pause, hangs, away

    def apply(self, changes: Sequence[Change]) -> list[str]:
        if self.hangs:
            print("holds", len(changes), flush=True)
            threading.Event().wait()
        if self.away:
            raise EngineError("连接不上")
        rows = [{"id": change.thing_id, "version": change.version, "worker": self.worker} for change in changes]
        with self.database.engine.begin() as connection:
            connection.execute(text("INSERT INTO noted VALUES (:id, :version, :worker)"), rows)
        time.sleep(self.pause)
        return [""] * len(changes)

    def refresh(self) -> None:
        """What is noted is there."""


def worker_of(url: str, name: str, *, lease: float = 60, **engine: object) -> Worker:
    database = Database(url)
    backend = NotingEngine(database, name, **engine)  # type: ignore[arg-type]
    return Worker(database, backend, EmbeddingStore(HashedEmbedder()), labels, lease=timedelta(seconds=lease))  # type: ignore[arg-type]


def work(url: str, name: str, *, hangs: bool = False) -> None:
    """The life of a worker process in these tests: until nothing is due."""
    worker = worker_of(url, name, pause=0.02, hangs=hangs, lease=2)
    print("ready", flush=True)
    sys.stdin.readline()
    while worker.step(batch=16):
        pass
    worker.database.close()


def started(url: str, name: str, **values: object) -> subprocess.Popen[str]:
    code = f"from tests.records.test_claims import work; work({url!r}, {name!r}, **{values!r})"
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def let_go(processes: Sequence[subprocess.Popen[str]]) -> None:
    """All at once, when all are ready."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


@pytest.fixture
def shared(postgresql: PostgreSQL) -> Iterator[Database]:
    database = Database(postgresql.create())
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE noted (id bigint, version bigint, worker text)"))
    yield database
    database.close()


def ask_for(database: Database, count: int) -> None:
    with database.writing() as session:
        enqueue(session, "solution", range(1, count + 1))


def noted(database: Database) -> list[tuple[int, int, str]]:
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM noted"))]  # type: ignore[misc]


def pending(database: Database) -> int:
    with database.reading() as session:
        return count_pending(session)


def url_of(database: Database) -> str:
    return database.url


def until(happened: object, seconds: float) -> float:
    """How long it took until `happened()`."""
    began = time.monotonic()
    while not happened():  # type: ignore[operator]
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
    return time.monotonic() - began


def test_two_processes_do_each_thing_once(shared: Database) -> None:
    ask_for(shared, THINGS)
    processes = [started(url_of(shared), name) for name in ("first", "second")]
    let_go(processes)
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    rows = noted(shared)
    assert sorted(row[0] for row in rows) == list(range(1, THINGS + 1))
    assert {row[2] for row in rows} == {"first", "second"}
    assert pending(shared) == 0


def test_eight_threads_never_hold_one_thing_together(shared: Database) -> None:
    ask_for(shared, THINGS)
    held: list[tuple[str, int]] = []

    def take() -> None:
        leases = Leases(shared)
        while things := leases.take(10).things:
            held.extend(thing.key for thing in things)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A round that found every due row locked by others ends a thread early, never doubles a thing.
    assert len(held) == len(set(held))
    assert len(held) + Leases(shared).count_due() == THINGS


def test_the_things_of_a_killed_worker_are_taken_over(shared: Database) -> None:
    ask_for(shared, 20)
    process = started(url_of(shared), "killed", hangs=True)
    let_go([process])
    assert process.stdout is not None
    assert process.stdout.readline() == "holds 16\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    heir = worker_of(url_of(shared), "heir")
    assert heir.step() == 4
    assert heir.step() == 0
    assert 0 < (heir.leases.seconds_to_next() or 0) < 2
    until(lambda: heir.step() == 16, 10)
    assert sorted(row[0] for row in noted(shared)) == list(range(1, 21))
    assert pending(shared) == 0
    heir.database.close()


def test_who_comes_late_writes_nothing(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_for(shared, 1)
    late, other = worker_of(url_of(shared), "late", lease=0.3), worker_of(url_of(shared), "other")
    real = late._documents

    def slow(leased: object) -> object:
        documents = real(leased)  # type: ignore[arg-type]
        # Longer than its lease lasts; meanwhile the thing changes, and another worker writes it.
        time.sleep(0.4)
        ask_for(shared, 1)
        assert other.step() == 1
        return documents

    monkeypatch.setattr(late, "_documents", slow)
    late.step()
    assert noted(shared) == [(1, 2, "other")]
    with shared.reading() as session:
        row = session.scalars(select(QueuedThing)).one()
        assert (row.wanted, row.indexed, row.lease_until) == (2, 2, None)
    late.database.close()
    other.database.close()


def test_who_settles_late_takes_no_lease_from_another(database: Database) -> None:
    with database.writing() as session:
        enqueue(session, "solution", [1])
    leases = Leases(database)
    first = leases.take(8)
    with database.writing() as session:
        enqueue(session, "solution", [1])
    second = leases.take(8)
    assert [thing.version for thing in (*first.things, *second.things)] == [1, 2]
    leases.settle(first, {first.things[0]: ""})
    leases.give_back(first, first.things)
    assert leases.take(8).things == []
    leases.renew(first)
    assert first.things == []
    leases.settle(second, {second.things[0]: ""})
    with database.reading() as session:
        row = session.scalars(select(QueuedThing)).one()
        assert (row.wanted, row.indexed, row.lease_until) == (2, 2, None)


def test_renewing_holds_on(database: Database) -> None:
    with database.writing() as session:
        enqueue(session, "solution", [1])
    leases = Leases(database, timedelta(seconds=0.6))
    lease = leases.take(8)
    for _ in range(4):
        time.sleep(0.3)
        assert leases.is_ageing(lease)
        leases.renew(lease)
        assert Leases(database).take(8).things == []
    assert len(lease.things) == 1


def test_an_engine_that_is_away_parks_nothing(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE noted (id bigint, version bigint, worker text)")
    ask_for(database, 3)
    worker = worker_of(url_of(database), "one", away=True)
    for _ in range(12):
        assert worker.step() == 0
    with database.reading() as session:
        assert {(row.attempts, row.error, row.lease_until) for row in session.scalars(select(QueuedThing))} == {(0, "连接不上", None)}
    worker.backend.away = False  # type: ignore[attr-defined]
    assert worker.step() == 3
    assert pending(database) == 0
    worker.database.close()


def test_the_oldest_wait_begins_with_the_first_change(database: Database) -> None:
    ask_for(database, 2)
    early = NOW - timedelta(minutes=5)
    with database.writing() as session:
        session.get_one(QueuedThing, ("solution", 1)).waiting_since = early
    ask_for(database, 2)
    with database.reading() as session:
        assert find_longest_wait(session, NOW) == timedelta(minutes=5)
    with database.writing() as session:
        session.get_one(QueuedThing, ("solution", 1)).indexed = 2
    ask_for(database, 1)
    with database.reading() as session:
        since = session.get_one(QueuedThing, ("solution", 1)).waiting_since
    assert since is not None
    assert since > early


@pytest.fixture
def running(shared: Database) -> Iterator[Database]:
    """A worker that runs in a thread and has nothing to do."""
    worker, stop = worker_of(url_of(shared), "one"), threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    ask_for(shared, 1)
    until(lambda: not pending(shared), 10)
    time.sleep(0.5)
    yield shared
    stop.set()
    thread.join(3)
    assert not thread.is_alive()
    worker.database.close()


def test_a_call_wakes_a_waiting_worker(running: Database) -> None:
    waits = []
    for _ in range(5):
        count = len(noted(running))
        ask_for(running, 1)
        waits.append(until(lambda count=count: len(noted(running)) > count, 10))
        time.sleep(0.3)
    # Without the call it would look again after 30 seconds.
    assert sorted(waits)[2] < 0.5


def test_a_worker_comes_back_after_its_server(running: Database, postgresql: PostgreSQL) -> None:
    name = running.engine.url.database
    postgresql._execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    postgresql._execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    time.sleep(1.5)
    postgresql._execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    ask_for(running, 2)
    until(lambda: not pending(running), 20)
    time.sleep(1)
    count = len(noted(running))
    ask_for(running, 1)
    assert until(lambda: len(noted(running)) > count, 20) < 5
