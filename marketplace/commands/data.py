"""Commands that bring data in: import, template, demo, init."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from marketplace.commands.runtime import Runtime, Stop, emit, tell
from marketplace.domain.access import Role
from marketplace.sheets.nouns import SHEETS

if TYPE_CHECKING:
    from marketplace.actions.imports import ImportReport, Progress

# How many bad cells are written out; the rest is counted, and all of them stand in the JSON and in the file of bad rows.
SHOWN = 30


@contextmanager
def _bars() -> Iterator[Progress]:
    """Progress bars on stderr; silent where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    shown = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console)
    tasks: dict[str, TaskID] = {}

    def step(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = shown.add_task(stage, total=total)
        shown.update(tasks[stage], completed=done, total=total)

    shown.disable = not console.is_terminal
    with shown:
        yield step


def _drain(runtime: Runtime) -> None:
    """Index what was enqueued, or wait until the running server has."""
    runtime.drain()


def _say(report: ImportReport) -> None:
    """The report for a person, on stderr."""

    place = ""
    for cell in report.bad[:SHOWN]:
        if cell.place() != place:
            place = cell.place()
            tell(f"{place}：")
        tell(f"  {cell.sentence()}")
    if len(report.bad) > SHOWN:
        tell(f"  还有 {len(report.bad) - SHOWN} 处，--json 列出全部。")
    for note in report.notes:
        tell(f"提示　{note.sentence()}")
    for noun, counts in report.counts.items():
        words = [f"新增 {counts.new}", f"更新 {counts.changed}", f"无变化 {counts.unchanged}"] + (
            [f"有误 {counts.bad}"] if counts.bad else []
        )
        tell(f"{SHEETS[noun].name}：{'，'.join(words)}。")
    for path in report.bad_files:
        tell(f"有误的行和原因写在 {path}，改好后可以直接再导入。")
    tell(_conclusion(report))


def _conclusion(report: ImportReport) -> str:
    took = f"用时 {report.took:.1f} 秒"
    if report.dry_run:
        return f"只检查，没有写入（{took}）。" + ("可以导入。" if report.is_good else "")
    if not report.written:
        return f"没有导入（{took}）。改好后再导入；或加 --skip-bad 先导入没有问题的行。"
    if not report.changes:
        return f"没有变化（{took}）。"
    return f"已导入 {report.changes} 条（{took}）。" + ("有误的行没有导入。" if report.bad else "")


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="只检查，不写入 / check only")
@click.option("--skip-bad", is_flag=True, help="跳过有误的行，另存成文件 / import the rest, bad rows go into a file")
@click.option("--source", default="import", show_default=True, help="来源名，编号在同一来源内唯一 / name of the source")
@click.option("--as", "noun", type=click.Choice(list(SHEETS)), help="文件名看不出是什么表时写明 / what the file holds")
@click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")
@click.pass_obj
def import_(runtime: Runtime, path: Path, dry_run: bool, skip_bad: bool, source: str, noun: str | None, as_json: bool) -> None:
    """从文件或文件夹导入（.xlsx、.csv、.jsonl）。一行有误则全部不写入。 / All rows or none, unless --skip-bad."""
    from marketplace.actions.imports import import_path
    from marketplace.domain.lifecycle import RefusedError

    if not source or len(source) > 64:
        raise Stop("来源名应为 1 到 64 个字符。")
    try:
        with _bars() as progress:
            report = import_path(
                runtime.database,
                runtime.pilot,
                path,
                actor="jigai import",
                source=source,
                noun=noun,
                dry_run=dry_run,
                skip_bad=skip_bad,
                progress=progress,
            )
    except RefusedError as error:
        raise Stop(str(error)) from None
    if report.written and report.changes:
        _drain(runtime)
    if as_json:
        emit(report.as_json())
    else:
        _say(report)
    sys.exit(0 if report.is_good else 1)


@click.command("template")
@click.argument("noun", type=click.Choice(list(SHEETS)))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="要写的 .xlsx 文件 / the file to write")
@click.pass_obj
def template_(runtime: Runtime, noun: str, output: Path) -> None:
    """导出要填的 Excel 表：中文表头、下拉列表、每列批注。 / The sheet to fill in."""
    from marketplace.sheets.template import write_template

    if output.suffix.lower() != ".xlsx":
        raise Stop("文件名要以 .xlsx 结尾。")
    try:
        write_template(noun, output, runtime.pilot)
    except OSError as error:
        raise Stop(f"{output} 写不了：{error.strerror}") from None
    tell(f"已写 {output}。填好后：jigai import {output}")


@click.command("demo")
@click.pass_obj
def demo_(runtime: Runtime) -> None:
    """载入示例数据和演示账号；再次运行没有变化。 / Load the demonstration set; running it again changes nothing."""
    from marketplace.actions.demonstration import PASSWORD, find_demonstration_accounts
    from marketplace.commands.demonstration import load_whole_demonstration

    pilot = runtime.pilot
    names = {role: term.name if (term := pilot.roles.find(role.value)) else role.value for role in Role}
    with _bars() as progress:
        loaded = load_whole_demonstration(runtime.database, pilot, runtime.store, at=datetime.now(UTC), progress=progress)
    if not loaded.report.is_good:
        _say(loaded.report)
        sys.exit(1)
    _drain(runtime)
    _say(loaded.report)
    with runtime.database.reading() as session:
        accounts = find_demonstration_accounts(session)
    click.echo(f"演示账号（密码都是 {PASSWORD}）：")
    for account in accounts:
        click.echo(f"  {account.login:<12}{names[account.role]}　{account.organisation}")


@click.command("init")
@click.option("--login", prompt="第一位管理员的账号 / log-in of the first administrator")
@click.option("--name", prompt="姓名 / name")
@click.password_option("--password", prompt="密码（至少 8 个字符） / password", confirmation_prompt="再输一次 / again")
@click.option("--organisation", default="平台管理单位", show_default=True, help="管理员所在单位 / the administrator's organisation")
@click.pass_obj
def init_(runtime: Runtime, login: str, name: str, password: str, organisation: str) -> None:
    """建立正式站点：建库，开第一个管理员账号；不带示例数据。 / A real site: database and first administrator, no demonstration data."""
    from marketplace.actions.calendar import load_calendar
    from marketplace.actions.first_administrator import open_first_administrator
    from marketplace.domain.lifecycle import RefusedError

    try:
        account = open_first_administrator(
            runtime.database, login, password, name=name, organisation=organisation, at=datetime.now(UTC), actor="jigai init"
        )
    except RefusedError as error:
        tell(str(error))
        sys.exit(1)
    load_calendar(runtime.database, runtime.pilot, at=datetime.now(UTC), actor="jigai init")
    tell(f"站点已建立，管理员账号 {account}。启动：jigai serve；导入数据：jigai import 文件或文件夹")
