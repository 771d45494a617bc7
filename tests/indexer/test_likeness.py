"""Two engines, one meaning: on the demonstration set's judged problems both rank alike."""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import fmean

import pytest

from indexer.embedding import EmbeddingStore, open_embedder
from marketplace.records.database import Database
from recommender.evaluation.beir import read_set, write_demonstration_set
from recommender.evaluation.evaluate import Measured, measure, open_index
from tests.conftest import DEMO
from tests.demo_site import keep_vectors, take_vectors
from tests.opensearch_server import OpenSearchServer

NDCG_APART = 0.01
LEAST_SHARED = 0.97


def test_both_engines_rank_the_judged_problems_alike(opensearch_server: OpenSearchServer, migrated_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "jigai.db"
    shutil.copyfile(migrated_file, path)
    take_vectors(path)
    database = Database(f"sqlite:///{path}")
    store = EmbeddingStore(open_embedder("builtin"), database)
    write_demonstration_set(DEMO, tmp_path)
    judged = read_set(tmp_path / "corpus.jsonl", tmp_path / "queries.jsonl", tmp_path / "qrels.tsv")
    store.queries([query["text"] for query in judged.queries.values()], keep=True)
    found: dict[str, dict[str, Measured]] = {}
    for url in ("embedded:", opensearch_server.url()):
        index = open_index(judged, store, tmp_path / "index", url)
        found[url[:8]] = {mode: measure(judged, index, mode) for mode in ("lexical", "dense", "hybrid")}
        index.close()
    database.close()
    keep_vectors(path)
    embedded, other = found["embedded"], found["opensear"]
    for mode in embedded:
        shared = fmean(_shared(one, two) for one, two in zip(embedded[mode].rankings, other[mode].rankings, strict=True))
        figures = [round(fmean(one[mode].ndcg), 4) for one in (embedded, other)]
        assert figures[1] == pytest.approx(figures[0], abs=NDCG_APART), mode
        assert shared >= LEAST_SHARED, mode
        print(f"{mode}: nDCG@10 {figures[0]} and {figures[1]}, shared top ten {shared:.4f}")


def _shared(one: tuple[tuple[str, float], ...], two: tuple[tuple[str, float], ...]) -> float:
    """The share of the ten best that both have."""
    first, second = {name for name, _ in one[:10]}, {name for name, _ in two[:10]}
    return len(first & second) / max(1, len(first))
