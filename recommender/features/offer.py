"""What an offer is like, whatever was asked: features that only a learned ranker weighs."""

from __future__ import annotations

import math
from collections.abc import Mapping

from recommender.ask import Ask
from recommender.facts import SolutionFacts

# What takes so many weeks is not quick at all; what says nothing stands between.
LONG_WEEKS = 26
UNSAID = 0.5
MANY_REFERENCES = 50


def offer_fit(ask: Ask, facts: SolutionFacts) -> Mapping[str, float]:
    """`quick`: how short the longest delivery is (0 = half a year and more), `proven`: measured cases in the problem's sector, of this
    solution (1) or of its provider (½), `references`: how many implementations the provider reports, on a scale of logarithms. 0–1."""
    weeks = facts.weeks_high if facts.weeks_high is not None else facts.weeks_low
    return {
        "quick": UNSAID if weeks is None else 1.0 - min(weeks, LONG_WEEKS) / LONG_WEEKS,
        "proven": _proven(ask.sector, facts),
        "references": min(1.0, math.log1p(max(0, facts.references)) / math.log1p(MANY_REFERENCES)),
    }


def _proven(sector: str | None, facts: SolutionFacts) -> float:
    cases = [case for case in facts.cases if case.effects and case.client_sector == sector] if sector else []
    if any(case.solution_id == facts.solution_id for case in cases):
        return 1.0
    return 0.5 if cases else 0.0
