"""What every command works with. Nothing is opened before it is used, so that `jigai --help` costs nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from marketplace.commands.stop import Stop

if TYPE_CHECKING:
    from marketplace.files.store import BlobStore
    from marketplace.pilot import Pilot
    from marketplace.records.database import Database
    from marketplace.settings import Settings
    from marketplace.site import Site


__all__ = ["Runtime", "Stop", "bar", "emit", "tell"]

# What may be wrong with a setting, by pydantic's kind of error.
_WRONG = {
    "int_parsing": "应为整数",
    "float_parsing": "应为数字",
    "bool_parsing": "应为 1 或 0",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "string_pattern_mismatch": "只能是 {pattern}",
    "value_error": "{error}",
}


STILL_SECONDS = 60.0
POLL_SECONDS = 0.2


@dataclass
class Runtime:
    """Settings, pilot, database and site, each opened when first used."""

    @cached_property
    def settings(self) -> Settings:
        from pydantic import ValidationError

        from marketplace.settings import Settings

        try:
            return Settings()
        except ValidationError as error:
            first = error.errors()[0]
            name = "JIGAI_" + "_".join(str(part) for part in first["loc"]).upper()
            given = first.get("input")
            why = _WRONG.get(first["type"], first["msg"]).format(**first.get("ctx", {}))
            raise Stop(f"设置 {name}={given!r} 不能用：{why.rstrip('。')}。见 docs/settings.md。") from None

    @cached_property
    def pilot(self) -> Pilot:
        from marketplace.pilot import PilotError, load_pilot

        try:
            return load_pilot(self.settings.pilot)
        except PilotError as error:
            raise Stop(f"试点配置文件不能用：{error}") from None

    @cached_property
    def database(self) -> Database:
        """The database, brought to the newest version."""
        from marketplace.commands.database_faults import parsed
        from marketplace.records.database import Database

        parsed(self.settings.database, "JIGAI_DATABASE_URL")
        with self.told_database_errors():
            database = Database(self.settings.database)
            try:
                database.migrate()
            except BaseException:
                database.close()
                raise
        return database

    @property
    def store(self) -> BlobStore:
        """The files of the data folder."""
        from marketplace.files.scanner import scanner_of
        from marketplace.files.store import BlobStore

        return BlobStore(self.settings.data_dir / "files", scanner_of(self.settings.clamd))

    def told_database_errors(self) -> AbstractContextManager[None]:
        from marketplace.commands.database_faults import told_faults

        return told_faults(self.settings.database, "JIGAI_DATABASE_URL")

    @cached_property
    def _reader(self) -> Site:
        from indexer.backends import IndexBroken, IndexBusy
        from marketplace.app import open_site

        # A reader must not find an older schema than it knows; on the newest one this changes nothing.
        database = self.database
        with self.told_database_errors():
            try:
                return open_site(self.settings, write=False, pilot=self.pilot, database=database)
            except IndexBroken as broken:
                # Nobody has built an index here yet, or it is damaged: build it, unless a server is at it already.
                try:
                    site = self._writer
                except IndexBusy:
                    raise Stop(f"{broken}。另一个进程正在建立索引，请稍后再试。") from None
                self.drain()
                return site

    @cached_property
    def _writer(self) -> Site:
        from marketplace.app import open_site

        database = self.database
        with self.told_database_errors(), bar("建立索引") as progress:
            return open_site(self.settings, write=True, pilot=self.pilot, database=database, told=tell, progress=progress)

    def site(self, *, write: bool = False) -> Site:
        """The opened site. `write`: this process owns the index; IndexBusy when a server does."""
        return self._writer if write else self._reader

    def close(self) -> None:
        """Give back what was opened: the index has one owner, and the next command may want to be it."""
        for name in ("_reader", "_writer"):
            if name in vars(self):
                vars(self)[name].index.close()
        if "database" in vars(self):
            self.database.close()

    def drain(self) -> int:
        """Index what waits: in this process, or, where a server owns the index, by waiting until it has. How many things."""
        from indexer.backends import IndexBusy
        from marketplace.app import worker_of

        try:
            site = self.site(write=True)
        except IndexBusy:
            return self._wait_for_the_server()
        with bar("编入索引") as progress:
            done = worker_of(site).drain(progress)
        # Workers beside us hold the rest, and are about to write it.
        return done + self._wait_for_the_server() if self.settings.shares_its_engine else done

    def _wait_for_the_server(self) -> int:
        """Wait while the server's worker gets on; a queue that stands still for a minute is left to it."""
        from marketplace.records.index_queue import count_waiting

        total = left = -1
        moved = time.monotonic()
        with bar("等待服务编入索引") as progress:
            while True:
                with self.database.reading() as session:
                    now_left = count_waiting(session)
                if total < 0:
                    total = now_left
                if now_left != left:
                    left, moved = now_left, time.monotonic()
                    progress(total - min(left, total), total)
                if not left or time.monotonic() - moved > STILL_SECONDS:
                    return total - left
                time.sleep(POLL_SECONDS)


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr; silent where that is no terminal, and absent until there is something to show."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        tasks: list[Any] = []

        def step(done: int, total: int) -> None:
            if not tasks:
                tasks.append(shown.add_task(title, total=total))
            shown.update(tasks[0], completed=done, total=total)

        yield step


def emit(value: Any) -> None:
    """JSON and nothing else on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def tell(text: str) -> None:
    """Progress and remarks go to stderr."""
    click.echo(text, err=True)
