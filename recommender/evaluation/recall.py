"""Recall at k."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def recall(ranking: Sequence[str], grades: Mapping[str, int], k: int = 100) -> float:
    """Relevant documents (grade > 0) among the first k, divided by all relevant ones (0–1).

    A query without any relevant document counts as 0, as does a query without a result.
    """
    relevant = {document for document, grade in grades.items() if grade > 0}
    return len(relevant.intersection(ranking[:k])) / len(relevant) if relevant else 0.0
