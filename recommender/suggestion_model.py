"""The model behind the suggestions: linear discriminants of the known problems, and how often a share of theirs turned out right.

It is fitted in seconds and kept in a file; to use it needs no scikit-learn.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexer.query import Vector
from recommender.known_problems import KnownProblems

VERSION = 2
KINDS = ("scenario", "stage", "orientation")
# Shrinkage of the covariance; how flat the discriminants are made before they are mixed; their share in the mixture.
SHRINKAGE, SOFTNESS, SHARE = 0.5, 4.0, 0.5
FOLDS = 3
# One held-out problem in so many is asked: enough for a curve, and a third of the time.
EVERY = 2
DEPTH = 3
# Points of a curve from share to how often right.
POINTS = 21
Shares = Mapping[str, float]


@dataclass(frozen=True)
class Traits:
    """What the catalogue says of a scenario; `sector` "any": of all sectors. The first orientation counts twice."""

    sector: str
    stage: str
    orientations: tuple[str, ...]


Catalogue = Mapping[str, Traits]


@dataclass(frozen=True)
class Model:
    """`weights` (c, d), `offsets` (c): the discriminants of `classes`. `curves` (3, POINTS): by kind, how often a share is right."""

    classes: tuple[str, ...]
    weights: Vector
    offsets: Vector
    curves: Vector

    def shares(self, vectors: Vector) -> list[dict[str, float]]:
        """Class → share, of each vector."""
        scores = (vectors @ self.weights.T + self.offsets) / SOFTNESS
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return [dict(zip(self.classes, row.tolist(), strict=True)) for row in raised / raised.sum(axis=1, keepdims=True)]

    def sure(self, kind: str, share: float) -> float:
        """How often a suggestion of this share was right."""
        return float(np.interp(share, np.linspace(0, 1, POINTS), self.curves[KINDS.index(kind)]))

    def save(self, file: Path) -> None:
        """Whole or not at all: another process may do the same."""
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as out:
            np.savez(out, classes=np.array(self.classes), weights=self.weights, offsets=self.offsets, curves=self.curves)
        part.replace(file)

    @classmethod
    def load(cls, file: Path) -> Model | None:
        """None where there is none, or what lies there is no model."""
        try:
            with np.load(file, allow_pickle=False) as found:
                classes = tuple(str(name) for name in found["classes"])
                return cls(classes, found["weights"], found["offsets"], found["curves"])
        except (OSError, ValueError, KeyError, EOFError):
            return None


def key_of(known: KnownProblems, space: str, catalogue: Catalogue) -> str:
    """Changes with whatever a model is made of."""
    told = repr((VERSION, known.symptoms.digest, space, sorted((code, repr(traits)) for code, traits in catalogue.items())))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def joined(row: Shares, near: Shares) -> dict[str, float]:
    """The mixture of both views."""
    return {code: SHARE * share + (1 - SHARE) * near.get(code, 0.0) for code, share in row.items()}


def by_kind(shares: Shares, catalogue: Catalogue, sector: str = "") -> dict[str, dict[str, float]]:
    """Shares of scenarios, and what follows from them for stages and orientations. Of a known sector no other's scenario is told."""
    stages: dict[str, float] = defaultdict(float)
    orientations: dict[str, float] = defaultdict(float)
    scenarios = {code: share for code, share in shares.items() if code in catalogue}
    for code, share in scenarios.items():
        traits = catalogue[code]
        stages[traits.stage] += share
        for key, part in _parts(traits):
            orientations[key] += share * part
    if sector:
        fitting = {code: share for code, share in scenarios.items() if catalogue[code].sector in (sector, "any")}
        # Not everything that lay elsewhere comes to what is left.
        total = max(sum(fitting.values()), 0.5)
        scenarios = {code: share / total for code, share in fitting.items()}
    return {"scenario": scenarios, "stage": dict(stages), "orientation": dict(orientations)}


def fit(known: KnownProblems, catalogue: Catalogue) -> Model:
    """From all known problems; its curves from those that were left out in turn."""
    from sklearn.isotonic import IsotonicRegression

    seen: dict[str, list[tuple[float, bool]]] = {kind: [] for kind in KINDS}
    fold = np.arange(len(known.vectors)) % FOLDS
    for number in range(FOLDS):
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)[::EVERY]
        part = known.without(set(np.flatnonzero(fold == number).tolist()))
        model = _discriminants(known.vectors[train], [known.symptoms.scenarios[place] for place in train])
        near = part.insights([known.symptoms.problems[place] for place in test], known.vectors[test])
        for place, row, other in zip(test, model.shares(known.vectors[test]), near, strict=True):
            _note(seen, joined(row, other.scenarios), known.symptoms.scenarios[place], known.symptoms.sectors[place], catalogue)
    curves = []
    for kind in KINDS:
        shares, right = (np.array(column, np.float64) for column in zip(*seen[kind], strict=True))
        curve = IsotonicRegression(y_min=0.0, y_max=0.99, out_of_bounds="clip").fit(shares, right)
        curves.append(curve.predict(np.linspace(0, 1, POINTS)))
    whole = _discriminants(known.vectors, list(known.symptoms.scenarios))
    return Model(whole.classes, whole.weights, whole.offsets, np.array(curves, np.float32))


def _note(seen: dict[str, list[tuple[float, bool]]], shares: Shares, truth: str, sector: str, catalogue: Catalogue) -> None:
    """The first suggestions of each kind, and whether they are right."""
    if truth not in catalogue:
        return
    traits = catalogue[truth]
    right: dict[str, Sequence[str]] = {"scenario": (truth,), "stage": (traits.stage,), "orientation": traits.orientations[:1]}
    for kind, found in by_kind(shares, catalogue, sector).items():
        falling = sorted(found.items(), key=lambda one: -one[1])[:DEPTH]
        seen[kind] += [(share, key in right[kind]) for key, share in falling]


def _discriminants(vectors: Vector, labels: Sequence[str]) -> Model:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    found: Any = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(vectors.astype(np.float64), np.array(labels))
    nothing = np.zeros((len(KINDS), POINTS), np.float32)
    weights, offsets = (np.asarray(part, np.float32) for part in (found.coef_, found.intercept_))
    return Model(tuple(str(name) for name in found.classes_), weights, offsets, nothing)


def _parts(traits: Traits) -> list[tuple[str, float]]:
    weights = [2.0 if place == 0 else 1.0 for place in range(len(traits.orientations))]
    return [(key, weight / sum(weights)) for key, weight in zip(traits.orientations, weights, strict=True)]
