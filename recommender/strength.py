"""How strong a match is shown: 1 (weak), 2 (fair), 3 (good), 4 (strong)."""

from __future__ import annotations

from collections.abc import Sequence

from recommender.evidence import CLEAR_ANSWER, Answer

# Least score of strength 2, 3, 4. On the demonstration set, of the ten best of each problem: from 0.8 on 93 % solve it or
# apply (grade 2 or 3), from 0.7 to 0.8 about half, from 0.6 to 0.7 a fifth, below 0.6 one in twenty.
STEPS = (0.62, 0.72, 0.80)
# What lies outside the known problems may lie outside what anybody here offers: there, only very clear words count.
STRANGE = 0.3
VERY_CLEAR = 0.85


def strength_of(score: float, answers: Sequence[Answer], familiar: float) -> int:
    """By the score; but without a clause that is clearly answered by the solution's own words, fair at most."""
    by_score = 1 + sum(score >= step for step in STEPS)
    clear = max((answer.nearness for answer in answers), default=0.0)
    if familiar < STRANGE:
        return min(by_score, 3 if clear >= VERY_CLEAR else 2)
    return by_score if clear >= CLEAR_ANSWER else min(by_score, 2)
