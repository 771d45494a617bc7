"""The weights set by hand: a table of numbers with their origin, and the sums that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from indexer.query import Vector

# What a solution is and says against the problem. Set by hand on round numbers; the demonstration set's nDCG@10 changes by
# less than 0.015 when any of them is halved or grows by half (docs/matching.md). Families for the table of contributions.
CONTENT: Mapping[str, tuple[float, str]] = {
    "text": (0.90, "text"),
    "clause": (0.15, "text"),
    "known_meaning": (0.15, "known_problems"),
    "known_clause": (0.30, "known_problems"),
    "known_words": (0.20, "known_problems"),
    "sector": (0.30, "fit"),
    "stage": (0.35, "fit"),
    "orientation": (0.10, "fit"),
    "sector_guessed": (0.10, "fit"),
    "stage_guessed": (0.20, "fit"),
}
# Features that the known problems give reach no higher than they are trusted.
BY_KNOWN = frozenset({"known_meaning", "known_clause", "known_words", "sector_guessed"})
# What it costs, where it is and what became of it: these move neighbours, they do not make a match. On a score of 0–1.
BUSINESS: Mapping[str, tuple[float, str]] = {
    "price": (0.04, "price"),
    "weeks": (0.02, "price"),
    "local": (0.02, "local"),
    "record": (0.03, "record"),
    "standing": (0.10, "standing"),
    "past": (0.05, "past"),
    # What the enterprise weighs differently, in points of the score already (features/preferences).
    "preference": (1.00, "preference"),
}


@dataclass(frozen=True)
class HandWeights:
    """Weighted sums. `content` and `business`: feature → (weight, family)."""

    version: str = "hand-1"
    content: Mapping[str, tuple[float, str]] = field(default_factory=lambda: CONTENT)
    business: Mapping[str, tuple[float, str]] = field(default_factory=lambda: BUSINESS)

    @property
    def base(self) -> HandWeights:
        return self

    @property
    def past_share(self) -> float:
        """What past matches of similar problems count."""
        return self.business["past"][0]

    def content_scores(self, features: Mapping[str, Vector], familiar: float) -> Vector:
        """(n) Σ weight · feature ÷ the most that this problem allows, so that 1 is a perfect match of a problem of any kind."""
        total = sum(np.float32(weight) * features[name] for name, (weight, _) in self.content.items() if name in features)
        return np.asarray(total / np.float32(self._most(features, familiar)), np.float32)

    def family_scores(self, features: Mapping[str, Vector], familiar: float, family: str) -> Vector:
        """(n) what one family gives to the content score."""
        own = [(name, weight) for name, (weight, of) in self.content.items() if of == family and name in features]
        some = next(iter(features.values()))
        total = sum((np.float32(weight) * features[name] for name, weight in own), np.zeros(len(some), np.float32))
        return np.asarray(total / np.float32(self._most(features, familiar)), np.float32)

    def _most(self, names: Iterable[str], familiar: float) -> float:
        """The score of a solution that has everything these features can give."""
        held = set(names)
        return sum(weight * (familiar if name in BY_KNOWN else 1.0) for name, (weight, _) in self.content.items() if name in held)

    def raw_score(self, content: float, business: Mapping[str, float]) -> float:
        """Content plus what the business side adds; of two very good ones it still says which is better."""
        return content + sum(weight * business.get(name, 0.0) for name, (weight, _) in self.business.items())

    def final_score(self, content: float, business: Mapping[str, float]) -> float:
        """The same, within 0–1."""
        return min(1.0, max(0.0, self.raw_score(content, business)))

    def contributions(self, content: Mapping[str, float], familiar: float, business: Mapping[str, float]) -> dict[str, float]:
        """Family → what it gave to the score."""
        most = self._most(content, familiar)
        found: dict[str, float] = {}
        for name, (weight, family) in self.content.items():
            if name in content:
                found[family] = found.get(family, 0.0) + weight * content[name] / most
        for name, (weight, family) in self.business.items():
            if name in business:
                found[family] = found.get(family, 0.0) + weight * business[name]
        return found

    def learned(self, content: Mapping[str, float], familiar: float, business: Mapping[str, float]) -> dict[str, float]:
        """Nothing was learned."""
        return {}


class Weights(Protocol):
    """What orders candidates: the weights set by hand, or a ranker that learned on top of them (`base`)."""

    @property
    def version(self) -> str: ...
    @property
    def base(self) -> HandWeights: ...
    @property
    def past_share(self) -> float: ...
    def content_scores(self, features: Mapping[str, Vector], familiar: float) -> Vector: ...
    def raw_score(self, content: float, business: Mapping[str, float]) -> float: ...
    def final_score(self, content: float, business: Mapping[str, float]) -> float: ...
    def contributions(self, content: Mapping[str, float], familiar: float, business: Mapping[str, float]) -> dict[str, float]: ...
    def learned(self, content: Mapping[str, float], familiar: float, business: Mapping[str, float]) -> dict[str, float]: ...
