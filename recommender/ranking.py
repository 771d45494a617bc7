"""Features → one score. `HandWeights` is a table of numbers with their origin; a learned ranker must beat it to replace it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

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

NO_PARTS = Parts((), ())
# Ids → what these solutions say they are made for; one that is missing may not be recommended right now.
FindTraits = Callable[[Ids], Mapping[int, Traits]]

# What a solution is and says against the problem. Set by hand on round numbers; the demonstration set's nDCG@10 changes by
# less than 0.015 when any of them is halved or grows by half (docs/matching.md). Families for the table of contributions.
CONTENT: Mapping[str, tuple[float, str]] = {
    "text": (0.90, "text"),
    "clause": (0.15, "text"),
    "known_meaning": (0.15, "known_problems"),
    "known_clause": (0.30, "known_problems"),
    "known_words": (0.20, "known_problems"),
    "sector": (0.30, "fit"),
    "stage": (0.35, "fit"),
    "orientation": (0.10, "fit"),
    "sector_guessed": (0.10, "fit"),
    "stage_guessed": (0.20, "fit"),
}
# Features that the known problems give reach no higher than they are trusted.
BY_KNOWN = frozenset({"known_meaning", "known_clause", "known_words", "sector_guessed"})
# What it costs, where it is and what became of it: these move neighbours, they do not make a match. On a score of 0–1.
BUSINESS: Mapping[str, tuple[float, str]] = {
    "price": (0.04, "price"),
    "weeks": (0.02, "price"),
    "local": (0.02, "local"),
    "record": (0.03, "record"),
    "standing": (0.10, "standing"),
    "past": (0.05, "past"),
}


@dataclass(frozen=True)
class HandWeights:
    """Weighted sums. `content` and `business`: feature → (weight, family)."""

    version: str = "hand-1"
    content: Mapping[str, tuple[float, str]] = field(default_factory=lambda: CONTENT)
    business: Mapping[str, tuple[float, str]] = field(default_factory=lambda: BUSINESS)

    def content_scores(self, features: Mapping[str, Vector], familiar: float) -> Vector:
        """(n) Σ weight · feature ÷ the most that this problem allows, so that 1 is a perfect match of a problem of any kind."""
        total = sum(np.float32(weight) * features[name] for name, (weight, _) in self.content.items() if name in features)
        return np.asarray(total / np.float32(self._most(features, familiar)), np.float32)

    def _most(self, names: Iterable[str], familiar: float) -> float:
        """The score of a solution that has everything these features can give."""
        held = set(names)
        return sum(weight * (familiar if name in BY_KNOWN else 1.0) for name, (weight, _) in self.content.items() if name in held)

    def final_score(self, content: float, business: Mapping[str, float]) -> float:
        """Content plus what the business side adds, within 0–1."""
        added = sum(weight * business.get(name, 0.0) for name, (weight, _) in self.business.items())
        return min(1.0, max(0.0, content + added))

    def contributions(self, content: Mapping[str, float], familiar: float, business: Mapping[str, float]) -> dict[str, float]:
        """Family → what it gave to the score."""
        most = self._most(content, familiar)
        found: dict[str, float] = {}
        for name, (weight, family) in self.content.items():
            if name in content:
                found[family] = found.get(family, 0.0) + weight * content[name] / most
        for name, (weight, family) in self.business.items():
            if name in business:
                found[family] = found.get(family, 0.0) + weight * business[name]
        return found


@dataclass(frozen=True)
class _Said:
    """What the known problems say of a problem and of its clauses, and the clauses' vectors (c, d)."""

    whole: Insight
    clauses: tuple[Insight, ...]
    vectors: Vector


@dataclass(frozen=True)
class Ranking:
    """The candidates of one problem, scored: features (n each), `content` (n) from 0 to 1, `order` their places,
    best first (past matches counted in), `past`: solution id → what became of it on similar problems,
    `background` (b, d): units of the candidates, against which a single pair stands out or not,
    `least_answer`: the cosine below which a pair is no answer."""

    ask: Ask
    candidates: Candidates
    insight: Insight
    features: Mapping[str, Vector]
    guessed: Mapping[str, str]
    content: Vector
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

    def __init__(self, index: Index, known: KnownProblems, find_traits: FindTraits, weights: HandWeights | None = None) -> None:
        self.index = index
        self.known = known
        self.weights = weights or HandWeights()
        self._find_traits = find_traits

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
        weights = self.weights
        passages = self.index.backend.passages(Kind.SOLUTION, candidates.ids)
        features = text_match(candidates, passages, said.vectors)
        by_known = known_problems(candidates, said.whole, said.clauses, passages)
        trust = np.float32(agreement(features["text"], np.sum(list(by_known.values()), axis=0)))
        insight = replace(said.whole, familiar=float(said.whole.familiar * trust))
        features |= {name: trust * values for name, values in by_known.items()}
        so_far = weights.content_scores(features, insight.familiar)
        fits, guessed = constraint_fit(ask, [traits[int(key)] for key in candidates.ids], insight, so_far)
        features |= fits
        content = weights.content_scores(features, insight.familiar)
        share = np.float32(weights.business["past"][0])
        raised = content + share * np.array([past[key].value if key in past else 0.0 for key in candidates.ids.tolist()], np.float32)
        order = np.lexsort((candidates.ids, -raised))
        return Ranking(ask, candidates, insight, features, guessed, content, order, past, sample_of(passages), self.known.least_answer)


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
