"""Pure parts: query parts, fusion, facets, embeddings, documents."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.documents import mains, units
from indexer.embedding import Adapter, BuiltinEmbedder, EmbeddingStore, open_embedder
from indexer.facets import Column, counts, holds
from indexer.fusion import Passages, Side, best_of, closeness, fused, lexical_scores, lexical_weight, raised, stretched
from indexer.parts import parts_of
from indexer.pieces import content_hash, query_pieces
from indexer.query import Vector
from marketplace.records.embeddings import Embedding
from tests.indexer.corpus import HashedEmbedder, migrated

SCORES = st.lists(st.floats(-1, 50, width=32), min_size=1, max_size=40).map(lambda values: np.array(values, np.float32))


@given(st.text(max_size=3000))
def test_parts_are_bounded(text: str) -> None:
    parts = parts_of(text)
    assert 1 <= len(parts.wholes) <= 2
    assert 1 <= len(parts.clauses) <= 8
    assert all(len(piece) <= 400 for piece in query_pieces(text))
    assert len(query_pieces(text)) <= 4


def test_a_long_text_has_a_head_and_clauses() -> None:
    text = "注塑机停机多\n" + "模具冷却水路堵塞，换模要两个小时，没有人记录；" * 5
    parts = parts_of(text)
    assert parts.wholes[1] == "注塑机停机多"
    assert parts.clauses[:3] == ("注塑机停机多", "模具冷却水路堵塞", "换模要两个小时")


def test_a_short_text_is_one_part() -> None:
    assert parts_of("漏检") == type(parts_of("x"))(("漏检",), ("漏检",))


@given(SCORES)
def test_stretched_scores_lie_in_0_and_1(scores: Vector) -> None:
    found = stretched(scores)
    assert ((found >= 0) & (found <= 1)).all()
    assert found[np.argmax(scores)] == 1.0


@given(SCORES, st.integers(1, 50))
def test_best_of_is_a_sort(scores: Vector, depth: int) -> None:
    assert np.array_equal(scores[best_of(scores, depth)], np.sort(scores)[::-1][:depth])


def test_lexical_lists_count_by_their_weight() -> None:
    ids = np.array([1, 2, 3])
    first = Side(np.array([2, 1]), np.array([10.0, 5.0], np.float32))
    second = Side(np.array([1, 3]), np.array([2.0, 1.0], np.float32))
    assert lexical_scores(ids, [first, second], [0.5, 0.5]) == pytest.approx([1.0, 2 / 3, 1 / 3])


def test_fusion_by_hand() -> None:
    lexical, dense = np.array([1.0, 0.0], np.float32), np.array([0.5, 1.0], np.float32)
    assert fused(lexical, dense, 0.5) == pytest.approx([0.75, 0.5])
    assert fused(np.zeros(2, np.float32), dense, 0.5) == pytest.approx(dense)
    assert raised(dense, np.array([True, False])) == pytest.approx([0.65 / 1.15, 1 / 1.15])
    assert (lexical_weight(0.2), lexical_weight(0.9)) == (0.5, 0.7)


def test_closeness_by_hand() -> None:
    east, north = np.eye(2, dtype=np.float32)
    passages = Passages(np.stack([east, north, north]), np.array([0, 0, 2]), np.stack([north]), np.array([0]))
    asked = east[None, :]
    found = closeness(passages, asked, asked, 3)
    # Thing 0: mean of its mains .5, best of all 1, best unit 0; thing 1 has nothing; thing 2 is north only.
    assert found[0] == pytest.approx(1.5)
    assert np.isneginf(found[1])
    assert found[2] == pytest.approx(0.0)


def test_facet_counts() -> None:
    column = Column(np.array([[0, 1, -1], [1, -1, -1]], np.int32), ["a", "b"])
    assert [(row.value, row.count) for row in counts(column)] == [("b", 2), ("a", 1)]
    assert list(holds(column, "a")) == [True, False, False]
    assert not holds(column, "z").any()


def test_passages_of_a_document() -> None:
    assert mains("标题", "正文。", ["痛点一", "痛点二"]) == ("标题。正文。", "标题。痛点一；痛点二")
    assert units("标题", "第一句话在这。短。第二句话在这！", ["痛点一"]) == ("标题", "痛点一", "第一句话在这", "第二句话在这")
    assert all(len(text) <= 400 for text in mains("标" * 200, "文" * 5000, ["痛" * 300] * 5))


def test_vectors_are_computed_once_and_survive(tmp_path: Path) -> None:
    class Counting(HashedEmbedder):
        calls = 0

        def passages(self, texts: list[str]) -> Vector:  # type: ignore[override]
            Counting.calls += len(texts)
            return super().passages(texts)

    database = migrated(tmp_path)
    first = EmbeddingStore(Counting(), database).passages(["一", "二", "一"])
    assert Counting.calls == 2
    again = EmbeddingStore(Counting(), database)
    assert np.array_equal(again.passages(["一", "二", "一"]), first)
    assert Counting.calls == 2
    vectors, known = again.find([content_hash("passage", "二"), content_hash("passage", "三")])
    assert known.tolist() == [True, False]
    assert np.array_equal(vectors[0], first[1])
    database.close()


def test_what_visitors_ask_is_not_stored(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    store = EmbeddingStore(HashedEmbedder(), database)
    store.queries(["临时的问题"])
    with database.reading() as session:
        assert session.query(Embedding).count() == 0
    store.queries(["临时的问题"], keep=True)
    with database.reading() as session:
        assert session.query(Embedding).count() == 1
    database.close()


def test_shipped_vectors_are_taken_when_the_space_is_the_same(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    store = EmbeddingStore(HashedEmbedder(), database)
    shipped = {content_hash("passage", "一"): np.full(16, 0.25, np.float32)}
    assert store.seed("another space", shipped) == 0
    assert store.seed("hashed", shipped) == 1
    assert store.seed("hashed", shipped) == 0
    assert np.array_equal(store.passages(["一"])[0], np.full(16, 0.25, np.float32))
    database.close()


def test_an_adapter_changes_the_space_and_not_what_is_stored(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    plain = EmbeddingStore(HashedEmbedder(), database).passages(["一"])
    down = np.zeros((16, 2), np.float32)
    down[0, 0] = 1.0
    adapter = Adapter("a1", down, np.ones((2, 16), np.float32))
    adapted = EmbeddingStore(HashedEmbedder(), database, adapter=adapter)
    assert adapted.space == "hashed+a1"
    assert np.allclose(adapted.passages(["一"]), adapter(plain))
    assert np.allclose(np.linalg.norm(adapted.passages(["一"]), axis=1), 1)
    database.close()


def test_the_built_in_model_means_something() -> None:
    store = EmbeddingStore(BuiltinEmbedder())
    asked = store.queries(["阀门法兰处总有气味"])
    near, far = store.passages(["密封点泄漏检测与修复", "财务报表自动生成"])
    assert asked[0] @ near > asked[0] @ far
    assert np.allclose(np.linalg.norm(asked, axis=1), 1, atol=1e-3)
    assert store.queries(["x" * 20_000, "\0", ""]).shape == (3, 384)


def test_two_threads_embed_at_once() -> None:
    store, results = EmbeddingStore(HashedEmbedder()), []
    threads = [threading.Thread(target=lambda: results.append(store.queries(["同一句"]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found, results[0]) for found in results)


def test_an_unknown_embedder_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        open_embedder("nothing")
