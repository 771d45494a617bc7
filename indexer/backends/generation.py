"""One generation of the embedded index: for each kind its full text and its columns, kept in step.

A change is staged by `apply`; `refresh` commits the text first and then shows text and columns together, so that a
reader never sees the one without the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from indexer.analysis import Term
from indexer.backends import Candidates, Change, EngineError, Entry, FindVectors, Request, Title
from indexer.backends.scan import Places, side_by_side
from indexer.backends.shelf import Mask, Shelf, View
from indexer.backends.text_index import Snapshot, TextIndex, as_row, filter_token
from indexer.fusion import Side, best_of
from indexer.query import Condition, Kind, Vector

# A filter that fewer than this share of all things pass goes to the text engine; else more is fetched and masked here.
ENGINE_FILTERS_BELOW = 0.15
# A filter that fewer rows than this share pass is answered by gathering their vectors, else all are scanned.
GATHER_BELOW = 0.1
# As many vectors are multiplied at once: more would only fill memory.
VECTORS_AT_ONCE = 64


@dataclass(frozen=True)
class Shown:
    """What readers of one kind see."""

    view: View
    text: Snapshot


class Generation:
    """A folder with one text index per kind, and their shelves in RAM. Raises IndexBroken when it cannot be trusted."""

    def __init__(self, folder: Path, *, dimension: int, find_vectors: FindVectors, write: bool) -> None:
        self.folder = folder
        self._dimension = dimension
        self._find_vectors = find_vectors
        self._texts = {kind: TextIndex(folder / kind.value, write=write) for kind in Kind}
        self._shelves: dict[Kind, Shelf] = {}
        self._held: dict[Kind, dict[int, int]] = {}
        self._serial: dict[Kind, int] = {}
        self._staged: list[tuple[Change, int]] = []
        self._staged_version: dict[tuple[Kind, int], int] = {}
        self.shown: dict[Kind, Shown] = {}
        for kind in Kind:
            self._load(kind)

    def _load(self, kind: Kind) -> None:
        snapshot = self._texts[kind].snapshot()
        shelf, held = Shelf(kind, self._dimension), {}
        rows: list[tuple[int, dict[str, Any]]] = sorted(
            ((serial, orjson.loads(payload)) for serial, payload in snapshot.payloads()), key=lambda row: row[0]
        )
        hashes = list(dict.fromkeys(value for _, payload in rows for value in payload.get("hashes", ())))
        vectors, known = self._find_vectors(hashes)
        place = {value: number for number, value in enumerate(hashes) if known[number]}
        for serial, payload in rows:
            if "hashes" not in payload:
                held[int(payload["id"])] = int(payload["version"])
                continue
            places = [place.get(value) for value in payload["hashes"]]
            if None in places:
                # Without its vectors a thing would be found by half; left out, reconciling asks for it again.
                continue
            entry = _entry(kind, payload, vectors[np.array(places, np.intp)])
            held[entry.thing_id] = entry.version
            shelf.put(entry, serial, _title(entry))
        if kind in self._shelves:
            # Whoever kept something of the state before must see that this is another one.
            shelf.stamp = self._shelves[kind].stamp
        self._shelves[kind], self._held[kind] = shelf, held
        self._serial[kind] = rows[-1][0] + 1 if rows else 0
        self.shown[kind] = Shown(shelf.view(), snapshot)

    def reload(self) -> None:
        """What another process has written meanwhile."""
        for kind in Kind:
            self._load(kind)

    def go_on_from(self, former: Generation) -> None:
        """Take the place of another: no state of this one may pass for one of those before."""
        for kind, shelf in self._shelves.items():
            shelf.stamp += former.shown[kind].view.stamp
            self.shown[kind] = Shown(shelf.view(), self.shown[kind].text)

    def versions(self, kind: Kind) -> dict[int, int]:
        held = self._held[kind]
        return {thing_id: held[thing_id] for thing_id in list(self._shelves[kind].row_of)}

    def apply(self, changes: Sequence[Change]) -> list[str]:
        return [self._apply(change) for change in changes]

    def _apply(self, change: Change) -> str:
        thing = (change.kind, change.thing_id)
        newest = self._staged_version.get(thing, self._held[change.kind].get(change.thing_id, -1))
        # The engine already holds this or something newer: that is a yes, not an error.
        if change.version < newest:
            return ""
        serial = self._serial[change.kind]
        self._serial[change.kind] += 1
        filters: list[str] = []
        tokens: Mapping[str, Sequence[str]] = {}
        payload: dict[str, Any] = {"id": change.thing_id, "version": change.version}
        if isinstance(change, Entry):
            tokens = change.tokens
            filters = [filter_token("audience", value) for value in change.audience]
            filters += [filter_token(name, value) for name, values in change.keywords.items() for value in values]
            if change.provider_id is not None:
                filters.append(filter_token("provider", str(change.provider_id)))
            payload |= _payload(change)
        try:
            self._texts[change.kind].put(str(change.thing_id), serial, orjson.dumps(payload), tokens, filters)
        except EngineError as error:
            return str(error)
        self._staged.append((change, serial))
        self._staged_version[thing] = change.version
        return ""

    def refresh(self) -> None:
        """Commit, then show. On an error nothing of what was staged is shown."""
        staged, self._staged, self._staged_version = self._staged, [], {}
        touched = {change.kind for change, _ in staged}
        try:
            for kind in touched:
                self._texts[kind].commit()
        except EngineError:
            for kind in touched:
                self._texts[kind].forget()
                # One kind may be committed and another not: what the files hold is the truth.
                self._load(kind)
            raise
        for change, serial in staged:
            shelf = self._shelves[change.kind]
            self._held[change.kind][change.thing_id] = change.version
            if isinstance(change, Entry):
                shelf.put(change, serial, _title(change))
            else:
                shelf.forget(change.thing_id)
        for kind in touched:
            shelf = self._shelves[kind]
            if shelf.rows > 1000 and len(shelf.row_of) < shelf.rows * 0.7:
                shelf = self._shelves[kind] = shelf.compacted()
            self.shown[kind] = Shown(shelf.view(), self._texts[kind].snapshot())

    def close(self) -> None:
        for text in self._texts.values():
            text.close()

    def candidates(self, requests: Sequence[Request]) -> list[tuple[Candidates, ...]]:
        return side_by_side(_work(requests, dict(self.shown)), len(requests))


def _work(requests: Sequence[Request], everything: Mapping[Kind, Shown]) -> Iterator[Callable[[], tuple[Candidates, ...]]]:
    """All requests see one state: a scan is shared between them, and a writer may show the next state meanwhile."""
    scans: dict[int, Vector] = {}
    for number, request in enumerate(requests):
        shown = everything[request.kind]
        masks = [shown.view.mask(condition) for condition in request.conditions]
        if request.vectors is not None and number not in scans and _share(masks, shown.view) >= GATHER_BELOW:
            scans |= _scan_together(requests, number, shown.view)
        yield partial(_answer, shown, request, masks, scans.pop(number, None))


def _payload(entry: Entry) -> dict[str, Any]:
    return {
        "provider": entry.provider_id,
        "title": entry.title,
        "spelt": list(entry.spelt),
        "hashes": list(entry.hashes),
        "mains": entry.mains,
        "keywords": {name: list(values) for name, values in entry.keywords.items()},
        "numbers": {name: value for name, value in entry.numbers.items() if value == value},
        "audience": list(entry.audience),
    }


def _entry(kind: Kind, payload: dict[str, Any], vectors: Vector) -> Entry:
    return Entry(
        kind=kind,
        thing_id=int(payload["id"]),
        version=int(payload["version"]),
        provider_id=payload["provider"],
        title=payload["title"],
        spelt=tuple(payload["spelt"]),
        hashes=tuple(payload["hashes"]),
        mains=int(payload["mains"]),
        vectors=vectors,
        keywords=payload["keywords"],
        numbers=payload["numbers"],
        audience=tuple(payload["audience"]),
    )


def _title(entry: Entry) -> Title:
    initials = "".join(syllable[0] for syllable in entry.spelt)
    return Title(entry.title, "".join(entry.spelt), initials, entry.audience, entry.provider_id)


def _share(masks: Sequence[Mask], view: View) -> float:
    """The largest share of the rows that passes one of the conditions."""
    return max((float(mask.sum()) for mask in masks), default=0.0) / max(1, view.rows)


def _scan_together(requests: Sequence[Request], first: int, view: View) -> dict[int, Vector]:
    """The scans of this request and of those after it, as many as go into one product of matrices."""
    numbers: list[int] = []
    vectors: list[Vector] = []
    count = 0
    for number in range(first, len(requests)):
        request = requests[number]
        if request.kind is view.kind and request.vectors is not None:
            if numbers and count + len(request.vectors) > VECTORS_AT_ONCE:
                break
            numbers.append(number)
            vectors.append(request.vectors)
            count += len(request.vectors)
    scanned = view.scan(np.concatenate(vectors))
    found, place = {}, 0
    for number, block in zip(numbers, vectors, strict=True):
        found[number] = scanned[place : place + len(block)].mean(axis=0) if len(block) > 1 else scanned[place]
        place += len(block)
    return found


def _answer(shown: Shown, request: Request, masks: Sequence[Mask], scan: Vector | None) -> tuple[Candidates, ...]:
    view = shown.view
    if not request.lists and request.vectors is None:
        return tuple(Candidates(view.columns(view.listed(mask, request.sort))) for mask in masks)
    fetched = [_Fetched(shown, terms) for terms in request.lists]
    found = []
    for mask, condition in zip(masks, request.conditions, strict=True):
        ranked = [fetch.best(mask, condition, request.depth) for fetch in fetched]
        near = _nearest(view, request, mask, scan)
        rows = np.unique(np.concatenate([*(rows for rows, _ in ranked), near[0]]))
        sides = tuple(Side(view.ids[rows_], scores) for rows_, scores in ranked)
        found.append(Candidates(view.columns(rows[np.argsort(view.ids[rows])]), sides, Side(view.ids[near[0]], near[1])))
    return tuple(found)


def _nearest(view: View, request: Request, mask: Mask, scan: Vector | None) -> tuple[Places, Vector]:
    """Rows and scores of the dense side, best first."""
    if request.vectors is None:
        return np.empty(0, np.intp), np.empty(0, np.float32)
    if scan is not None:
        rows = best_of(scores := np.where(mask, scan, np.float32(-np.inf)), request.depth)
        return rows, scores[rows]
    passing = np.flatnonzero(mask)
    scores = view.gather(request.vectors, passing).mean(axis=0) if len(passing) else np.empty(0, np.float32)
    places = best_of(scores, request.depth)
    return passing[places], scores[places]


class _Fetched:
    """The ranking of one list of terms, fetched once and masked for every condition."""

    def __init__(self, shown: Shown, terms: Sequence[Term]) -> None:
        self._shown = shown
        self._terms = terms
        self._query = shown.text.query(terms, None)
        self._rows: Places = np.empty(0, np.intp)
        self._scores: Vector = np.empty(0, np.float32)
        self._limit = 0

    def best(self, mask: Mask, condition: Condition, depth: int) -> tuple[Places, Vector]:
        """The `depth` best rows that pass, exactly: more is fetched until they are there or nothing is left."""
        view = self._shown.view
        passing = int(mask.sum())
        if self._query is None or not passing:
            return np.empty(0, np.intp), np.empty(0, np.float32)
        share = passing / max(1, int(view.alive.sum()))
        is_selective = share < ENGINE_FILTERS_BELOW
        limit = min(view.rows, depth if share == 1.0 else int(depth / max(share, ENGINE_FILTERS_BELOW) * 1.2) + 20)
        query = self._shown.text.query(self._terms, condition) if is_selective else self._query
        while True:
            if is_selective:
                rows, scores = self._fetch(query, limit)
            else:
                if limit > self._limit:
                    self._rows, self._scores = self._fetch(query, limit)
                    self._limit = limit
                rows, scores, limit = self._rows, self._scores, self._limit
            kept = np.flatnonzero((rows >= 0) & mask[np.maximum(rows, 0)])[:depth]
            if len(kept) == depth or len(rows) < limit or limit >= self._shown.text.things:
                return rows[kept], scores[kept]
            limit *= 4

    def _fetch(self, query: Any, limit: int) -> tuple[Places, Vector]:
        serials, scores = self._shown.text.best(query, limit)
        return as_row(self._shown.view.row_of_serial, serials).astype(np.intp), scores
