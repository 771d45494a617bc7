"""The index as everybody else sees it: search, suggestions, similar things; one face over every engine.

An engine only stores and retrieves candidates of each side; tokens (analysis.py), vectors (embedding.py), fusion,
facets and relaxing are the same for all.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from indexer.analysis import Question, Term, analyser
from indexer.backends import Candidates, Request, SearchBackend
from indexer.embedding import EmbeddingStore
from indexer.facets import Columns, counts, holds, sort_key
from indexer.fusion import Passages, closeness, fused, lexical_scores, lexical_weight, raised, stretched, worth_reading
from indexer.guarded import GuardedBackend
from indexer.parts import Parts, parts_of
from indexer.query import CANDIDATES, FACETS, Condition, FacetCount, Hit, Kind, Mode, Page, SearchQuery, Sort, Vector, condition_of
from indexer.relaxing import relaxed
from indexer.suggestions import Suggestions

# Words and pairs count half each; pinyin only where neither finds anything.
LISTS = ("words", "grams")
ENGINE_AWAY = "engine_away"


@dataclass(frozen=True)
class Asked:
    """A query made ready: the analysed text, its parts with their vectors, and the lists of terms with their weights."""

    query: SearchQuery
    question: Question
    lists: tuple[tuple[Term, ...], ...] = ()
    weights: tuple[float, ...] = ()
    pinyin: tuple[Term, ...] = ()
    wholes: Vector | None = None
    clauses: Vector | None = None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return _conditions(self.query)

    def request(self, conditions: tuple[Condition, ...]) -> Request:
        lists = (*self.lists, self.pinyin) if self.pinyin else self.lists
        return Request(self.query.kind, conditions, lists, self.wholes, self.query.depth, self.query.sort)


@dataclass(frozen=True)
class Ranked:
    """Candidates of one condition, scored; `order` gives their places, best first."""

    columns: Columns
    scores: Vector
    lexical: Vector
    dense: Vector
    order: np.typing.NDArray[np.intp]

    @property
    def total(self) -> int:
        return len(self.columns.ids)


class Index:
    """Opened once by the application; safe to use from several threads."""

    def __init__(self, backend: SearchBackend, embeddings: EmbeddingStore) -> None:
        self.backend = backend
        self.embeddings = embeddings
        self._suggestions = Suggestions(backend)

    def search(self, query: SearchQuery) -> Page:
        return self.search_many([query])[0]

    @property
    def standby_answers(self) -> int:
        """How often the database has answered in this thread because the engine was away."""
        return self.backend.standby_answers if isinstance(self.backend, GuardedBackend) else 0

    def degraded(self, before: int) -> str:
        """Why the answers are less than usual, for who knows the number of standby answers before; "" if they are not."""
        return ENGINE_AWAY if self.standby_answers > before else ""

    def search_many(self, queries: Sequence[SearchQuery]) -> list[Page]:
        """One batch: the dense side is one matrix product for all queries. `took_ms` of each is its share."""
        started, before = time.perf_counter(), self.standby_answers
        pages = self.answer(self.asked(queries))
        share, degraded = (time.perf_counter() - started) * 1000 / max(1, len(queries)), self.degraded(before)
        return [replace(page, took_ms=share, degraded=degraded) for page in pages]

    def answer(self, asked: Sequence[Asked]) -> list[Page]:
        """The pages of queries that were made ready: everything but analysis and embedding."""
        answers = self.backend.candidates([one.request(one.conditions) for one in asked])
        return [self._page(one, answer) for one, answer in zip(asked, answers, strict=True)]

    def ranked(self, queries: Sequence[SearchQuery]) -> list[Ranked]:
        """All candidates of each query as arrays: for who ranks on, without pages and facets."""
        asked = self.asked(queries)
        answers = self.backend.candidates([one.request(one.conditions[:1]) for one in asked])
        return [self._ranked(one, answer[0]) for one, answer in zip(asked, answers, strict=True)]

    def similar(self, kind: Kind, thing_id: int, query: SearchQuery) -> Page:
        """Things like this one, itself left out; filters and audience of `query` hold."""
        started = time.perf_counter()
        query = replace(query, kind=kind, without_ids=query.without_ids | {thing_id}, relax=False)
        own = self.backend.passages(kind, np.array([thing_id], np.int64))
        if not len(own.mains):
            return Page((), 0)
        question = analyser().question(self.backend.title_of(kind, thing_id), synonyms=False)
        asked = Asked(query, question, (question.terms,), (1.0,), wholes=_mean(own.mains), clauses=_mean(own.mains))
        page = self.answer([asked])[0]
        return replace(page, suggestion="", near={}, took_ms=(time.perf_counter() - started) * 1000)

    def passages(self, kind: Kind, ids: Sequence[int]) -> Passages:
        """The stored vectors of things, in the order of `documents.mains` and `documents.units`; an unknown id has none."""
        return self.backend.passages(kind, np.asarray(ids, np.int64))

    def suggest(
        self,
        text: str,
        *,
        limit: int = 8,
        audience: frozenset[str] = frozenset({"public"}),
        without_providers: frozenset[int] = frozenset(),
    ) -> list[str]:
        """Titles and terms while typing; pinyin and initials count."""
        return self._suggestions.complete(text, limit=limit, audience=audience, without_providers=without_providers)

    def close(self) -> None:
        self.backend.close()

    def asked(self, queries: Sequence[SearchQuery]) -> list[Asked]:
        """The queries made ready; all their texts are embedded in one go."""
        asked = [_lexical(query) for query in queries]
        parts: list[Parts | None] = [
            parts_of(one.query.text) if one.query.mode is not Mode.LEXICAL and (one.question.own or one.question.words) else None
            for one in asked
        ]
        texts = list(dict.fromkeys(text for part in parts if part for text in part.texts))
        if not texts:
            return asked
        vectors = dict(zip(texts, self.embeddings.queries(texts), strict=True))
        return [
            one
            if part is None
            else replace(
                one, wholes=np.stack([vectors[text] for text in part.wholes]), clauses=np.stack([vectors[text] for text in part.clauses])
            )
            for one, part in zip(asked, parts, strict=True)
        ]

    def _page(self, asked: Asked, answer: tuple[Candidates, ...]) -> Page:
        query, conditions = asked.query, asked.conditions
        ranked = self._ranked(asked, answer[0])
        dropped: tuple[str, ...] = ()
        if not ranked.total and query.relax and conditions[0].names:
            dropped, found = relaxed(conditions[0], lambda some: self.backend.candidates([asked.request(some)])[0])
            if found is not None:
                ranked = self._ranked(asked, found)
                query = replace(
                    query,
                    filters={name: values for name, values in query.filters.items() if name not in dropped},
                    ranges={name: reach for name, reach in query.ranges.items() if name not in dropped},
                )
                conditions = _conditions(query)
                answer = self.backend.candidates([asked.request(conditions)])[0] if query.facets else (found,)
        start = max(0, query.page - 1) * query.size
        places = ranked.order[start : start + query.size] if query.size > 0 else ranked.order[:0]
        return Page(
            hits=tuple(_hit(query.kind, asked.question, ranked, int(place)) for place in places),
            total=ranked.total,
            facets=_facets(query.kind, conditions, answer) if query.facets else {},
            dropped=dropped,
            near=asked.question.near,
            suggestion=self._suggestions.meant(query.kind, query.text, asked.question) if query.text and query.facets else "",
        )

    def _ranked(self, asked: Asked, found: Candidates) -> Ranked:
        """Scores of the candidates of one condition."""
        query, columns = asked.query, found.columns
        if not asked.lists and asked.wholes is None:
            nothing = np.zeros(len(columns.ids), np.float32)
            return Ranked(columns, nothing, nothing, nothing, np.arange(len(columns.ids)))
        sides, weights = found.lexical[: len(asked.lists)], asked.weights
        weight = lexical_weight(asked.question.codes)
        if asked.pinyin and not any(len(side.ids) for side in sides):
            sides, weights, weight = found.lexical[len(asked.lists) :], (1.0,), 1.0
        lexical = lexical_scores(columns.ids, sides, weights)
        dense = np.zeros(len(columns.ids), np.float32)
        if asked.wholes is not None and asked.clauses is not None:
            places = worth_reading(columns.ids, lexical, found.dense, weight)
            passages = self.backend.passages(query.kind, columns.ids[places])
            dense[places] = stretched(closeness(passages, asked.wholes, asked.clauses, len(places)))
        scores = fused(lexical, dense, weight)
        if query.prefer_sector and "sector" in columns.facets:
            sector = columns.facets["sector"]
            # A thing that names no sector suits every one.
            scores = raised(scores, holds(sector, query.prefer_sector) | (sector.codes < 0).all(axis=0))
        return Ranked(columns, scores, lexical, dense, _order(columns, scores, query.sort))


def _lexical(query: SearchQuery) -> Asked:
    """The lexical side of a query: for each part a list of words and one of pairs; or the words that it names, and no pairs,
    for whoever names words has made no typing error."""
    if query.words:
        return Asked(query, Question(), (tuple(Term((token,), weight) for token, weight in query.words),), (1.0,))
    question = analyser().question(query.text)
    if query.mode is Mode.DENSE or not question.terms:
        return Asked(query, question)
    cut = analyser()
    lists: list[tuple[Term, ...]] = []
    for number, text in enumerate(parts_of(query.text).wholes):
        own = question if number == 0 else cut.question(text)
        words = [term for term in own.terms if term.field == "words"]
        grams = [Term((gram,), 1.0, "grams") for gram in dict.fromkeys(cut.bigrams(text))]
        lists += [tuple(words), tuple(grams)]
    pinyin = tuple(term for term in question.terms if term.field == "pinyin")
    return Asked(query, question, tuple(lists), tuple(2.0 / len(lists) * 0.5 for _ in lists), pinyin)


def _conditions(query: SearchQuery) -> tuple[Condition, ...]:
    """The query's own condition and, for the counts of each facet that is filtered by, the one without that filter."""
    own = condition_of(query)
    return (own, *(own.without(name) for name, _ in own.filters)) if query.facets else (own,)


