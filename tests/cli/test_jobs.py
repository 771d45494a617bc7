"""Jobs in real processes: `jigai worker` does them, and so does `jigai serve` unless it is told otherwise."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime
from pathlib import Path

from marketplace.actions.jobs import enqueue_job
from marketplace.records.database import Database
from tests.cli.test_serve import Server
from tests.cli.test_worker import ended, started


def mailed(folder: Path, subject: str, *, seconds: float = 60) -> bool:
    """Ask for a mail, and whether it lay in the outbox in time."""
    database = Database(f"sqlite:///{folder / 'jigai.db'}")
    with database.writing() as session:
        key = enqueue_job(session, "send_mail", {"to": "a@example.cn", "subject": subject, "body": "正文"}, at=datetime.now(UTC)).public_id
    database.close()
    path, end = folder / "outbox" / f"{key}jigai.eml", time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return path.exists()


def test_the_worker_does_jobs(own_folder: Path) -> None:
    worker = started(own_folder)
    try:
        assert mailed(own_folder, "一")
        ended(worker, signal.SIGTERM)
    finally:
        if worker.poll() is None:
            worker.kill()
            worker.communicate()


def test_the_server_does_jobs_unless_it_is_told_otherwise(own_folder: Path) -> None:
    server = Server(own_folder, JIGAI_DEMO="1")
    try:
        assert mailed(own_folder, "一")
    finally:
        server.stop()
    server = Server(own_folder, JIGAI_DEMO="1", JIGAI_WORKER="0")
    try:
        assert not mailed(own_folder, "二", seconds=3)
    finally:
        server.stop()
