"""`jigai train`: learn a ranker from recorded matches; with --embedder or --adapter, what the embedding space should know."""

from __future__ import annotations

from pathlib import Path

import click

from marketplace.commands.runtime import Runtime, Stop

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("train")
@click.option("--embedder", is_flag=True, help="训练自带向量模型的行业增量 / the domain delta of the built-in vector model")
@click.option("--adapter", is_flag=True, help="训练现用向量的低秩修正，不需要 torch / a correction of the vectors in use, without torch")
@click.option("--no-promote", is_flag=True, help="只比较，不启用 / measure only")
@click.option("--ablation", is_flag=True, help="再算少学一类依据时的结果 / also without each family of features")
@click.option(
    "--recorded/--no-recorded", default=True, help="--embedder 是否也学本站被接受的对接 / learn from this site's accepted matches"
)
@click.option("--symptoms", type=FOLDER, help="难题知识库文件夹；默认用自带的 / known problems; default: the packaged ones")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="默认 delta.npz 或 adapter.npz / default: delta.npz or adapter.npz",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="随机种子 / seed")
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="线程数，不同则结果不同 / another number, another result"
)
@click.option("--demands", type=FOLDER, help="另一个评测集（BEIR 格式），不得变差 / another judged set that must not get worse")
@click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")
@click.pass_obj
def train(
    runtime: Runtime,
    embedder: bool,
    adapter: bool,
    no_promote: bool,
    ablation: bool,
    recorded: bool,
    symptoms: Path | None,
    output: Path | None,
    seed: int,
    threads: int,
    demands: Path | None,
    as_json: bool,
) -> None:
    """从记录的对接学出排序模型，与现用的比较，好到不像偶然才启用；--embedder、--adapter 训练向量空间。

    The ranker from recorded matches, promoted only if better than the one in use beyond noise. With --embedder the domain delta of the
    built-in vector model (minutes of one core), with --adapter a correction of the vectors in use (seconds): from the knowledge base and
    from what was accepted on this site, kept only if better on what came later; exit 1 when it is not.
    """
    if embedder and adapter:
        raise Stop("--embedder 和 --adapter 请分开运行。")
    if adapter:
        from marketplace.commands.train_embedder import train_adapter

        train_adapter(runtime, output or Path("adapter.npz"), demands, seed=seed, as_json=as_json)
    elif embedder:
        from marketplace.commands.train_embedder import train_embedder

        train_embedder(
            runtime, symptoms, output or Path("delta.npz"), demands, seed=seed, threads=threads, recorded=recorded, as_json=as_json
        )
    else:
        from marketplace.commands.train_ranker import train_ranker

        train_ranker(runtime, promote=not no_promote, ablation=ablation, as_json=as_json)
