"""Which scenario, stage and orientation a problem may belong to: suggestions for whoever writes it down, with how sure they are.

Two views of the packaged knowledge base are mixed: the known problems that come nearest, by words and by meaning, and a linear
classifier over the same vectors (suggestion_model.py). How sure a suggestion is was read off known problems that neither had seen.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recommender.known_problems import KnownProblems
from recommender.suggestion_model import KINDS, Catalogue, Model, Shares, Traits, by_kind, fit, joined, key_of

if TYPE_CHECKING:
    from indexer.embedding import EmbeddingStore

__all__ = ["Suggested", "Suggester", "Traits"]
MOST = 3
# What is less likely than this is no suggestion.
LEAST = 0.05
# From so much on, two problems state the same need (0–1, on the scale of the known problems).
SIMILAR = 0.5
LETTERS_ALIKE = 0.6


@dataclass(frozen=True)
class Suggested:
    """(key, probability) of each kind, the likeliest first."""

    scenarios: tuple[tuple[str, float], ...]
    stages: tuple[tuple[str, float], ...]
    orientations: tuple[tuple[str, float], ...]


class Suggester:
    """Opened once for a site. Nobody waits for the model: while it is made, beside everything else, the nearest known problems answer.
    `folder`: where a model that was made is kept, None: made anew in every process."""

    def __init__(self, embeddings: EmbeddingStore, catalogue: Catalogue, folder: Path | None = None) -> None:
        self._embeddings = embeddings
        self._catalogue = catalogue
        self._folder = folder
        self._lock = threading.Lock()
        self._known: KnownProblems | None = None
        self._model: Model | None = None
        self._thread: threading.Thread | None = None

    def warm(self, *, wait: bool = False) -> None:
        """Make the model, or take the one that is kept; `wait`: until it is there."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._make, name="suggestions", daemon=True)
                self._thread.start()
        if wait:
            self._thread.join()

    def suggest(self, texts: Sequence[str], *, sectors: Sequence[str] | None = None, keep: bool = False) -> list[Suggested]:
        """One for each text. `sectors`: that of each one's enterprise, "" for unknown: scenarios of other sectors are left out.
        `keep`: these are problems of the database, whose vectors are stored for good."""
        if not texts:
            return []
        self.warm()
        known = self._opened()
        if not len(known.vectors):
            return [Suggested((), (), ()) for _text in texts]
        vectors = self._embeddings.queries(texts, keep=keep)
        near = [one.scenarios for one in known.insights(texts, vectors)]
        with self._lock:
            model = self._model
        shares = near if model is None else [joined(row, other) for row, other in zip(model.shares(vectors), near, strict=True)]
        wanted = sectors or [""] * len(texts)
        return [self._suggested(row, sector, model) for row, sector in zip(shares, wanted, strict=True)]

    def alike(self, text: str, others: Sequence[str]) -> list[float]:
        """How far each other problem states the same need, 0–1; the others are stored problems, whose vectors are kept."""
        if not others:
            return []
        own, rest = self._embeddings.queries([text]), self._embeddings.queries(others, keep=True)
        found = self._opened().likeness(rest @ own[0])
        return [max(float(value), overlap(text, other)) for value, other in zip(found, others, strict=True)]

    def _opened(self) -> KnownProblems:
        with self._lock:
            if self._known is None:
                self._known = KnownProblems.packaged(self._embeddings) or KnownProblems.none(self._embeddings.dimension)
            return self._known

    def _make(self) -> None:
        known = self._opened()
        if not len(known.vectors):
            return
        name = f"suggestions-{key_of(known, self._embeddings.space, self._catalogue)}.npz"
        file = self._folder / name if self._folder else None
        model = Model.load(file) if file else None
        if model is None:
            model = fit(known, self._catalogue)
            if file:
                model.save(file)
        with self._lock:
            self._model = model

    def _suggested(self, shares: Shares, sector: str, model: Model | None) -> Suggested:
        parts = by_kind(shares, self._catalogue, sector)
        found = {kind: _best(parts[kind], model, kind) for kind in KINDS}
        return Suggested(found["scenario"], found["stage"], found["orientation"])


def overlap(first: str, second: str) -> float:
    """Pairs of letters that both texts have, as a share of all: 1 for the same text whatever its marks, 0 below LETTERS_ALIKE."""
    one, other = _pairs(first), _pairs(second)
    if not one or not other:
        return 0.0
    share = len(one & other) / len(one | other)
    return share if share >= LETTERS_ALIKE else 0.0


def _pairs(text: str) -> set[str]:
    letters = "".join(letter for letter in text.casefold() if letter.isalnum())
    return {letters[place : place + 2] for place in range(max(1, len(letters) - 1))} if letters else set()


def _best(shares: Mapping[str, float], model: Model | None, kind: str) -> tuple[tuple[str, float], ...]:
    falling = sorted(((key, share) for key, share in shares.items() if key), key=lambda one: -one[1])[:MOST]
    told: dict[str, float] = defaultdict(float)
    for key, share in falling:
        told[key] = model.sure(kind, share) if model else min(share, 1.0)
    return tuple((key, float(np.round(sure, 4))) for key, sure in told.items() if sure >= LEAST)
