"""What this enterprise weighs more or less than usual, against the other solutions of the same problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from marketplace.domain.plans import USUAL, Emphasis
from recommender.facts import SolutionFacts
from recommender.features.constraint_fit import local_fit
from recommender.features.track_record import track_record

# One step of emphasis moves the best against the worst of a problem by as much as these; on a score of 0–1.
STEP = 0.02


def preferences(emphasis: Emphasis | None, rows: Sequence[SolutionFacts]) -> Mapping[int, float]:
    """Solution id → what the emphasis adds to its score; nothing where all is as usual.

    For each aspect (weight − 1) · 0.02 · standing, where standing is from -1 (worst of these solutions) to 1 (best); a price or a
    duration that is not said stands at 0, in the middle.
    """
    if emphasis is None or emphasis.is_usual or not rows:
        return {}
    standings = {
        "price": _low([_middle(row.price_low_fen, row.price_high_fen) for row in rows]),
        "speed": _low([_middle(row.weeks_low, row.weeks_high) for row in rows]),
        "local": [2 * local_fit(row) - 1 for row in rows],
        "record": [track_record(row)["record"] for row in rows],
    }
    return {
        row.solution_id: sum((weight - USUAL) * STEP * standings[name][place] for name, weight in emphasis.items())
        for place, row in enumerate(rows)
    }


def _middle(low: int | None, high: int | None) -> float | None:
    known = [value for value in (low, high) if value is not None]
    return sum(known) / len(known) if known else None


def _low(values: Sequence[float | None]) -> list[float]:
    """Standing by rank: the lowest has 1, the highest -1, the unknown 0."""
    known = sorted({value for value in values if value is not None})
    if len(known) < 2:
        return [0.0] * len(values)
    place = {value: 1 - 2 * number / (len(known) - 1) for number, value in enumerate(known)}
    return [0.0 if value is None else place[value] for value in values]
