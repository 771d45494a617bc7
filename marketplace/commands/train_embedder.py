"""What `jigai train --embedder` and `--adapter` do: learn of the embedding space, from the knowledge base and from what was accepted on
this site, and keep it only if it is better beyond noise."""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketplace.commands.runtime import Runtime, Stop, bar, emit, tell

if TYPE_CHECKING:
    from indexer.query import Embedder
    from recommender.accepted_pairs import Split
    from recommender.evaluation.delta_gate import Comparison, Gate

DEMONSTRATION = Path(__file__).parents[1] / "data" / "demo"


def train_embedder(
    runtime: Runtime, symptoms: Path | None, output: Path, demands: Path | None, *, seed: int, threads: int, recorded: bool, as_json: bool
) -> None:
    """The delta of the built-in model. Exit 1 when it is not kept."""
    if find_spec("torch") is None:
        raise Stop("训练要用 torch，还没有安装：请安装 jigai[transformers]。不装 torch 也能训练向量修正：jigai train --adapter。")
    folder_of(output)
    from indexer.delta_training import BadSymptoms, Options, Pair, train_delta
    from recommender.evaluation.beir import BadSetError
    from recommender.evaluation.delta_gate import judge
    from recommender.known_problems import SYMPTOMS
    from recommender.space_card import space_card

    split, why = accepted_of(runtime) if recorded else (None, "没有用本站的对接记录（--no-recorded）。")
    pairs = [Pair(one.text, row.passages, row.weight, one.negatives) for one in (split.early if split else ()) for row in one.positives]
    with tempfile.TemporaryDirectory(prefix=".jigai-", dir=output.resolve().parent) as folder:
        fresh, card = Path(folder) / output.name, output.with_suffix(".card.md")
        try:
            with bar("训练") as progress:
                options = Options(seed=seed, threads=threads)
                notes = train_delta(symptoms or SYMPTOMS, fresh, options, lambda done, total, _: progress(done, total), pairs)
            tell("训练完成，正在比较。")
            base, changed = _compared(runtime, fresh, split)
            gate = judge(base, changed, DEMONSTRATION, demands, split)
        except (BadSymptoms, BadSetError) as error:
            raise Stop(str(error)) from None
        learned = {"statements": notes["pairs"], "recorded": split.counts() if split else None, "why": why}
        if gate.is_kept:
            what = f"自带向量模型的行业增量，{notes['epochs']} 轮，种子 {seed}；比较的是 {'现用的模型' if split else '没有增量的模型'}。"
            card.write_text(space_card(output.name, [what], learned, gate), "utf-8")
            os.replace(fresh, output)
    told(gate, output, learned, "", as_json)


def _compared(runtime: Runtime, delta: Path, split: Split | None) -> tuple[Embedder, Embedder]:
    """What is compared: with what is in use where a site's matches were learned from, else with the bare weights. The graph of the delta
    is for the trial, and thrown away with its folder."""
    from indexer.embedding import open_embedder
    from indexer.onnx_model import OnnxEmbedder

    graphs = runtime.settings.data_dir / "models"
    base = open_embedder(runtime.settings.embedder, graphs) if split else OnnxEmbedder(graphs, None)
    return base, OnnxEmbedder(delta.parent, delta)


