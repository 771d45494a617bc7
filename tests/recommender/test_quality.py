"""The gate of quality: on the demonstration set's judged problems, no mode falls below its figure, nor below an earlier mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.embedding import EmbeddingStore, open_embedder
from indexer.search import Index
from marketplace.records.database import Database
from recommender.evaluation.beir import JudgedSet, read_set, write_demonstration_set
from recommender.evaluation.bootstrap import paired_bootstrap
from recommender.evaluation.evaluate import MODES, evaluate, measure, open_index
from tests.demo_site import keep_vectors, take_vectors

DEMO = Path(__file__).parents[2] / "marketplace" / "data" / "demo"
LEAST = {"lexical": 0.65, "dense": 0.70, "hybrid": 0.74, "recommend": 0.86}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> JudgedSet:
    folder = tmp_path_factory.mktemp("judged")
    write_demonstration_set(DEMO, folder)
    return read_set(folder / "corpus.jsonl", folder / "queries.jsonl", folder / "qrels.tsv")


@pytest.fixture(scope="module")
def store(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddingStore]:
    """The model as delivered; its vectors come from the cache of earlier runs."""
    path = tmp_path_factory.mktemp("vectors") / "jigai.db"
    path.write_bytes(migrated_file.read_bytes())
    take_vectors(path)
    database = Database(f"sqlite:///{path}")
    yield EmbeddingStore(open_embedder("builtin"), database)
    database.close()
    keep_vectors(path)


@pytest.fixture(scope="module")
def index(judged: JudgedSet, store: EmbeddingStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    opened = open_index(judged, store, tmp_path_factory.mktemp("index"))
    yield opened
    opened.close()


def test_every_mode_holds_its_figure(judged: JudgedSet, index: Index, store: EmbeddingStore) -> None:
    store.queries([query["text"] for query in judged.queries.values()], keep=True)
    before = None
    for mode in MODES:
        measured = measure(judged, index, mode)
        assert measured.figures()["ndcg@10"] >= LEAST[mode], mode
        if before is not None:
            assert not paired_bootstrap(before.ndcg, measured.ndcg).is_worse, mode
        before = measured


def test_a_set_without_metadata_and_with_a_run(tmp_path: Path, store: EmbeddingStore) -> None:
    files = {
        "corpus.jsonl": '{"_id": "a", "title": "压机预测性维护", "text": "监测离合器和轴承，提前报警。"}\n'
        '{"_id": "b", "title": "电子批记录", "text": "投料和升降温由工单驱动。"}\n',
        "queries.jsonl": '{"_id": "q1", "text": "压机总是坏了才修"}\n{"_id": "q2", "title": "", "text": ""}\n',
        "qrels.tsv": "query-id\tcorpus-id\tscore\nq1\ta\t3\nq2\tb\t1\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for mode in MODES:
        run = tmp_path / f"{mode}.run"
        figures = evaluate(*(tmp_path / name for name in files), mode=mode, run=run, embeddings=store)
        assert set(figures) == {"ndcg@10", "recall@100", "mrr@10", "coverage", "p50", "p95"}
        # A query without a result counts as nothing.
        assert figures["ndcg@10"] == pytest.approx(0.5)
        assert figures["coverage"] == pytest.approx(0.5)
        first = run.read_text(encoding="utf-8").splitlines()[0].split()
        assert first[:4] == ["q1", "Q0", "a", "1"]
        assert first[5] == f"jigai-{mode}"


def test_history_of_judged_problems_is_dropped(tmp_path: Path, store: EmbeddingStore) -> None:
    documents = [f'{{"_id": "{name}", "title": "设备维护方案", "text": "监测设备，提前报警。"}}' for name in "abc"]
    (tmp_path / "c.jsonl").write_text("\n".join(documents), encoding="utf-8")
    (tmp_path / "q.jsonl").write_text(
        '{"_id": "q", "text": "压机坏了才修，停一次半天"}\n{"_id": "old", "text": "压机坏了才修，停一次要半天"}\n', encoding="utf-8"
    )
    (tmp_path / "r.tsv").write_text("q\tc\t3\n", encoding="utf-8")
    rows = ['{"problem_id": "old", "solution_id": "c", "decision": "accepted"}', '{"problem_id": "q", "solution_id": "a"}']
    (tmp_path / "h.jsonl").write_text("\n".join(rows), encoding="utf-8")
    paths = [tmp_path / name for name in ("c.jsonl", "q.jsonl", "r.tsv")]
    run = tmp_path / "run"
    evaluate(*paths, mode="recommend", history=tmp_path / "h.jsonl", run=run, embeddings=store)
    # What was accepted for a problem like this one comes first; the judged problem's own history is not read.
    assert run.read_text(encoding="utf-8").split()[2] == "c"


def test_an_unknown_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="未知的模式"):
        evaluate(tmp_path, tmp_path, tmp_path, mode="magic")
