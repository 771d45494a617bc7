"""Solutions like those that solve the known problems nearest to this one."""

from __future__ import annotations

import numpy as np

from indexer.fusion import Passages, stretched
from indexer.query import Vector
from recommender.candidates import Candidates
from recommender.known_problems import Insight


def known_problems(candidates: Candidates, insight: Insight, passages: Passages) -> dict[str, Vector]:
    """`known_meaning` and `known_words` (n), 0–1, each times how familiar the problem is.

    known_meaning: cosine of the voted direction with the mean of a solution's main passages, stretched between its
    hundredth best and its best. known_words: lexical score of the voted blurbs ÷ the best one.
    """
    count = len(candidates.ids)
    if insight.familiar <= 0 or not count:
        nothing = np.zeros(count, np.float32)
        return {"known_meaning": nothing, "known_words": nothing}
    scores = np.full(count, -np.inf, np.float32)
    if len(passages.main_of):
        near = passages.mains @ insight.direction
        total = np.bincount(passages.main_of, near, count)
        number = np.bincount(passages.main_of, minlength=count)
        has = number > 0
        scores[has] = (total[has] / number[has]).astype(np.float32)
    familiar = np.float32(insight.familiar)
    return {"known_meaning": familiar * stretched(scores), "known_words": familiar * candidates.blurbs}
