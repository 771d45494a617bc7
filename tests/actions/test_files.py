"""Attaching: once each, within the room of the thing and of its organisation, and never forgotten."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from sqlalchemy import func, select

from marketplace.actions import files
from marketplace.actions.files import attach, note_download, supersede
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.files import Attachment, Blob, Download, Scan, find_attachments
from marketplace.records.history import HistoryEntry
from marketplace.records.jobs import Job
from marketplace.records.organisations import Organisation

NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
PERSON = Viewer(name="某人", roles=frozenset({Role.PROVIDER}))
PDF = "application/pdf"


def blob(word: str, size: int = 1000, scan: Scan = Scan.CLEAN, kind: str = PDF) -> StoredBlob:
    return StoredBlob(sha256(word.encode()).hexdigest(), size, kind, f"{word}.pdf", scan)


def put(
    database: Database, stored: StoredBlob, *, thing: int = 1, kind: str = "proof", unit: int | None = None, counted: bool = True
) -> int:
    with database.writing() as session:
        return attach(
            session, stored, noun="application", noun_id=thing, kind=kind, organisation_id=unit, viewer=PERSON, at=NOW, counted=counted
        ).id


def refused(database: Database, stored: StoredBlob, **more: int) -> Refused:
    with pytest.raises(RefusedError) as error:
        put(database, stored, **more)  # type: ignore[arg-type]
    return error.value.refused


def unit(database: Database) -> int:
    with database.writing() as session:
        row = Organisation(name="单位")
        session.add(row)
        session.flush()
        return row.id


def count(database: Database, table: type[Blob] | type[Attachment] | type[Job]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_file_is_attached_once_and_noted(database: Database) -> None:
    first = put(database, blob("执照"))
    assert put(database, blob("执照")) == first
    assert put(database, blob("执照"), kind="other") != first
    assert put(database, blob("执照"), thing=2) != first
    assert count(database, Blob) == 1
    with database.reading() as session:
        entries = session.scalars(select(HistoryEntry).order_by(HistoryEntry.id)).all()
        assert [(entry.verb, entry.noun, entry.noun_id) for entry in entries] == [
            ("attach", "application", 1), ("attach", "application", 1), ("attach", "application", 2),
        ]  # fmt: skip
        assert entries[0].after == {"file": "执照.pdf", "kind": "proof", "sha256": blob("执照").sha256, "size": 1000}
        # Its words are asked for once.
        assert session.scalars(select(Job.kind)).all() == ["read_text"]


def test_what_is_superseded_is_kept_and_counts_for_the_thing_no_longer(database: Database) -> None:
    number = put(database, blob("旧", 60 * 2**20))
    assert refused(database, blob("新", 60 * 2**20)).sentence() == "这一项的附件合计不能超过 100 MB，还可以放 40 MB。请压缩或去掉一些再传。"
    with database.writing() as session:
        row = session.get_one(Attachment, number)
        supersede(session, row, PERSON, NOW)
        supersede(session, row, PERSON, NOW)
    put(database, blob("新", 60 * 2**20))
    with database.reading() as session:
        assert [row.filename for row in find_attachments(session, "application", 1)] == ["新.pdf"]
        assert session.get_one(Attachment, number).superseded_at == NOW
        assert session.scalars(select(HistoryEntry.verb).order_by(HistoryEntry.id)).all() == ["attach", "detach", "attach"]


def test_an_organisation_has_one_gigabyte_all_in_all(database: Database) -> None:
    number = unit(database)
    for step in range(11):
        put(database, blob(f"文件 {step}", 93 * 2**20), thing=step, unit=number)
    assert refused(database, blob("多", 20 * 2**20), thing=99, unit=number).sentence() == "本单位的附件合计不能超过 1024 MB。请联系管理员。"
    # The same content elsewhere takes no more room; another organisation has its own; a letter of the platform does not count.
    put(database, blob("多", 20 * 2**20), thing=99, unit=unit(database))
    put(database, blob("文书", 20 * 2**20), thing=99, unit=number, counted=False)


def test_two_uploads_at_once_do_not_pass_the_limit_together(database: Database) -> None:
    number = unit(database)
    for step in range(10):
        put(database, blob(f"文件 {step}", 100 * 2**20), thing=step, unit=number)
    start, outcomes = threading.Barrier(6), []

    def bring(step: int) -> None:
        start.wait()
        try:
            put(database, blob(f"同时 {step}", 20 * 2**20), thing=100 + step, unit=number)
            outcomes.append("taken")
        except RefusedError as error:
            outcomes.append(error.refused.code)

    threads = [threading.Thread(target=bring, args=(step,)) for step in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["organisation_full"] * 5 + ["taken"]


def test_many_bring_the_same_content_at_once(database: Database) -> None:
    start, outcomes = threading.Barrier(8), []

    def bring(step: int) -> None:
        start.wait()
        outcomes.append(put(database, blob("同一个"), thing=step))

    threads = [threading.Thread(target=bring, args=(step,)) for step in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(outcomes)) == 8
    assert count(database, Blob) == 1


def test_a_pending_file_asks_for_its_scan_and_a_clean_one_answers_for_it(database: Database) -> None:
    put(database, blob("等", scan=Scan.PENDING))
    put(database, blob("等", scan=Scan.PENDING), thing=2)
    with database.reading() as session:
        assert session.scalars(select(Job.kind).order_by(Job.id)).all() == ["scan", "read_text"]
    put(database, blob("等", scan=Scan.CLEAN), thing=3)
    with database.reading() as session:
        assert session.get_one(Blob, blob("等").sha256).scan is Scan.CLEAN
    # What was found clean is not made doubtful by a scanner that is away.
    put(database, blob("等", scan=Scan.PENDING), thing=4)
    with database.reading() as session:
        assert session.get_one(Blob, blob("等").sha256).scan is Scan.CLEAN


def test_a_picture_has_no_words_to_be_read(database: Database) -> None:
    put(database, blob("照片", kind="image/png"))
    assert count(database, Job) == 0


def test_a_download_is_noted(database: Database) -> None:
    number = put(database, blob("执照"))
    with database.writing() as session:
        note_download(session, number, viewer=PERSON, address="192.0.2.1", at=NOW)
    with database.reading() as session:
        row = session.scalars(select(Download)).one()
        assert (row.attachment_id, row.account_id, row.address, row.at) == (number, None, "192.0.2.1", NOW)


def test_the_limits_are_those_of_the_house() -> None:
    assert (files.MOST_OF_A_THING, files.MOST_OF_AN_ORGANISATION) == (100 * 2**20, 2**30)
