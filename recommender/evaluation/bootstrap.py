"""Is one ranking better than another? The paired bootstrap over queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Difference:
    """Mean difference per query, with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def is_better(self) -> bool:
        """Better beyond noise: the whole interval lies above 0."""
        return self.low > 0

    @property
    def is_worse(self) -> bool:
        """Worse beyond noise: the whole interval lies below 0."""
        return self.high < 0


def paired_bootstrap(old: Sequence[float], new: Sequence[float], *, rounds: int = 10_000, seed: int = 0) -> Difference:
    """Resample queries with replacement and take the 2.5th and 97.5th percentile of the mean of new − old.

    Both sequences hold one figure per query, in the same order. Raises ValueError if they differ in length or are empty.
    """
    if len(old) != len(new) or not old:
        raise ValueError("both rankings need one figure for each of the same queries")
    difference = np.asarray(new, dtype=np.float64) - np.asarray(old, dtype=np.float64)
    picks = np.random.default_rng(seed).integers(0, len(difference), size=(rounds, len(difference)))
    means = difference[picks].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Difference(float(difference.mean()), float(low), float(high))
