"""A database that cannot be used is one sentence and exit status 2; its password is never shown."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from marketplace.records import database as records
from marketplace.records.database import Database
from tests.cli.conftest import Run
from tests.conftest import PostgreSQL

PASSWORD = "Gehe1mes-Wort"


@pytest.fixture(scope="module")
def locked(postgresql: PostgreSQL) -> str:
    """The address of a database whose server asks for a password; the one in it is wrong."""
    url = postgresql.create()
    postgresql._execute("SET password_encryption = 'scram-sha-256'; CREATE ROLE locked LOGIN PASSWORD 'another'")
    rules = postgresql.folder / "data" / "pg_hba.conf"
    rules.write_text(f"local all locked scram-sha-256\n{rules.read_text()}")
    postgresql._execute("SELECT pg_reload_conf()")
    return url.replace("jigai@", f"locked:{PASSWORD}@")


def found(run: Run, monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    """What the doctor says of the database, and that other commands stop with one sentence."""
    monkeypatch.setenv("JIGAI_DATABASE_URL", url)
    doctor = run("doctor")
    assert doctor.exit_code == 2
    assert PASSWORD not in doctor.output
    assert "检查没有做完" not in doctor.output
    wrong = [line for line in doctor.output.splitlines() if line.startswith("有问题")]
    assert len(wrong) == 1, doctor.output
    return wrong[0]


def test_a_wrong_address(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("nonsense", "oracle-of-delphi://x/y", f"postgresql+psycopg://u:{PASSWORD}@h:port/x"):
        assert "应像 postgresql" in found(run, monkeypatch, url), url
    assert "%40" in found(run, monkeypatch, f"postgresql+psycopg://u:a@{PASSWORD}@host/x")
    refused = found(run, monkeypatch, f"postgresql+psycopg://u:{PASSWORD}@127.0.0.1:1/x")
    assert "没有数据库在监听" in refused
    assert "u:***@127.0.0.1:1" in refused
    stopped = run("search", "x")
    assert (stopped.exit_code, stopped.stdout) == (2, "")
    assert len(stopped.stderr.strip().splitlines()) == 1
    assert PASSWORD not in stopped.stderr


def test_a_wrong_password(run: Run, monkeypatch: pytest.MonkeyPatch, locked: str) -> None:
    assert "用户名或密码不对" in found(run, monkeypatch, locked)
    stopped = run("copy", "--to", locked)
    assert stopped.exit_code == 2
    assert PASSWORD not in stopped.output


def test_a_database_that_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch, postgresql: PostgreSQL) -> None:
    assert "没有这个库" in found(run, monkeypatch, postgresql.url("never_made"))


def test_a_server_that_is_too_old(run: Run, monkeypatch: pytest.MonkeyPatch, postgresql: PostgreSQL) -> None:
    url = postgresql.create()
    with monkeypatch.context() as patched:
        patched.setattr(records, "LEAST_POSTGRESQL", 99)
        assert "太旧，要 99" in found(run, monkeypatch, url)
        copied = run("copy", "--to", url)
        assert copied.exit_code == 2


@pytest.mark.parametrize(("revision", "sentence"), [("0001", "旧，运行 jigai serve"), ("9999", "新，请升级程序")])
def test_a_schema_of_another_version(
    run: Run, monkeypatch: pytest.MonkeyPatch, postgresql: PostgreSQL, revision: str, sentence: str
) -> None:
    database = Database(postgresql.create())
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    assert sentence in found(run, monkeypatch, database.url)
    # Looking has not changed it.
    assert database.revision() == revision
    database.close()
    if revision == "9999":
        stopped = run("search", "x")
        assert (stopped.exit_code, stopped.stdout) == (2, "")
        assert sentence in stopped.stderr
