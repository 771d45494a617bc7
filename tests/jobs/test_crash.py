"""kill -9 in the middle of every kind of job, at every point at which something becomes durable: the effect is there once.

A worker in a process of its own is killed at its first, second, third … such point (before a commit, before and after a file
gets its name), until it gets through alive. After each kill another worker takes over, and everything is counted.
"""

from __future__ import annotations

import gc
import inspect
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from marketplace.actions.jobs import enqueue_job
from marketplace.actions.notices import choose_ways, notify
from marketplace.domain.access import Role
from marketplace.domain.notices import Way
from marketplace.files.scanner import Clamd
from marketplace.files.store import StoredBlob
from marketplace.jobs import daily
from marketplace.jobs.handlers import HANDLERS
from marketplace.jobs.letters import attach_paper
from marketplace.jobs.worker import JobWorker
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.records.files import Attachment, Blob
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.jobs import Job, JobState
from marketplace.records.notices import Notice
from marketplace.records.organisations import Organisation
from marketplace.site import Site
from tests.files.clamd import VIRUS, clamd
from tests.files.samples import docx
from tests.jobs.conftest import site_with
from tests.jobs.people import account, attached, provider, stored

MOST_POINTS = 40


@dataclass(frozen=True)
class Case:
    """One kind of job: what stands before it, and everything that it leaves, counted."""

    prepare: Callable[[Site], None]
    count: Callable[[Site], Any]
    expected: Any


def ask(site: Site, kind: str, **payload: Any) -> None:
    with site.database.writing() as session:
        enqueue_job(session, kind, payload, at=datetime.now(UTC))


def number_of(site: Site, *what: Any) -> int:
    with site.database.reading() as session:
        return session.scalar(select(func.count()).select_from(*what[:1]).where(*what[1:])) or 0


def _letter(site: Site) -> None:
    ask(site, "letter", letter="warning", noun="provider", id=provider(site), values={"reasons": ["超期"]})


def _mail(site: Site) -> None:
    ask(site, "send_mail", to="a@example.cn", subject="重设密码", body="正文")


def _told(site: Site, way: Way) -> None:
    people = [account(site, name, email=f"{name}@example.cn") for name in ("a", "b")]
    with site.database.writing() as session:
        for person in people:
            choose_ways(session, person, {"application": way})
        notify(session, people, "application", "已受理。", at=datetime.now(UTC))


def _digest(site: Site) -> None:
    _told(site, Way.DIGEST)
    ask(site, "mail_digests", day="2026-11-26")


def _text(site: Site) -> None:
    attached(site, docx("余热"), "a.docx", noun_id=provider(site))


def _infected(site: Site) -> None:
    account(site, "admin", role=Role.ADMIN)
    address = site.files.scanner.address  # type: ignore[attr-defined]
    site.files.scanner = Clamd("127.0.0.1:1")
    attached(site, VIRUS, "a.txt", by=account(site, "member"), noun_id=provider(site))
    with site.database.writing() as session:
        session.execute(update(Job).values(run_after=datetime.now(UTC) - timedelta(seconds=1)))
    site.files.scanner = Clamd(address)


def _unreferenced(site: Site) -> None:
    old = (datetime.now(UTC) - timedelta(days=8)).timestamp()
    for word in ("一", "二", "三"):
        blob = stored(site, word.encode(), "a.txt")
        os.utime(site.files.path(blob.sha256), (old, old))
    assert isinstance(stored(site, "新".encode(), "b.txt"), StoredBlob)
    ask(site, "collect_files")


def _make_organisation(session: Session, day: date, at: datetime) -> None:
    session.add(Organisation(name=f"每日 {day}"))


def _mails(site: Site) -> int:
    return len(list((site.settings.data_dir / "outbox").glob("*")))


def _letters(site: Site) -> tuple[int, int, int]:
    return number_of(site, Attachment), number_of(site, Blob), number_of(site, HistoryEntry, HistoryEntry.verb == "attach")


def _warnings(site: Site) -> tuple[int, int]:
    return number_of(site, HistoryEntry, HistoryEntry.verb == "quarantine"), number_of(site, Notice)


