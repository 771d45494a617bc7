"""Rows → searchable documents. What is searchable is said here, once, by pure functions beside the fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from indexer.query import Kind


@dataclass(frozen=True)
class Document:
    """What an engine stores of a thing.

    `text`: field → text, analysed by `analysis.py` and weighted by the engine-independent FIELD_WEIGHTS.
    `passages`: the texts that are embedded; the best one counts. `keywords`: facet fields. `numbers`: NUMBERS fields.
    `audience`: who may find it. `version`: the queue's `wanted`, so that nothing goes back in time.
    """

    kind: Kind
    thing_id: int
    version: int
    provider_id: int | None
    text: Mapping[str, str]
    passages: tuple[str, ...]
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    audience: tuple[str, ...] = ("public",)
