"""The database of a backup: one SQLite file, whatever the site runs on, taken as of one moment while others write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from marketplace.backup_manifest import BackupError, Chain
from marketplace.records.copying_out import copy_rows_out
from marketplace.records.database import Database, known_revisions, sqlite_driver
from marketplace.records.history import HistoryEntry, find_broken_link

Progress = Callable[[int, int], None]


def take_snapshot(database: Database, path: Path, progress: Progress) -> None:
    """The database as it is at one moment, into a new file. Raises BackupError."""
    if database.engine.dialect.name == "sqlite":
        _copy_file(Path(make_url(database.url).database or ""), path)
        return
    if database.revision() != known_revisions()[0]:
        raise BackupError(f"数据库的结构版本是 {database.revision()}，不是本程序的 {known_revisions()[0]}；请用同一版本的程序备份")
    target = Database(f"sqlite:///{path}")
    try:
        target.migrate()
        # One moment for all tables: what others commit meanwhile is not seen.
        with database.engine.connect().execution_options(isolation_level="REPEATABLE READ") as reading, target.engine.connect() as writing:
            copy_rows_out(reading, writing, progress=progress)
            writing.commit()
    finally:
        target.close()
    with _opened(path) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _copy_file(source: Path, path: Path) -> None:
    """SQLite's own way: all pages in one step, as of its beginning; in WAL mode writers go on meanwhile."""
    if not source.is_file():
        raise BackupError(f"这里没有站点：{source} 不存在，请检查 JIGAI_DATA_DIR")
    with _opened(source) as reading, _opened(path) as writing:
        reading.backup(writing, pages=-1)
        # One file without its log.
        writing.execute("PRAGMA journal_mode=DELETE")


class _opened:
    """A connection of the site's own library: a second one in this process would take away the locks of the first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Any:
        self.connection = sqlite_driver().connect(self.path, timeout=30, isolation_level=None)
        return self.connection

    def __exit__(self, *_error: object) -> None:
        self.connection.close()


def count_tables(path: Path) -> dict[str, int]:
    """How many rows every table has, by what stands in the file: it may be of an older schema."""
    with _opened(path) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        names = [name for name in names if not name.startswith("sqlite_")]
        return {name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in names}


def schema_of(path: Path) -> str:
    """The schema version; "" where there is none."""
    with _opened(path) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if found else None
        return str(row[0]) if row else ""


def fault_of(path: Path) -> str:
    """What SQLite finds wrong with the file; "" for nothing."""
    try:
        with _opened(path) as connection:
            answer = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
            orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite_driver().DatabaseError as error:
        return str(error)
    if answer != "ok":
        return answer
    return f"表 {orphan[0]} 有一行没有所属" if orphan else ""


def blobs_of(path: Path) -> dict[str, tuple[int, str]]:
    """The contents that the database speaks of: hash → size and what the scanner said."""
    with _opened(path) as connection:
        return {str(sha256): (int(size), str(scan)) for sha256, size, scan in connection.execute("SELECT sha256, size, scan FROM blobs")}


def chain_of(path: Path, anchors: Mapping[int, str]) -> Chain:
    """The history in the file, verified link by link and against its anchors."""
    database = Database(f"sqlite:///{path}")
    try:
        with database.reading() as session:
            return read_chain(session, anchors)
    finally:
        database.close()
        with _opened(path) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")


def read_chain(session: Session, anchors: Mapping[int, str]) -> Chain:
    broken = find_broken_link(session, anchors=anchors)
    count = session.scalar(select(func.count()).select_from(HistoryEntry)) or 0
    head = session.scalar(select(HistoryEntry.digest).order_by(HistoryEntry.id.desc()).limit(1)) or ""
    return Chain(count, head, broken)
