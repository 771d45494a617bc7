"""What became of the solutions that were proposed for problems like this one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.query import Vector

# An accepted match says more than a declined one: there are many reasons to decline, and few to accept.
DECLINED = -0.5
SAME_PROBLEM = 0.999


@dataclass(frozen=True)
class PastMatch:
    """A solution proposed for a problem: accepted, declined, or not answered (None)."""

    problem_id: int
    problem_text: str
    solution_id: int
    accepted: bool | None


@dataclass(frozen=True)
class Similar:
    """Past matches of a solution on similar problems: how many, how many accepted, and their weighed sum (-1 to 1)."""

    proposed: int = 0
    accepted: int = 0
    value: float = 0.0


def past_matches(past: Sequence[PastMatch], similarity: Vector, *, own_problem: int | None) -> dict[int, Similar]:
    """Solution id → what past matches say; `similarity` (len(past)), 0–1, of each past problem to the one asked.

    value = Σ similarity · (1 accepted, −½ declined, 0 unanswered), cut to −1…1. Matches of the very same problem are
    its own history, not evidence from others, and are left out.
    """
    proposed: dict[int, int] = defaultdict(int)
    accepted: dict[int, int] = defaultdict(int)
    value: dict[int, float] = defaultdict(float)
    for row, near in zip(past, similarity, strict=True):
        if near <= 0 or row.problem_id == own_problem:
            continue
        proposed[row.solution_id] += 1
        accepted[row.solution_id] += row.accepted is True
        value[row.solution_id] += float(near) * (1.0 if row.accepted else DECLINED if row.accepted is False else 0.0)
    return {key: Similar(count, accepted[key], float(np.clip(value[key], -1, 1))) for key, count in proposed.items()}
