"""A problem as it is asked of the recommender."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from marketplace.domain.plans import Emphasis

# (kind, key) → the Chinese word, e.g. ("sector", "chem") → 化工; kinds: sector stage orientation form area scenario.
Labels = Callable[[str, str], str]


@dataclass(frozen=True)
class Ask:
    """`key` names it in the answer; everything but the text may be unknown (None or ""). `emphasis`: what this enterprise weighs
    more or less than usual; `without_solutions`: solutions that were excluded by hand; `by_outcomes`: whether what became of past
    matches may move the order (a learned ranker, past matches of similar problems), or the weights set by hand alone."""

    key: str
    text: str
    sector: str | None = None
    stage: str | None = None
    orientation: str | None = None
    budget_low_fen: int | None = None
    budget_high_fen: int | None = None
    weeks: int | None = None
    problem_id: int | None = None
    enterprise_id: int | None = None
    emphasis: Emphasis | None = None
    without_solutions: frozenset[int] = frozenset()
    by_outcomes: bool = True
