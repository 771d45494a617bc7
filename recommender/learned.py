"""A ranker that learned from recorded matches: the score of the hand weights plus a correction that is a plain sum.

score = hand score + Σ w · (f − mean of f), over families of content and over what the business side says. So every point of the
score belongs to one family, and what a page says of a match is exactly what ordered it. It is stored as JSON, not as a pickle.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.query import Vector
from marketplace.domain.rankers import RankerMissingError
from recommender.weights import BUSINESS, CONTENT, HandWeights

# What is fitted and measured; what the index holds is of half the width (Vector).
Floats = NDArray[np.float64]
FILE = "ranker.json"
FORMAT = 1
# Families of content, each moved as a whole: few data do not tell its parts from each other.
FAMILIES = tuple(dict.fromkeys(family for _weight, family in CONTENT.values()))
# What no hand weight knows. Families for the table of contributions.
OFFER: Mapping[str, str] = {"quick": "price", "proven": "record", "references": "record"}
# What the pool decides about a provider (standing) is policy, what an enterprise asked for (preference) its own affair.
LEARNED = tuple(name for name in BUSINESS if name not in ("standing", "preference"))
NAMES = (*FAMILIES, *LEARNED, *OFFER)


def family_of(name: str) -> str:
    """The family that a learned number belongs to."""
    return OFFER.get(name) or (BUSINESS[name][1] if name in BUSINESS else name)


@dataclass(frozen=True)
class LearnedWeights:
    """`moved`: name of NAMES → weight; `means`: name → the mean that it is measured from; `calibration`: (a, b), a match of score s
    is accepted with probability 1 / (1 + e^−(a·s + b))."""

    version: str
    moved: Mapping[str, float]
    means: Mapping[str, float]
    calibration: tuple[float, float] = (0.0, 0.0)
    base: HandWeights = field(default_factory=HandWeights)

    @property
    def past_share(self) -> float:
        return self.base.past_share + self.moved.get("past", 0.0)

    def content_scores(self, features: Mapping[str, Vector], familiar: float) -> Vector:
        """(n) the hand weights' score, its families moved. Not cut: an order needs what lies beyond 1 as well."""
        score = self.base.content_scores(features, familiar)
        for family in FAMILIES:
            if weight := self.moved.get(family, 0.0):
                score = score + np.float32(weight) * (self.base.family_scores(features, familiar, family) - np.float32(self.means[family]))
        return np.asarray(score, np.float32)

    def raw_score(self, content: float, business: Mapping[str, float]) -> float:
        return self.base.raw_score(content, business) + sum(
            self.moved.get(name, 0.0) * (business.get(name, 0.0) - self.means[name]) for name in (*LEARNED, *OFFER) if name in self.moved
        )

    def final_score(self, content: float, business: Mapping[str, float]) -> float:
        """Within 0–1."""
        return min(1.0, max(0.0, self.raw_score(content, business)))

    def contributions(self, content: Mapping[str, float], familiar: float, business: Mapping[str, float]) -> dict[str, float]:
        """Family → what it gave to the score; their sum is the score before it is cut to 0–1."""
        found = self.base.contributions(content, familiar, business)
        for name, share in self.learned(content, familiar, business).items():
            found[name] = found.get(name, 0.0) + share
        return found

    def learned(self, content: Mapping[str, float], familiar: float, business: Mapping[str, float]) -> dict[str, float]:
        """Family → what of it was learned, beyond the hand weights."""
        by_hand = self.base.contributions(content, familiar, {})
        found: dict[str, float] = {}
        for name, weight in self.moved.items():
            value = by_hand.get(name, 0.0) if name in FAMILIES else business.get(name, 0.0)
            family = family_of(name)
            found[family] = found.get(family, 0.0) + weight * (value - self.means[name])
        return found

    def vector(self, names: Sequence[str] = NAMES) -> Floats:
        """(d) the weights in the order of `names`."""
        return np.array([self.moved.get(name, 0.0) for name in names], np.float64)

    def probability(self, score: float) -> float:
        """How likely a match of this score is accepted; 0 scale where too little was decided to say."""
        slope, offset = self.calibration
        return 1.0 / (1.0 + math.exp(-(slope * score + offset)))


def packed(weights: LearnedWeights) -> bytes:
    """The file of a ranker, the same bytes for the same numbers."""
    value = {
        "format": FORMAT,
        "version": weights.version,
        "base": weights.base.version,
        "moved": dict(weights.moved),
        "means": dict(weights.means),
        "calibration": list(weights.calibration),
    }
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def write_ranker(folder: Path, weights: LearnedWeights) -> str:
    """Write models/rankers/<version>; the checksum of what was written. A version that is there already has the same content."""
    content = packed(weights)
    place = folder / weights.version
    place.mkdir(parents=True, exist_ok=True)
    fresh = place / f".{FILE}"
    fresh.write_bytes(content)
    fresh.replace(place / FILE)
    return hashlib.sha256(content).hexdigest()


def read_ranker(folder: Path | None, version: str, sha256: str) -> LearnedWeights:
    """The ranker that the database says is in use. Raises RankerMissingError: nothing else ranks in its stead."""
    if folder is None:
        raise RankerMissingError(version, "没有模型文件夹")
    file = folder / version / FILE
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RankerMissingError(version, f"{file} 读不了（{error.strerror or error}）") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RankerMissingError(version, f"{file} 与登记的校验值不符")
    try:
        return _unpacked(json.loads(content))
    except (ValueError, KeyError, TypeError) as error:
        raise RankerMissingError(version, f"{file} 读不懂（{type(error).__name__}）") from None


def _unpacked(value: dict[str, Any]) -> LearnedWeights:
    base = HandWeights()
    if value["format"] != FORMAT or value["base"] != base.version or set(value["moved"]) - set(NAMES):
        raise ValueError("made for another version of the program")
    slope, offset = value["calibration"]
    moved = {name: float(weight) for name, weight in value["moved"].items()}
    return LearnedWeights(
        value["version"], moved, {name: float(value["means"][name]) for name in moved}, (float(slope), float(offset)), base
    )
