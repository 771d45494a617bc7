"""Solutions like those that solve the known problems nearest to this one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.fusion import Passages, stretched
from indexer.query import Vector
from recommender.candidates import Candidates
from recommender.known_problems import Insight

# Of the ten best candidates of either, so many must be the same before the known problems are fully trusted.
BEST, ENOUGH = 10, 2


def known_problems(candidates: Candidates, insight: Insight, of_clauses: Sequence[Insight], passages: Passages) -> dict[str, Vector]:
    """`known_meaning`, `known_clause` and `known_words` (n), 0–1, each times how familiar the problem is.

    known_meaning: cosine of the voted direction with the mean of a solution's main passages, stretched between its
    hundredth best and its best. known_clause: the same by each clause alone, the best of them, so that of two needs in one
    text either may be met. known_words: lexical score of the voted blurbs ÷ the best one.
    """
    count = len(candidates.ids)
    nothing = np.zeros(count, np.float32)
    if insight.familiar <= 0 or not count:
        return {"known_meaning": nothing, "known_clause": nothing, "known_words": nothing}
    closeness = _closeness(passages, np.stack([insight.direction, *(clause.direction for clause in of_clauses)]), count)
    by_clause = nothing
    for clause, scores in zip(of_clauses, closeness[1:], strict=True):
        # A clause is no more familiar than the problem that it is taken from.
        familiar = np.float32(min(clause.familiar, insight.familiar))
        if familiar > 0:
            by_clause = np.maximum(by_clause, familiar * stretched(scores))
    familiar = np.float32(insight.familiar)
    return {
        "known_meaning": familiar * stretched(closeness[0]),
        "known_clause": by_clause,
        "known_words": familiar * candidates.blurbs,
    }


def agreement(text: Vector, by_known: Vector) -> float:
    """How far the known problems may be trusted here, 0–1: 1 if two of their ten best candidates are among the ten best by text.

    Where none is, they speak of things that this place does not offer, or the problem is of another world.
    """
    count = min(BEST, len(text))
    if not count or not by_known.any():
        return 0.0
    shared = np.intersect1d(np.argsort(-text, kind="stable")[:count], np.argsort(-by_known, kind="stable")[:count])
    return min(1.0, len(shared) / ENOUGH)


def _closeness(passages: Passages, directions: Vector, count: int) -> Vector:
    """(c, count) the inner product of each of c directions with the mean of a thing's main passages; -inf where it has none."""
    found = np.full((len(directions), count), -np.inf, np.float32)
    if len(passages.main_of):
        first = np.flatnonzero(np.diff(passages.main_of, prepend=-1))
        # The mean of products is the product with the mean, and far fewer numbers are added up.
        sums = np.add.reduceat(directions @ passages.mains.T, first, axis=1)
        found[:, passages.main_of[first]] = sums / np.diff(first, append=len(passages.main_of))
    return found
