"""Problems → ranked candidates: features → one score. A learned ranker must beat the hand weights to replace them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from indexer.parts import Parts, parts_of
from indexer.query import Kind, Vector
from indexer.search import Index
from recommender.answers import sample_of
from recommender.ask import Ask
from recommender.candidates import Candidates, Ids, find_candidates
from recommender.features.constraint_fit import Traits, constraint_fit
from recommender.features.known_problems import agreement, known_problems
from recommender.features.past_matches import Similar
from recommender.features.text_match import text_match
from recommender.known_problems import Insight, KnownProblems
from recommender.weights import BUSINESS, CONTENT, HandWeights, Weights

__all__ = ["BUSINESS", "CONTENT", "HandWeights", "Ranker", "Ranking"]

NO_PARTS = Parts((), ())
# Ids → what these solutions say they are made for; one that is missing may not be recommended right now.
FindTraits = Callable[[Ids], Mapping[int, Traits]]


@dataclass(frozen=True)
class _Said:
    """What the known problems say of a problem and of its clauses, and the clauses' vectors (c, d)."""

    whole: Insight
    clauses: tuple[Insight, ...]
    vectors: Vector


@dataclass(frozen=True)
class Ranking:
    """The candidates of one problem, scored: features (n each), `content` (n) from 0 to 1, `order` their places,
    best first (past matches counted in), `weights`: what it was ordered by, `by_hand` (n): the content by the hand weights
    alone, `past`: solution id → what became of it on similar problems,
    `background` (b, d): units of the candidates, against which a single pair stands out or not,
    `least_answer`: the cosine below which a pair is no answer."""

    ask: Ask
    candidates: Candidates
    insight: Insight
    features: Mapping[str, Vector]
    guessed: Mapping[str, str]
    content: Vector
    by_hand: Vector
    weights: Weights
    order: NDArray[np.intp]
    past: Mapping[int, Similar]
    background: Vector
    least_answer: float

    def best(self, count: int) -> list[int]:
        """The places of the best candidates."""
        return [int(place) for place in self.order[:count]]

    def features_at(self, place: int) -> dict[str, float]:
        """The content features of one candidate."""
        return {name: float(values[place]) for name, values in self.features.items()}


class Ranker:
    """Ranks by what is said of problem and solution alone: neither price nor place nor rating."""

    def __init__(self, index: Index, known: KnownProblems, find_traits: FindTraits, weights: Weights | None = None) -> None:
        self.index = index
        self.known = known
        self.weights: Weights = weights or HandWeights()
        self._find_traits = find_traits

    def with_weights(self, weights: Weights) -> Ranker:
        """The same ranker by other weights."""
        return self if weights is self.weights else Ranker(self.index, self.known, self._find_traits, weights)

    def rank(
        self,
        asks: Sequence[Ask],
        without_providers: Sequence[frozenset[int]],
        past: Sequence[Mapping[int, Similar]] | None = None,
    ) -> list[Ranking]:
        """One ranking for each problem, in one batch. `past`: for each problem, solution id → what similar problems say."""
        if not asks:
            return []
        parts = [parts_of(ask.text) if ask.text.strip() else NO_PARTS for ask in asks]
        said = self._said([ask.text for ask in asks], parts)
        insights = [row.whole for row in said]
        found = find_candidates(self.index, asks, insights, without_providers)
        everything = np.unique(np.concatenate([row.ids for row in found]))
        traits = self._find_traits(everything) if len(everything) else {}
        return [
            self._ranking(ask, _kept(candidates, traits), one, traits, past[place] if past else {})
            for place, (ask, candidates, one) in enumerate(zip(asks, found, said, strict=True))
        ]

    def _said(self, texts: Sequence[str], parts: Sequence[Parts]) -> list[_Said]:
        """What the known problems say of each text and of each of its clauses; all are embedded in one go."""
        flat = list(dict.fromkeys([*texts, *(clause for part in parts for clause in part.clauses)]))
        vectors = self.index.embeddings.queries(flat)
        insights = dict(zip(flat, self.known.insights(flat, vectors), strict=True))
        place = {text: number for number, text in enumerate(flat)}
        return [
            _Said(
                insights[text],
                tuple(insights[clause] for clause in part.clauses),
                vectors[[place[clause] for clause in part.clauses]],
            )
            for text, part in zip(texts, parts, strict=True)
        ]

    def _ranking(self, ask: Ask, candidates: Candidates, said: _Said, traits: Mapping[int, Traits], past: Mapping[int, Similar]) -> Ranking:
        # What is understood of a problem does not depend on who ranks: features mean the same in training and in use.
        hand = self.weights.base
        weights = self.weights if ask.by_outcomes else hand
        past = past if ask.by_outcomes else {}
        passages = self.index.backend.passages(Kind.SOLUTION, candidates.ids)
        features = text_match(candidates, passages, said.vectors)
        by_known = known_problems(candidates, said.whole, said.clauses, passages)
        trust = np.float32(agreement(features["text"], np.sum(list(by_known.values()), axis=0)))
        insight = replace(said.whole, familiar=float(said.whole.familiar * trust))
        features |= {name: trust * values for name, values in by_known.items()}
        so_far = hand.content_scores(features, insight.familiar)
        fits, guessed = constraint_fit(ask, [traits[int(key)] for key in candidates.ids], insight, so_far)
        features |= fits
        by_hand = hand.content_scores(features, insight.familiar)
        content = by_hand if weights is hand else weights.content_scores(features, insight.familiar)
        share = np.float32(weights.past_share)
        raised = content + share * np.array([past[key].value if key in past else 0.0 for key in candidates.ids.tolist()], np.float32)
        order = np.lexsort((candidates.ids, -raised))
        background, least = sample_of(passages), self.known.least_answer
        return Ranking(ask, candidates, insight, features, guessed, content, by_hand, weights, order, past, background, least)


def _kept(candidates: Candidates, traits: Mapping[int, Traits]) -> Candidates:
    """Those candidates that may be recommended: the index can be a moment behind the database."""
    keep = np.array([key in traits for key in candidates.ids.tolist()], np.bool_)
    if keep.all():
        return candidates
    return Candidates(
        candidates.ids[keep],
        candidates.providers[keep],
        candidates.text[keep],
        candidates.lexical[keep],
        candidates.dense[keep],
        candidates.blurbs[keep],
    )
