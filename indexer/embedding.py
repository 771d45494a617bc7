"""Embedders and the store of their vectors by (space, content hash). Being written by the indexer's owner."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.query import Vector


class EmbeddingStore:
    """Vectors of texts: from RAM, else from the `embeddings` table, else computed and stored. Thread-safe, no global lock."""

    space: str
    dimension: int

    def queries(self, texts: Sequence[str]) -> Vector:
        """(n, dimension) unit vectors of texts asked as questions."""
        raise NotImplementedError

    def passages(self, texts: Sequence[str]) -> Vector:
        """(n, dimension) unit vectors of texts that answer."""
        raise NotImplementedError
