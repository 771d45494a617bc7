"""What every command works with. Nothing is opened before it is used, so that `jigai --help` costs nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from marketplace.pilot import Pilot
    from marketplace.records.database import Database
    from marketplace.settings import Settings
    from marketplace.site import Site


# What may be wrong with a setting, by pydantic's kind of error.
_WRONG = {
    "int_parsing": "应为整数",
    "bool_parsing": "应为 1 或 0",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "string_pattern_mismatch": "只能是 {pattern}",
    "value_error": "{error}",
}


class Stop(click.ClickException):
    """One sentence on stderr and exit status 2: the command cannot do what was asked, and nothing was changed."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


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
        from marketplace.records.database import Database

        with self.told_database_errors():
            database = Database(self.settings.database)
            database.migrate()
        return database

    def told_database_errors(self) -> Any:
        return _told(self.settings.data_dir)

    @cached_property
    def _reader(self) -> Site:
        from marketplace.app import open_site

        with self.told_database_errors():
            return open_site(self.settings, write=False, pilot=self.pilot)

    @cached_property
    def _writer(self) -> Site:
        from marketplace.app import open_site

        with self.told_database_errors():
            return open_site(self.settings, write=True, pilot=self.pilot)

    def site(self, *, write: bool = False) -> Site:
        """The opened site. `write`: this process owns the index, which no server may do at the same time."""
        return self._writer if write else self._reader


def _told(folder: Path) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def told() -> Any:
        from sqlalchemy.exc import DBAPIError

        try:
            yield
        except (DBAPIError, OSError) as error:
            reason = str(getattr(error, "orig", error))
            raise Stop(f"数据库打不开（资料目录 {folder}）：{reason}。请检查路径、权限和磁盘空间。") from None

    return told()


def emit(value: Any) -> None:
    """JSON and nothing else on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def tell(text: str) -> None:
    """Progress and remarks go to stderr."""
    click.echo(text, err=True)
