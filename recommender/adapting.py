"""Training the adapter of the embedding space: a low-rank correction of vectors that are there already, so it needs neither torch nor a
new embedding, and works for whatever model the site uses.

Learned from the knowledge base (statements of a problem and the blurbs that solve them, so that what the model knows is kept) and from
what was accepted on this site, with hard negatives. InfoNCE over all answers; how long it is trained is chosen on the last quarter of the
recorded time, and nothing learned is one of the choices. The gradient is written out: two matrices of rank 16 need no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.adapter_file import version_of
from indexer.embedding import Adapter, EmbeddingStore
from indexer.query import Embedder, Vector
from marketplace.records.database import Database
from recommender.accepted_pairs import Accepted, Split
from recommender.known_problems import KnownProblems

RANK, TEMPERATURE, RATE, DECAY = 16, 0.05, 1e-3, 0.01
EPOCHS, BATCH, DROPPED = 12, 64, 0.2
# A hard negative counts as so many answers that nobody said anything about.
HARD = 5.0
LAST_PART = 0.25
Told = Callable[[int, int], None]


class NothingToAdaptError(Exception):
    """There is nothing to learn from, or nothing to measure on: one sentence."""


@dataclass(frozen=True)
class Examples:
    """n questions and m answers, unit vectors. `right` (n, m): shares that sum to 1; `extra` (n, m): the logarithm that an answer's part
    in the sum is raised by (hard negatives), -inf where it is left out; `weight` (n); `recorded` (n): 0 of the knowledge base, else the
    place in time from 1."""

    asked: Vector
    answers: Vector
    right: Vector
    extra: Vector
    weight: Vector
    recorded: NDArray[np.int64]


@dataclass(frozen=True)
class Adapted:
    """`epochs`: how long it was trained, 0: it learned nothing. `stated`: statements of the knowledge base."""

    adapter: Adapter
    epochs: int
    stated: int


def adapt(store: EmbeddingStore, split: Split, *, seed: int = 0, told: Told = lambda _done, _all: None) -> Adapted:
    """`store`: without an adapter. Raises NothingToAdaptError."""
    if not split.early:
        raise NothingToAdaptError("还没有被接受的匹配可学：要有已接受、中选或完工的对接，且方案仍在发布。")
    known = KnownProblems.open(store)
    examples = examples_of(store, known, split.early)
    last = int(examples.recorded.max())
    inner = examples.recorded <= round(last * (1 - LAST_PART))
    epochs = 0
    if inner.any() and not inner.all():
        losses = [_loss(examples, np.flatnonzero(~inner), None)]
        for epoch, pair in enumerate(_epochs(examples, np.flatnonzero(inner), seed, EPOCHS), 1):
            losses.append(_loss(examples, np.flatnonzero(~inner), pair))
            told(epoch, 2 * EPOCHS)
        epochs = int(np.argmin(losses))
    down, up = np.zeros((store.dimension, RANK), np.float32), np.zeros((RANK, store.dimension), np.float32)
    for epoch, pair in enumerate(_epochs(examples, np.arange(len(examples.asked)), seed, epochs), 1):
        down, up = pair
        told(EPOCHS + epoch, 2 * EPOCHS)
    told(2 * EPOCHS, 2 * EPOCHS)
    return Adapted(Adapter(version_of(down, up), down, up), epochs, len(known.symptoms.problems))


def examples_of(store: EmbeddingStore, known: KnownProblems, accepted: Sequence[Accepted]) -> Examples:
    """The knowledge base first, then what was recorded, in the order of time."""
    symptoms = known.symptoms
    texts = list(dict.fromkeys(text for one in accepted for text in (*(t for p in one.positives for t in p.passages), *one.negatives)))
    place = {text: len(symptoms.blurbs) + number for number, text in enumerate(texts)}
    n, m = len(symptoms.problems) + len(accepted), len(symptoms.blurbs) + len(texts)
    right, extra = np.zeros((n, m), np.float32), np.zeros((n, m), np.float32)
    weight = np.ones(n, np.float32)
    for row, blurbs in enumerate(symptoms.solved_by):
        right[row, list(blurbs)] = 1 / max(1, len(blurbs))
    weight[: len(symptoms.problems)] = symptoms.weights
    # Solutions of the site may answer a statement of the knowledge base as well, and its blurbs a problem of the site: nobody said that
    # they do not.
    extra[: len(symptoms.problems), len(symptoms.blurbs) :] = -np.inf
    extra[len(symptoms.problems) :, : len(symptoms.blurbs)] = -np.inf
    for row, one in enumerate(accepted, len(symptoms.problems)):
        for positive in one.positives:
            for text in positive.passages:
                right[row, place[text]] += positive.weight / len(positive.passages)
        weight[row] = max(positive.weight for positive in one.positives)
        right[row] /= right[row].sum()
        for text in one.negatives:
            if not right[row, place[text]]:
                extra[row, place[text]] = np.log(HARD)
    asked = store.queries([one.text for one in accepted])
    return Examples(
        asked=np.concatenate([known.vectors, asked]),
        answers=np.concatenate([known.answers, store.passages(texts)]),
        right=right,
        extra=extra,
        weight=weight,
        recorded=np.concatenate([np.zeros(len(symptoms.problems), np.int64), np.arange(1, len(accepted) + 1)]),
    )


def _epochs(examples: Examples, rows: NDArray[np.int64], seed: int, epochs: int) -> Iterator[tuple[Vector, Vector]]:
    """The two matrices after each epoch (Adam with decoupled decay)."""
    chance = np.random.default_rng(seed)
    width = examples.asked.shape[1]
    both = [(chance.standard_normal((width, RANK)) / np.sqrt(width)).astype(np.float32), np.zeros((RANK, width), np.float32)]
    first, second = [np.zeros_like(one) for one in both], [np.zeros_like(one) for one in both]
    step = 0
    for _epoch in range(epochs):
        order = chance.permutation(rows)
        for part in np.array_split(order, max(1, len(order) // BATCH)):
            step += 1
            for number, slope in enumerate(_slopes(examples, part, both[0], both[1], chance)):
                first[number] = 0.9 * first[number] + 0.1 * slope
                second[number] = 0.999 * second[number] + 0.001 * np.square(slope)
                change = (first[number] / (1 - 0.9**step)) / (np.sqrt(second[number] / (1 - 0.999**step)) + 1e-8)
                both[number] = np.asarray(both[number] * (1 - RATE * DECAY) - RATE * change, np.float32)
        yield both[0], both[1]


def _slopes(
    examples: Examples, rows: NDArray[np.int64], down: Vector, up: Vector, chance: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The gradient of the loss of some questions by both matrices."""
    asked, answers = examples.asked[rows], examples.answers
    kept = [(chance.random((len(side), RANK)) >= DROPPED).astype(np.float32) / np.float32(1 - DROPPED) for side in (asked, answers)]
    inner = [(side @ down) * mask for side, mask in zip((asked, answers), kept, strict=True)]
    moved = [side + hidden @ up for side, hidden in zip((asked, answers), inner, strict=True)]
    lengths = [np.linalg.norm(side, axis=1, keepdims=True) for side in moved]
    u, v = (side / length for side, length in zip(moved, lengths, strict=True))
    weight = examples.weight[rows] / examples.weight[rows].sum()
    by_score = (_shares(u @ v.T / TEMPERATURE + examples.extra[rows]) - examples.right[rows]) * (weight / TEMPERATURE)[:, None]
    by_down, by_up = np.zeros_like(down), np.zeros_like(up)
    for side, hidden, mask, length, unit, slope in zip(
        (asked, answers), inner, kept, lengths, (u, v), (by_score @ v, by_score.T @ u), strict=True
    ):
        by_moved = (slope - unit * (slope * unit).sum(axis=1, keepdims=True)) / length
        by_up += hidden.T @ by_moved
        by_down += side.T @ ((by_moved @ up.T) * mask)
    return by_down, by_up


