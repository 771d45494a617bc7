"""Fitting the correction of a learned ranker: of two matches of one problem, the one that went further should stand higher.

P(i above j) = σ(β · (score_i − score_j)), score = hand score + Σ w · (f − mean). A pair weighs what lies between its grades, how rarely
the better one's place is looked at (inverse propensity: what was found far down was worth finding), and how recent it is. β is found
first, with w = 0; then w, pulled towards 0 (that is, towards the hand weights) by a penalty chosen on the last part of the training
time, and kept within bounds, so that no family ever counts against its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.learned import FAMILIES, NAMES, OFFER, Floats
from recommender.training_rows import Rows
from recommender.weights import BUSINESS

PENALTIES = (300.0, 30.0, 3.0, 0.3, 0.03)
LAST_PART = 0.25
LEAST_SLOPE, MOST_SLOPE = 0.5, 60.0
# A family of content may lose half of its hand weight or gain as much again; the business side moves more than neighbours, if people do
# choose by it, but makes no match.
CONTENT_BOUNDS = (-0.5, 1.0)
MOST_BUSINESS = 0.25
# Where nobody knows what else stood there, an accepted match is compared with so many declined ones of other problems near in time.
NEIGHBOURS = 3
# What the fit costs is no more with more pairs than these.
MOST_PAIRS = 400_000


@dataclass(frozen=True)
class Pairs:
    """m pairs, the better one first: differences of hand scores and of features, weights (mean 1)."""

    hand: Floats
    features: Floats
    weight: Floats


def gains(grade: NDArray[np.int64]) -> Floats:
    """2^grade − 1, on a scale of 0–1."""
    return (2.0**grade - 1) / 15


def pairs_of(rows: Rows, weights: Floats, wanted: NDArray[np.bool_], half_life_days: float) -> Pairs:
    """All pairs of the lists `wanted`. `weights` (n): inverse propensities."""
    first: list[NDArray[np.int64]] = []
    second: list[NDArray[np.int64]] = []
    weight: list[Floats] = []
    gain = gains(rows.grade)
    now = float(rows.at[wanted].max()) if wanted.any() else 0.0
    fresh = 0.5 ** ((now - rows.at) / half_life_days)
    bounds = np.searchsorted(rows.list_of, np.arange(rows.lists + 1))
    for one in np.flatnonzero(wanted & rows.shown):
        place = np.arange(bounds[one], bounds[one + 1])
        better, worse = np.nonzero(rows.grade[place][:, None] > rows.grade[place][None, :])
        if len(better):
            # Each better match counts once, however many stand below it.
            below = np.bincount(better, minlength=len(place))
            first.append(place[better])
            second.append(place[worse])
            weight.append(fresh[one] * weights[place[better]] * (gain[place[better]] - gain[place[worse]]) / below[better])
    _add_across(rows, wanted, fresh, first, second, weight)
    if not first:
        return Pairs(np.zeros(0), np.zeros((0, len(NAMES))), np.zeros(0))
    i, j, w = np.concatenate(first), np.concatenate(second), np.concatenate(weight)
    if len(i) > MOST_PAIRS:
        step = np.linspace(0, len(i) - 1, MOST_PAIRS).astype(np.int64)
        i, j, w = i[step], j[step], w[step]
    return Pairs(rows.hand[i] - rows.hand[j], rows.features[i] - rows.features[j], w / w.mean())


def _add_across(
    rows: Rows,
    wanted: NDArray[np.bool_],
    fresh: Floats,
    first: list[NDArray[np.int64]],
    second: list[NDArray[np.int64]],
    weight: list[Floats],
) -> None:
    alone = rows.decided & wanted[rows.list_of] & ~rows.shown[rows.list_of]
    good, bad = np.flatnonzero(alone & (rows.grade >= 2)), np.flatnonzero(alone & (rows.grade == 0))
    if not len(good) or not len(bad):
        return
    gain = gains(rows.grade)
    at = np.searchsorted(bad, good)
    for step in range(NEIGHBOURS):
        # The nearest on either side in time: rows are in the order of their lists, and those of time.
        other = bad[np.clip(at + (step + 1) // 2 * (1 if step % 2 else -1), 0, len(bad) - 1)]
        first.append(good)
        second.append(other)
        weight.append(fresh[rows.list_of[good]] * gain[good] / NEIGHBOURS)


@dataclass(frozen=True)
class Fitted:
    """`moved`: name → weight in points of the score; `slope` β; `penalty` that was chosen."""

    moved: Mapping[str, float]
    slope: float
    penalty: float


def fit(rows: Rows, weights: Floats, wanted: NDArray[np.bool_], half_life_days: float, names: Sequence[str] = NAMES) -> Fitted:
    """Fit on the lists `wanted`; only `names` may move."""
    order = np.flatnonzero(wanted)
    cut = max(1, round(len(order) * (1 - LAST_PART)))
    early, late = np.zeros_like(wanted), np.zeros_like(wanted)
    early[order[:cut]], late[order[cut:]] = True, True
    inner, outer = pairs_of(rows, weights, early, half_life_days), pairs_of(rows, weights, late, half_life_days)
    whole = pairs_of(rows, weights, wanted, half_life_days)
    if not len(whole.hand):
        return Fitted({}, LEAST_SLOPE, PENALTIES[0])
    spread = np.maximum(rows.features[wanted[rows.list_of]].std(axis=0), 1e-3)
    free = np.array([name in names for name in NAMES])
    penalty = PENALTIES[0]
    if len(inner.hand) and len(outer.hand):
        slope = _slope(inner)
        losses = [_loss(_weights(inner, slope, spread, free, one), slope, outer) for one in PENALTIES]
        penalty = PENALTIES[int(np.argmin(losses))]
    slope = _slope(whole)
    found = _weights(whole, slope, spread, free, penalty)
    return Fitted({name: float(found[place]) for place, name in enumerate(NAMES) if abs(found[place]) > 1e-6}, slope, penalty)


def _slope(pairs: Pairs) -> float:
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda slope: float(np.average(np.logaddexp(0, -slope * pairs.hand), weights=pairs.weight)),
        bounds=(LEAST_SLOPE, MOST_SLOPE),
        method="bounded",
    )
    return float(found.x)


def _loss(moved: Floats, slope: float, pairs: Pairs) -> float:
    return float(np.average(np.logaddexp(0, -slope * (pairs.hand + pairs.features @ moved)), weights=pairs.weight))


def _weights(pairs: Pairs, slope: float, spread: Floats, free: NDArray[np.bool_], penalty: float) -> Floats:
    """(d) the weights. Penalty: on slope · weight · spread, each, against the sum of all losses divided by 100 pairs."""
    from scipy.optimize import minimize

    total = float(pairs.weight.sum())
    stiff = penalty * 100.0 / max(total, 1.0) * np.square(slope * spread) / 2

    def loss(moved: Floats) -> tuple[float, Floats]:
        margin = slope * (pairs.hand + pairs.features @ moved)
        value = float(np.average(np.logaddexp(0, -margin), weights=pairs.weight)) + float(stiff @ np.square(moved))
        share = -slope * pairs.weight / total / (1 + np.exp(np.clip(margin, -50, 50)))
        return value, pairs.features.T @ share + 2 * stiff * moved

    bounds = [_bounds(name) if movable else (0.0, 0.0) for name, movable in zip(NAMES, free, strict=True)]
    found = minimize(loss, np.zeros(len(NAMES)), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200})
    return np.asarray(found.x, np.float64)


def _bounds(name: str) -> tuple[float, float]:
    if name in FAMILIES:
        return CONTENT_BOUNDS
    # Never below nothing: a good price or a good record counts for a match, or not at all.
    return (0.0 if name in OFFER else -BUSINESS[name][0], MOST_BUSINESS)
