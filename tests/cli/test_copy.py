"""`jigai copy`: everything arrives, or nothing; what cannot be done is one sentence."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select, text

from indexer.backends.lock import Lock
from marketplace.actions.history import record
from marketplace.records.accounts import Account
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.index_queue import QueuedThing, count_waiting
from marketplace.records.organisations import Organisation
from marketplace.records.solutions import Solution
from marketplace.records.tables import metadata
from tests.cli.conftest import Run, parsed
from tests.cli.test_commands import assert_documented
from tests.conftest import NOW, PostgreSQL


def rows(database: Database, table: str) -> list[tuple[object, ...]]:
    """All rows with their values as the program reads them."""
    found = metadata.tables[table]
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(found).order_by(*found.primary_key))]


@pytest.fixture
def empty(postgresql: PostgreSQL) -> str:
    """A database without any table."""
    return postgresql.create(template="template0")


def stopped(run: Run, *arguments: str) -> str:
    """The one sentence of a refusal."""
    result = run("copy", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return result.stderr


def is_empty(url: str) -> bool:
    engine = create_engine(url)
    with engine.connect() as connection:
        has_accounts = connection.scalar(text("SELECT to_regclass('accounts') IS NOT NULL"))
        found = bool(has_accounts and connection.scalar(text("SELECT count(*) FROM accounts")))
    engine.dispose()
    return not found


def test_a_whole_site_arrives(run: Run, own_folder: Path, empty: str, tmp_path: Path) -> None:
    (own_folder / "secret.key").write_bytes(b"k" * 32)
    (own_folder / "secret.key").chmod(0o600)
    (own_folder / "uploads" / "one").mkdir(parents=True)
    (own_folder / "uploads" / "one" / "file").write_text("x", encoding="utf-8")
    source = Database(f"sqlite:///{own_folder / 'jigai.db'}")
    with source.writing() as session:
        # What a conversion on the way might change: JSON's null beside none at all, numbers, signs and a control character.
        session.add(Organisation(name="单位\t\\N 'x' \"y\" \\"))
        record(session, actor="人\n", verb="x", noun="y", noun_id=None, before={"数": 0.1, "大": 10**20, "e": 1e-7}, after=None, at=NOW)
    answer = parsed(run("copy", "--to", empty, "--files-to", str(tmp_path / "new"), "--json"))
    assert_documented(answer)
    target = Database(empty)
    for table in set(metadata.tables) - {"index_queue"}:
        assert rows(target, table) == rows(source, table), table
    assert {row["table"]: row["target"] for row in answer["tables"]} == {name: len(rows(source, name)) for name in metadata.tables}
    assert answer["history"]["whole"] is True
    assert answer["history"]["entries"] > 500
    assert sorted(answer["files"]) == ["secret.key", "uploads"]
    assert stat.S_IMODE((tmp_path / "new" / "secret.key").stat().st_mode) == 0o600
    assert (tmp_path / "new" / "uploads" / "one" / "file").read_text(encoding="utf-8") == "x"
    with target.writing() as session:
        assert find_broken_link(session) is None
        assert count_waiting(session) == answer["queued"] == session.scalar(select(func.count()).select_from(QueuedThing))
        # The next row of every table gets a number of its own, and the chain goes on.
        session.add(Organisation(name="下一个"))
        session.add(Account(login="next", name="下一个", password_hash="x", created=NOW))
        record(session, actor="人", verb="x", noun="y", noun_id=1, before=None, after=None, at=NOW)
    with target.reading() as session:
        assert find_broken_link(session) is None
        assert session.scalar(select(func.max(HistoryEntry.id))) == answer["history"]["entries"] + 1
    source.close()
    target.close()


def test_the_copy_serves(run: Run, own_folder: Path, empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = parsed(run("search", "压机停机", "--json"))["hits"]
    assert run("copy", "--to", empty).exit_code == 0
    monkeypatch.setenv("JIGAI_DATABASE_URL", empty)
    (own_folder / "index").rename(own_folder / "index.old")
    database = Database(empty)
    travelled = rows(database, "embeddings")
    assert len(travelled) > 1000
    assert parsed(run("index", "sync", "--json"))["pending"] == 0
    hits = parsed(run("search", "压机停机", "--json"))["hits"]
    assert [hit["id"] for hit in hits] == [hit["id"] for hit in before]
    # None was computed again.
    assert rows(database, "embeddings") == travelled
    database.close()


def test_nothing_arrives_when_something_cannot(run: Run, own_folder: Path, empty: str, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{own_folder / 'jigai.db'}")
    with database.writing() as session:
        session.scalars(select(Solution)).first().title = "有\0的标题"  # type: ignore[union-attr]
    database.close()
    said = stopped(run, "--to", empty, "--files-to", str(tmp_path / "new"))
    assert "solutions" in said
    assert is_empty(empty)
    assert not (tmp_path / "new").exists()


def test_a_chain_that_breaks_on_the_way_stops_it(run: Run, empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from marketplace.records import copying

    real = copying._set_sequence

    def changed(target: object, table: object) -> None:
        real(target, table)  # type: ignore[arg-type]
        if table.name == "history":  # type: ignore[attr-defined]
            target.execute(text("UPDATE history SET why = 'x' WHERE id = 7"))  # type: ignore[attr-defined]

    monkeypatch.setattr(copying, "_set_sequence", changed)
    assert "哈希链" in stopped(run, "--to", empty)
    assert is_empty(empty)


def test_what_must_not_be_copied(run: Run, own_folder: Path, empty: str, postgresql: PostgreSQL, tmp_path: Path) -> None:
    assert "直接复制资料目录" in stopped(run, "--to", f"sqlite:///{tmp_path}/x.db")
    assert "应像 postgresql" in stopped(run, "--to", "nonsense")
    filled = Database(postgresql.create())
    with filled.writing() as session:
        session.add(Organisation(name="已有"))
    filled.close()
    assert "不是空的，表 organisations" in stopped(run, "--to", filled.url)
    foreign = Database(empty)
    with foreign.engine.begin() as connection:
        connection.execute(text("CREATE TABLE others (id int)"))
    foreign.close()
    assert "有表 others" in stopped(run, "--to", empty)
    newer = Database(postgresql.create())
    with newer.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer.close()
    assert "9999 比本程序" in stopped(run, "--to", newer.url)
    good = postgresql.create()
    lock = Lock(own_folder / "index" / "index.lock")
    assert "正在运行" in stopped(run, "--to", good)
    lock.release()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    assert "不是空的" in stopped(run, "--to", good, "--files-to", str(tmp_path / "kept"))
    with sqlite3.connect(own_folder / "jigai.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    assert "0001，比本程序" in stopped(run, "--to", good)
