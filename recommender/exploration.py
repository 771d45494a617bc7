"""That new providers get seen: on each page one place is kept for them, if one of them is nearly as good as who would stand there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from marketplace.domain.providers import ProviderState
from marketplace.domain.rating_rules import Exploration
from recommender.facts import SolutionFacts


@dataclass(frozen=True)
class Explored:
    """`order`: places of the given rows in their new order; `lifted`: those that stand higher than by their score."""

    order: tuple[int, ...]
    lifted: frozenset[int]


def is_newcomer(facts: SolutionFacts, rules: Exploration, today: date) -> bool:
    """Without a project so far, not long in the pool, and nothing held against it."""
    recent = facts.admitted_on is None or (today - facts.admitted_on).days <= rules.new_days
    return facts.track.is_new and recent and facts.provider_state == ProviderState.ADMITTED


def explored(scores: Sequence[float], is_new: Sequence[bool], rules: Exploration, seed: str) -> Explored:
    """Rows come best first. On each page of `rules.page` rows with fewer than `rules.least` new providers, the lowest places go to
    new ones from further down whose score is at most `rules.within` below the row that they displace; of several the one that
    `seed` (problem and day) draws, so that each gets its turn and one day's list stays the same. Those displaced move down.
    """
    order = list(range(len(scores)))
    lifted: set[int] = set()
    if not rules.enabled:
        return Explored(tuple(order), frozenset())
    for start in range(0, len(order), rules.page):
        end = min(start + rules.page, len(order))
        present = sum(is_new[row] for row in order[start:end])
        # The lowest place of a page first, and above it for the next one.
        for place in range(end - 1, start, -1):
            if present >= rules.least:
                break
            if is_new[order[place]]:
                continue
            least = scores[order[place]] - rules.within
            waiting = [row for row in order[end:] if is_new[row] and scores[row] >= least]
            if not waiting:
                break
            chosen = min(waiting, key=lambda row: _draw(seed, row))
            order.remove(chosen)
            order.insert(end, order[place])
            order[place] = chosen
            lifted.add(chosen)
            present += 1
    return Explored(tuple(order), frozenset(lifted))


def _draw(seed: str, row: int) -> bytes:
    return hashlib.sha256(f"{seed}|{row}".encode()).digest()
