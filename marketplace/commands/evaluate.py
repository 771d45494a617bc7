"""`jigai evaluate`: how good are search and recommendation on any judged set in BEIR form?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from marketplace.commands.runtime import Runtime, Stop, bar, emit, tell

if TYPE_CHECKING:
    from indexer.embedding import EmbeddingStore

MODES = ("lexical", "dense", "hybrid", "recommend")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("evaluate")
@click.option("--corpus", type=FILE, required=True, help="corpus.jsonl：_id、title、text、metadata")
@click.option("--queries", type=FILE, required=True, help="queries.jsonl：_id、text、metadata")
@click.option("--qrels", type=FILE, required=True, help="qrels.tsv：query-id、corpus-id、score，有表头")
@click.option("--mode", type=click.Choice(MODES), default="recommend", show_default=True, help="用哪种方式 / which mode")
@click.option("--history", type=FILE, help="过去的对接结果，供 recommend 使用 / past matches for recommend")
@click.option(
    "--run", "run_file", type=click.Path(dir_okay=False, path_type=Path), help="把排序写成 TREC 格式 / write the ranking in TREC form"
)
@click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")
@click.pass_obj
def evaluate(
    runtime: Runtime, corpus: Path, queries: Path, qrels: Path, mode: str, history: Path | None, run_file: Path | None, as_json: bool
) -> None:
    """用评测集评价：临时建索引，逐题作答，给出 ndcg@10、recall@100、mrr@10、覆盖率和用时。

    A throw-away index of the configured engine; a query without a result counts as 0.
    """
    from indexer.backends import EngineError
    from recommender.evaluation.beir import BadSetError
    from recommender.evaluation.evaluate import evaluate as measure

    store = store_of(runtime)
    try:
        with bar("建立临时索引") as progress:
            figures = measure(
                corpus,
                queries,
                qrels,
                mode,
                history,
                run_file,
                embeddings=store,
                engine=runtime.settings.search_address,
                progress=progress,
            )
    except (BadSetError, EngineError) as error:
        raise Stop(str(error)) from None
    except OSError as error:
        raise Stop(f"{error.filename or run_file}：{error.strerror or error}。") from None
    if as_json:
        emit({"mode": mode, **figures})
        return
    for name, value in figures.items():
        click.echo(f"{name:<12} {value:.2f} ms" if name in ("p50", "p95") else f"{name:<12} {value:.4f}")


def store_of(runtime: Runtime) -> EmbeddingStore:
    """The configured model. Vectors of the set's documents are kept in a file of their own, so that four modes embed once."""
    from indexer.embedding import EmbeddingStore, open_embedder
    from marketplace.records.database import Database

    try:
        embedder = open_embedder(runtime.settings.embedder, runtime.settings.data_dir / "models")
    except ValueError as error:
        raise Stop(str(error)) from None
    try:
        with runtime.told_database_errors():
            cache = Database(f"sqlite:///{(runtime.settings.data_dir / 'evaluation-vectors.db').resolve()}")
            cache.migrate()
    except Stop as error:
        tell(f"向量不能保存，这次只留在内存里：{error.message}")
        return EmbeddingStore(embedder)
    return EmbeddingStore(embedder, cache)
