"""What each kind of job does: letters, scans, words of documents, the day's work, files that nothing speaks of."""

from __future__ import annotations

import io
import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pypdfium2
import pytest
import time_machine
from docx import Document
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from marketplace.actions.jobs import enqueue_job
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import RefusedError
from marketplace.files.scanner import Clamd
from marketplace.files.store import BlobStore
from marketplace.jobs import daily
from marketplace.jobs.daily import DAILY, ask_when_due, name_of
from marketplace.jobs.handlers import HANDLERS
from marketplace.jobs.worker import JobWorker
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.records.files import Attachment, Blob, Scan, find_attachments
from marketplace.records.history import HistoryEntry
from marketplace.records.index_queue import QueuedThing
from marketplace.records.jobs import Job, JobState
from marketplace.records.notices import Notice
from marketplace.records.schedules import Schedule
from marketplace.site import Site
from tests.files.clamd import VIRUS, clamd
from tests.files.samples import docx
from tests.jobs.conftest import site_with
from tests.jobs.people import account, attached, provider, stored

NOW = datetime(2026, 11, 25, 16, 30, tzinfo=UTC)


def jobs(site: Site, kind: str) -> list[tuple[JobState, str]]:
    with site.database.reading() as session:
        return [(job.state, job.error) for job in session.scalars(select(Job).where(Job.kind == kind).order_by(Job.id))]


def blob(site: Site, sha256: str) -> Blob | None:
    with site.database.reading() as session:
        found = session.get(Blob, sha256)
        if found is not None:
            session.expunge(found)
        return found


def ask(site: Site, kind: str, **payload: object) -> None:
    with site.database.writing() as session:
        enqueue_job(session, kind, payload, at=datetime.now(UTC))


# Letters


def test_a_letter_is_written_in_word_and_pdf_and_attached(site: Site) -> None:
    number = provider(site)
    values = {"reasons": ["项目 XM-3 超期 40 天", "<b>两次</b>未答复 {company}"], "until": "2026-12-15"}
    with time_machine.travel(NOW, tick=False):
        ask(site, "letter", letter="rectification", noun="provider", id=number, values=values)
    JobWorker(site).drain()
    assert jobs(site, "letter") == [(JobState.DONE, "")]
    with site.database.reading() as session:
        found = find_attachments(session, "provider", number)
        assert [(row.kind, row.is_public, row.blob.scan) for row in found] == [("letter", False, Scan.CLEAN)] * 2
        assert [Path(row.filename).suffix for row in found] == [".docx", ".pdf"]
        assert all(row.organisation_id is not None and row.filename.startswith("限期整改通知书-FW-2026-") for row in found)
        word, pdf = (site.files.path(row.sha256).read_bytes() for row in found)
        assert session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "provider")).all() == ["attach"] * 2
    texts = "\n".join(line.text for line in Document(io.BytesIO(word)).paragraphs)
    page = pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_bounded()
    for text in (texts, page.replace("\r\n", "")):
        assert "限期整改通知书" in text
        assert "天津某某（示例）科技有限公司：" in text
        assert "2. <b>两次</b>未答复 {company}" in text
        assert "请在 2026-12-15 24:00 前完成整改" in text
        # Half past midnight in the pilot is the next day there.
        assert "2026年11月26日" in text


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ({"letter": "none", "noun": "provider"}, "没有“none”这种文书"),
        ({"letter": "../../pilot", "noun": "provider"}, "没有“../../pilot”这种文书"),
        ({"letter": "rectification", "noun": "provider"}, "文书缺少内容：reasons"),
        ({"letter": "warning", "noun": "nothing"}, "不知道怎样给“nothing”写文书。"),
    ],
)
def test_a_letter_that_cannot_be_written_is_given_up_with_its_reason(site: Site, payload: dict[str, str], sentence: str) -> None:
    ask(site, "letter", **payload, id=provider(site))
    JobWorker(site).drain()
    assert jobs(site, "letter") == [(JobState.DEAD, sentence)]


# Scans and words


def test_words_are_read_and_the_thing_is_indexed_again(site: Site) -> None:
    number = provider(site)
    sha256 = attached(site, docx("退火炉余热回收装置"), "说明.docx", noun_id=number)
    JobWorker(site).drain()
    found = blob(site, sha256)
    assert found is not None
    assert found.text == "退火炉余热回收装置"
    with site.database.reading() as session:
        assert session.scalars(select(QueuedThing.thing_id).where(QueuedThing.kind == "provider")).all() == [number]


