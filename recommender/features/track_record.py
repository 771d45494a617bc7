"""What past projects on the platform say of a provider, fairly for few observations."""

from __future__ import annotations

from collections.abc import Mapping

from marketplace.domain.ratings import PRIOR_SCORE, shrunk_score
from recommender.facts import SolutionFacts

HALF_SPAN = 20.0


def track_record(facts: SolutionFacts) -> Mapping[str, float]:
    """`record` from -1 to 1: (mean score shrunk to 80 by three imagined projects − 80) ÷ 20; a newcomer has 0."""
    return {"record": max(-1.0, min(1.0, (shrunk_score(facts.track) - PRIOR_SCORE) / HALF_SPAN))}
