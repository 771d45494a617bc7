"""Reciprocal rank of the first relevant document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def reciprocal_rank(ranking: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """1 / rank of the first document with grade > 0 among the first k; 0 if there is none (0–1)."""
    for rank, document in enumerate(ranking[:k], start=1):
        if grades.get(document, 0) > 0:
            return 1.0 / rank
    return 0.0
