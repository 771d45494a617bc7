"""Whether a solution is made for the problem's sector, stage and orientation; and for its budget and place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.query import Vector
from recommender.ask import Ask
from recommender.facts import SolutionFacts
from recommender.known_problems import Insight

# A solution that does not say it may fit as well as not.
UNSAID = 0.5
# A stage or orientation is guessed from the best candidates' own, a sector from the nearest known problems'.
GUESSED_FROM = 5
SURE_OF_SECTOR = 0.8
SURE_OF_STAGE = 0.6


@dataclass(frozen=True)
class Traits:
    """What a solution says it is made for: pilot keys, empty = not said."""

    sectors: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    orientations: tuple[str, ...] = ()


NO_TRAITS = Traits()


def constraint_fit(ask: Ask, traits: Sequence[Traits], insight: Insight, content: Vector) -> tuple[dict[str, Vector], dict[str, str]]:
    """Features (n) from 0 to 1, and what was understood from the text: field → key.

    `sector`, `stage`, `orientation`: 1 if the solution names the problem's, ½ if it names none, else 0; all 0 where the
    problem does not say. `sector_guessed`: probability of the solution's sectors by the nearest known problems, times
    how familiar they are. `stage_guessed`: mean share of its stages among the five best candidates by `content` (n).
    """
    found: dict[str, Vector] = {}
    guessed: dict[str, str] = {}
    for name, wanted, said in (
        ("sector", ask.sector, [row.sectors for row in traits]),
        ("stage", ask.stage, [row.stages for row in traits]),
        ("orientation", ask.orientation, [row.orientations for row in traits]),
    ):
        if wanted:
            found[name] = np.array([UNSAID if not keys else float(wanted in keys) for keys in said], np.float32)
    if ask.sector is None and insight.familiar > 0:
        likely = insight.sectors
        found["sector_guessed"] = insight.familiar * np.array(
            [sum(likely.get(key, 0.0) for key in row.sectors) if row.sectors else UNSAID for row in traits], np.float32
        )
        best = next(iter(likely), "")
        # A sector of the knowledge base that no solution here names is none of this place's.
        if likely.get(best, 0.0) * insight.familiar >= SURE_OF_SECTOR and any(best in row.sectors for row in traits):
            guessed["sector"] = best
    for name, wanted, said in (
        ("stage", ask.stage, [row.stages for row in traits]),
        ("orientation", ask.orientation, [row.orientations for row in traits]),
    ):
        if wanted is None and len(content):
            shares = shares_of_best(said, content)
            if name == "stage":
                found["stage_guessed"] = np.array(
                    [sum(shares.get(key, 0.0) for key in keys) / len(keys) if keys else 0.0 for keys in said], np.float32
                )
            best = max(shares, key=lambda key: shares[key], default="")
            if shares.get(best, 0.0) >= SURE_OF_STAGE:
                guessed[name] = best
    return found, guessed


def shares_of_best(said: Sequence[Sequence[str]], content: Vector) -> dict[str, float]:
    """Key → weighed share (0–1) of the five best candidates that name it, weights in proportion to the squared score."""
    best = np.argsort(-content, kind="stable")[:GUESSED_FROM]
    weights = np.square(content[best], dtype=np.float64)
    total = float(weights.sum()) or 1.0
    shares: dict[str, float] = defaultdict(float)
    for place, weight in zip(best, weights, strict=True):
        for key in said[place]:
            shares[key] += float(weight) / total
    return dict(shares)


def price_fit(ask: Ask, facts: SolutionFacts) -> float:
    """1 = the highest quote is within budget, 0 = unknown or about right, -1 = the lowest quote is beyond it.

    Between: the share of the quoted range that the budget covers, 2 · share − 1. 价格面议 is neutral.
    """
    budget, low, high = ask.budget_high_fen, facts.price_low_fen, facts.price_high_fen
    if budget is None or (low is None and high is None):
        return 0.0
    low = high if low is None else low
    high = low if high is None else high
    assert low is not None
    assert high is not None
    if high <= budget:
        return 1.0
    if low > budget:
        return -1.0
    return 2.0 * (budget - low) / (high - low) - 1.0


def weeks_fit(ask: Ask, facts: SolutionFacts) -> float:
    """1 = the longest duration is in time, -1 = the shortest is too long, 0 = unknown or between."""
    if ask.weeks is None:
        return 0.0
    if facts.weeks_high is not None and facts.weeks_high <= ask.weeks:
        return 1.0
    return -1.0 if facts.weeks_low is not None and facts.weeks_low > ask.weeks else 0.0


def local_fit(facts: SolutionFacts) -> float:
    """1 = team or office here, ½ = signed commitment, 0 = neither."""
    return 1.0 if facts.local_office else 0.5 if facts.local_commitment else 0.0


def business_fit(ask: Ask, facts: SolutionFacts) -> Mapping[str, float]:
    """`price` and `weeks` from -1 to 1, `local` from 0 to 1."""
    return {"price": price_fit(ask, facts), "weeks": weeks_fit(ask, facts), "local": local_fit(facts)}
