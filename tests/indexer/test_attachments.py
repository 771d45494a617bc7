"""What a solution's files say is found too; without files nothing changes."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from indexer.documents import ATTACHED_CHARACTERS, ATTACHED_UNITS, MAIN_CHARACTERS, attached_units, solution_document
from indexer.query import Kind, Mode, SearchQuery
from indexer.rows import documents_of
from marketplace.records.database import Database
from marketplace.records.files import Attachment, Blob, Scan
from marketplace.records.index_queue import enqueue
from marketplace.records.solutions import Solution
from tests.actions.catalogue import Pool, open_pool
from tests.conftest import NOW
from tests.indexer.conftest import Opened


def label(_kind: str, key: str) -> str:
    return key


def attach(database: Database, pool: Pool, number: int, text: str | None, **other: object) -> None:
    scan = other.pop("scan", Scan.CLEAN)
    with database.writing() as session:
        digest = f"{number:064}"
        session.add(Blob(sha256=digest, size=1, kind="application/pdf", scan=scan, text=text, created=NOW))
        session.flush()
        values = {"noun": "solution", "noun_id": pool.published, "kind": "catalogue", "filename": "a.pdf", "is_public": True, "at": NOW}
        session.add(Attachment(sha256=digest, **{**values, **other}))


def text_of(database: Database, pool: Pool) -> str:
    with database.reading() as session:
        return documents_of(session, Kind.SOLUTION, {pool.published: 1}, label)[pool.published].text.get("attached", "")


def test_public_files_that_were_read_are_part_of_the_document(database: Database) -> None:
    pool = open_pool(database)
    with database.reading() as session:
        bare = documents_of(session, Kind.SOLUTION, {pool.published: 1}, label)[pool.published]
        row = session.scalars(select(Solution).where(Solution.id == pool.published)).one()
        assert bare == solution_document(row, row.provider, version=1, labels=label)
        assert "attached" not in bare.text
    attach(database, pool, 1, "红外热成像不搭架子。")
    attach(database, pool, 2, None)
    attach(database, pool, 3, "还没有通过审核的附件。", is_public=False)
    attach(database, pool, 4, "已被替换的附件。", superseded_at=NOW)
    attach(database, pool, 5, "有毒的附件。", scan=Scan.INFECTED)
    attach(database, pool, 6, "别的东西的附件。", noun="application")
    attach(database, pool, 7, "第二份资料。", scan=Scan.UNSCANNED)
    assert text_of(database, pool) == "红外热成像不搭架子。\n第二份资料。"
    with database.reading() as session:
        document = documents_of(session, Kind.SOLUTION, {pool.published: 1}, label)[pool.published]
    # What every query is compared with stays, and what was there before keeps its place.
    assert document.mains == bare.mains
    assert document.units == (*bare.units, "红外热成像不搭架子", "第二份资料")


def test_a_long_file_is_cut_and_leaves_room_for_the_others() -> None:
    book = "".join(f"第{number}章讲阀门的密封和检测方法以及记录要求。" for number in range(5000))
    units = attached_units([book, "一份短资料。"])
    assert len(units) == ATTACHED_UNITS
    assert "一份短资料" in units
    assert all(0 < len(unit) <= MAIN_CHARACTERS for unit in units)
    assert attached_units([]) == ()
    assert attached_units(["没有句号的一大段" * 200])[0] == ("没有句号的一大段" * 50)


def test_a_solution_is_found_by_what_its_file_says(own: Opened) -> None:
    """On both engines, from the moment at which the text has been read."""

    def ids() -> list[int]:
        return [hit.thing_id for hit in own.index.search(SearchQuery(text="红外热成像免搭脚手架", mode=Mode.LEXICAL, relax=False)).hits]

    with own.database.writing() as session:
        number = session.scalars(select(Solution.id).order_by(Solution.id)).first()
        assert number is not None
        session.add(Blob(sha256="a" * 64, size=1, kind="application/pdf", scan=Scan.CLEAN, text=None, created=NOW))
        session.flush()
        values = {"noun": "solution", "noun_id": number, "kind": "catalogue", "filename": "a.pdf", "is_public": True, "at": NOW}
        session.add(Attachment(sha256="a" * 64, **values))
        enqueue(session, "solution", [number])
    own.worker.drain()
    assert number not in ids()
    with own.database.writing() as session:
        session.get_one(Blob, "a" * 64).text = "高处法兰用红外热成像检测，免搭脚手架。"
        enqueue(session, "solution", [number])
    own.worker.drain()
    assert ids()[0] == number


@pytest.mark.parametrize("count", [1, 3])
def test_the_words_that_can_be_found_are_limited(sqlite_database: Database, count: int) -> None:
    pool = open_pool(sqlite_database)
    for number in range(count):
        attach(sqlite_database, pool, number, "密封" * ATTACHED_CHARACTERS)
    assert ATTACHED_CHARACTERS * 0.9 < len(text_of(sqlite_database, pool)) < ATTACHED_CHARACTERS + 10
