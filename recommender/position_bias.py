"""How likely a match is looked at because of where it stood: what stands first is opened more often, whether or not it is better.

Position-based model: P(opened | place k, score bin b) = examined(k) · attractive(b). Both are estimated by expectation-maximisation
(Wang et al. 2018, Position bias estimation for unbiased learning to rank) from what was shown and opened; that works because one
place holds matches of many scores over time. Where too little was shown, a prior: examined(k) = k^−0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.learned import Floats

PLACES = 20
PRIOR_POWER = 0.5
# With less than this shown altogether, and this opened, the prior stands.
LEAST_SHOWN, LEAST_OPENED = 2_000, 200
# Nothing weighs more than ten times: what is rarely looked at says little, however much it is raised.
LEAST_EXAMINED = 0.1
BINS, ROUNDS = 10, 300


@dataclass(frozen=True)
class Examined:
    """`by_place` (PLACES): how likely each place is looked at, the first one 1; `estimated`: from the data, or the prior."""

    by_place: Floats
    estimated: bool

    def weights(self, positions: NDArray[np.int64]) -> Floats:
        """1 ÷ how likely each was looked at, 10 at most; a position of 0 (never shown in a list) has 1."""
        place = np.clip(positions, 1, len(self.by_place)) - 1
        return np.where(positions > 0, 1.0 / np.maximum(self.by_place[place], LEAST_EXAMINED), 1.0)


def prior() -> Examined:
    return Examined(np.arange(1, PLACES + 1, dtype=np.float64) ** -PRIOR_POWER, False)


def examined(positions: NDArray[np.int64], opened: NDArray[np.bool_], scores: Floats) -> Examined:
    """From all pairs that were shown (position ≥ 1): whether each was opened, and its score by the hand weights."""
    shown = (positions >= 1) & (positions <= PLACES)
    place, hit, score = positions[shown] - 1, opened[shown], scores[shown]
    if len(place) < LEAST_SHOWN or hit.sum() < LEAST_OPENED:
        return prior()
    edges = np.quantile(score, np.linspace(0, 1, BINS + 1)[1:-1])
    group = np.searchsorted(edges, score)
    # It begins without any bias, and keeps what is better no less liked: where opening has nothing to do with the place, none is found.
    looked, liked = np.full(PLACES, 0.8), np.full(BINS, max(float(hit.mean()), 1e-3))
    of_place, of_group = np.bincount(place, minlength=PLACES), np.bincount(group, minlength=BINS)
    for _round in range(ROUNDS):
        both = looked[place] * liked[group]
        # Of what was not opened: not looked at, or looked at and not liked.
        missed = np.maximum(1.0 - both, 1e-9)
        was_looked = np.where(hit, 1.0, looked[place] * (1.0 - liked[group]) / missed)
        was_liked = np.where(hit, 1.0, liked[group] * (1.0 - looked[place]) / missed)
        looked = np.bincount(place, was_looked, PLACES) / np.maximum(of_place, 1)
        liked = np.maximum.accumulate(np.bincount(group, was_liked, BINS) / np.maximum(of_group, 1))
    # A place below is not looked at more often than one above; a place that was never shown is like the last one that was.
    looked = np.minimum.accumulate(np.where(of_place > 0, looked, 1.0))
    return Examined(looked / max(float(looked[0]), 1e-9), True)
