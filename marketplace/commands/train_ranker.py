"""What `jigai train` does without --embedder: learn a ranker from recorded matches, and promote it if it is better beyond noise."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketplace.commands.runtime import Runtime, Stop, bar, emit, tell

if TYPE_CHECKING:
    from recommender.training import Trained

ACTOR = "jigai train"


def train_ranker(runtime: Runtime, *, promote: bool, ablation: bool, as_json: bool) -> None:
    """Exit 0 whichever way the gate decides: that it was refused is an answer."""
    from marketplace.actions.rankers import keep_ranker, promote_ranker
    from marketplace.domain.lifecycle import RefusedError
    from recommender.learned import write_ranker
    from recommender.model_card import model_card
    from recommender.training import TooLittleError

    try:
        trained = _trained(runtime, ablation)
    except TooLittleError as error:
        raise Stop(str(error)) from None
    version, figures, card, at = trained.weights.version, trained.figures(), model_card(trained), datetime.now(UTC)
    folder = runtime.settings.data_dir / "models" / "rankers"
    # First the file, then the row that names it: a row without its file would stop every recommendation.
    sha256 = _written(folder, trained, card, figures, write_ranker)
    promoted = False
    with runtime.database.writing() as session:
        row = keep_ranker(
            session,
            version,
            rows=trained.rows,
            metrics=figures,
            card=card,
            sha256=sha256,
            objections=trained.objections,
            actor=ACTOR,
            at=at,
        )
        if promote and not trained.objections:
            try:
                promote_ranker(session, row.version, actor=ACTOR, at=at, why="通过比较")
                promoted = True
            except RefusedError as error:
                # In use already: the same data taught the same again.
                tell(str(error))
    if as_json:
        emit({**figures, "promoted": promoted, "folder": str(folder / version)})
        return
    click.echo(card)
    click.echo(_verdict(trained, promoted, promote))


def _trained(runtime: Runtime, ablation: bool) -> Trained:
    from recommender.recorded import find_recorded
    from recommender.training import train
    from recommender.training_rows import make_rows

    rules = runtime.pilot.learning
    site = runtime.site()
    with site.database.reading() as session:
        lists = find_recorded(session, most=rules.most_lists)
    tell(f"记录了 {sum(len(one.rows) for one in lists)} 条匹配，{len(lists)} 个问题。")
    with bar("计算特征") as progress:
        rows = make_rows(site.database, site.recommender.by_hand(), lists, site.pilot.rating.exploration, progress)
    return train(rows, site.recommender.in_use(), rules, ablation=ablation)


def _written(folder: Path, trained: Trained, card: str, figures: dict[str, Any], write: Any) -> str:
    try:
        sha256: str = write(folder, trained.weights)
        place = folder / trained.weights.version
        (place / "card.md").write_text(card, "utf-8")
        (place / "report.json").write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise Stop(f"{error.filename or folder} 写不了：{error.strerror or error}。请检查权限和磁盘空间。") from None
    return sha256


def _verdict(trained: Trained, promoted: bool, wanted: bool) -> str:
    version = trained.weights.version
    if promoted:
        return f"已启用 {version}；退回：jigai rankers roll-back。"
    if trained.objections:
        return f"没有启用 {version}，仍用 {trained.now.version}：" + "".join(trained.objections)
    return f"{version} 通过比较，{'已在使用' if wanted else f'没有启用；启用：jigai rankers use {version}'}。"
