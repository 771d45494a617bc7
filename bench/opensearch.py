"""What a search and a bulk cost beside OpenSearch alone, at 10,000 and 100,000 things.

    tools/opensearch run --heap 1g -- python -m bench.opensearch [--things 10000 --things 100000] [--queries 100] [--out FILE]

Searches, embedding left out: hybrid as it stands (“plain”), and with a sector, a price and facets (“filtered”). “alone” sends the same questions in one request that was made
before and does nothing with the answer; “ours” makes the request, reads what it has not read before (“first”) or nothing
(“again”), fuses and counts. Writing: requests that were made before, against entries to be turned into requests.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

from bench.corpus import Source, entries, rows
from bench.search import RESULTS, percentiles, resident_mb, timed
from indexer.backends import Entry
from indexer.backends import opensearch_dsl as dsl
from indexer.backends.opensearch import HITS, OpenSearchBackend
from indexer.backends.opensearch_indices import BULK_ANSWER, BULK_SECONDS, SENDERS, THINGS_A_BULK
from indexer.backends.opensearch_stored import document
from indexer.embedding import EmbeddingStore, open_embedder
from indexer.entries import meta_of
from indexer.query import Kind, Range, SearchQuery
from indexer.search import Asked, Index
from marketplace.records.database import Database


def made_before(backend: OpenSearchBackend, found: Sequence[Entry]) -> list[bytes]:
    """The bulk requests that our own writing would send."""
    alias = backend._indices.alias(Kind.SOLUTION)
    requests = []
    for start in range(0, len(found), THINGS_A_BULK):
        lines: list[bytes] = []
        for entry in found[start : start + THINGS_A_BULK]:
            lines += [orjson.dumps({"index": {"_index": alias, "_id": str(entry.thing_id)}}), document(entry)]
        requests.append(b"\n".join([*lines, b""]))
    return requests


def write_alone(backend: OpenSearchBackend, requests: Sequence[bytes]) -> float:
    """Seconds until everything can be found."""

    def send(request: bytes) -> Any:
        return backend._ask("POST", "/_bulk", request, timeout=BULK_SECONDS, filter_path=BULK_ANSWER)

    started = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as senders:
        list(senders.map(send, requests))
    backend._touched.add(Kind.SOLUTION)
    backend.refresh()
    return time.perf_counter() - started


def write_ours(backend: OpenSearchBackend, found: Sequence[Entry]) -> float:
    started = time.perf_counter()
    assert not any(backend.apply(found))
    backend.refresh()
    return time.perf_counter() - started


def alone(backend: OpenSearchBackend, one: Asked) -> bytes:
    """The request of a search: all its questions."""
    head = orjson.dumps({"index": backend._indices.alias(Kind.SOLUTION)})
    return b"\n".join([line for body in dsl.searches(one.request(one.conditions)) for line in (head, orjson.dumps(body))] + [b""])


def measure(url: str, source: Source, store: EmbeddingStore, things: int, queries: int) -> dict[str, Any]:
    """One size: writing first, then searching, in as few pieces as a rebuild leaves."""
    made = list(entries(source, 2 * things))
    other = OpenSearchBackend(url, meta=meta_of(store), write=True, throw_away=True)
    requests = made_before(other, made)
    seconds_alone = write_alone(other, requests)
    other.close()
    del requests
    backend = OpenSearchBackend(url, meta=meta_of(store), write=True, throw_away=True)
    seconds_ours = write_ours(backend, made)
    del made
    backend._indices.merge([backend._indices.alias(Kind.SOLUTION)])
    index = Index(backend, store)
    found: dict[str, Any] = {
        "things": things,
        "bulk_alone_s": round(seconds_alone, 1),
        "bulk_ours_s": round(seconds_ours, 1),
        "bulk_share": round(seconds_alone / seconds_ours, 2),
    }
    for name, queries_of in (("plain", plain), ("filtered", filtered)):
        found[name] = searching(backend, index, queries_of(queries))
    sizes = backend._ask("GET", f"/{backend._indices.alias(Kind.SOLUTION)}/_stats/store,segments")["_all"]["primaries"]
    found |= {
        "disk_bytes_a_thing": sizes["store"]["size_in_bytes"] // things,
        "segments": sizes["segments"]["count"],
        "resident_mb": round(resident_mb()),
    }
    backend.close()
    return found


def plain(queries: int) -> list[SearchQuery]:
    """A problem as it stands: words, pairs and vectors under the permission filter."""
    return [SearchQuery(text=row["text"], prefer_sector="chem", facets=False) for row in rows("problems")[:queries]]


def filtered(queries: int) -> list[SearchQuery]:
    """The same with a sector and a price, and with the counts of every facet."""
    return [
        SearchQuery(
            text=row["text"],
            filters={"sector": (("chem", "auto", "elec")[number % 3],)},
            ranges={"price": Range(high=80_000_000)},
            prefer_sector="chem",
        )
        for number, row in enumerate(rows("problems")[:queries])
    ]


def searching(backend: OpenSearchBackend, index: Index, asked: Sequence[SearchQuery]) -> dict[str, Any]:
    """“alone” and “ours” in turn, so that a busy machine is as unkind to both."""
    ready = index.asked(asked)
    for one in ready[:20]:
        # A Java engine is slow until it has answered for a while.
        backend._ask("POST", "/_msearch", alone(backend, one), timeout=BULK_SECONDS, filter_path=HITS)
    times: dict[str, list[float]] = {"alone": [], "first": [], "again": []}
    for one in ready:
        request = alone(backend, one)
        for name, work in (
            ("first", lambda one=one: index.answer([one])),
            ("alone", lambda request=request: backend._ask("POST", "/_msearch", request, timeout=BULK_SECONDS, filter_path=HITS)),
            ("again", lambda one=one: index.answer([one])),
        ):
            times[name].append(timed(work)[0])
    found: dict[str, Any] = {
        "questions_a_search": round(sum(len(dsl.searches(one.request(one.conditions))) for one in ready) / len(ready), 1),
        **{name: percentiles(some) for name, some in times.items()},
    }
    found["ratio_p50"] = round(found["again"]["p50_ms"] / found["alone"]["p50_ms"], 2)
    found["ratio_p95"] = round(found["again"]["p95_ms"] / found["alone"]["p95_ms"], 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("JIGAI_SEARCH_URL", ""), help="default: JIGAI_SEARCH_URL")
    parser.add_argument("--things", type=int, action="append")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--cache", type=Path, default=Path(".test-cache") / "bench.db")
    parser.add_argument("--out", type=Path, default=RESULTS / "opensearch.json")
    options = parser.parse_args()
    options.cache.parent.mkdir(exist_ok=True)
    database = Database(f"sqlite:///{options.cache.resolve()}")
    database.migrate()
    store = EmbeddingStore(open_embedder("builtin"), database, bulk=True)
    source = Source.of(store)
    found: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "sizes": []}
    url = f"{options.url.partition('?')[0]}?timeout=30"
    print(f"load {os.getloadavg()[0]:.1f}; milliseconds by the clock")
    print(f"{'things':>9} {'':<32} {'p50':>8} {'p95':>8}")
    for things in options.things or [10_000]:
        row = measure(url, source, store, things, options.queries)
        found["sizes"].append(row)
        for way in ("plain", "filtered"):
            for name, title in (("alone", "engine alone"), ("again", "ours"), ("first", "ours, things unread")):
                print(f"{things:>9,} {way:<9} {title:<22} {row[way][name]['p50_ms']:>8} {row[way][name]['p95_ms']:>8}")
            print(
                f"{'':>9} ratio p50 {row[way]['ratio_p50']} p95 {row[way]['ratio_p95']}; {row[way]['questions_a_search']} questions a search"
            )
        print(
            f"{'':>9} bulk {row['bulk_ours_s']} s, alone {row['bulk_alone_s']} s ({row['bulk_share']:.0%});"
            f" {row['disk_bytes_a_thing']} bytes a thing on disk; RSS {row['resident_mb']} MB"
        )
    database.close()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
