"""How well a solution's words and meaning answer the problem's."""

from __future__ import annotations

import numpy as np

from indexer.fusion import Passages, stretched
from indexer.query import Vector
from recommender.candidates import Candidates


def text_match(candidates: Candidates, passages: Passages, clauses: Vector) -> dict[str, Vector]:
    """`text` (n): the index's fusion of both sides, 0–1, best of the candidates near 1.

    `clause` (n): for the clause that it answers best, the cosine of the solution's nearest unit, stretched between the
    hundredth best and the best of that clause: of two needs in one text, either may be answered. `clauses` (c, d).
    """
    count = len(candidates.ids)
    near = nearest_units(passages, clauses, count)
    best = np.zeros(count, np.float32)
    for row in near:
        best = np.maximum(best, stretched(row))
    return {"text": candidates.text, "clause": best}


def nearest_units(passages: Passages, asked: Vector, count: int) -> Vector:
    """(c, count) for each of c vectors the cosine of the nearest unit of each thing; -inf where it has none."""
    best = np.full((len(asked), count), -np.inf, np.float32)
    if len(passages.unit_of) and len(asked):
        first = np.flatnonzero(np.diff(passages.unit_of, prepend=-1))
        best[:, passages.unit_of[first]] = np.maximum.reduceat(asked @ passages.units.T, first, axis=1)
    return best