CASES: dict[str, Case] = {
    "letter": Case(_letter, _letters, (2, 2, 2)),
    "send_mail": Case(_mail, _mails, 1),
    "mail_notices": Case(lambda site: _told(site, Way.MAIL), lambda site: (_mails(site), number_of(site, Notice, Notice.mailed_at.is_(None))), (2, 0)),
    "mail_digests": Case(_digest, lambda site: (_mails(site), number_of(site, Notice, Notice.mailed_at.is_(None))), (2, 0)),
    "read_text": Case(_text, lambda site: number_of(site, Blob, Blob.text == "余热"), 1),
    "scan": Case(_infected, _warnings, (1, 2)),
    "collect_files": Case(_unreferenced, lambda site: len(list(site.files.hashes())), 1),
    "daily": Case(lambda site: ask(site, "daily", day="2026-11-26"), lambda site: number_of(site, Organisation), 2),
}  # fmt: skip


class Death:
    """Kills its process at the point of this number."""

    def __init__(self, at: int) -> None:
        self.left = at

    def point(self, *_values: Any, **_named: Any) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self, database: Database) -> None:
        event.listen(database.engine, "commit", self.point)
        real = os.replace

        def replace(*values: Any, **named: Any) -> None:
            self.point()
            real(*values, **named)
            self.point()

        os.replace = replace  # type: ignore[assignment]


def killed_at(folder: Path, pilot: Pilot, scanner: str, at: int) -> bool:
    """Whether a worker on this site was killed at this point; False: it got through before."""
    child = os.fork()
    if child == 0:
        # What earlier tests left behind waits, when it is thrown away, for threads that only the parent has.
        gc.freeze()
        try:
            site = opened(folder, pilot, scanner)
            Death(at).install(site.database)
            JobWorker(site).drain()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def opened(folder: Path, pilot: Pilot, scanner: str) -> Site:
    site = site_with(Database(f"sqlite:///{folder / 'jigai.db'}"), pilot, folder)
    site.files.scanner = Clamd(scanner)
    return site


def test_every_kind_of_job_is_tried_or_writes_in_one_transaction_only() -> None:
    """What is not tried here has one transaction, the one that ends the job: there is no point in between."""
    assert inspect.getsource(attach_paper).count("progress.finishing(") == 1
    for kind in set(HANDLERS) - set(CASES):
        source = inspect.getsource(HANDLERS[kind])
        # A paper is attached in one way, which ends the job.
        assert source.count("progress.finishing(") + source.count("attach_paper(") == 1, kind
        assert ".writing(" not in source, kind


@pytest.mark.parametrize("kind", CASES)
def test_a_kill_at_any_point_leaves_the_effect_once(
    kind: str, migrated_file: Path, pilot: Pilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[kind]
    # Two of them, so that a kill falls between.
    monkeypatch.setattr(daily, "DAILY", [_make_organisation, lambda session, day, at: _make_organisation(session, day, at)])
    kills = 0
    with clamd() as (address, _seen):
        for at in range(1, MOST_POINTS):
            folder = tmp_path / str(at)
            folder.mkdir()
            shutil.copyfile(migrated_file, folder / "jigai.db")
            site = opened(folder, pilot, address)
            case.prepare(site)
            site.database.close()
            was_killed = killed_at(folder, pilot, address, at)
            site = opened(folder, pilot, address)
            with site.database.writing() as session:
                running = session.scalars(select(Job.id).where(Job.state == JobState.RUNNING)).all()
                assert len(running) <= 1
                session.execute(
                    update(Job).where(Job.state == JobState.RUNNING).values(lease_until=datetime.now(UTC) - timedelta(seconds=1))
                )
            JobWorker(site).drain()
            with site.database.reading() as session:
                assert {job.state for job in session.scalars(select(Job))} == {JobState.DONE}
                assert find_broken_link(session) is None
            assert case.count(site) == case.expected, f"killed at point {at}"
            site.database.close()
            shutil.rmtree(folder)
            if not was_killed:
                break
            kills += 1
        else:
            pytest.fail("the worker never got through")
    # Taking the job and ending it are two points at least.
    assert kills >= 2
