"""`jigai backup` and `jigai restore`: a whole site as one file, and back."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketplace.commands.copy import ask_for_everything, empty_target
from marketplace.commands.database_faults import parsed
from marketplace.commands.runtime import Runtime, bar, emit, tell
from marketplace.commands.stop import Stop

if TYPE_CHECKING:
    from marketplace.backup_manifest import Manifest

JSON = click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@JSON
@click.pass_obj
def backup(runtime: Runtime, target: Path, as_json: bool) -> None:
    """把整个站点备份成一个文件，站点可以照常运行；文件里有密钥。 / The whole site into one file while it serves; it holds the secret key."""
    from marketplace.backup_making import make_backup
    from marketplace.backup_manifest import BackupError
    from marketplace.records.database import Database

    began = time.monotonic()
    place = parsed(runtime.settings.database, "JIGAI_DATABASE_URL")
    if place.get_backend_name() == "sqlite" and not Path(place.database or "").is_file():
        raise Stop(f"这里没有站点：{place.database} 不存在，请检查 JIGAI_DATA_DIR。")
    # Opened by itself: a backup must not bring the database to another version.
    with runtime.told_database_errors(), bar("备份") as progress:
        database = Database(runtime.settings.database)
        try:
            manifest = make_backup(database, runtime.settings.data_dir, target, at=datetime.now(UTC), progress=progress)
        except BackupError as error:
            raise Stop(f"没有备份：{error}。") from None
        finally:
            database.close()
    took = round(time.monotonic() - began, 1)
    if as_json:
        emit({"path": str(target), "size": target.stat().st_size} | _facts(manifest, took))
    else:
        _table(manifest)
        tell(f"已备份到 {target}（{target.stat().st_size / 2**20:,.1f} MB，{took} 秒）：{_words(manifest)}。")
        tell("文件里有站点密钥和全部个人信息：请加密存放在另一台机器上，并定期用 jigai restore 试恢复。")
    if manifest.missing:
        tell(f"注意：数据库里有 {len(manifest.missing)} 个文件在资料目录里找不到或已损坏，备份里没有它们，第一个是 {manifest.missing[0]}。")
        raise click.exceptions.Exit(1)


@click.command("restore")
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@JSON
@click.pass_obj
def restore(runtime: Runtime, source: Path, as_json: bool) -> None:
    """从备份恢复到空的资料目录（或空的 PostgreSQL），核对后重建索引。 / Into an empty data folder; verified, then indexed anew."""
    from marketplace.actions.sessions import end_all_sessions
    from marketplace.backup_manifest import BackupError
    from marketplace.backup_restoring import put_in_place, unpacked

    began = time.monotonic()
    folder = runtime.settings.data_dir
    place = parsed(runtime.settings.database, "JIGAI_DATABASE_URL")
    path = Path(place.database or "") if place.get_backend_name() == "sqlite" else None
    if path is not None and path.exists():
        raise Stop(f"没有恢复：数据库 {path} 已经存在，请换一个空的 JIGAI_DATA_DIR。")
    try:
        with bar("核对备份") as progress, unpacked(source, folder, progress) as (manifest, stage):
            if path is None:
                _into_the_server(runtime, manifest, stage)
            put_in_place(stage, folder, path)
    except BackupError as error:
        raise Stop(f"没有恢复：{error}。") from None
    except OSError as error:
        raise Stop(f"没有恢复：{error.filename or source}：{error.strerror or error}。") from None
    # Brought to the newest version here. Nobody is logged in: a log-in that has ended since would live again.
    end_all_sessions(runtime.database)
    queued = runtime.drain()
    took = round(time.monotonic() - began, 1)
    if as_json:
        emit({"folder": str(folder), "indexed": queued} | _facts(manifest, took))
        return
    _table(manifest)
    tell(f"已恢复到 {folder}（{took} 秒）：{_words(manifest)}；索引已重建，编入 {queued:,} 条。所有人要重新登录。")
    if manifest.missing:
        tell(f"注意：备份时就有 {len(manifest.missing)} 个文件找不到，第一个是 {manifest.missing[0]}。")


def _into_the_server(runtime: Runtime, manifest: Manifest, stage: Path) -> None:
    """The rows of the snapshot into an empty database of PostgreSQL, in one transaction that counts when everything agrees."""
    from sqlalchemy.orm import Session

    from marketplace.backup_database import read_chain
    from marketplace.backup_manifest import DATABASE
    from marketplace.records.copying import CopyError, copy_rows
    from marketplace.records.database import Database

    with empty_target(runtime.settings.database, "JIGAI_DATABASE_URL") as target:
        source = Database(f"sqlite:///{stage / DATABASE}")
        try:
            source.migrate()
            with source.engine.connect() as reading, target.engine.connect() as writing, bar("写入数据库") as progress:
                try:
                    counted = copy_rows(reading, writing, progress=progress)
                except CopyError as error:
                    raise Stop(f"没有恢复：数据库不接受表 {error.table} 的内容（{error.reason}）。") from None
                if differing := [row.table for row in counted if row.source != row.target]:
                    raise Stop(f"没有恢复：表 {'、'.join(differing)} 的行数不一致。")
                with Session(bind=writing, join_transaction_mode="create_savepoint") as session:
                    found = read_chain(session, {})
                if (found.entries, found.head) != (manifest.history.entries, manifest.history.head):
                    raise Stop("没有恢复：写入后的历史记录和备份不一致。")
                ask_for_everything(writing)
                writing.commit()
        finally:
            source.close()


def _facts(manifest: Manifest, took: float) -> dict[str, Any]:
    history = {"entries": manifest.history.entries, "whole": manifest.history.broken_at is None, "broken_at": manifest.history.broken_at}
    blobs = sum(name.startswith("files/") for name in manifest.files)
    return {
        "made": manifest.made,
        "schema": manifest.schema,
        "tables": [{"table": name, "rows": count} for name, count in manifest.tables.items()],
        "rows": manifest.rows,
        "history": history | {"head": manifest.history.head},
        "files": sorted(name for name in manifest.files if not name.startswith("files/")),
        "blobs": blobs,
        "missing": manifest.missing,
        "took_s": took,
    }


def _table(manifest: Manifest) -> None:
    for name, count in manifest.tables.items():
        click.echo(f"{name:<28}{count:>12,}")


def _words(manifest: Manifest) -> str:
    """What is in it, counted."""
    blobs = sum(name.startswith("files/") for name in manifest.files)
    history = manifest.history
    whole = "首尾相连" if history.broken_at is None else f"从第 {history.broken_at} 条起断开"
    return f"{len(manifest.tables)} 张表 {manifest.rows:,} 行，{blobs:,} 个上传的文件，历史记录 {history.entries:,} 条，{whole}"
