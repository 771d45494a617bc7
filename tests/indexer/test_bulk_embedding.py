"""Bulk embedding in several processes: everything that the index will need, once, and on from where a kill left it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from indexer.bulk_embedding import BATCH, embed_missing, find_missing
from indexer.embedder_error import EmbedderError
from indexer.embedding import DomainEmbedder, EmbeddingStore
from indexer.opening import open_for_writing
from indexer.query import Vector
from indexer.worker import Worker
from marketplace.app import labels_of
from marketplace.pilot import load_pilot
from marketplace.records.database import Database
from marketplace.records.embeddings import Embedding
from tests.demo_site import CACHE, share_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(rows_only: Path, tmp_path: Path) -> Path:
    """A data folder with the small corpus and no vectors."""
    shutil.copy(rows_only, tmp_path)
    share_model(tmp_path)
    DomainEmbedder(CACHE / "models").queries(["预热"])  # the graph is there before two processes ask for it
    return tmp_path


def _started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "marketplace.cli", "index", "embed", "--json", *arguments]
    surroundings = {**os.environ, "JIGAI_DATA_DIR": str(folder)}
    return subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _count(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Embedding)) or 0


def _children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(part) for part in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class _Counting(DomainEmbedder):
    """The built-in embedder; remembers what it was asked to compute."""

    computed = 0

    def queries(self, texts: Sequence[str]) -> Vector:
        self.computed += len(texts)
        return super().queries(texts)

    def passages(self, texts: Sequence[str]) -> Vector:
        self.computed += len(texts)
        return super().passages(texts)


def test_a_killed_run_is_taken_up_where_it_was(folder: Path) -> None:
    labels = labels_of(load_pilot())
    database = Database(f"sqlite:///{folder / 'jigai.db'}")
    embedder = _Counting(CACHE / "models")
    total = len(find_missing(database, embedder.space, labels))
    assert total > 6 * BATCH
    first = _started(folder, "--processes", "2")
    try:
        while _count(database) == 0:
            assert first.poll() is None, first.communicate()[1]
            time.sleep(0.02)
        children = _children(first.pid)
        assert len(children) >= 2
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
    kept = _count(database)
    assert 0 < kept < total
    # Those that computed end by themselves: nobody would ever stop them.
    end = time.monotonic() + 60
    while any(_is_alive(pid) for pid in children):
        assert time.monotonic() < end, "a process outlives the one that started it"
        time.sleep(0.05)
    assert _count(database) == kept
    for expected in (total - kept, 0):
        run = _started(folder, "--processes", "2")
        answer, said = run.communicate()
        assert run.returncode == 0, said
        assert json.loads(answer)["embedded"] == expected
        assert json.loads(answer)["space"] == embedder.space
    assert _count(database) == total
    # Nothing is left to be computed for the index, questions of problems included.
    store = EmbeddingStore(embedder, database)
    backend = open_for_writing("embedded:", folder, store, database, labels)
    assert Worker(database, backend, store, labels).drain() > 0
    assert embedder.computed == 0
    assert _count(database) == total
    backend.close()
    # What was stored under a hash is the vector of its text.
    with database.writing() as session:
        some = {row.content_hash: np.frombuffer(row.vector, "<f4") for row in session.scalars(select(Embedding).limit(3))}
        for key in some:
            session.delete(session.get(Embedding, (embedder.space, key)))
    missing = find_missing(database, embedder.space, labels)
    assert missing.keys() == some.keys()
    for key, text in missing.items():
        vector = (embedder.queries if text.role == "query" else embedder.passages)([text.text])[0]
        assert float(vector @ some[key]) > 0.999
    database.close()


def test_a_process_that_dies_is_told_and_what_was_done_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(f"sqlite:///{folder / 'jigai.db'}")
    labels = labels_of(load_pilot())
    missing = find_missing(database, "space", labels)
    heard: list[int] = []

    def kill_one(done: int, _total: int) -> None:
        heard.append(done)
        (victim,) = [pid for pid in _children(os.getpid()) if "multiprocessing.spawn" in _command(pid)]
        os.kill(victim, signal.SIGKILL)

    with pytest.raises(EmbedderError, match=r"意外结束（退出码 -9）.*会接着算"):
        embed_missing(database, "space", missing, name="builtin", folder=CACHE / "models", processes=1, progress=kill_one)
    assert heard == [BATCH]
    assert _count(database) == BATCH
    database.close()


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def test_a_model_that_cannot_be_opened_is_one_sentence(folder: Path) -> None:
    database = Database(f"sqlite:///{folder / 'jigai.db'}")
    missing = find_missing(database, "space", labels_of(load_pilot()))
    with pytest.raises(EmbedderError, match="没有模型文件夹"):
        embed_missing(database, "space", missing, name="st:/no/such/folder", folder=folder, processes=2)
    assert _count(database) == 0
    database.close()
