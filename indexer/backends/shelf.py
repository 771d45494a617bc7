"""The columns and vectors of one kind in RAM: rows are appended, never changed, so that readers need no lock.

A `Shelf` is the writer's; a `View` is what readers hold: the arrays as they were, the first `rows` of them, and which
of these rows are alive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.backends import Entry, Title
from indexer.backends.scan import Places, best_of_spans, products, spans
from indexer.facets import NONE, Column, Columns, sort_key
from indexer.fusion import Ids, Passages
from indexer.query import FACETS, NUMBERS, RANGES, Condition, Kind, Sort, Vector

Mask = NDArray[np.bool_]
AUDIENCE = "audience"
UNIT_STEPS = 127.0


def _with_room(array: NDArray[Any], size: int) -> NDArray[Any]:
    """The array itself if it holds `size`, else a copy with room to grow; older views keep the one they have."""
    if size <= len(array):
        return array
    grown = np.zeros((max(size, len(array) * 3 // 2, 256), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown


class _Facet:
    """A keyword field: (k, rows) codes into a list of values that only grows."""

    def __init__(self) -> None:
        self.codes: NDArray[np.int32] = np.full((1, 256), NONE, np.int32)
        self.values: list[str] = []
        self.code_of: dict[str, int] = {}

    def put(self, row: int, values: Sequence[str]) -> None:
        wide, room = self.codes.shape
        if len(values) > wide or row >= room:
            grown = np.full((max(wide, len(values)), room if row < room else max(row + 1, room * 3 // 2)), NONE, np.int32)
            grown[:wide, :room] = self.codes
            self.codes = grown
        for place, value in enumerate(values):
            code = self.code_of.get(value)
            if code is None:
                code = self.code_of[value] = len(self.values)
                self.values.append(value)
            self.codes[place, row] = code


@dataclass(frozen=True)
class View:
    """A state that never changes. Rows are places in the arrays; `serials` → row (NONE = dead or unknown)."""

    kind: Kind
    stamp: int
    rows: int
    alive: Mask
    row_of_serial: NDArray[np.int32]
    row_of: dict[int, int]
    ids: Ids
    providers: Ids
    facets: dict[str, Column]
    numbers: dict[str, NDArray[np.float64]]
    mains: Vector
    main_start: NDArray[np.int64]
    units: NDArray[np.int8]
    unit_scale: Vector
    unit_start: NDArray[np.int64]
    titles: list[Title]

    def mask(self, condition: Condition) -> Mask:
        """(rows) who fulfils the condition."""
        mask = self.alive.copy()
        mask &= self._holding(AUDIENCE, condition.audience)
        for name, values in condition.filters:
            mask &= self._holding(name, values)
        for name, reach in condition.ranges:
            low, high = (self.numbers[figure][: self.rows] for figure in RANGES[name])
            # Comparisons with NaN are false, so “not outside” lets the unknown pass.
            if reach.high is not None:
                mask &= ~(np.where(np.isnan(low), high, low) > reach.high)
            if reach.low is not None:
                mask &= ~(np.where(np.isnan(high), low, high) < reach.low)
        providers = self.providers[: self.rows]
        if condition.provider_id is not None:
            mask &= providers == condition.provider_id
        if condition.without_providers:
            mask &= ~np.isin(providers, np.fromiter(condition.without_providers, np.int64))
        for thing_id in condition.without_ids:
            row = self.row_of.get(thing_id)
            if row is not None and row < self.rows:
                mask[row] = False
        return mask

    def _holding(self, name: str, values: Iterable[str]) -> Mask:
        column = self.facets[name]
        mask = np.zeros(self.rows, np.bool_)
        for value in values:
            code = self._code(name, value)
            if code is not None:
                for codes in column.codes:
                    mask |= codes[: self.rows] == code
        return mask

    def _code(self, name: str, value: str) -> int | None:
        try:
            return self.facets[name].values.index(value)
        except ValueError:
            return None

    def columns(self, rows: Places) -> Columns:
        """What is known of these rows, in their order."""
        return Columns(
            ids=self.ids[rows],
            providers=self.providers[rows],
            facets={name: Column(column.codes[:, rows], column.values) for name, column in self.facets.items() if name != AUDIENCE},
            numbers={name: figures[rows] for name, figures in self.numbers.items()},
        )

    def listed(self, mask: Mask, sort: Sort) -> Places:
        """Everything that passes: by the order asked for; else what has the most references first, then the newest."""
        rows = np.flatnonzero(mask)
        columns = self.columns(rows)
        key = sort_key(columns, Sort.REFERENCES if sort is Sort.RELEVANCE else sort)
        assert key is not None
        return rows[np.lexsort((-columns.ids, key))]

    def scan(self, vectors: Vector) -> Vector:
        """(q, rows) the best main passage of every row, dead ones too, for each of q vectors; -inf without a passage."""
        start = self.main_start[: self.rows + 1]
        scores = products(vectors, self.mains[: start[-1]])
        if start[-1] == self.rows and (start[1:] > start[:-1]).all():
            return scores
        return best_of_spans(scores, start[:-1], start[1:])

    def gather(self, vectors: Vector, rows: Places) -> Vector:
        """(q, len(rows)) the same for few rows."""
        mains, _ = spans(self.main_start, rows)
        counts = self.main_start[rows + 1] - self.main_start[rows]
        end = np.cumsum(counts)
        return best_of_spans(products(vectors, self.mains[mains]), end - counts, end)

    def passages(self, ids: Ids) -> Passages:
        """The vectors of things, by the place of their id among those asked for."""
        rows = np.array([NONE if row is None else row for row in map(self.row_of.get, ids.tolist())], np.int64)
        known = np.flatnonzero((rows >= 0) & (rows < self.rows))
        mains, main_of = spans(self.main_start, rows[known])
        units, unit_of = spans(self.unit_start, rows[known])
        of_units = self.units[units].astype(np.float32)
        of_units *= self.unit_scale[units, None]
        return Passages(self.mains[mains], known[main_of], of_units, known[unit_of])


class Shelf:
    """The writer's side: one per kind, used by one thread at a time."""

    def __init__(self, kind: Kind, dimension: int) -> None:
        self.kind = kind
        self.dimension = dimension
        self.rows = 0
        self.stamp = 0
        self.alive = np.zeros(256, np.bool_)
        self.row_of: dict[int, int] = {}
        self.row_of_serial = np.full(256, NONE, np.int32)
        self.ids = np.zeros(256, np.int64)
        self.providers = np.zeros(256, np.int64)
        self.facets = {name: _Facet() for name in (AUDIENCE, *FACETS[kind])}
        self.numbers = {name: np.full(256, np.nan) for name in NUMBERS}
        self.mains = np.zeros((256, dimension), np.float32)
        self.main_start = np.zeros(257, np.int64)
        self.units = np.zeros((256, dimension), np.int8)
        self.unit_scale = np.zeros(256, np.float32)
        self.unit_start = np.zeros(257, np.int64)
        self.titles: list[Title] = []

    def put(self, entry: Entry, serial: int, title: Title) -> None:
        """Append a thing's new row; its former row is dead from now on."""
        row = self.rows
        self.alive, self.ids, self.providers = (_with_room(array, row + 1) for array in (self.alive, self.ids, self.providers))
        self.forget(entry.thing_id)
        self.ids[row] = entry.thing_id
        self.providers[row] = NONE if entry.provider_id is None else entry.provider_id
        for name, facet in self.facets.items():
            facet.put(row, entry.audience if name == AUDIENCE else tuple(dict.fromkeys(entry.keywords.get(name, ()))))
        for name in NUMBERS:
            self.numbers[name] = _with_room(self.numbers[name], row + 1)
            self.numbers[name][row] = entry.numbers.get(name, np.nan)
        self._put_vectors(row, entry)
        if serial >= len(self.row_of_serial):
            grown = np.full(max(serial + 1, len(self.row_of_serial) * 3 // 2), NONE, np.int32)
            grown[: len(self.row_of_serial)] = self.row_of_serial
            self.row_of_serial = grown
        self.row_of_serial[serial] = row
        self.titles.append(title)
        self.row_of[entry.thing_id] = row
        self.alive[row] = True
        self.rows += 1

    def _put_vectors(self, row: int, entry: Entry) -> None:
        main, unit = int(self.main_start[row]), int(self.unit_start[row])
        main_end, unit_end = main + entry.mains, unit + len(entry.vectors) - entry.mains
        self.main_start, self.unit_start = _with_room(self.main_start, row + 2), _with_room(self.unit_start, row + 2)
        self.main_start[row + 1], self.unit_start[row + 1] = main_end, unit_end
        self.mains = _with_room(self.mains, main_end)
        self.units, self.unit_scale = _with_room(self.units, unit_end), _with_room(self.unit_scale, unit_end)
        if entry.mains:
            self.mains[main:main_end] = entry.vectors[: entry.mains]
        if unit_end > unit:
            # Units only refine the order of candidates: a step of 1/127 of the largest number moves a cosine by .0005.
            units = entry.vectors[entry.mains :]
            scale = np.maximum(np.abs(units).max(axis=1), 1e-9) / UNIT_STEPS
            self.units[unit:unit_end] = np.rint(units / scale[:, None])
            self.unit_scale[unit:unit_end] = scale

    def forget(self, thing_id: int) -> None:
        """A thing's row is dead from now on."""
        row = self.row_of.pop(thing_id, None)
        if row is not None:
            self.alive[row] = False

    def view(self) -> View:
        """The state as it is now, for readers."""
        self.stamp += 1
        return View(
            kind=self.kind,
            stamp=self.stamp,
            rows=self.rows,
            alive=self.alive[: self.rows].copy(),
            row_of_serial=self.row_of_serial,
            row_of=self.row_of,
            ids=self.ids,
            providers=self.providers,
            facets={name: Column(facet.codes, facet.values) for name, facet in self.facets.items()},
            numbers=dict(self.numbers),
            mains=self.mains,
            main_start=self.main_start,
            units=self.units,
            unit_scale=self.unit_scale,
            unit_start=self.unit_start,
            titles=self.titles,
        )

    def compacted(self) -> Shelf:
        """A new shelf of the rows that are alive, in their order."""
        rows = np.flatnonzero(self.alive[: self.rows])
        new = Shelf(self.kind, self.dimension)
        new.rows, new.stamp = len(rows), self.stamp
        new.alive = np.ones(max(256, len(rows)), np.bool_)
        new.ids, new.providers = self.ids[rows], self.providers[rows]
        new.numbers = {name: figures[rows] for name, figures in self.numbers.items()}
        for name, facet in self.facets.items():
            copy = new.facets[name]
            copy.codes, copy.values, copy.code_of = facet.codes[:, rows].copy(), list(facet.values), dict(facet.code_of)
        mains, _ = spans(self.main_start, rows)
        units, _ = spans(self.unit_start, rows)
        new.mains, new.units, new.unit_scale = self.mains[mains], self.units[units], self.unit_scale[units]
        for start, copied in ((self.main_start, new), (self.unit_start, new)):
            counts = start[rows + 1] - start[rows]
            ends = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
            if start is self.main_start:
                copied.main_start = ends
            else:
                copied.unit_start = ends
        new_row = np.full(self.rows + 1, NONE, np.int32)
        new_row[rows] = np.arange(len(rows))
        # The last place stands for NONE, so that a dead serial stays dead.
        new.row_of_serial = new_row[self.row_of_serial]
        new.row_of = {int(thing_id): row for row, thing_id in enumerate(new.ids)}
        new.titles = [self.titles[row] for row in rows]
        return new
