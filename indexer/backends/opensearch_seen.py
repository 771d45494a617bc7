"""What this process has read of one kind's things: kept, so that a search asks the engine for nothing twice.

A thing is known again by the index it stands in and the number of its last write there. The same shelf that holds
everything for the embedded engine holds here what was asked for lately, up to a bound.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.backends import Entry, Title
from indexer.backends.shelf import Shelf, View
from indexer.facets import NONE
from indexer.fusion import Ids
from indexer.query import Kind

MOST_BYTES = 256_000_000
# Facets, figures and the rest of a row, beside its vectors.
ROW_BYTES = 300
# What was looked up so lately is given out again without asking whether it has changed: a plan on a busy machine takes that long,
# and reading everything anew would make it busier.
FRESH_SECONDS = 10.0
# The index, and the number of the last write in it.
Mark = tuple[str, int]


class Seen:
    """Safe for several threads."""

    def __init__(self, kind: Kind, dimension: int, most_bytes: int = MOST_BYTES) -> None:
        self._lock = threading.Lock()
        self._most = most_bytes
        self._shelf = Shelf(kind, dimension)
        self._marks: list[Mark] = []
        self._used: list[float] = []

    def lacking(self, marks: Mapping[int, Mark]) -> list[int]:
        """The ids among these that are not here, or not as they are now; the others are noted as used."""
        now = time.monotonic()
        missing = []
        with self._lock:
            row_of = self._shelf.row_of
            for thing_id, mark in marks.items():
                row = row_of.get(thing_id)
                if row is None or self._marks[row] != mark:
                    missing.append(thing_id)
                else:
                    self._used[row] = now
        return missing

    def stale(self, ids: Ids) -> list[int]:
        """The ids that are not here, or were not looked at for a while."""
        since = time.monotonic() - FRESH_SECONDS
        with self._lock:
            rows = [self._shelf.row_of.get(int(thing_id)) for thing_id in ids]
            return [int(thing_id) for thing_id, row in zip(ids, rows, strict=True) if row is None or self._used[row] < since]

    def put(self, found: Sequence[tuple[Entry, Mark]], gone: Sequence[int] = ()) -> None:
        """Keep what was read; forget what is no longer there."""
        now = time.monotonic()
        with self._lock:
            for thing_id in gone:
                self._shelf.forget(thing_id)
            for entry, mark in found:
                row = self._shelf.row_of.get(entry.thing_id)
                if row is not None and self._marks[row] == mark:
                    self._used[row] = now
                    continue
                self._shelf.put(entry, self._shelf.rows, Title(entry.title, "", "", (), entry.provider_id))
                self._marks.append(mark)
                self._used.append(now)
            if self._bytes() > self._most:
                self._keep_the_newer_half()

    def rows(self, ids: Ids) -> tuple[View, NDArray[np.intp]]:
        """What is here now, and the rows of things in it; NONE for what is not."""
        with self._lock:
            view = self._shelf.view()
            rows = [self._shelf.row_of.get(int(thing_id), NONE) for thing_id in ids]
        return view, np.array(rows, np.intp)

    def _bytes(self) -> int:
        shelf = self._shelf
        mains, units = int(shelf.main_start[shelf.rows]), int(shelf.unit_start[shelf.rows])
        return mains * shelf.dimension * 4 + units * (shelf.dimension + 4) + shelf.rows * ROW_BYTES

    def _keep_the_newer_half(self) -> None:
        rows = np.array(sorted(self._shelf.row_of.values()), np.intp)
        used = np.array(self._used)[rows]
        kept = np.sort(rows[np.argsort(-used, kind="stable")[: len(rows) // 2]])
        for row in np.setdiff1d(rows, kept):
            self._shelf.forget(int(self._shelf.ids[row]))
        self._shelf = self._shelf.compacted()
        self._marks = [self._marks[row] for row in kept]
        self._used = [self._used[row] for row in kept]
