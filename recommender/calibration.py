"""Does "seven in ten are accepted" hold? A logistic curve from score to probability, and how far it is from what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.learned import Floats

BINS = 10
# With fewer decisions a curve says nothing: everything has the mean of all.
LEAST = 20


@dataclass(frozen=True)
class Calibration:
    """`error`: expected calibration error, Σ share of the bin · |said − happened|; `table`: for each bin with any (least and most
    probability, how many, mean said, share that happened)."""

    error: float
    table: tuple[tuple[float, float, int, float, float], ...]


def calibrate(scores: Floats, accepted: NDArray[np.bool_]) -> tuple[float, float]:
    """(a, b) of 1 / (1 + e^−(a·score + b)) (Platt 1999). Too few decisions, or all alike: a = 0."""
    mean = float(np.clip(accepted.mean() if len(accepted) else 0.5, 0.02, 0.98))
    if len(accepted) < LEAST or accepted.all() or not accepted.any():
        return 0.0, float(np.log(mean / (1 - mean)))
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=10.0).fit(scores.reshape(-1, 1), accepted)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def reliability(scores: Floats, accepted: NDArray[np.bool_], curve: tuple[float, float]) -> Calibration:
    """The table in ten equal steps of probability; without a decision there is no error."""
    if not len(scores):
        return Calibration(0.0, ())
    said = 1 / (1 + np.exp(-(curve[0] * scores + curve[1])))
    place = np.minimum((said * BINS).astype(np.int64), BINS - 1)
    table = []
    for one in range(BINS):
        inside = place == one
        if inside.any():
            table.append((one / BINS, (one + 1) / BINS, int(inside.sum()), float(said[inside].mean()), float(accepted[inside].mean())))
    error = sum(count * abs(mean - share) for _low, _high, count, mean, share in table) / len(scores)
    return Calibration(float(error), tuple(table))
