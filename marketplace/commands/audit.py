"""`jigai audit`: is the history whole, and has its end been written down outside the database?"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import click

from marketplace.commands.runtime import Runtime, Stop, bar, emit, tell

JSON = click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")


@click.group("audit")
def audit() -> None:
    """历史记录：谁在何时做了什么，逐条以哈希相连。 / The history, chained by hash."""


@audit.command("verify")
@JSON
@click.pass_obj
def verify(runtime: Runtime, as_json: bool) -> None:
    """逐条核对，并与锚点文件比较；断了时指出从哪一条起，退出码为 1。 / Names the first entry that does not follow; exit 1."""
    from sqlalchemy import func, select

    from marketplace.audit_anchors import AnchorError, read_anchors
    from marketplace.records.history import HistoryEntry, find_broken_link

    try:
        anchors = read_anchors(runtime.settings.data_dir)
    except AnchorError as error:
        raise Stop(f"{error}。") from None
    started = time.monotonic()
    with runtime.database.reading() as session, bar("核对历史记录") as progress:
        count = session.scalar(select(func.count()).select_from(HistoryEntry)) or 0
        head = session.scalar(select(HistoryEntry.digest).order_by(HistoryEntry.id.desc()).limit(1)) or ""
        known = {anchor.entry_id: anchor.digest for anchor in anchors}
        # Two anchors of one entry that differ: the entry was replaced between them, and the chain with it.
        twice = next((one.entry_id for one in anchors if known[one.entry_id] != one.digest), None)
        broken = find_broken_link(session, anchors=known, step=lambda done: progress(done, count))
    broken = min((number for number in (broken, twice) if number is not None), default=None)
    took = time.monotonic() - started
    rate = round(count / took) if took and broken is None else None
    if as_json:
        found = {"entries": count, "whole": broken is None, "broken_at": broken, "head": head}
        emit(found | {"anchors": len(anchors), "took_s": round(took, 2), "rate": rate})
    elif broken is None:
        against = f"，与 {len(anchors)} 条锚点一致" if anchors else "；还没有锚点；服务每天记一次，也可以现在运行 jigai audit anchor"
        tell(f"{count:,} 条历史记录首尾相连，没有被改动{against}。末条摘要 {head or '（空）'}。每秒核对 {rate or 0:,} 条。")
    else:
        tell(f"历史记录从第 {broken} 条起断开：它或它前面的记录被改动、插入或删除过，或者末尾被截去。")
    if broken is not None:
        raise click.exceptions.Exit(1)


@audit.command("anchor")
@JSON
@click.pass_obj
def anchor_(runtime: Runtime, as_json: bool) -> None:
    """把末条的编号和摘要记到资料目录的 audit-anchors.log；把这个文件另存到别处，重写和截断就能查出。

    Appends the last entry's number and digest to a file; keep copies of it elsewhere.
    """
    from marketplace.audit_anchors import NAME, AnchorError, anchor

    folder = runtime.settings.data_dir
    try:
        made = anchor(runtime.database, folder, datetime.now(UTC))
    except AnchorError as error:
        raise Stop(f"{error}。") from None
    except OSError as error:
        raise Stop(f"{folder / NAME} 写不了：{error.strerror}。") from None
    if as_json:
        emit({"anchored": made is not None, "entry": made.entry_id if made else None, "digest": made.digest if made else ""})
    elif made is None:
        tell("自上次以来没有新的历史记录，没有新的锚点。")
    else:
        tell(f"已记下锚点：第 {made.entry_id} 条，摘要 {made.digest}。")
