"""Normalised discounted cumulative gain at k."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """Σ (2^grade − 1) / log2(rank + 1) over the first k, divided by the same of the best possible order (0–1).

    An unjudged document has grade 0. A query whose judged documents are all 0 has no best order and counts as 0,
    as does a query without a result.
    """
    gained = _dcg([grades.get(document, 0) for document in ranking[:k]])
    best = _dcg(sorted(grades.values(), reverse=True)[:k])
    return gained / best if best > 0 else 0.0


def _dcg(grades: Sequence[int]) -> float:
    return sum((2.0 ** max(grade, 0) - 1) / math.log2(rank + 2) for rank, grade in enumerate(grades))
