"""OpenSearch as an engine: one index per kind behind an alias; any number of processes may read and write.

A search is one request: every list of words and every vector, under every condition. What is read of the things found is
kept in this process and read again only when they have changed. Fusion, facets and totals are the same code as for the
embedded engine.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any
from uuid import uuid4

import orjson
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

from indexer.backends import Candidates, Change, EngineError, IndexBroken, Meta, Request, Title
from indexer.backends import opensearch_dsl as dsl
from indexer.backends.opensearch_address import address_of
from indexer.backends.opensearch_client import Connection
from indexer.backends.opensearch_indices import SLOW_SECONDS, Indices
from indexer.backends.opensearch_reading import Reading
from indexer.fusion import Ids, Passages
from indexer.query import Kind

# So many searches may take the time of one; more of them get more time.
SEARCHES_A_TIMEOUT = 64
# An index that was replaced is dropped after this long at most.
LONGEST_END = 3.0
HITS = "responses.error,responses.timed_out,responses._shards.failed,responses.hits.total"
HITS += "".join(f",responses.hits.hits.{name}" for name in ("_index", "_seq_no", "_score", "fields"))


class OpenSearchBackend:
    """See SearchBackend. `anew`: an index of another form is no error; it goes on answering others until a rebuild replaces it.

    `throw_away`: indices of its own beside the others, gone when it is closed.
    """

    def __init__(self, url: str, *, meta: Meta, write: bool, anew: bool = False, throw_away: bool = False) -> None:
        # As for the embedded engine: the threads of a linear-algebra library wait for one another by spinning, and here
        # they would take the processor from the engine itself.
        threadpool_limits(1, user_api="blas")
        self.meta = meta
        self._address = address_of(url)
        self._throw_away = throw_away
        if throw_away:
            self._address = replace(self._address, prefix=f"{self._address.prefix}-{uuid4().hex[:12]}")
        self._write = write
        self._ask = Connection(self._address)
        self._indices = Indices(self._ask, self._address.prefix, meta)
        self._trusted: set[str] = set()
        self._touched: set[Kind] = set()
        self._next: dict[Kind, str] = {}
        self._readings = {
            kind: Reading(kind, self._indices.alias(kind), self._ask, self._ask_many, self._trust, meta.dimension) for kind in Kind
        }
        try:
            self._open(anew=anew)
        except BaseException:
            self._ask.close()
            raise

    def _open(self, *, anew: bool) -> None:
        self._ask.check_version()
        for kind, place in self._indices.find().items():
            if place.current is not None:
                self._check(place.current, anew=anew)
            elif self._write:
                self._indices.create(kind)
            else:
                raise IndexBroken("索引还没有建立，请先启动服务或运行 jigai index rebuild")
        if self._write:
            self._indices.find()

    def _check(self, name: str, *, anew: bool = False) -> None:
        found = self._indices.meta_of(name)
        if found == asdict(self.meta):
            self._trusted.add(name)
        elif int(found.get("schema", 0)) > self.meta.schema:
            raise EngineError(f"索引 {name} 由更新版本的程序建立，请升级本程序")
        elif not anew:
            raise IndexBroken("索引由另一版本的分词、词典或向量模型建立，需要重建")

    def _trust(self, names: set[str]) -> None:
        """Another process may have swapped in an index of another form meanwhile: its answers would mean nothing here."""
        for name in names - self._trusted:
            self._check(name)

    def candidates(self, requests: Sequence[Request]) -> list[tuple[Candidates, ...]]:
        searches = [[] if _is_listing(request) else dsl.searches(request) for request in requests]
        rest = iter(self._ask_many([(request.kind, body) for request, bodies in zip(requests, searches, strict=True) for body in bodies]))
        answers = []
        for request, bodies in zip(requests, searches, strict=True):
            reading = self._readings[request.kind]
            answers.append(reading.answer(request, [next(rest) for _ in bodies]) if bodies else reading.listed(request))
        return answers

    def _ask_many(self, searches: Sequence[tuple[Kind, dsl.Body]]) -> list[Any]:
        """The answers to many searches, by one request. Raises EngineError when one of them fails, even in part."""
        if not searches:
            return []
        lines: list[bytes] = []
        for kind, body in searches:
            lines += [orjson.dumps({"index": self._indices.alias(kind)}), orjson.dumps(body)]
        timeout = self._address.timeout * (1 + len(searches) // SEARCHES_A_TIMEOUT)
        found = self._ask("POST", "/_msearch", b"\n".join([*lines, b""]), timeout=timeout, filter_path=HITS)["responses"]
        for one in found:
            if "error" in one or one.get("_shards", {}).get("failed") or one.get("timed_out"):
                self._explain(one.get("error", {}))
            one.setdefault("hits", {}).setdefault("hits", [])
        # One search is answered by one index.
        self._trust({rows[0]["_index"] for one in found if (rows := one["hits"]["hits"]) and "_index" in rows[0]})
        return list(found)

    def _explain(self, error: Any) -> None:
        """Why a search failed: the index is of another form now, or else what the engine says."""
        for place in self._indices.find().values():
            if place.current is not None:
                self._check(place.current)
        reason = error.get("reason", "") if isinstance(error, dict) else str(error)
        raise EngineError(f"检索引擎没有答完整：{reason or '超时或分片不可用'}")

    def passages(self, kind: Kind, ids: Ids) -> Passages:
        return self._readings[kind].passages(ids)

    def title_of(self, kind: Kind, thing_id: int) -> str:
        return self._readings[kind].title_of(thing_id)

    def frequencies(self, kind: Kind, tokens: Sequence[str]) -> tuple[list[int], int]:
        return self._readings[kind].frequencies(tokens)

    def stamp(self, kind: Kind) -> int:
        return self._readings[kind].stamp()

    def titles(self, kind: Kind) -> list[Title]:
        return self._readings[kind].titles()

    def versions(self, kind: Kind) -> dict[int, int]:
        return self._readings[kind].versions()

    def apply(self, changes: Sequence[Change]) -> list[str]:
        self._must_write()
        self._touched |= {change.kind for change in changes}
        return self._indices.write(changes)

    def refresh(self) -> None:
        if self._touched:
            self._refresh([self._indices.alias(kind) for kind in self._touched])
        self._touched = set()
        for reading in self._readings.values():
            reading.look_again()

    def _refresh(self, names: Iterable[str]) -> None:
        answer = self._ask("POST", f"/{','.join(names)}/_refresh", timeout=SLOW_SECONDS)
        if answer["_shards"]["failed"]:
            raise EngineError("检索引擎没能让刚写入的内容可见，请看它的日志和磁盘空间")

    def begin_next(self) -> None:
        self._must_write()
        self._next = self._indices.begin()

    def fill_next(self, changes: Iterable[Change]) -> None:
        self._must_have_next()
        self._indices.fill(changes)

    def versions_next(self, kind: Kind) -> dict[int, int]:
        if not self._next:
            return {}
        self._refresh([self._next[kind]])
        return self._readings[kind].versions(self._next[kind])

    def swap(self) -> None:
        self._must_have_next()
        self._indices.check_begun(self._next)
        self._refresh(self._next.values())
        self._indices.merge(self._next.values())
        old = self._indices.swap(self._next)
        self._trusted |= set(self._next.values())
        self._next = {}
        self.refresh()
        # A search that has begun in an old index must end in it.
        time.sleep(min(self._address.timeout, LONGEST_END))
        self._indices.drop(old)

    def abandon_next(self) -> None:
        begun, self._next = self._next, {}
        self._indices.drop(begun.values())

    def close(self) -> None:
        self.abandon_next()
        if self._throw_away:
            self._indices.drop(place.current for place in self._indices.find().values() if place.current)
        self._ask.close()

    def _must_write(self) -> None:
        if not self._write:
            raise EngineError("这个进程只能读索引")

    def _must_have_next(self) -> None:
        if not self._next:
            raise EngineError("没有正在建立的新索引")


def _is_listing(request: Request) -> bool:
    return not request.lists and request.vectors is None