def train_adapter(runtime: Runtime, output: Path, demands: Path | None, *, seed: int, as_json: bool) -> None:
    """The correction of the vectors in use, whatever model made them. Exit 1 when it is not kept."""
    folder_of(output)
    from indexer.adapter_file import read_adapter, write_adapter
    from indexer.embedding import EmbeddingStore, open_embedder
    from recommender.adapting import Corrected, NothingToAdaptError, Remembering, adapt
    from recommender.evaluation.beir import BadSetError
    from recommender.evaluation.delta_gate import judge
    from recommender.space_card import space_card

    split, why = accepted_of(runtime)
    if split is None:
        raise Stop(why)
    settings, database = runtime.settings, runtime.database
    embedder = Remembering(open_embedder(settings.embedder, settings.data_dir / "models"))
    try:
        with bar("训练") as progress:
            adapted = adapt(EmbeddingStore(embedder, database, bulk=True), split, seed=seed, told=progress)
        tell("训练完成，正在比较。")
        in_use = read_adapter(settings.adapter, embedder.space) if settings.adapter else None
        base, changed = (Corrected(embedder, database, adapter) for adapter in (in_use, adapted.adapter))
        gate = judge(base, changed, DEMONSTRATION, demands, split)
    except (NothingToAdaptError, BadSetError) as error:
        raise Stop(str(error)) from None
    learned = {"statements": adapted.stated, "recorded": split.counts(), "why": why, "epochs": adapted.epochs}
    version = adapted.adapter.version
    if gate.is_kept:
        notes = [
            f"{embedder.space} 的向量的低秩修正 {version}：x + (x·A)·B，再归一。学了 {adapted.epochs} 轮，轮数由学习时段的最后四分之一选出。"
        ]
        output.with_suffix(".card.md").write_text(space_card(version, notes, learned, gate), "utf-8")
        write_adapter(output, adapted.adapter, embedder.space, learned)
    then = f"启用：设 JIGAI_ADAPTER={output.resolve()} 后重启 jigai serve，索引由存好的向量重建；停用：清空它再重启。"
    told(gate, output, learned, then, as_json)


def folder_of(output: Path) -> Path:
    if not output.resolve().parent.is_dir():
        raise Stop(f"没有文件夹 {output.resolve().parent}，请先建立它。")
    return output.resolve().parent


def accepted_of(runtime: Runtime) -> tuple[Split | None, str]:
    """What was accepted on this site, split by time, or None and the sentence why it is not learned from."""
    address = runtime.settings.database
    # Whoever trains beside no site gets no empty database for it.
    if address.startswith("sqlite:///") and not Path(address.removeprefix("sqlite:///")).is_file():
        return None, "这里没有站点的数据库，没有对接记录可学。"
    from marketplace.app import labels_of
    from recommender.accepted_pairs import find_accepted

    rules, pilot = runtime.pilot.learning, runtime.pilot
    reasons = {one.key: one.name for one in pilot.brokering.reasons}
    with runtime.told_database_errors(), runtime.database.reading() as session:
        split = find_accepted(session, rules, labels_of(pilot), reasons)
    if len(split.late) < rules.least_lists:
        problems = len(split.early) + len(split.late)
        return None, (
            f"本站只有 {problems} 个问题有被接受的对接，按时间留出的后一段 {len(split.late)} 个，至少要 {rules.least_lists} 个才谈得上比较："
            "没有用对接记录。"
        )
    return split, ""


def told(gate: Gate, output: Path, learned: dict[str, Any], then: str, as_json: bool) -> None:
    from recommender.space_card import NAMES, sets_of, sources

    if as_json:
        figures = {name: _figures(one) for name, one in sets_of(gate).items()}
        emit({"kept": gate.is_kept, "output": str(output) if gate.is_kept else None, "learned_from": learned, "sets": figures})
    else:
        for sentence in sources(learned):
            click.echo(sentence)
        for name, one in sets_of(gate).items():
            change = one.difference
            click.echo(
                f"{NAMES[name]}：{one.queries} 题，ndcg@10 {one.base:.3f} → {one.changed:.3f}，"
                f"差 {change.mean:+.3f}，95% 区间 [{change.low:+.3f}, {change.high:+.3f}]"
            )
        click.echo(f"已保留：{output}。{then}" if gate.is_kept else "没有保留：它不比以前的好（超出误差），或在另一个评测集上变差了。")
    if not gate.is_kept:
        raise click.exceptions.Exit(1)


def _figures(one: Comparison) -> dict[str, Any]:
    change = one.difference
    return {
        "queries": one.queries,
        "base": one.base,
        "changed": one.changed,
        "difference": change.mean,
        "low": change.low,
        "high": change.high,
    }