def test_a_file_waits_for_a_scanner_that_is_away(database: Database, pilot: Pilot, tmp_path: Path) -> None:
    with clamd() as (address, _seen):
        pass
    site = site_with(database, pilot, tmp_path / "data", clamd=address)
    site.files.scanner = Clamd(address, seconds=2)
    admin = account(site, "admin", role=Role.ADMIN)
    sha256 = attached(site, docx("余热"), "说明.docx", noun_id=provider(site))
    JobWorker(site).drain()
    # It is neither given out nor opened, and its job has lost no attempt.
    found = blob(site, sha256)
    assert found is not None
    assert (found.scan, found.text) == (Scan.PENDING, None)
    assert jobs(site, "scan") == [(JobState.WAITING, "病毒扫描没有答复")]
    assert notices(site, admin) == []
    with site.database.writing() as session:
        session.execute(update(Blob).values(created=datetime.now(UTC) - timedelta(minutes=16)))
    for _round in range(3):
        due(site)
        JobWorker(site).drain()
    [told] = notices(site, admin)
    assert "病毒扫描已超过 15 分钟没有答复，1 个文件在等" in told
    with clamd(port=int(address.rpartition(":")[2])):
        due(site)
        JobWorker(site).drain()
    found = blob(site, sha256)
    assert found is not None
    assert (found.scan, found.text) == (Scan.CLEAN, "余热")


def test_a_file_found_infected_later_is_put_aside_and_told(database: Database, pilot: Pilot, tmp_path: Path) -> None:
    site = site_with(database, pilot, tmp_path / "data")
    site.files.scanner = Clamd("127.0.0.1:1")
    admin, member = account(site, "admin", role=Role.ADMIN), account(site, "member")
    sha256 = attached(site, "说明".encode() + VIRUS, "说明.txt", by=member, noun_id=provider(site))
    with clamd() as (address, _seen):
        site.files.scanner = Clamd(address)
        due(site)
        JobWorker(site).drain()
    found = blob(site, sha256)
    assert found is not None
    assert found.scan is Scan.INFECTED
    assert [len(notices(site, person)) for person in (admin, member)] == [1, 1]
    with site.database.reading() as session:
        assert "quarantine" in session.scalars(select(HistoryEntry.verb)).all()
    # The same content brought again is known for what it is.
    site.files.scanner = Clamd("127.0.0.1:1")
    with pytest.raises(RefusedError):
        attached(site, "说明".encode() + VIRUS, "说明.txt", by=member, noun_id=1)


def due(site: Site) -> None:
    with site.database.writing() as session:
        session.execute(update(Job).where(Job.state == JobState.WAITING).values(run_after=datetime.now(UTC) - timedelta(seconds=1)))


def notices(site: Site, person: int) -> list[str]:
    with site.database.reading() as session:
        return [row.sentence for row in session.scalars(select(Notice).where(Notice.account_id == person))]


# The day's work. A server has a clock of its own, which no test can turn; a file has ours.


