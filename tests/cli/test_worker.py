"""`jigai worker` as a real process: one owner of an embedded index, a clean end, and readers that see what it writes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace.records.database import Database
from marketplace.records.index_queue import count_waiting, enqueue
from marketplace.records.solutions import Solution
from tests.cli.conftest import Run
from tests.cli.test_serve import Server

ROOT = Path(__file__).parents[2]


def started(folder: Path, **settings: str) -> subprocess.Popen[str]:
    """A worker that has announced itself."""
    environment = {**os.environ, "JIGAI_DATA_DIR": str(folder), **settings}
    command = [sys.executable, "-m", "marketplace.cli", "worker"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "已启动" in line, process.communicate()
    return process


@pytest.fixture
def worker(own_folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = started(own_folder)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def ended(worker: subprocess.Popen[str], number: signal.Signals) -> None:
    worker.send_signal(number)
    _out, said = worker.communicate(timeout=20)
    assert worker.returncode == 0
    assert "已停止" in said
    assert "Traceback" not in said


def test_a_second_worker_is_refused_and_the_first_ends_cleanly(run: Run, worker: subprocess.Popen[str]) -> None:
    second = run("worker")
    assert second.exit_code == 2
    assert second.stdout == ""
    assert len(second.stderr.strip().splitlines()) == 1
    assert "只能有一个进程写索引" in second.stderr
    ended(worker, signal.SIGTERM)


def title_changed(folder: Path, title: str) -> None:
    database = Database(f"sqlite:///{folder / 'jigai.db'}")
    with database.writing() as session:
        row = session.get_one(Solution, 1)
        row.title = title
        enqueue(session, "solution", [1])
    began = time.monotonic()
    while True:
        with database.reading() as session:
            if not count_waiting(session):
                break
        assert time.monotonic() - began < 20
        time.sleep(0.05)
    database.close()


def test_a_site_that_only_reads_sees_what_the_worker_writes(own_folder: Path, worker: subprocess.Popen[str]) -> None:
    server = Server(own_folder, JIGAI_DEMO="1", JIGAI_WORKER="0")
    try:
        for title in ("釜盖在线研磨甲", "滚筒轴封更换乙"):
            title_changed(own_folder, title)
            address = f"{server.address}/api/v1/search?mode=lexical&q={urllib.parse.quote(title)}"
            began = time.monotonic()
            while True:
                with urllib.request.urlopen(address, timeout=30) as answer:
                    if re.search(title, answer.read().decode()):
                        break
                assert time.monotonic() - began < 20
                time.sleep(0.2)
    finally:
        server.stop()
    ended(worker, signal.SIGINT)
