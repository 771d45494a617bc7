"""The knowledge base of known problems: 1,800 ways in which factory people state a problem, and 600 blurbs of what solves it.

A small embedding model does not know that 立碑 is solved by a rule check of pads; the statements that come nearest do.
The nearest known problems vote for their blurbs; the blurbs' words and directions then look for solutions like them.
How far that is to be trusted is measured, not assumed: a problem that is farther from every known one than known ones
are from each other is `familiar` to degree 0, and nothing is added.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.analysis import analyser
from indexer.query import Vector

if TYPE_CHECKING:
    from indexer.embedding import EmbeddingStore

DATA = Path(__file__).with_name("data")
SYMPTOMS = DATA / "symptoms"
# One file for each vector space that comes with the package.
VECTORS = "known_problems*.npz"
# A vague statement fits many things, so it says less.
VAGUE_WEIGHT = 0.4
NEAREST = 10
SHARPNESS = 0.2
DENSE_DEPTH = 100
WORDED_BLURBS = 4
# Of a blurb's words those that stand in more than this share of all blurbs are in every solution too; and more than so many
# words in all cost an engine time and add nothing (docs/matching.md).
COMMON, MOST_WORDS = 1 / 6, 60
SCENARIO_NEAREST = 20
SCENARIO_SHARPNESS = 0.1
# Familiar to degree 0 below the first quantile of the known problems' own nearest neighbours, to degree 1 above the second.
STRANGE, FAMILIAR = 0.01, 0.10
FAR_ANSWERS = 0.25
K1, B = 1.2, 0.75


@dataclass(frozen=True)
class Symptoms:
    """The texts. `solved_by`: for each problem the places of its blurbs; `scenario`: for each problem its code."""

    problems: tuple[str, ...]
    blurbs: tuple[str, ...]
    titles: tuple[str, ...]
    solved_by: tuple[tuple[int, ...], ...]
    scenarios: tuple[str, ...]
    sectors: tuple[str, ...]
    weights: Vector

    @property
    def digest(self) -> str:
        """Changes with any text; vectors of other texts are of no use."""
        return hashlib.sha256("\n".join((*self.problems, *self.blurbs)).encode()).hexdigest()[:16]


@lru_cache(1)
def read_symptoms() -> Symptoms:
    """The knowledge base of the package."""
    problems: list[tuple[str, tuple[str, ...], str, str, float]] = []
    blurbs: dict[str, tuple[str, str]] = {}
    for file in sorted(SYMPTOMS.glob("*-solutions.jsonl")):
        for row in _rows(file):
            blurbs[row["id"]] = (row["title"], f"{row['title']}。{row['text']}")
    for file in sorted(SYMPTOMS.glob("*-problems.jsonl")):
        sector = file.name.partition("-")[0]
        for row in _rows(file):
            weight = VAGUE_WEIGHT if row["kind"] == "vague" else 1.0
            problems.append((row["text"], tuple(row["solved_by"]), row["scenario"], sector, weight))
    place = {name: number for number, name in enumerate(blurbs)}
    return Symptoms(
        problems=tuple(row[0] for row in problems),
        blurbs=tuple(text for _, text in blurbs.values()),
        titles=tuple(title for title, _ in blurbs.values()),
        solved_by=tuple(tuple(place[name] for name in row[1]) for row in problems),
        scenarios=tuple(row[2] for row in problems),
        sectors=tuple(row[3] for row in problems),
        weights=np.array([row[4] for row in problems], np.float32),
    )


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]


@dataclass(frozen=True)
class Insight:
    """What the known problems say of one problem.

    `familiar` 0–1; `direction` (d) where solutions like the voted blurbs lie; `words`: the telling words of
    the most voted ones, each with its blurb's share of the best one's votes, falling; `nearest`: the place of the known problem
    that comes nearest; `scenarios` and `sectors`: code → probability, falling.
    """

    familiar: float
    direction: Vector
    words: tuple[tuple[str, float], ...]
    nearest: int
    scenarios: dict[str, float]
    sectors: dict[str, float]


class KnownProblems:
    """Opened once. `problems` (n, d) and `blurbs` (m, d) are unit vectors of the embedding store's space."""

    def __init__(self, symptoms: Symptoms, problems: Vector, blurbs: Vector) -> None:
        self.symptoms = symptoms
        self._problems = problems
        self._blurbs = blurbs
        self._words = _Words(symptoms.problems)
        self._telling = _telling_words(symptoms.blurbs)
        self._strange, self._familiar = _own_distances(problems)
        self.least_answer = _least_answer(symptoms, problems, blurbs)

    @classmethod
    def packaged(cls, embeddings: EmbeddingStore) -> KnownProblems | None:
        """With the vectors of the package, corrected as the store's are; None if those are of another model."""
        symptoms = read_symptoms()
        for file in sorted(DATA.glob(VECTORS)):
            with np.load(file, allow_pickle=False) as stored:
                if str(stored["space"]) == embeddings.raw_space and str(stored["digest"]) == symptoms.digest:
                    problems, blurbs = (embeddings.adapted(_unit(stored[name].astype(np.float32))) for name in ("problems", "blurbs"))
                    return cls(symptoms, problems, blurbs)
        return None

    @classmethod
    def open(cls, embeddings: EmbeddingStore) -> KnownProblems:
        """With the vectors of the package if they are of the store's space, else with vectors made (and stored) now: minutes."""
        found = cls.packaged(embeddings)
        if found is not None:
            return found
        symptoms, store = read_symptoms(), embeddings.bulk()
        return cls(symptoms, store.queries(symptoms.problems, keep=True), store.passages(symptoms.blurbs))

    @classmethod
    def none(cls, dimension: int) -> KnownProblems:
        """Knows nothing: no problem is familiar. For a space whose vectors are still being made."""
        nothing = np.zeros((0, dimension), np.float32)
        return cls(Symptoms((), (), (), (), (), (), np.ones(0, np.float32)), nothing, nothing)

    @property
    def vectors(self) -> Vector:
        """(n, d) unit vectors of the known problems."""
        return self._problems

    @property
    def answers(self) -> Vector:
        """(m, d) unit vectors of the blurbs."""
        return self._blurbs

    def without(self, places: Collection[int]) -> KnownProblems:
        """The same without some of its problems: for who measures what it says of problems that it does not know."""
        kept = [place for place in range(len(self._problems)) if place not in places]
        symptoms = replace(
            self.symptoms,
            problems=tuple(self.symptoms.problems[place] for place in kept),
            solved_by=tuple(self.symptoms.solved_by[place] for place in kept),
            scenarios=tuple(self.symptoms.scenarios[place] for place in kept),
            sectors=tuple(self.symptoms.sectors[place] for place in kept),
            weights=self.symptoms.weights[kept],
        )
        return KnownProblems(symptoms, self._problems[kept], self._blurbs)

    def likeness(self, closeness: Vector) -> Vector:
        """(n) how far two problems of these cosines state the same need, 0–1, on the scale of the known problems."""
        return np.asarray(np.clip((closeness - self._strange) / max(self._familiar - self._strange, 1e-6), 0.0, 1.0), np.float32)

    def insights(self, texts: Sequence[str], vectors: Vector) -> list[Insight]:
        """One for each problem; `vectors` (n, d) are its texts asked as queries."""
        if not len(self._problems):
            nothing = np.zeros(vectors.shape[1], np.float32)
            return [Insight(0.0, nothing, (), -1, {}, {}) for _ in texts]
        closeness = np.asarray(vectors @ self._problems.T, np.float32)
        return [self._insight(text, row) for text, row in zip(texts, closeness, strict=True)]

    def _insight(self, text: str, closeness: Vector) -> Insight:
        familiar = float(self.likeness(closeness.max(keepdims=True))[0])
        worded = self._words.scores(text)
        best = float(worded.max(initial=0.0))
        near = 0.5 * _stretched(closeness) + (0.5 * worded / best if best > 0 else 0.0)
        votes = np.zeros(len(self._blurbs), np.float32)
        for place, weight in _softest(near, NEAREST, SHARPNESS, self.symptoms.weights):
            for blurb in self.symptoms.solved_by[place]:
                votes[blurb] += weight / len(self.symptoms.solved_by[place])
        order = np.argsort(-votes, kind="stable")[:WORDED_BLURBS]
        scenarios: dict[str, float] = defaultdict(float)
        sectors: dict[str, float] = defaultdict(float)
        for place, weight in _softest(near, SCENARIO_NEAREST, SCENARIO_SHARPNESS, None):
            scenarios[self.symptoms.scenarios[place]] += weight
            sectors[self.symptoms.sectors[place]] += weight
        direction = votes @ self._blurbs
        return Insight(
            familiar=familiar,
            direction=np.asarray(direction / max(float(np.linalg.norm(direction)), 1e-9), np.float32),
            words=self._worded([(int(place), float(votes[place] / votes[order[0]])) for place in order if votes[place] > 0]),
            nearest=int(near.argmax()),
            scenarios=_falling(scenarios),
            sectors=_falling(sectors),
        )

    def _worded(self, blurbs: Sequence[tuple[int, float]]) -> tuple[tuple[str, float], ...]:
        """The words of blurbs with weights, best first; a word weighs what the first blurb that has it weighs."""
        found: dict[str, float] = {}
        for place, weight in blurbs:
            for word in self._telling[place]:
                found.setdefault(word, weight)
        return tuple(islice(found.items(), MOST_WORDS))


