"""What the database can answer while the engine is away: fewer candidates, found by their words; everything else as usual.

Rows are read afresh, so whoever may not be found is not. Their vectors are in the database as well, so that meaning
still counts among the candidates.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import case, literal, or_
from sqlalchemy.sql.elements import ColumnElement

from indexer.analysis import Term, folded
from indexer.backends import Candidates, Entry, Request, Title
from indexer.backends.shelf import Shelf, View
from indexer.documents import Labels
from indexer.embedding import EmbeddingStore
from indexer.entries import LABELS, bare_entries_of
from indexer.fusion import EMPTY, Ids, Passages, Side, best_of
from indexer.query import FIELD_WEIGHTS, Kind, Vector
from indexer.rows import documents_of, searchable
from marketplace.records.database import Database
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.showcases import Showcase
from marketplace.records.solutions import Solution

# Of a small site everything is looked at, of a large one what holds most of the words.
MOST_THINGS = 300
MOST_WORDS = 12
# So long a thing that was read is not read again: a page asks for it several times.
KEPT_SECONDS = 10.0
KEPT_THINGS = 4_000


def _holds(kind: Kind, word: str) -> ColumnElement[bool]:
    """Whether a row of the kind has the word where people look first."""
    if kind is Kind.SOLUTION:
        return or_(Solution.title.contains(word, autoescape=True), Solution.summary.contains(word, autoescape=True))
    if kind is Kind.SCENARIO:
        return or_(Scenario.name.contains(word, autoescape=True), Scenario.description.contains(word, autoescape=True))
    if kind is Kind.PROBLEM:
        return Problem.text.contains(word, autoescape=True)
    if kind is Kind.SHOWCASE:
        return or_(Showcase.title.contains(word, autoescape=True), Showcase.problem.contains(word, autoescape=True))
    named = Provider.organisation.has(Organisation.name.contains(word, autoescape=True))
    return or_(named, Provider.summary.contains(word, autoescape=True))


@dataclass(frozen=True)
class _Held:
    """A thing that was read: what an engine would store of it, and its own words and its labels, folded."""

    entry: Entry
    words: str
    labels: str


class _Looked:
    """The things among which a request is answered; several requests of one batch share them."""

    def __init__(self, kind: Kind, held: Sequence[_Held], dimension: int) -> None:
        self._held = held
        self._counts: dict[tuple[str, tuple[str, ...]], Vector] = {}
        shelf = Shelf(kind, dimension)
        for serial, one in enumerate(held):
            shelf.put(one.entry, serial, Title(one.entry.title, "", "", one.entry.audience, one.entry.provider_id))
        self.view = shelf.view()

    def scores(self, terms: Sequence[Term]) -> Vector:
        """(n) how much of the terms each thing holds; a rare term counts more, a repeated one little more. Pinyin finds nothing."""
        # A pair of Hanzi is looked for in the words, as a field of its own would hold it.
        scores = np.zeros(len(self._held), np.float32)
        for term in terms:
            for name, weight in (FIELD_WEIGHTS if term.field == "words" else {term.field: 1.0}).items():
                scores += np.float32(weight * term.weight) * self._of_term(name, term.tokens)
        return scores

    def _of_term(self, field: str, tokens: tuple[str, ...]) -> Vector:
        known = self._counts.get((field, tokens))
        if known is None:
            said = "".join(tokens)
            texts = (one.labels for one in self._held) if field == LABELS else (one.words for one in self._held)
            counts = np.array([text.count(said) for text in texts], np.float32)
            having = float((counts > 0).sum())
            rarity = np.float32(np.log(1 + (len(self._held) - having + 0.5) / (having + 0.5)))
            known = self._counts[field, tokens] = rarity * (counts * 2.2 / (counts + 1.2))
        return known


class Standby:
    """The reading half of an engine, on the database alone. Safe for several threads."""

    def __init__(self, database: Database, embeddings: EmbeddingStore, labels: Labels) -> None:
        self._database = database
        self._embeddings = embeddings
        self._labels = labels
        self._kept: OrderedDict[tuple[Kind, int], tuple[float, _Held]] = OrderedDict()

    def candidates(self, requests: Sequence[Request]) -> list[tuple[Candidates, ...]]:
        looked: dict[tuple[Kind, tuple[int, ...]], _Looked] = {}
        answers = []
        for request in requests:
            words = dict.fromkeys(token for terms in request.lists for term in terms if term.field == "words" for token in term.tokens)
            likely = request.kind, tuple(self._likely(request.kind, list(words)))
            if likely not in looked:
                looked[likely] = _Looked(request.kind, self._held(*likely), self._embeddings.dimension)
            answers.append(_answer(looked[likely], request))
        return answers

    def passages(self, kind: Kind, ids: Ids) -> Passages:
        place = {int(thing_id): number for number, thing_id in enumerate(ids)}
        entries = sorted((one.entry for one in self._held(kind, list(place))), key=lambda entry: place[entry.thing_id])
        none = np.empty((0, self._embeddings.dimension), np.float32)
        places = np.array([place[entry.thing_id] for entry in entries], np.int64)
        mains = np.array([entry.mains for entry in entries], np.int64)
        units = np.array([len(entry.vectors) - entry.mains for entry in entries], np.int64)
        return Passages(
            np.concatenate([none, *(entry.vectors[: entry.mains] for entry in entries)]),
            np.repeat(places, mains),
            np.concatenate([none, *(entry.vectors[entry.mains :] for entry in entries)]),
            np.repeat(places, units),
        )

    def title_of(self, kind: Kind, thing_id: int) -> str:
        held = self._held(kind, [thing_id])
        return held[0].entry.title if held else ""

    def frequencies(self, kind: Kind, tokens: Sequence[str]) -> tuple[list[int], int]:
        """Every word counts as known: nothing is corrected by a vocabulary that is not at hand."""
        return [1] * len(tokens), 1

    def titles(self, kind: Kind) -> list[Title]:
        """None: suggestions wait for the engine."""
        return []

    def _likely(self, kind: Kind, words: Sequence[str]) -> list[int]:
        """The things that hold most of the words; all of a small site."""
        with self._database.reading() as session:
            statement = searchable(kind)
            some = list(session.scalars(statement.limit(MOST_THINGS + 1)))
            if len(some) <= MOST_THINGS:
                return some
            longest = sorted(words, key=lambda word: -len(word))[:MOST_WORDS]
            if not longest:
                return some[:MOST_THINGS]
            holds = [_holds(kind, word) for word in longest]
            count = sum((case((one, len(word)), else_=0) for one, word in zip(holds, longest, strict=True)), start=literal(0))
            return list(session.scalars(statement.where(or_(*holds)).order_by(None).order_by(count.desc()).limit(MOST_THINGS)))

    def _held(self, kind: Kind, ids: Sequence[int]) -> list[_Held]:
        """The things of these ids that may be found now, with the vectors that the database holds; ids rising."""
        now = time.monotonic()
        found = {key: kept[1] for key in ids if (kept := self._kept.get((kind, key))) and now - kept[0] < KEPT_SECONDS}
        missing = [key for key in ids if key not in found]
        if missing:
            with self._database.reading() as session:
                documents = list(documents_of(session, kind, dict.fromkeys(missing, 0), self._labels).values())
            for document, entry in zip(documents, bare_entries_of(documents, self._embeddings), strict=True):
                body = "。".join(part for name, part in document.text.items() if name != LABELS and part)
                held = _Held(entry, folded(body), folded(document.text.get(LABELS, "")))
                found[entry.thing_id] = held
                self._kept[kind, entry.thing_id] = (now, held)
            while len(self._kept) > KEPT_THINGS:
                self._kept.popitem(last=False)
        return [found[key] for key in sorted(found)]


def _answer(looked: _Looked, request: Request) -> tuple[Candidates, ...]:
    view = looked.view
    lexical = [looked.scores(terms) for terms in request.lists]
    dense = None if request.vectors is None else view.scan(request.vectors).mean(axis=0)
    found = []
    for condition in request.conditions:
        mask = view.mask(condition)
        if not request.lists and dense is None:
            found.append(Candidates(view.columns(view.listed(mask, request.sort))))
            continue
        sides = tuple(_side(view, np.where(mask & (scores > 0), scores, np.float32(-np.inf)), request.depth) for scores in lexical)
        near = EMPTY if dense is None else _side(view, np.where(mask, dense, np.float32(-np.inf)), request.depth)
        ids = np.unique(np.concatenate([*(side.ids for side in sides), near.ids]))
        rows = np.array([view.row_of[int(thing_id)] for thing_id in ids], np.intp)
        found.append(Candidates(view.columns(rows), sides, near))
    return tuple(found)


def _side(view: View, scores: Vector, depth: int) -> Side:
    rows = best_of(np.asarray(scores, np.float32), depth)
    return Side(view.ids[rows], np.asarray(scores[rows], np.float32))
