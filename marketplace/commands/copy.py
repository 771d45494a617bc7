"""`jigai copy`: a whole embedded installation into an empty PostgreSQL database."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketplace.commands.database_faults import old_server, parsed, told_faults, wrong_revision
from marketplace.commands.runtime import Runtime, bar, emit, tell
from marketplace.commands.stop import Stop

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from marketplace.records.copying import Counted
    from marketplace.records.database import Database

# What belongs to the old database or is made anew from the new one.
_LEFT_BEHIND = ("jigai.db*", "index", "models")


@dataclass(frozen=True)
class History:
    """The chain in the target; `broken_at` is where it was broken in the source already, or None."""

    entries: int
    whole: bool
    broken_at: int | None
    head: str


@click.command("copy")
@click.option("--to", "url", required=True, metavar="URL", help="空的 PostgreSQL 数据库 / an empty PostgreSQL database")
@click.option("--files-to", type=click.Path(path_type=Path, file_okay=False), help="密钥和上传的文件也复制到这个文件夹 / files as well")
@click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")
@click.pass_obj
def copy(runtime: Runtime, url: str, files_to: Path | None, as_json: bool) -> None:
    """把整个站点（SQLite）搬进空的 PostgreSQL：全部成功才算数。 / A whole site into an empty PostgreSQL, all or nothing."""
    began = time.monotonic()
    place = parsed(url, "--to")
    if place.get_backend_name() != "postgresql":
        raise Stop("--to 只能是 PostgreSQL 数据库；两个 SQLite 之间请停止服务后直接复制资料目录。")
    if files_to is not None and files_to.exists() and any(files_to.iterdir()):
        raise Stop(f"--files-to 的文件夹 {files_to} 不是空的，请换一个。")
    with _source(runtime) as source, empty_target(url, "--to") as target:
        counted, history, queued, files = _copied(runtime, source, target, files_to)
    shown = place.render_as_string(hide_password=True)
    rows = sum(row.target for row in counted)
    took = round(time.monotonic() - began, 1)
    if as_json:
        answer: dict[str, Any] = {"to": shown, "tables": [asdict(row) for row in counted], "rows": rows, "history": asdict(history)}
        emit({**answer, "queued": queued, "files": files, "took_s": took})
        return
    for row in counted:
        click.echo(f"{row.table:<24}{row.source:>12,}{row.target:>12,}")
    tell(f"已复制 {rows:,} 行（{took} 秒），每张表的行数一致；历史记录 {history.entries:,} 条，{_chain_word(history)}。")
    tell(f"索引要重建：{queued:,} 条在队列里，用新的 JIGAI_DATABASE_URL 启动 jigai worker 即开始。")
    if files_to is None:
        tell(f"密钥和上传的文件仍在 {runtime.settings.data_dir}：新站点沿用这个资料目录，或加 --files-to 一起复制。")


def _chain_word(history: History) -> str:
    return "首尾相连" if history.whole else f"和原库一样从第 {history.broken_at} 条起断开"


@contextmanager
def _source(runtime: Runtime) -> Iterator[Database]:
    """This site's database, of the newest version, with nobody at its index."""
    from indexer.backends import IndexBusy
    from indexer.backends.lock import Lock
    from marketplace.records.database import Database

    settings = runtime.settings
    place = parsed(settings.database, "JIGAI_DATABASE_URL")
    if place.get_backend_name() != "sqlite":
        raise Stop("这个站点的数据库已经是 PostgreSQL；请用 pg_dump 和 pg_restore 搬家。")
    if not Path(place.database or "").is_file():
        raise Stop(f"这里没有站点：{place.database} 不存在，请检查 JIGAI_DATA_DIR。")
    with told_faults(settings.database, "JIGAI_DATABASE_URL"):
        try:
            lock = Lock(settings.data_dir / "index" / "index.lock")
        except IndexBusy:
            raise Stop("站点正在运行，复制时写入的内容会丢失，请先停止 jigai serve 和 jigai worker。") from None
        database = Database(settings.database)
        try:
            if wrong := wrong_revision(database.revision()):
                raise Stop(f"不能复制：{wrong}")
            yield database
        finally:
            database.close()
            lock.release()


