"""Which clause of a problem is answered by which unit of a solution, and how clearly.

A cosine alone says little in a small model's space, where everything is near everything. What says something is how far
a pair stands out from what the same clause has with the units of many other candidates: its z-score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.fusion import Passages
from indexer.query import Vector
from recommender.evidence import Answer

# Median best pair of an unrelated solution, and of one that solves the problem (demonstration set: 1.7 and 4.8).
NOTHING, CLEARLY = 1.7, 4.8
DOUBTFUL = 0.5


def find_answers(
    clauses: Sequence[str],
    asked: Vector,
    usual: tuple[Vector, Vector],
    units: Sequence[str],
    vectors: Vector,
    least: float,
) -> tuple[Answer, ...]:
    """For each clause the unit that comes nearest; nearness 0–1 = (z − 1.7) ÷ 3.1, and never clear below the cosine `least`.

    `asked` (c, d) vectors of the clauses; `vectors` (u, d) of `units`; all of unit length. `usual`: see `usual_closeness`.
    """
    if not len(units) or not len(clauses):
        return ()
    mean, spread = usual
    closeness = asked @ vectors.T
    nearness = np.clip(((closeness - mean) / spread - NOTHING) / (CLEARLY - NOTHING), 0.0, 1.0)
    # Standing out among things that all lie far off is no answer.
    nearness = np.where(closeness < least, np.minimum(nearness, DOUBTFUL), nearness)
    best = nearness.argmax(axis=1)
    return tuple(Answer(clause, units[best[row]], float(nearness[row, best[row]])) for row, clause in enumerate(clauses))


def usual_closeness(asked: Vector, background: Vector) -> tuple[Vector, Vector]:
    """(c, 1) mean and (c, 1) spread of each clause's cosines with `background` (b, d), units of many candidates."""
    usual = asked @ background.T if len(background) else np.zeros((len(asked), 1), np.float32)
    return usual.mean(axis=1, keepdims=True), np.maximum(usual.std(axis=1, keepdims=True), np.float32(1e-3))


def sample_of(passages: Passages, most: int = 1000) -> Vector:
    """(b, d) a fixed sample of the candidates' units."""
    step = max(1, len(passages.units) // most)
    return passages.units[::step]
