"""`jigai train`: learn from known problems what the built-in vector model should know of the domain."""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketplace.commands.runtime import Runtime, Stop, bar, emit, tell

if TYPE_CHECKING:
    from recommender.evaluation.delta_gate import Comparison, Gate

DEMONSTRATION = Path(__file__).parents[1] / "data" / "demo"
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("train")
@click.option("--embedder", is_flag=True, help="训练自带向量模型的行业增量 / the domain delta of the built-in vector model")
@click.option("--symptoms", type=FOLDER, help="难题知识库文件夹；默认用自带的 / known problems; default: the packaged ones")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=Path("delta.npz"), show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="随机种子 / seed")
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="线程数，不同则结果不同 / another number, another result"
)
@click.option("--demands", type=FOLDER, help="另一个评测集（BEIR 格式），不得变差 / another judged set that must not get worse")
@click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")
@click.pass_obj
def train(
    runtime: Runtime, embedder: bool, symptoms: Path | None, output: Path, seed: int, threads: int, demands: Path | None, as_json: bool
) -> None:
    """从“难题与解法”学习，再在示例评测集上与未训练的比较；不比它好就不保留，退出码为 1。

    Minutes of one core. Kept only if better than the base beyond noise; exit 1 when it is not.
    """
    if not embedder:
        raise Stop("请说明训练什么：jigai train --embedder。")
    if find_spec("torch") is None:
        raise Stop("训练要用 torch，还没有安装：请安装 jigai[transformers]。")
    if not output.resolve().parent.is_dir():
        raise Stop(f"没有文件夹 {output.resolve().parent}，请先建立它。")
    from indexer.delta_training import BadSymptoms, Options, train_delta
    from recommender.evaluation.beir import BadSetError
    from recommender.known_problems import SYMPTOMS

    with tempfile.TemporaryDirectory(prefix=".jigai-", dir=output.resolve().parent) as folder:
        fresh = Path(folder) / output.name
        try:
            with bar("训练") as progress:
                train_delta(symptoms or SYMPTOMS, fresh, Options(seed=seed, threads=threads), lambda done, total, _: progress(done, total))
            tell("训练完成，正在比较。")
            gate = _judged(fresh, runtime.settings.data_dir / "models", demands)
        except (BadSymptoms, BadSetError) as error:
            raise Stop(str(error)) from None
        if gate.is_kept:
            os.replace(fresh, output)
    _tell(gate, output, as_json)
    if not gate.is_kept:
        raise click.exceptions.Exit(1)


def _judged(delta: Path, graphs: Path, demands: Path | None) -> Gate:
    """The graphs of the trial are for the trial: the one of the delta is thrown away with its folder."""
    from indexer.onnx_model import OnnxEmbedder
    from recommender.evaluation.delta_gate import judge

    return judge(OnnxEmbedder(graphs, None), OnnxEmbedder(delta.parent, delta), DEMONSTRATION, demands)


def _tell(gate: Gate, output: Path, as_json: bool) -> None:
    sets = {"demonstration": gate.demonstration} | ({"demands": gate.demands} if gate.demands else {})
    if as_json:
        figures = {name: _figures(one) for name, one in sets.items()}
        emit({"kept": gate.is_kept, "output": str(output) if gate.is_kept else None, "sets": figures})
        return
    for name, one in sets.items():
        change = one.difference
        click.echo(
            f"{name}：{one.queries} 题，ndcg@10 {one.base:.3f} → {one.changed:.3f}，"
            f"差 {change.mean:+.3f}，95% 区间 [{change.low:+.3f}, {change.high:+.3f}]"
        )
    click.echo(f"已保留：{output}。" if gate.is_kept else "没有保留：它不比未训练的好，或在另一个评测集上变差了。")


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
