"""Engine and sessions: `reading()` may only query, `writing()` holds the write lock from its first statement."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from marketplace.records.history import HistoryEntry, chain

Sessions = Callable[[], AbstractContextManager[Session]]
MIGRATIONS = Path(__file__).with_name("migrations")
# The oldest PostgreSQL that the site is tried on.
LEAST_POSTGRESQL = 15
_MIGRATION_LOCK = 7_110_252


class SchemaError(Exception):
    """The database is of another version than this program; a sentence says which and what to do."""


def sqlite_driver() -> ModuleType:
    """pysqlite3 carries an SQLite above the WAL-reset bug (3.7.0–3.51.2); elsewhere the standard library's."""
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return importlib.import_module("sqlite3")


def open_engine(url: str) -> Engine:
    """An engine for SQLite (WAL, FULL, foreign keys) or PostgreSQL."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": 5})
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, module=sqlite_driver(), connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        # The driver must not open transactions by itself: BEGIN is ours, so that writers take the lock at once.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        mode = connection.get_execution_options().get("begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


@cache
def known_revisions() -> tuple[str, ...]:
    """The schema versions that this program knows, the newest first. Read once: each is a file of its own."""
    return tuple(script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions())


class Database:
    """An engine and its two kinds of session."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = open_engine(url)
        self._writer = self.engine.execution_options(begin="IMMEDIATE")

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only queries; whatever it changed is rolled back."""
        with Session(self.engine, autoflush=False) as session:
            try:
                yield session
            finally:
                session.rollback()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: BEGIN IMMEDIATE, history chained as the last statement, commit; any error rolls all back."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            session.info["history"] = []
            yield session
            session.flush()
            entries: list[HistoryEntry] = session.info["history"]
            chain(session, entries)

    def migrate(self) -> None:
        """Bring the schema to the newest version. Raises SchemaError where a newer program has made it already."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                # Workers and web processes that start together must not migrate together.
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            found = MigrationContext.configure(connection).get_current_revision()
            if found == known_revisions()[0]:
                return
            if found is not None and found not in known_revisions():
                raise SchemaError(f"数据库的结构版本 {found} 比本程序的 {known_revisions()[0]} 新，请升级程序")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()

    def revision(self) -> str | None:
        """The schema version in the database, or None before the first migration."""
        with self.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def close(self) -> None:
        self.engine.dispose()
