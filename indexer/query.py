"""Queries and answers as values, and everything that both engines share: fusion, facets, totals.

An engine stores and retrieves; what a score means is said here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


class Kind(StrEnum):
    """What can be searched."""

    SOLUTION = "solution"
    SCENARIO = "scenario"
    PROBLEM = "problem"
    PROVIDER = "provider"
    SHOWCASE = "showcase"


class Mode(StrEnum):
    """Which sides of the engine answer."""

    LEXICAL = "lexical"
    DENSE = "dense"
    HYBRID = "hybrid"


class Sort(StrEnum):
    RELEVANCE = "relevance"
    PRICE = "price"
    WEEKS = "weeks"
    REFERENCES = "references"


# Facet fields: keyword lists on a document. Number fields: one figure on a document, NaN = not said.
FACETS: Mapping[Kind, tuple[str, ...]] = {
    Kind.SOLUTION: (
        "sector",
        "stage",
        "orientation",
        "scenario",
        "form",
        "region",
        "local",
        "level",
        "size",
        "deployment",
        "origin",
        "explosion_proof",
        "interface",
        "certificate",
    ),
    Kind.SCENARIO: ("sector", "stage", "orientation", "scenario_kind"),
    Kind.PROBLEM: ("sector", "stage", "orientation", "priority"),
    Kind.PROVIDER: ("sector", "region", "local", "provider_kind"),
    Kind.SHOWCASE: ("sector", "level", "orientation", "scenario"),
}
NUMBERS = ("price_low", "price_high", "weeks_low", "weeks_high", "references")
# A range's name → the two figures of a document between which it may lie.
RANGES: Mapping[str, tuple[str, str]] = {"price": ("price_low", "price_high"), "weeks": ("weeks_low", "weeks_high")}
CANDIDATES = 200
# The engine's text fields → factor of their BM25 score in the one list of words: a thing's own text, then the names of
# what it belongs to. Pairs of Hanzi and pinyin are lists of their own (FIELDS names all).
FIELD_WEIGHTS: Mapping[str, float] = {"words": 1.0, "labels": 0.2}
FIELDS = ("words", "labels", "grams", "pinyin")


@dataclass(frozen=True)
class Range:
    """`low` ≤ value ≤ `high`, either end open. A document without the figure always passes: 价格面议 excludes nobody."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class SearchQuery:
    """One question to an engine.

    `audience`: the viewer's tokens; a document needs at least one of them. `without_providers`: ids hidden right now,
    read from the database. `filters`: field → values, any of which will do. `ranges`: "price" (fen) or "weeks".
    `prefer_sector` raises, never excludes. `words`: instead of a text, words as `Analyser.cut` gives them, each with its
    weight, for those who know which words matter. Totals and facets are of the candidates (`depth` a side).
    """

    text: str = ""
    kind: Kind = Kind.SOLUTION
    mode: Mode = Mode.HYBRID
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    audience: frozenset[str] = frozenset({"public"})
    without_providers: frozenset[int] = frozenset()
    without_ids: frozenset[int] = frozenset()
    provider_id: int | None = None
    prefer_sector: str | None = None
    words: tuple[tuple[str, float], ...] = ()
    sort: Sort = Sort.RELEVANCE
    page: int = 1
    size: int = 20
    depth: int = CANDIDATES
    facets: bool = True
    relax: bool = True


@dataclass(frozen=True)
class Condition:
    """What a thing must fulfil to be a candidate at all: the part of a query that engines compile to filters."""

    kind: Kind
    audience: frozenset[str] = frozenset({"public"})
    without_providers: frozenset[int] = frozenset()
    without_ids: frozenset[int] = frozenset()
    provider_id: int | None = None
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ranges: tuple[tuple[str, Range], ...] = ()

    def without(self, name: str) -> Condition:
        """The same without one filter or range."""
        return replace(
            self,
            filters=tuple(row for row in self.filters if row[0] != name),
            ranges=tuple(row for row in self.ranges if row[0] != name),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The filters and ranges that narrow it."""
        return (*(name for name, _ in self.filters), *(name for name, _ in self.ranges))


def condition_of(query: SearchQuery) -> Condition:
    """The condition of a query: unknown fields and empty lists narrow nothing."""
    known = FACETS[query.kind]
    return Condition(
        kind=query.kind,
        audience=query.audience,
        without_providers=query.without_providers,
        without_ids=query.without_ids,
        provider_id=query.provider_id,
        filters=tuple((name, tuple(query.filters[name])) for name in known if query.filters.get(name)),
        ranges=tuple(
            (name, reach)
            for name, reach in sorted(query.ranges.items())
            if name in RANGES and (reach.low is not None or reach.high is not None)
        ),
    )


@dataclass(frozen=True)
class Hit:
    """A thing found: its id in the database, its fused score (0–1), each side's normalised score, matched terms."""

    kind: Kind
    thing_id: int
    provider_id: int | None
    score: float
    lexical: float
    dense: float
    terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class FacetCount:
    value: str
    count: int


@dataclass(frozen=True)
class Page:
    """One page of hits. `dropped`: conditions relaxed to find anything, in order. `near`: synonyms that were added."""

    hits: tuple[Hit, ...]
    total: int
    facets: Mapping[str, tuple[FacetCount, ...]] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    near: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    suggestion: str = ""
    degraded: str = ""
    took_ms: float = 0.0


class Embedder(Protocol):
    """Turns texts into unit vectors (n × dimension, float32). `space` names weights, prompts and pooling."""

    @property
    def space(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def queries(self, texts: Sequence[str]) -> Vector: ...

    def passages(self, texts: Sequence[str]) -> Vector: ...
