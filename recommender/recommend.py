"""From problems to ranked, explained solutions and providers: candidates → features → rank → explain.

(Signatures fixed by the pages, the API and the command line. The lead wrote ask.py, facts.py, explanation.py,
open_questions.py, plan.py and the metrics in evaluation/: use and mend them; candidates, features, ranking and
these bodies are the recommender's owner's. Remove this note.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.embedding import EmbeddingStore
from indexer.search import Index
from marketplace.domain.matches import Match, Plan, Reason
from marketplace.records.database import Database
from recommender.ask import Ask, Labels

__all__ = ["Ask", "Demand", "Labels", "ProviderMatch", "Recommendation", "Recommender"]


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


@dataclass(frozen=True)
class Demand:
    """A problem that one of a provider's solutions answers (the other direction)."""

    problem_id: int
    match: Match


class Recommender:
    """Opened once by the application; safe to use from several threads."""

    def __init__(self, *, database: Database, index: Index, embeddings: EmbeddingStore, labels: Labels) -> None:
        raise NotImplementedError

    def recommend(self, ask: Ask, *, limit: int = 10) -> Recommendation:
        raise NotImplementedError

    def recommend_many(self, asks: Sequence[Ask], *, limit: int = 10) -> dict[str, Recommendation]:
        """A whole problem list in one batch."""
        raise NotImplementedError

    def plan(self, asks: Sequence[Ask], *, budget_fen: int | None = None, limit: int = 5) -> Plan:
        """一企一策: matches per problem and a small set of providers that covers the list."""
        raise NotImplementedError

    def demands(self, provider_id: int, *, limit: int = 50) -> list[Demand]:
        """Open problems that this provider's published solutions answer, best first (state and hard constraints hold)."""
        raise NotImplementedError
