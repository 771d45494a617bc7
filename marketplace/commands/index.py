"""`jigai index`: how far the index is behind the database, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from marketplace.commands.runtime import Runtime, Stop, bar, emit, tell

if TYPE_CHECKING:
    from marketplace.site import Site

JSON = click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")


@click.group("index")
def index() -> None:
    """索引：状态、同步、重建、核对。 / State, sync, rebuild, reconcile."""


@index.command("status")
@JSON
@click.pass_obj
def status(runtime: Runtime, as_json: bool) -> None:
    """队列和索引里各有多少。 / What is in the queue and in the index."""
    from indexer.backends import EngineError

    found: dict[str, Any] = {"engine": runtime.settings.search_url, **_queue(runtime)}
    try:
        found |= {"usable": True, "held": _held(runtime.site())}
    except (EngineError, Stop) as error:
        found |= {"usable": False, "why": str(error), "held": {}}
    if as_json:
        emit(found)
        return
    click.echo(f"引擎 {found['engine']}，{'可用' if found['usable'] else '不能用：' + found['why']}")
    for kind, count in found["held"].items():
        click.echo(f"  {kind}：索引里 {count} 条")
    click.echo(f"等待编入 {found['pending']} 条")
    for row in found["parked"]:
        click.echo(f"  搁置　{row['kind']} {row['thing_id']}：{row['error']}")


def _queue(runtime: Runtime) -> dict[str, Any]:
    from sqlalchemy import select

    from marketplace.records.index_queue import QueuedThing, count_pending, is_parked

    with runtime.database.reading() as session:
        waiting = is_parked()
        parked = session.scalars(select(QueuedThing).where(waiting).limit(100)).all()
        return {
            "pending": count_pending(session),
            "parked": [{"kind": row.kind, "thing_id": row.thing_id, "error": row.error} for row in parked],
        }


def _held(site: Site) -> dict[str, int]:
    from indexer.query import Kind

    return {kind.value: len(site.index.backend.versions(kind)) for kind in Kind}


def _own(runtime: Runtime) -> Site | None:
    """The site with its index, or None where a server owns it."""
    from indexer.backends import IndexBusy

    try:
        return runtime.site(write=True)
    except IndexBusy:
        return None


@index.command("sync")
@JSON
@click.pass_obj
def sync(runtime: Runtime, as_json: bool) -> None:
    """把等待的都编入索引。 / Index everything that waits."""
    done = runtime.drain()
    left = _queue(runtime)["pending"]
    if as_json:
        emit({"indexed": done, "pending": left})
    else:
        tell(f"已编入 {done} 条，还有 {left} 条等待。")
    if left:
        raise click.exceptions.Exit(2)


@index.command("rebuild")
@JSON
@click.pass_obj
def rebuild(runtime: Runtime, as_json: bool) -> None:
    """从数据库另建一份索引，建好后换上；其间搜索照常。 / A new index beside the old one, swapped in when complete."""
    site = _own(runtime)
    if site is None:
        # The server builds: every thing is asked for anew, and its worker writes them all again.
        from indexer.reconcile import enqueue_everything

        count = enqueue_everything(runtime.database)
        tell("服务正在运行：已请它把全部内容重新编入。")
        runtime.drain()
    else:
        from indexer.rebuild import rebuild as build
        from marketplace.app import labels_of

        with bar("重建索引") as progress:
            count = build(site.database, site.index.backend, site.embeddings.bulk(), labels_of(site.pilot), progress)
        runtime.drain()
    if as_json:
        emit({"indexed": count, "pending": _queue(runtime)["pending"]})
    else:
        tell(f"已重建，共 {count} 条。")


@index.command("reconcile")
@JSON
@click.pass_obj
def reconcile(runtime: Runtime, as_json: bool) -> None:
    """核对数据库与索引，把差异重新编入。 / Compare database and index, and index the difference again."""
    from sqlalchemy import update

    from indexer.backends import EngineError
    from indexer.reconcile import reconcile as compare
    from marketplace.records.index_queue import QueuedThing, is_parked

    with runtime.database.writing() as session:
        # Whoever runs this has mended what was wrong: parked things get another try.
        session.execute(update(QueuedThing).where(is_parked()).values(attempts=0, lease_until=None))
    try:
        site = _own(runtime) or runtime.site()
    except EngineError as error:
        raise Stop(f"索引不能用：{error}。请运行 jigai index rebuild。") from None
    found = compare(site.database, site.index.backend)
    runtime.drain()
    rows = {one.kind.value: {"missing": len(one.missing), "surplus": len(one.surplus), "stale": len(one.stale)} for one in found}
    if as_json:
        emit({"differences": rows, "pending": _queue(runtime)["pending"]})
        return
    for kind, row in rows.items():
        click.echo(f"{kind}：缺 {row['missing']}，多 {row['surplus']}，版本不同 {row['stale']}")
    tell("差异已重新编入。" if any(sum(row.values()) for row in rows.values()) else "数据库与索引一致。")


@index.command("embed")
@click.option(
    "--processes", type=click.IntRange(1, 64), help="同时计算的进程数；默认每个处理器核一个，有显卡时请用 1 / default: one a core"
)
@JSON
@click.pass_obj
def embed(runtime: Runtime, processes: int | None, as_json: bool) -> None:
    """先把全部内容的向量算好存下，以后建索引时不用再算；中断后再运行，会接着算。服务运行时也能用。

    Vectors of everything that the configured model has none for, kept as they come; run again after a kill, it goes on.
    """
    import os
    import time

    from indexer.bulk_embedding import embed_missing, find_missing
    from indexer.embedding import open_embedder
    from marketplace.app import labels_of

    settings, database = runtime.settings, runtime.database
    folder = settings.data_dir / "models"
    space = open_embedder(settings.embedder, folder).space
    missing = find_missing(database, space, labels_of(runtime.pilot))
    tell(f"还缺 {len(missing):,} 条向量。" if missing else "向量齐全，没有要算的。")
    started = time.monotonic()
    with bar("计算向量") as progress:
        embed_missing(
            database, space, missing, name=settings.embedder, folder=folder, processes=processes or os.cpu_count() or 1, progress=progress
        )
    took = time.monotonic() - started
    if as_json:
        emit({"space": space, "embedded": len(missing), "took_s": round(took, 2)})
    elif missing:
        tell(f"已算好 {len(missing):,} 条，用时 {took:,.0f} 秒，每秒 {len(missing) / took:,.1f} 条。")