@pytest.fixture
def sqlite_site(sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> Site:
    return site_with(sqlite_database, pilot, tmp_path / "data")


def test_the_day_begins_once_at_the_pilot_s_midnight(sqlite_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site = sqlite_site
    seen: list[date] = []

    def note(session: Session, day: date, at: datetime) -> None:
        seen.append(day)

    monkeypatch.setattr(daily, "DAILY", [note])
    # 23:59 and 00:01 in Tianjin.
    for moment in (datetime(2026, 11, 25, 15, 59, tzinfo=UTC), datetime(2026, 11, 25, 16, 1, tzinfo=UTC)):
        with time_machine.travel(moment, tick=False):
            assert ask_when_due(site, moment)
            assert not ask_when_due(site, moment)
            JobWorker(site).drain()
    assert seen == [date(2026, 11, 25), date(2026, 11, 26)]
    # Three days later, after a pause of the site, it is done once, for that day.
    with time_machine.travel(datetime(2026, 11, 29, 3, tzinfo=UTC), tick=False) as clock:
        assert ask_when_due(site, datetime.now(UTC))
        clock.shift(timedelta(minutes=5))
        JobWorker(site).drain()
    assert seen[2:] == [date(2026, 11, 29)]


def test_one_that_fails_keeps_no_other_from_it_and_is_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def fails(session: Session, day: date, at: datetime) -> None:
        session.add(Schedule(name="half"))
        session.flush()
        if not done.count("failed"):
            done.append("failed")
            raise ValueError("一次")
        done.append("mended")

    def works(session: Session, day: date, at: datetime) -> None:
        done.append("works")

    monkeypatch.setattr(daily, "DAILY", [fails, works])
    ask_when_due(site, datetime.now(UTC))
    JobWorker(site).drain()
    assert done == ["failed", "works"]
    with site.database.reading() as session:
        assert session.get(Schedule, "half") is None
        assert session.get(Schedule, name_of(fails)) is None
    due(site)
    JobWorker(site).drain()
    assert done == ["failed", "works", "mended"]


def test_the_house_s_own_daily_work(sqlite_site: Site) -> None:
    site = sqlite_site
    with time_machine.travel(datetime(2026, 11, 25, 16, 5, tzinfo=UTC), tick=False) as clock:
        ask_when_due(site, datetime.now(UTC))
        JobWorker(site).drain()
        assert jobs(site, "daily") == [(JobState.DONE, "")]
        assert jobs(site, "collect_files") == [(JobState.DONE, "")]
        # Five past midnight is no time for a mail: the digest waits for eight in the morning.
        assert jobs(site, "mail_digests") == [(JobState.WAITING, "")]
        clock.shift(timedelta(hours=8))
        JobWorker(site).drain()
        assert jobs(site, "mail_digests") == [(JobState.DONE, "")]
    assert len({name_of(one) for one in DAILY}) == len(DAILY)


def test_what_was_done_long_ago_is_forgotten_and_what_was_given_up_is_not(site: Site) -> None:
    at = datetime.now(UTC)
    for state, days in ((JobState.DONE, 31), (JobState.DONE, 29), (JobState.DEAD, 31)):
        ask(site, "of_tomorrow")
        with site.database.writing() as session:
            session.execute(update(Job).where(Job.ended.is_(None)).values(state=state, ended=at - timedelta(days=days)))
    [forget] = [one for one in DAILY if name_of(one).endswith("_forget_done_jobs")]
    with site.database.writing() as session:
        forget(session, at.date(), at)
    assert sorted(state for state, _error in jobs(site, "of_tomorrow")) == [JobState.DEAD, JobState.DONE]


def test_every_kind_that_the_house_asks_for_has_its_handler() -> None:
    assert {"daily", "letter", "mail_notices", "mail_digests", "send_mail", "scan", "read_text", "collect_files"} <= set(HANDLERS)


# Files that nothing speaks of


def test_files_without_a_thing_go_after_a_week(site: Site) -> None:
    number = provider(site)
    kept = attached(site, "留下".encode(), "a.txt", noun_id=number)
    dropped = attached(site, "没有附上".encode(), "b.txt", noun_id=number)
    never, young = stored(site, "从未附上".encode(), "c.txt").sha256, stored(site, "刚刚传上".encode(), "d.txt").sha256
    cut_off = site.files.folder / "incoming" / ("0" * 32)
    cut_off.write_bytes(b"half")
    old = datetime.now(UTC) - timedelta(days=8)
    with site.database.writing() as session:
        session.execute(delete(Attachment).where(Attachment.sha256 == dropped))
        session.execute(update(Blob).values(created=old))
    for path in [*(site.files.path(sha256) for sha256 in (kept, dropped, never)), cut_off]:
        os.utime(path, (old.timestamp(), old.timestamp()))
    ask(site, "collect_files")
    JobWorker(site).drain()
    assert sorted(site.files.hashes()) == sorted([kept, young])
    assert not cut_off.exists()
    assert blob(site, dropped) is None
    assert blob(site, kept) is not None


def test_a_file_brought_again_while_its_row_goes_stays(site: Site) -> None:
    number = provider(site)
    sha256 = attached(site, "再来".encode(), "a.txt", noun_id=number)
    with site.database.writing() as session:
        session.execute(delete(Attachment))
        session.execute(update(Blob).values(created=datetime.now(UTC) - timedelta(days=8)))
    # It came in again a moment ago, and is not attached yet.
    blob_again = stored(site, "再来".encode(), "a.txt")
    ask(site, "collect_files")
    JobWorker(site).drain()
    assert blob(site, sha256) is None
    assert list(site.files.hashes()) == [blob_again.sha256]
    assert attached(site, "再来".encode(), "a.txt", noun_id=number) == sha256
    assert BlobStore(site.files.folder).path(sha256).read_text(encoding="utf-8") == "再来"
    assert time.time() - site.files.path(sha256).stat().st_mtime < 60