@lru_cache(4)
def _telling_words(blurbs: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """For each blurb its words in their order, without those that many blurbs have."""
    cut = [tuple(dict.fromkeys(analyser().cut(text))) for text in blurbs]
    often = Counter(word for words in cut for word in words)
    return tuple(tuple(word for word in words if often[word] <= COMMON * len(blurbs)) for words in cut)


def _own_distances(problems: Vector) -> tuple[float, float]:
    """Two quantiles of the cosines of each known problem with its nearest other one: the scale of what is familiar."""
    if len(problems) < 2:
        return 1.0, 1.0
    own = problems @ problems.T
    np.fill_diagonal(own, -1.0)
    strange, familiar = np.quantile(own.max(axis=1), (STRANGE, FAMILIAR))
    return float(strange), float(familiar)


def _least_answer(symptoms: Symptoms, problems: Vector, blurbs: Vector) -> float:
    """The cosine below which an answer is unlikely: a quarter of the known problems are farther from what solves them."""
    if not len(problems):
        return -1.0
    closeness = problems @ blurbs.T
    own = [closeness[row, list(places)].max() for row, places in enumerate(symptoms.solved_by)]
    return float(np.quantile(own, FAR_ANSWERS))


class _Words:
    """BM25 over pairs of Hanzi and Latin words of the known problems; typing errors leave most pairs whole."""

    def __init__(self, texts: Sequence[str]) -> None:
        cut = analyser()
        counted = [Counter(cut.bigrams(text)) for text in texts]
        lengths = np.array([sum(row.values()) for row in counted], np.float32)
        norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()) if len(lengths) else 1.0, 1e-9))
        rows: dict[str, list[int]] = defaultdict(list)
        counts: dict[str, list[int]] = defaultdict(list)
        for place, row in enumerate(counted):
            for gram, count in row.items():
                rows[gram].append(place)
                counts[gram].append(count)
        self._size = len(texts)
        self._postings: dict[str, tuple[NDArray[np.int64], Vector]] = {}
        for gram, places in rows.items():
            where = np.array(places)
            often = np.array(counts[gram], np.float32)
            rarity = math.log(1 + (len(texts) - len(places) + 0.5) / (len(places) + 0.5))
            self._postings[gram] = (where, np.asarray(rarity * often * (K1 + 1) / (often + norm[where]), np.float32))

    def scores(self, text: str) -> Vector:
        """(n) BM25 of each known problem."""
        total = np.zeros(self._size, np.float32)
        for gram in dict.fromkeys(analyser().bigrams(text[:400])):
            if gram in self._postings:
                where, scores = self._postings[gram]
                total[where] += scores
        return total


def _softest(near: Vector, count: int, sharpness: float, weights: Vector | None) -> list[tuple[int, float]]:
    """The `count` nearest with softmax weights that sum to 1."""
    top = np.argpartition(-near, count)[:count]
    share = np.exp((near[top] - near[top].max()) / sharpness)
    if weights is not None:
        share = share * weights[top]
    share = share / share.sum()
    return [(int(place), float(weight)) for place, weight in zip(top, share, strict=True)]


def _falling(shares: dict[str, float]) -> dict[str, float]:
    return dict(sorted(shares.items(), key=lambda one: -one[1]))


def _stretched(scores: Vector) -> Vector:
    """Min-max between the hundredth best and the best."""
    depth = min(DENSE_DEPTH, len(scores))
    low = float(np.partition(scores, len(scores) - depth)[len(scores) - depth])
    return np.asarray(np.clip((scores - low) / max(float(scores.max()) - low, 1e-9), 0.0, 1.0), np.float32)


def _unit(vectors: NDArray[np.floating[Any]]) -> Vector:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12), np.float32)
