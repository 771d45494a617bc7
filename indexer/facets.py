"""Columns of candidates: facet counts and sorting, pure functions on arrays, the same for every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from indexer.fusion import Ids
from indexer.query import FacetCount, Sort

Codes = NDArray[np.int32]
Figures = NDArray[np.float64]
NONE = -1


@dataclass(frozen=True)
class Column:
    """A facet field of n things: `codes` (k, n) point into `values`, NONE fills up."""

    codes: Codes
    values: Sequence[str]


@dataclass(frozen=True)
class Columns:
    """What is known of things beside their scores: ids (n), provider ids (n, NONE = no provider), facets, figures (n)."""

    ids: Ids
    providers: Ids
    facets: Mapping[str, Column] = field(default_factory=dict)
    numbers: Mapping[str, Figures] = field(default_factory=dict)


def counts(column: Column) -> tuple[FacetCount, ...]:
    """How many things hold each value, most first, then by value. A thing with two values counts for both, once each."""
    if not column.codes.size:
        return ()
    flat = column.codes[column.codes != NONE]
    found = np.bincount(flat, minlength=len(column.values))
    held = np.flatnonzero(found)
    rows = [FacetCount(column.values[code], int(found[code])) for code in held.tolist()]
    return tuple(sorted(rows, key=lambda row: (-row.count, row.value)))


def holds(column: Column, value: str) -> NDArray[np.bool_]:
    """(n) whether each thing holds the value."""
    try:
        code = list(column.values).index(value)
    except ValueError:
        return np.zeros(column.codes.shape[1], np.bool_)
    return np.asarray((column.codes == code).any(axis=0))


def sort_key(columns: Columns, sort: Sort) -> Figures | None:
    """(n) what to sort by, lowest first, unknown last; None for relevance."""
    if sort is Sort.PRICE:
        return _either(columns.numbers["price_low"], columns.numbers["price_high"])
    if sort is Sort.WEEKS:
        return _either(columns.numbers["weeks_low"], columns.numbers["weeks_high"])
    if sort is Sort.REFERENCES:
        return -np.nan_to_num(columns.numbers["references"], nan=0.0)
    return None


def _either(first: Figures, second: Figures) -> Figures:
    return np.asarray(np.where(np.isnan(first), second, first), np.float64)
