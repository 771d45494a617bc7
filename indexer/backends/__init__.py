"""What an engine is: it stores entries and retrieves raw candidates of each side, and nothing else.

Tokens, vectors, fusion, facets, relaxing and sorting stand outside, so that two engines mean the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from indexer.analysis import Term
from indexer.facets import Columns
from indexer.fusion import EMPTY, Ids, Passages, Side
from indexer.query import Condition, Kind, Sort, Vector

# Raised whenever what an engine stores of a thing changes its form.
SCHEMA_VERSION = 1
Progress = Callable[[int, int], None]
# Content hashes → their vectors (n, dimension), and which were known (n).
FindVectors = Callable[[Sequence[str]], tuple[Vector, "np.typing.NDArray[np.bool_]"]]


class EngineError(Exception):
    """The engine cannot do it now; what it holds is unharmed."""


class IndexBroken(EngineError):
    """What the engine holds is damaged, or of another analysis or vector space: it must be rebuilt from the database."""


class IndexBusy(EngineError):
    """Another process owns the index; this one may only read it."""


@dataclass(frozen=True)
class Meta:
    """What an index was made with; any difference means a rebuild."""

    schema: int
    analysis: str
    space: str
    dimension: int


@dataclass(frozen=True)
class Entry:
    """A thing as an engine stores it: tokens by field; content hashes of its passages and their vectors (p, dimension),
    of which the first `mains` are scanned for every query and the rest only read for candidates. `spelt`: the syllables
    of the title.

    `version` never goes back: an older entry (or removal) does not replace a newer one.
    """

    kind: Kind
    thing_id: int
    version: int
    provider_id: int | None = None
    title: str = ""
    spelt: tuple[str, ...] = ()
    tokens: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hashes: tuple[str, ...] = ()
    mains: int = 0
    vectors: Vector = field(default_factory=lambda: np.empty((0, 0), np.float32))
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    audience: tuple[str, ...] = ()


@dataclass(frozen=True)
class Removal:
    """A thing that must not be found any more."""

    kind: Kind
    thing_id: int
    version: int


Change = Entry | Removal


@dataclass(frozen=True)
class Request:
    """One question to the engine, under one or more conditions (the first is the query's own).

    `lists`: term lists, each answered by a ranking of its own. `vectors` (q, dimension): the dense side ranks by the mean
    over them of the best main passage. Neither of both: all that fulfil the condition, in the order of `sort`.
    """

    kind: Kind
    conditions: tuple[Condition, ...]
    lists: tuple[tuple[Term, ...], ...] = ()
    vectors: Vector | None = None
    depth: int = 200
    sort: Sort = Sort.RELEVANCE


@dataclass(frozen=True)
class Candidates:
    """What fulfils one condition: a ranking for each list of terms, one for the vectors; `columns` describe the union of
    all, ids rising.

    For a request without lists and vectors `columns` describe everything, in the order asked for.
    """

    columns: Columns
    lexical: tuple[Side, ...] = ()
    dense: Side = EMPTY


@dataclass(frozen=True)
class Title:
    """A title for suggestions: its text, its pinyin and its initials, and who may see it."""

    text: str
    spelt: str
    initials: str
    audience: tuple[str, ...]
    provider_id: int | None


class SearchBackend(Protocol):
    """An engine. Safe for many readers and one writer at a time."""

    meta: Meta

    def apply(self, changes: Sequence[Change]) -> list[str]:
        """Store and remove; one answer per change: "" when it holds (or a newer one does), else what went wrong."""
        ...

    def refresh(self) -> None:
        """Make what was applied durable and visible; raises EngineError, and then the former state stays in use."""
        ...

    def candidates(self, requests: Sequence[Request]) -> list[tuple[Candidates, ...]]:
        """For each request one answer per condition."""
        ...

    def passages(self, kind: Kind, ids: Ids) -> Passages:
        """The vectors of things; an unknown id has none."""
        ...

    def title_of(self, kind: Kind, thing_id: int) -> str:
        """The title of a thing; "" if it is unknown."""
        ...

    def frequencies(self, kind: Kind, tokens: Sequence[str]) -> tuple[list[int], int]:
        """In how many things each token stands, and how many things there are."""
        ...

    def stamp(self, kind: Kind) -> int:
        """A number that changes whenever what can be found changes."""
        ...

    def titles(self, kind: Kind) -> list[Title]: ...

    def versions(self, kind: Kind) -> dict[int, int]:
        """thing id → version of everything that can be found."""
        ...

    def begin_next(self) -> None:
        """Start an empty next index; from now on `apply` writes to both."""
        ...

    def fill_next(self, changes: Iterable[Change]) -> None:
        """Write to the next index only."""
        ...

    def versions_next(self, kind: Kind) -> dict[int, int]: ...

    def swap(self) -> None:
        """The next index becomes the one in use; the old one is dropped."""
        ...

    def abandon_next(self) -> None: ...

    def close(self) -> None: ...


def open_backend(url: str, data_dir: Path, *, meta: Meta, find_vectors: FindVectors, write: bool, anew: bool = False) -> SearchBackend:
    """The engine of an address. Raises IndexBusy, IndexBroken, EngineError.

    `anew`, for who rebuilds at once: an index that is damaged or was made otherwise is no error. The embedded engine drops
    it; OpenSearch lets it answer whoever still understands it, until the rebuild takes its place.
    """
    if url.startswith("embedded:"):
        from indexer.backends.embedded import EmbeddedBackend, drop_index

        if anew:
            drop_index(data_dir / "index")
        return EmbeddedBackend(data_dir / "index", meta=meta, find_vectors=find_vectors, write=write)
    return _open_opensearch(url, meta=meta, write=write, anew=anew)


def open_throw_away(url: str, folder: Path, *, meta: Meta, find_vectors: FindVectors) -> SearchBackend:
    """An empty index of the engine of an address, apart from the site's own; gone when it is closed and `folder` removed."""
    if url.startswith("embedded:"):
        return open_backend(url, folder, meta=meta, find_vectors=find_vectors, write=True)
    return _open_opensearch(url, meta=meta, write=True, throw_away=True)


def _open_opensearch(url: str, *, meta: Meta, write: bool, anew: bool = False, throw_away: bool = False) -> SearchBackend:
    if not url.startswith("opensearch"):
        raise EngineError(f"未知的检索引擎地址：{url}")
    try:
        from indexer.backends.opensearch import OpenSearchBackend
    except ModuleNotFoundError as error:
        raise EngineError("没有安装 OpenSearch 的客户端，请执行 pip install 'jigai[scale]'") from error
    return OpenSearchBackend(url, meta=meta, write=write, anew=anew, throw_away=throw_away)