def _loss(examples: Examples, rows: NDArray[np.int64], pair: tuple[Vector, Vector] | None) -> float:
    adapter = Adapter("", *pair) if pair is not None else None
    asked, answers = (adapter(side) if adapter else side for side in (examples.asked[rows], examples.answers))
    logits = asked @ answers.T / TEMPERATURE + examples.extra[rows]
    top = logits.max(axis=1, keepdims=True)
    logs = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    right = examples.right[rows]
    per = -np.multiply(right, logs, out=np.zeros_like(right), where=right > 0).sum(axis=1)
    return float(np.average(per, weights=examples.weight[rows]))


def _shares(logits: Vector) -> Vector:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


class Corrected:
    """Vectors of texts for a comparison: those that the site has are read, others are made and not kept."""

    def __init__(self, embedder: Embedder, database: Database, adapter: Adapter | None) -> None:
        self._stored = EmbeddingStore(embedder, database, adapter=adapter, bulk=True)
        self._fresh = EmbeddingStore(embedder, adapter=adapter, bulk=True)

    def queries(self, texts: Sequence[str]) -> Vector:
        return self._stored.queries(texts)

    def passages(self, texts: Sequence[str]) -> Vector:
        vectors, known = self._stored.find(self._stored.passage_hashes(texts))
        missing = np.flatnonzero(~known)
        if len(missing):
            vectors[missing] = self._fresh.passages([texts[place] for place in missing.tolist()])
        return vectors


class Remembering:
    """An embedder that makes the vector of a text once: two sides of a comparison ask for the same texts."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[tuple[bool, str], Vector] = {}
        self.space, self.dimension = embedder.space, embedder.dimension

    def queries(self, texts: Sequence[str]) -> Vector:
        return self._of(texts, True)

    def passages(self, texts: Sequence[str]) -> Vector:
        return self._of(texts, False)

    def _of(self, texts: Sequence[str], is_query: bool) -> Vector:
        missing = list(dict.fromkeys(text for text in texts if (is_query, text) not in self._known))
        if missing:
            made = self._embedder.queries(missing) if is_query else self._embedder.passages(missing)
            self._known |= {(is_query, text): row for text, row in zip(missing, made, strict=True)}
        return np.stack([self._known[is_query, text] for text in texts]) if texts else np.empty((0, self.dimension), np.float32)
