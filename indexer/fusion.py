"""Ranked sides → one score: pure functions on arrays, the same for every engine.

lexical  mean over the parts of a query of ½ words ÷ best + ½ pairs of Hanzi ÷ best
dense    for each part: mean over a thing's main passages + best of all its passages; plus the mean over the clauses of
         the best unit; stretched between its best and its hundredth
score    w · lexical + (1 − w) · dense, over the union of both sides' candidates
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.query import Vector

Ids = NDArray[np.int64]
Owners = NDArray[np.int64]

DENSE_DEPTH = 100
# Cosines that differ by less differ by the processor's rounding only: stretched to the full scale it would decide a ranking.
ROUNDING = 1e-5
# Of this many candidates all passages are read.
READ = 200
LEXICAL_WEIGHT = 0.5
# Codes, abbreviations and Latin jargon are found by the letter, not by the meaning that a small model guesses.
CODES_LEXICAL_WEIGHT = 0.7
CODES_ABOVE = 0.5
SECTOR_WEIGHT = 0.15


@dataclass(frozen=True)
class Side:
    """One ranking, best first: `ids` (n) of things and their raw `scores` (n)."""

    ids: Ids
    scores: Vector


EMPTY = Side(np.empty(0, np.int64), np.empty(0, np.float32))


@dataclass(frozen=True)
class Passages:
    """Vectors of things: `mains` (m, d) and `units` (u, d) with the place (among the ids asked for, rising) that each belongs to."""

    mains: Vector
    main_of: Owners
    units: Vector
    unit_of: Owners


def lexical_weight(codes: float) -> float:
    """What the lexical side counts, by the share of letters and digits in the query (0–1)."""
    return CODES_LEXICAL_WEIGHT if codes > CODES_ABOVE else LEXICAL_WEIGHT


def lexical_scores(ids: Ids, sides: Sequence[Side], weights: Sequence[float]) -> Vector:
    """(n) each side ÷ its best, weighed and added, ÷ the best sum; `ids` (n) rise and hold all ids of the sides."""
    total = np.zeros(len(ids), np.float32)
    for side, weight in zip(sides, weights, strict=True):
        if len(side.ids):
            total[np.searchsorted(ids, side.ids)] += np.float32(weight / max(float(side.scores.max()), 1e-9)) * side.scores
    best = float(total.max(initial=0.0))
    return np.asarray(total / np.float32(best), np.float32) if best > 0 else total


def closeness(passages: Passages, wholes: Vector, clauses: Vector, count: int) -> Vector:
    """(count) how close each of `count` things is to a query: `wholes` (q, d) and `clauses` (c, d); -inf without passages."""
    asked = np.concatenate([wholes, clauses])
    parts = len(wholes)
    of_mains, of_units = asked @ passages.mains.T, asked @ passages.units.T
    best, best_unit = (_best(scores, owner, count) for scores, owner in ((of_mains, passages.main_of), (of_units, passages.unit_of)))
    sums = np.zeros((parts, count), np.float32)
    first = np.flatnonzero(np.diff(passages.main_of, prepend=-1))
    if len(first):
        sums[:, passages.main_of[first]] = np.add.reduceat(of_mains[:parts], first, axis=1)
    counts = np.bincount(passages.main_of, minlength=count)
    mean = np.where(counts > 0, sums / np.maximum(counts, 1), np.float32(-np.inf))
    of_clauses = np.where(np.isfinite(best_unit[parts:]), best_unit[parts:], best[parts:])
    whole = (mean + np.maximum(best, best_unit)[:parts]).mean(axis=0)
    return np.asarray(whole + of_clauses.mean(axis=0), np.float32)


def _best(scores: Vector, owner: Owners, count: int) -> Vector:
    """(k, count) the highest score of each owner's passages; -inf for who has none. Owners rise."""
    best = np.full((len(scores), count), -np.inf, np.float32)
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    if len(first):
        best[:, owner[first]] = np.maximum.reduceat(scores, first, axis=1)
    return best


def worth_reading(ids: Ids, lexical: Vector, dense: Side, weight: float, most: int = READ) -> NDArray[np.intp]:
    """Places, rising, of the `most` candidates whose passages are read: the best by what the engine said of them.

    The dense side is stretched between its best and its hundredth, so that for all others it says 0 anyhow.
    """
    if len(ids) <= most:
        return np.arange(len(ids))
    scanned = np.zeros(len(ids), np.float32)
    scanned[np.searchsorted(ids, dense.ids)] = stretched(dense.scores)
    # Half of them by the dense side alone: what it holds to be close is read, whatever the words say.
    near = np.searchsorted(ids, dense.ids[: most // 2])
    scores = fused(lexical, scanned, weight).copy()
    scores[near] += 2
    return np.sort(best_of(scores, most))


def stretched(scores: Vector) -> Vector:
    """(n) min-max between the hundredth best and the best; what lies below says nothing."""
    finite = scores[np.isfinite(scores)]
    if not len(finite):
        return np.zeros_like(scores)
    depth = min(DENSE_DEPTH, len(finite))
    low = float(np.partition(finite, len(finite) - depth)[len(finite) - depth])
    high = float(finite.max())
    if high - low < ROUNDING:
        return np.asarray(np.isfinite(scores) & (scores >= low), np.float32)
    return np.asarray(np.clip((scores - np.float32(low)) / np.float32(high - low), 0.0, 1.0), np.float32)


def fused(lexical: Vector, dense: Vector, weight: float) -> Vector:
    """(n) the convex combination; a side that says nothing at all leaves the other alone."""
    if not lexical.any():
        return dense
    if not dense.any():
        return lexical
    return np.asarray(np.float32(weight) * lexical + np.float32(1 - weight) * dense, np.float32)


def raised(scores: Vector, matches: NDArray[np.bool_], weight: float = SECTOR_WEIGHT) -> Vector:
    """(n) things that match a wish are raised, and all scores brought back to 0–1: nothing is excluded."""
    return np.asarray((scores + np.float32(weight) * matches) / np.float32(1 + weight), np.float32)


def best_of(scores: Vector, depth: int) -> NDArray[np.intp]:
    """Places of the `depth` highest finite scores, best first, equal ones by place."""
    if depth < len(scores):
        places = np.argpartition(scores, len(scores) - depth)[len(scores) - depth :]
    else:
        places = np.arange(len(scores))
    places = places[np.isfinite(scores[places])]
    return places[np.lexsort((places, -scores[places]))]
