"""Training a ranker from recorded matches, and the gate it has to pass: measured on the later part of the time, against the ranker in
use, on nDCG@10, on how honest its probabilities are, and on what new providers keep of the first places."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketplace.domain.rankers import LearningRules, Measured, objections
from recommender.calibration import Calibration, calibrate, reliability
from recommender.evaluation.bootstrap import Difference, paired_bootstrap
from recommender.fitting import fit, gains
from recommender.learned import NAMES, Floats, LearnedWeights, family_of, packed
from recommender.position_bias import Examined, examined, prior
from recommender.training_rows import Rows
from recommender.weights import HandWeights, Weights

TOP, FIRST_PLACES = 10, 3


class TooLittleError(Exception):
    """There is nothing to learn from, or nothing to measure on: one sentence."""


@dataclass(frozen=True)
class Side:
    """One ranker on the held-out lists: nDCG@10 of each, calibration, share of the first three places that goes to new providers."""

    version: str
    ndcg: Floats
    calibration: Calibration
    new: float


@dataclass(frozen=True)
class Trained:
    """`objections`: why it is not promoted, as sentences; none: it may be. `ablation`: family → the mean nDCG@10 without its learned
    part, and the difference to the whole."""

    weights: LearnedWeights
    rows: int
    left_out: int
    lists: int
    held_out: int
    decided: int
    first: datetime
    cut: datetime
    last: datetime
    examined: Examined
    penalty: float
    now: Side
    then: Side
    difference: Difference
    objections: Sequence[str]
    ablation: Mapping[str, tuple[float, Difference]]

    def figures(self) -> dict[str, Any]:
        """The report as plain values."""
        sides = {
            name: {
                "version": side.version,
                "ndcg@10": round(float(side.ndcg.mean()), 4),
                "calibration_error": round(side.calibration.error, 4),
                "calibration": [[round(value, 4) for value in row] for row in side.calibration.table],
                "new_in_top_3": round(side.new, 4),
            }
            for name, side in (("in_use", self.now), ("trained", self.then))
        }
        return {
            "version": self.weights.version,
            "rows": self.rows,
            "left_out": self.left_out,
            "lists": self.lists,
            "held_out": self.held_out,
            "decided_held_out": self.decided,
            "from": self.first.date().isoformat(),
            "cut": self.cut.date().isoformat(),
            "until": self.last.date().isoformat(),
            "position_bias": {"estimated": self.examined.estimated, "examined": [round(float(one), 3) for one in self.examined.by_place]},
            "penalty": self.penalty,
            "weights": {name: round(value, 4) for name, value in self.weights.moved.items()},
            **sides,
            "difference": [round(value, 4) for value in (self.difference.mean, self.difference.low, self.difference.high)],
            "objections": list(self.objections),
            "ablation": {
                family: {"ndcg@10": round(mean, 4), "difference": [round(value, 4) for value in (one.mean, one.low, one.high)]}
                for family, (mean, one) in self.ablation.items()
            },
        }


def train(rows: Rows, in_use: Weights, rules: LearningRules, *, ablation: bool = False) -> Trained:
    """Fit on the earlier lists, measure on the later ones. Raises TooLittleError."""
    cut = rows.lists - round(rows.lists * rules.held_out)
    early = np.arange(rows.lists) < cut
    learnable = [bool((rows.grade[rows.judged & (early[rows.list_of] == part)] > 0).any()) for part in (True, False)]
    if not all(learnable):
        raise TooLittleError(f"记录的匹配太少：{rows.lists} 个问题、{int(rows.judged.sum())} 条匹配，前后两段都要有被接受的匹配才能训练。")
    bias = _bias(rows.of(early[rows.list_of]))
    weights = bias.weights(rows.position)
    fitted = fit(rows, weights, early, rules.half_life_days)
    learned = _weights(rows, early, fitted.moved)
    test = HeldOut(rows, weights, ~early)
    now, then = test.side(in_use, early), test.side(learned, early)
    difference = paired_bootstrap(now.ndcg.tolist(), then.ndcg.tolist())
    measured = Measured(
        lists=len(then.ndcg), difference=difference.mean, low=difference.low, high=difference.high, error=then.calibration.error,
        error_was=now.calibration.error, new=then.new, new_was=now.new,
    )  # fmt: skip
    return Trained(
        weights=learned,
        rows=int(rows.judged.sum()),
        left_out=rows.left_out,
        lists=rows.lists,
        held_out=len(then.ndcg),
        decided=int(test.decided.sum()),
        first=_moment(rows.at[0]),
        cut=_moment(rows.at[cut]),
        last=_moment(rows.at[-1]),
        examined=bias,
        penalty=fitted.penalty,
        now=now,
        then=then,
        difference=difference,
        objections=objections(measured, rules),
        ablation=_ablation(rows, weights, early, rules, test, then) if ablation else {},
    )


def score(rows: Rows, weights: Weights) -> Floats:
    """(n) what a ranker makes of the rows: all of them are sums."""
    if not isinstance(weights, LearnedWeights):
        return rows.hand
    means = np.array([weights.means.get(name, 0.0) for name in NAMES])
    return np.asarray(rows.hand + (rows.features - means) @ weights.vector(), np.float64)


class HeldOut:
    """The held-out lists that have an order to find: those of which anything went further than another."""

    def __init__(self, rows: Rows, weights: Floats, wanted: NDArray[np.bool_]) -> None:
        self._all = rows
        inside = wanted[rows.list_of]
        self.rows, self._weights = rows.of(inside), weights[inside]
        # What was rarely looked at counts for more here as well: else the order in which it was shown would be the best one.
        self._gain = gains(self.rows.grade) * self._weights
        self._bounds = np.searchsorted(self.rows.list_of, np.arange(rows.lists + 1))
        self._lists = [
            one
            for one in np.flatnonzero(wanted).tolist()
            if self._gain[self._bounds[one] : self._bounds[one + 1]].any() and self._is_choice(one)
        ]
        self.decided = self.rows.decided
        best = np.array([_dcg(np.sort(self._gain[self._bounds[one] : self._bounds[one + 1]])[::-1]) for one in self._lists])
        # Of a list that was shown only what was looked at has a gain: its own best order is not the best one, and to divide by it would
        # praise the order in which it was shown. Their gains are right in the mean (inverse propensities), so they share one divisor.
        shown = rows.shown[self._lists]
        self._best = np.where(shown, best[shown].mean() if shown.any() else 1.0, best)

    def _is_choice(self, one: int) -> bool:
        return int(self._bounds[one + 1] - self._bounds[one]) > 1

    def side(self, weights: Weights, early: NDArray[np.bool_]) -> Side:
        found = score(self.rows, weights)
        ndcg, new = self.ordered(found)
        return Side(weights.version, ndcg, self._calibration(weights, found, early), new)

    def ordered(self, scores: Floats) -> tuple[Floats, float]:
        """nDCG@10 of each list ordered by these scores of `rows`, and what new providers have of the first places."""
        ndcg, new, places = [], 0, 0
        for one, best in zip(self._lists, self._best, strict=True):
            part = slice(self._bounds[one], self._bounds[one + 1])
            order = np.argsort(-scores[part], kind="stable")
            ndcg.append(_dcg(self._gain[part][order]) / best)
            new += int(self.rows.new[part][order[:FIRST_PLACES]].sum())
            places += min(FIRST_PLACES, len(order))
        return np.array(ndcg), new / max(1, places)

    def _calibration(self, weights: Weights, found: Floats, early: NDArray[np.bool_]) -> Calibration:
        learned = self._all.of(early[self._all.list_of] & self._all.decided)
        slope = weights.calibration if isinstance(weights, LearnedWeights) else calibrate(score(learned, weights), learned.grade >= 2)
        return reliability(found[self.decided], self.rows.grade[self.decided] >= 2, slope)


def _dcg(gain: Floats) -> float:
    """Σ gain / log2(rank + 1) over the first ten; gains in the order of the ranking."""
    count = min(TOP, len(gain))
    return float(gain[:count] @ (1 / np.log2(np.arange(2, count + 2))))


def _bias(rows: Rows) -> Examined:
    seen = rows.position > 0
    return examined(rows.position[seen], rows.opened[seen], rows.hand[seen]) if seen.any() else prior()


def _weights(rows: Rows, early: NDArray[np.bool_], moved: Mapping[str, float]) -> LearnedWeights:
    """Named by what it is: the same numbers have the same version."""
    inside = rows.of(early[rows.list_of] & rows.judged)
    means = dict(zip(NAMES, inside.features.mean(axis=0).tolist(), strict=True))
    made = LearnedWeights("", moved, {name: means[name] for name in moved}, base=HandWeights())
    decided = inside.of(inside.decided)
    made = replace(made, calibration=calibrate(score(decided, made), decided.grade >= 2))
    return replace(made, version=f"learned-{hashlib.sha256(packed(made)).hexdigest()[:10]}")


def _ablation(
    rows: Rows, weights: Floats, early: NDArray[np.bool_], rules: LearningRules, test: HeldOut, whole: Side
) -> dict[str, tuple[float, Difference]]:
    """Trained anew without what each family may learn."""
    found = {}
    for family in dict.fromkeys(family_of(name) for name in NAMES):
        rest = [name for name in NAMES if family_of(name) != family]
        side = test.side(_weights(rows, early, fit(rows, weights, early, rules.half_life_days, rest).moved), early)
        found[family] = (float(side.ndcg.mean()), paired_bootstrap(whole.ndcg.tolist(), side.ndcg.tolist()))
    return found


def _moment(day: float) -> datetime:
    return datetime.fromtimestamp(day * 86_400, UTC)
