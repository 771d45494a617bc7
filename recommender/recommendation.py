"""What the recommender answers with, and how a person's choices are put before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from marketplace.domain.matches import Match, Reason


@dataclass(frozen=True)
class ProviderMatch:
    """A provider for a problem: its best match, and how many of its solutions fit."""

    provider_id: int
    score: float
    strength: int
    best: Match
    solutions: int


@dataclass(frozen=True)
class Recommendation:
    """The answer to one problem. `guesses`: field → key understood from the text (sector, stage, orientation, scenario)."""

    matches: tuple[Match, ...]
    providers: tuple[ProviderMatch, ...]
    guesses: dict[str, str]
    open_questions: tuple[Reason, ...]
    model: str
    took_ms: float
    degraded: str = ""


@dataclass(frozen=True)
class Demand:
    """A problem that one of a provider's solutions answers (the other direction)."""

    problem_id: int
    match: Match


def steered(found: Sequence[Match], first: Sequence[Match], allowed: frozenset[int] | None) -> tuple[Match, ...]:
    """What a person put first, then the others in their order. What the ranking found keeps its reasons."""
    ranked = {match.solution_id: match for match in found}
    head = [ranked.get(match.solution_id, match) for match in first]
    taken = {match.solution_id for match in head}
    rest = [match for match in found if match.solution_id not in taken and (allowed is None or match.solution_id in allowed)]
    return (*head, *rest)


def providers_of(matches: Sequence[Match]) -> tuple[ProviderMatch, ...]:
    """Providers by their best match; `solutions`: how many of theirs are at least a fair match."""
    by_provider: dict[int, list[Match]] = {}
    for match in matches:
        by_provider.setdefault(match.provider_id, []).append(match)
    found = [
        ProviderMatch(provider, rows[0].score, rows[0].strength, rows[0], max(1, sum(row.strength >= 2 for row in rows)))
        for provider, rows in by_provider.items()
    ]
    return tuple(sorted(found, key=lambda row: -row.score))
