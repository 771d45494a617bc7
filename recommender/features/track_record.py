"""What the rating says of a provider in ranking, fairly for few events."""

from __future__ import annotations

from collections.abc import Mapping

from marketplace.domain.ratings import shrunk_score
from recommender.facts import SolutionFacts

HALF_SPAN = 20.0


def track_record(facts: SolutionFacts) -> Mapping[str, float]:
    """`record` from -1 to 1: (score − the mean of all) ÷ 20; the score is pulled towards that mean, so a newcomer has 0."""
    return {"record": max(-1.0, min(1.0, (shrunk_score(facts.track) - facts.track.usual) / HALF_SPAN))}