@contextmanager
def empty_target(url: str, where: str) -> Iterator[Database]:
    """The target, empty and of the newest version. `where`: how the address was given."""
    from sqlalchemy import inspect

    from marketplace.records.copying import find_filled_tables
    from marketplace.records.database import Database

    with told_faults(url, where):
        database = Database(url)
        try:
            if old := old_server(database):
                raise Stop(old)
            found = database.revision()
            if found is not None and (wrong := wrong_revision(found)):
                raise Stop(f"目标{wrong}")
            tables = inspect(database.engine).get_table_names()
            if found is None and tables:
                raise Stop(f"目标数据库不是空的，里面有表 {tables[0]} 等 {len(tables)} 张；请建一个新的空库。")
            database.migrate()
            with database.engine.connect() as connection:
                filled = find_filled_tables(connection)
            if filled:
                raise Stop(f"目标数据库不是空的，表 {filled[0]} 里已有内容；请建一个新的空库。")
            yield database
        finally:
            database.close()


def _copied(
    runtime: Runtime, source: Database, target: Database, files_to: Path | None
) -> tuple[tuple[Counted, ...], History, int, list[str]]:
    """One transaction on each side; committed when counts and chain agree, and the files are there."""
    from marketplace.records.copying import CopyError, copy_rows

    with source.engine.connect() as reading, target.engine.connect() as writing, bar("复制") as progress:
        try:
            counted = copy_rows(reading, writing, progress=progress)
        except CopyError as error:
            raise Stop(f"没有复制：目标数据库不接受表 {error.table} 的内容（{error.reason}）。") from None
        differing = [row.table for row in counted if row.source != row.target]
        if differing:
            raise Stop(f"没有复制：表 {'、'.join(differing)} 的行数与原库不一致。")
        history = _history(reading, writing)
        queued = ask_for_everything(writing)
        with _files(runtime.settings.data_dir, files_to) as files:
            writing.commit()
    return counted, history, queued, files


def _history(reading: Connection, writing: Connection) -> History:
    """The chain of the copy, which must be as whole as the original's."""
    from sqlalchemy import func, select
    from sqlalchemy.orm import Session

    from marketplace.records.history import HistoryEntry, find_broken_link

    def state(connection: Connection) -> History:
        with Session(bind=connection) as session:
            broken = find_broken_link(session)
            count = session.scalar(select(func.count()).select_from(HistoryEntry)) or 0
            head = session.scalar(select(HistoryEntry.digest).order_by(HistoryEntry.id.desc()).limit(1)) or ""
            return History(count, broken is None, broken, head)

    before, after = state(reading), state(writing)
    if before != after:
        raise Stop("没有复制：历史记录的哈希链与原库不一致。")
    return after


def ask_for_everything(connection: Connection) -> int:
    """The new engine has nothing yet: all that was ever indexed, and all that can be found, waits. How many things."""
    from sqlalchemy import func, select, update
    from sqlalchemy.orm import Session

    from indexer.query import Kind
    from indexer.rows import find_searchable_ids
    from marketplace.records.index_queue import QueuedThing, enqueue

    with Session(bind=connection, join_transaction_mode="create_savepoint") as session:
        nothing = {"indexed": 0, "attempts": 0, "error": "", "lease_until": None, "waiting_since": datetime.now(UTC)}
        session.execute(update(QueuedThing).values(nothing))
        for kind in Kind:
            known = set(session.scalars(select(QueuedThing.thing_id).where(QueuedThing.kind == kind.value)))
            enqueue(session, kind.value, set(find_searchable_ids(session, kind)) - known)
        session.commit()
        return session.scalar(select(func.count()).select_from(QueuedThing)) or 0


@contextmanager
def _files(folder: Path, to: Path | None) -> Iterator[list[str]]:
    """Copy what else is in the data folder; if what follows fails, it is taken away again."""
    if to is None:
        yield []
        return
    made: list[Path] = []
    skip: Callable[[str, list[str]], set[str]] = shutil.ignore_patterns(*_LEFT_BEHIND)
    existed = to.exists()
    try:
        to.mkdir(parents=True, exist_ok=True, mode=0o700)
        names = sorted(path.name for path in folder.iterdir())
        for name in sorted(set(names) - skip(str(folder), names)):
            made.append(to / name)
            if (folder / name).is_dir():
                shutil.copytree(folder / name, to / name)
            else:
                # The mode goes with it: the key stays its owner's.
                shutil.copy2(folder / name, to / name)
        yield [path.name for path in made]
    except BaseException:
        for path in made:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if not existed and to.exists():
            to.rmdir()
        raise
