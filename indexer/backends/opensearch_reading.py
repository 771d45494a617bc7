"""Reading one kind: hits → candidates, listings, titles, versions, frequencies; and what of it is remembered, until it changes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.backends import Candidates, Request, Title
from indexer.backends import opensearch_dsl as dsl
from indexer.backends.opensearch_indices import SLOW_SECONDS, Ask
from indexer.backends.opensearch_seen import Mark, Seen
from indexer.backends.opensearch_stored import entry_of, title_of
from indexer.facets import NONE, Column, Columns
from indexer.fusion import EMPTY, Ids, Passages, Side, best_of
from indexer.query import FACETS, NUMBERS, Condition, Kind, Sort

PAGE = 10_000
THINGS_A_READ = 500
# Whether others have changed something is asked this often; what this process wrote is known at once.
STAMP_SECONDS = 1.0
MOST_LISTINGS = 32
MOST_FREQUENCIES = 50_000
# All questions of one request or listing, asked together. Raises EngineError when one of them fails.
AskMany = Callable[[Sequence[tuple[Kind, dsl.Body]]], list[Any]]
LISTING = "hits.hits.sort,hits.hits._version,hits.hits._index,hits.hits._seq_no,hits.hits.fields"


class Reading:
    """One kind of one backend. Safe for several threads."""

    def __init__(self, kind: Kind, alias: str, ask: Ask, ask_many: AskMany, trust: Callable[[set[str]], None], dimension: int) -> None:
        self.kind = kind
        self._alias = alias
        self._ask = ask
        self._ask_many = ask_many
        self._trust = trust
        self._dimension = dimension
        self._seen = Seen(kind, dimension)
        self._lock = threading.Lock()
        self._stamp, self._looked = 0, -1.0
        self._newest: Any = None
        self._listings: OrderedDict[tuple[int, Condition, Sort], Columns] = OrderedDict()
        self._frequencies: dict[str, int] = {}
        self._things = -1
        self._counted = -1

    def answer(self, request: Request, found: Sequence[Any]) -> tuple[Candidates, ...]:
        """The candidates of a request, from the hits of all its searches; things not read before are read now."""
        hits = [_Hits(one["hits"]["hits"]) for one in found]
        marks = {thing_id: mark for one in hits for thing_id, mark in one.marks.items()}
        self._read(self._seen.lacking(marks))
        view, rows = self._seen.rows(np.fromiter(marks, np.int64, len(marks)))
        row_of = dict(zip(marks, rows.tolist(), strict=True))
        each = len(hits) // len(request.conditions)
        answers = []
        for start in range(0, len(hits), each):
            lists, vectors = hits[start : start + len(request.lists)], hits[start + len(request.lists) : start + each]
            sides = tuple(one.side(row_of) for one in lists)
            near = _nearest_rows(vectors, row_of)
            dense = EMPTY
            if request.vectors is not None and len(near):
                # The engine names the nearest of each vector; how near they are to all of them is said here, exactly.
                scores = view.gather(request.vectors, near).mean(axis=0)
                places = best_of(scores, request.depth)
                dense = Side(view.ids[near[places]], scores[places])
            ids = np.unique(np.concatenate([dense.ids, *(side.ids for side in sides)]))
            columns = view.columns(np.array([row_of[thing_id] for thing_id in ids.tolist()], np.intp))
            answers.append(Candidates(columns, sides, dense))
        return tuple(answers)

    def listed(self, request: Request) -> tuple[Candidates, ...]:
        """Everything under each condition; remembered until something changes."""
        stamp = self.stamp()
        keys = [(stamp, condition, request.sort) for condition in request.conditions]
        with self._lock:
            known = {key: self._listings[key] for key in keys if key in self._listings}
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        bodies = [(self.kind, dsl.listed(condition, sort)) for _, condition, sort in missing]
        for key, one in zip(missing, self._ask_many(bodies) if bodies else (), strict=True):
            known[key] = _columns(self.kind, one["hits"]["hits"])
        with self._lock:
            self._listings.update(known)
            for key in keys:
                self._listings.move_to_end(key)
            while len(self._listings) > MOST_LISTINGS:
                self._listings.popitem(last=False)
        return tuple(Candidates(known[key]) for key in keys)

    def passages(self, ids: Ids) -> Passages:
        self._read(self._seen.stale(ids))
        return self._seen.rows(ids)[0].passages(ids)

    def title_of(self, thing_id: int) -> str:
        ids = np.array([thing_id], np.int64)
        self._read(self._seen.stale(ids))
        view, rows = self._seen.rows(ids)
        return "" if rows[0] == NONE else view.titles[rows[0]].text

    def stamp(self) -> int:
        now = time.monotonic()
        with self._lock:
            if now - self._looked < STAMP_SECONDS:
                return self._stamp
        # Every write that has become visible is counted, by whomever; nothing is searched for that.
        newest = self._ask("GET", f"/{self._alias}/_stats/refresh", filter_path="indices.*.primaries.refresh.external_total")
        with self._lock:
            self._looked = now
            if newest != self._newest:
                self._newest = newest
                self._stamp += 1
            return self._stamp

    def look_again(self) -> None:
        """This process has written: what is remembered may be old."""
        with self._lock:
            self._looked = -1.0

    def frequencies(self, tokens: Sequence[str]) -> tuple[list[int], int]:
        stamp = self.stamp()
        with self._lock:
            if self._counted != stamp or len(self._frequencies) > MOST_FREQUENCIES:
                self._frequencies, self._things, self._counted = {}, -1, stamp
            known, things = dict(self._frequencies), self._things
        missing = [token for token in dict.fromkeys(tokens) if token not in known]
        bodies = [dsl.holding(token) for token in missing] + ([dsl.everything()] if things < 0 else [])
        if bodies:
            counts = [int(one["hits"]["total"]["value"]) for one in self._ask_many([(self.kind, body) for body in bodies])]
            known |= dict(zip(missing, counts, strict=False))
            things = counts[-1] if things < 0 else things
            with self._lock:
                if self._counted == stamp:
                    self._frequencies, self._things = known, things
        return [known[token] for token in tokens], things

    def titles(self) -> list[Title]:
        fields = ("title", "spelt", "audience", "provider_id")
        return [title_of(row["fields"]) for row in self._pages(self._alias, fields)]

    def versions(self, alias: str | None = None) -> dict[int, int]:
        """Of what is in use, or of what another alias names."""
        return {int(row["sort"][0]): int(row["_version"]) for row in self._pages(alias or self._alias, ())}

    def _pages(self, alias: str, fields: Sequence[str]) -> Iterator[Any]:
        after: int | None = None
        while True:
            body = dsl.page(fields, after, PAGE)
            found = self._ask("POST", f"/{alias}/_search", body, timeout=SLOW_SECONDS, filter_path=LISTING)
            rows = found.get("hits", {}).get("hits", [])
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1]["sort"][0]

    def _read(self, ids: Sequence[int]) -> None:
        """Read things from the engine, as they can be found now."""
        for start in range(0, len(ids), THINGS_A_READ):
            some = ids[start : start + THINGS_A_READ]
            body = {"ids": [str(thing_id) for thing_id in some]}
            docs = self._ask("POST", f"/{self._alias}/_mget", body, timeout=SLOW_SECONDS, realtime="false")["docs"]
            self._trust({row["_index"] for row in docs if row.get("found")})
            found, gone = [], []
            for row in docs:
                thing_id = int(row["_id"])
                if row.get("found") and "about" in row.get("_source", {}):
                    mark: Mark = (row["_index"], row["_seq_no"])
                    found.append((entry_of(self.kind, thing_id, row["_source"], self._dimension), mark))
                else:
                    gone.append(thing_id)
            self._seen.put(found, gone)


class _Hits:
    """The hits of one search: ids, scores, and which write each is of."""

    def __init__(self, rows: Sequence[Any]) -> None:
        # One search is answered by one index.
        index = rows[0]["_index"] if rows else ""
        self.ids: list[int] = [row["fields"]["thing_id"][0] for row in rows]
        self._scores = [row["_score"] for row in rows]
        self.marks: dict[int, Mark] = {thing_id: (index, row["_seq_no"]) for thing_id, row in zip(self.ids, rows, strict=True)}

    def side(self, row_of: Mapping[int, int]) -> Side:
        """Without what has gone since it was found."""
        kept = np.array([row_of[thing_id] != NONE for thing_id in self.ids], np.bool_)
        return Side(np.array(self.ids, np.int64)[kept], np.array(self._scores, np.float32)[kept])


def _nearest_rows(vectors: Sequence[_Hits], row_of: Mapping[int, int]) -> NDArray[np.intp]:
    """The rows of what any vector found, by rising id, so that equal ones come in the same order everywhere."""
    ids = sorted({thing_id for one in vectors for thing_id in one.ids if row_of[thing_id] != NONE})
    return np.array([row_of[thing_id] for thing_id in ids], np.intp)


def _columns(kind: Kind, rows: Sequence[Any]) -> Columns:
    """Columns straight from the hits of a listing, in their order."""
    fields = [row["fields"] for row in rows]
    return Columns(
        ids=np.array([one["thing_id"][0] for one in fields], np.int64),
        providers=np.array([one.get("provider_id", (NONE,))[0] for one in fields], np.int64),
        facets={name: _facet([one.get(name, ()) for one in fields]) for name in FACETS[kind]},
        numbers={name: np.array([one.get(name, (np.nan,))[0] for one in fields], np.float64) for name in NUMBERS},
    )


def _facet(held: Sequence[Sequence[str]]) -> Column:
    code_of: dict[str, int] = {}
    codes = np.full((max([1, *map(len, held)]), len(held)), NONE, np.int32)
    for row, values in enumerate(held):
        for place, value in enumerate(values):
            codes[place, row] = code_of.setdefault(value, len(code_of))
    return Column(codes, list(code_of))
