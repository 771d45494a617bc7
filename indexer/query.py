"""Queries and answers as values, and everything that both engines share: fusion, facets, totals.

An engine stores and retrieves; what a score means is said here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
}
NUMBERS = ("price_low", "price_high", "weeks_low", "weeks_high", "references")
CANDIDATES = 200


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
    `prefer_sector` raises, never excludes. Totals and facets are of the candidates (`depth` a side).
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
    sort: Sort = Sort.RELEVANCE
    page: int = 1
    size: int = 20
    depth: int = CANDIDATES
    facets: bool = True
    relax: bool = True


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

    space: str
    dimension: int

    def queries(self, texts: Sequence[str]) -> Vector: ...

    def passages(self, texts: Sequence[str]) -> Vector: ...
