"""What the ranker knew when it scored one solution for one problem: from this, and from nothing else, its reasons are computed."""

from __future__ import annotations

from dataclasses import dataclass, field

from recommender.ask import Ask
from recommender.facts import SolutionFacts

# From this nearness on, a unit of a solution is said to answer a clause.
CLEAR_ANSWER = 0.55


@dataclass(frozen=True)
class Answer:
    """A clause of the problem and the unit of the solution that comes nearest, with how near (0–1, ranker's scale)."""

    clause: str
    unit: str
    nearness: float


@dataclass(frozen=True)
class Evidence:
    """What the ranker knew when it scored one solution for one problem.

    `guessed`: fields that were not said but understood from the text. `contributions`: feature family → share of the
    score. `similar_accepted` / `similar_proposed`: past matches of similar problems with this solution. `explored`: it stands
    higher than by its score, so that a new provider gets seen. `learned`: feature family → what of its share was learned from past
    matches.
    """

    ask: Ask
    facts: SolutionFacts
    answers: tuple[Answer, ...]
    guessed: dict[str, str] = field(default_factory=dict)
    contributions: dict[str, float] = field(default_factory=dict)
    similar_proposed: int = 0
    similar_accepted: int = 0
    explored: bool = False
    learned: dict[str, float] = field(default_factory=dict)