def _facets(kind: Kind, conditions: tuple[Condition, ...], answer: tuple[Candidates, ...]) -> dict[str, tuple[FacetCount, ...]]:
    """Counts of the candidates that respect all filters but the facet's own."""
    columns = dict.fromkeys(FACETS[kind], answer[0].columns)
    for (name, _), found in zip(conditions[0].filters, answer[1:], strict=False):
        columns[name] = found.columns
    return {name: counted for name in FACETS[kind] if (counted := counts(columns[name].facets[name]))}


def _order(columns: Columns, scores: Vector, sort: Sort) -> np.typing.NDArray[np.intp]:
    """Places in the order asked for; equal ones by score, then by id, so that pages never overlap."""
    key = sort_key(columns, sort)
    return np.lexsort((columns.ids, -scores) if key is None else (columns.ids, -scores, key))


def _hit(kind: Kind, question: Question, ranked: Ranked, place: int) -> Hit:
    provider = int(ranked.columns.providers[place])
    lexical = float(ranked.lexical[place])
    return Hit(
        kind=kind,
        thing_id=int(ranked.columns.ids[place]),
        provider_id=None if provider < 0 else provider,
        score=float(ranked.scores[place]),
        lexical=lexical,
        dense=float(ranked.dense[place]),
        terms=question.words if lexical > 0 else (),
    )


def _mean(vectors: Vector) -> Vector:
    """(1, d) the mean direction."""
    mean = vectors.mean(axis=0, keepdims=True)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)


__all__ = ["CANDIDATES", "Index"]
