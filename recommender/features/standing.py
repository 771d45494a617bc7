"""What the pool has decided about a provider: a warning moves it behind its neighbours, it does not hide it."""

from __future__ import annotations

from collections.abc import Mapping

from marketplace.domain.providers import ProviderState
from recommender.facts import SolutionFacts


def standing(facts: SolutionFacts) -> Mapping[str, float]:
    """`standing`: -1 while the provider is warned, else 0."""
    return {"standing": -1.0 if facts.provider_state == ProviderState.WARNED else 0.0}
