"""`jigai rankers`: which rankers were trained, which one is in use, and changing that in one command."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from marketplace.commands.runtime import Runtime, Stop, emit

ACTOR = "jigai rankers"
JSON = click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")
WHY = click.option("--why", default="", help="理由，记入历史 / a reason for the history")


@click.group("rankers", invoke_without_command=True)
@JSON
@click.pass_context
def rankers(ctx: click.Context, as_json: bool) -> None:
    """排序模型：列出、启用、退回。 / Rankers: list, use, roll back."""
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, as_json)


@rankers.command("use")
@click.argument("version")
@WHY
@click.pass_obj
def use(runtime: Runtime, version: str, why: str) -> None:
    """启用一个通过了比较的模型；hand-1 是手工设定的权重。正在运行的服务随即换用。 / Use this one; a running server follows at once."""
    from marketplace.actions.rankers import promote_ranker, use_hand_weights
    from marketplace.domain.lifecycle import RefusedError
    from marketplace.domain.rankers import HAND

    try:
        with runtime.database.writing() as session:
            if version == HAND:
                use_hand_weights(session, actor=ACTOR, at=datetime.now(UTC), why=why)
            else:
                row = promote_ranker(session, version, actor=ACTOR, at=datetime.now(UTC), why=why)
                _check_file(runtime, row.version, row.sha256)
    except RefusedError as error:
        raise Stop(str(error)) from None
    click.echo(f"已启用 {version}。")


@rankers.command("roll-back")
@WHY
@click.pass_obj
def roll_back(runtime: Runtime, why: str) -> None:
    """退回上一个在用的模型（没有则用手工权重）。正在运行的服务随即换用。 / Back to what was in use before."""
    from marketplace.actions.rankers import roll_back_ranker
    from marketplace.domain.lifecycle import RefusedError
    from marketplace.records.rankers import find_ranker

    try:
        with runtime.database.writing() as session:
            out, now = roll_back_ranker(session, actor=ACTOR, at=datetime.now(UTC), why=why)
            row = find_ranker(session, now)
            if row is not None:
                _check_file(runtime, row.version, row.sha256)
    except RefusedError as error:
        raise Stop(str(error)) from None
    click.echo(f"已退回 {out}，现在用 {now}。")


@rankers.command("show")
@click.argument("version")
@click.pass_obj
def show(runtime: Runtime, version: str) -> None:
    """一个模型的说明书。 / The card of one."""
    from marketplace.records.rankers import find_ranker

    with runtime.database.reading() as session:
        row = find_ranker(session, version)
        if row is None:
            raise Stop(f"没有排序模型 {version}。运行 jigai rankers 查看。")
        click.echo(row.card)


def _check_file(runtime: Runtime, version: str, sha256: str) -> None:
    """A model without its file must not come into use: every recommendation would stop. Undoes the transaction."""
    from marketplace.domain.rankers import RankerMissingError
    from recommender.learned import read_ranker

    try:
        read_ranker(runtime.settings.data_dir / "models" / "rankers", version, sha256)
    except RankerMissingError as error:
        raise Stop(f"没有启用 {version}：{error.why}。改用手工权重：jigai rankers use hand-1。") from None


def _list(runtime: Runtime, as_json: bool) -> None:
    from marketplace.domain.rankers import HAND, RankerState
    from marketplace.records.rankers import find_rankers

    with runtime.database.reading() as session:
        rows: list[dict[str, Any]] = [
            {
                "version": row.version,
                "state": row.state.value,
                "made": row.made.isoformat(),
                "made_by": row.made_by,
                "moved": row.moved.isoformat(),
                "moved_by": row.moved_by,
                "rows": row.rows,
                "difference": row.metrics.get("difference"),
                "why": row.why,
            }
            for row in find_rankers(session)
        ]
    in_use = next((row["version"] for row in rows if row["state"] == RankerState.IN_USE), HAND)
    if as_json:
        emit({"in_use": in_use, "rankers": rows})
        return
    click.echo(f"在用：{in_use}")
    for row in rows:
        low, high = (row["difference"] or [0, 0, 0])[1:]
        click.echo(f"{row['version']:<20} {row['state']:<12} {row['made'][:16]}  {row['rows']} 条  [{low:+.3f}, {high:+.3f}]  {row['why']}")
