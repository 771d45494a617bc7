"""What a search costs beside the engines alone: filtered hybrid search with facets, at 10,000 / 100,000 / 250,000 vectors.

    python -m bench.search [--vectors 10000 --vectors 100000] [--queries 100] [--embedding] [--out bench/results/search.json]

Row one is tantivy and NumPy alone on the same tokens and vectors: the two term queries (words, pairs) with the filter
as a clause, then one product over all main vectors and the 200 best. The second row is ours, embedding left out.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.corpus import Source, entries, rows
from indexer.backends import Request
from indexer.backends.embedded import EmbeddedBackend
from indexer.embedding import BuiltinEmbedder, EmbeddingStore
from indexer.entries import meta_of
from indexer.query import Condition, Kind, Range, SearchQuery
from indexer.search import Index
from marketplace.records.database import Database

BATCH = 5_000
DEPTH = 200
RESULTS = Path(__file__).with_name("results")


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def percentiles(times: Sequence[float]) -> dict[str, float]:
    return {"p50_ms": round(float(np.percentile(times, 50)), 2), "p95_ms": round(float(np.percentile(times, 95)), 2)}


def resident_mb() -> float:
    """Resident memory now, where the system says it; else the most so far."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def raw_engines(backend: EmbeddedBackend, request: Request, condition: Condition) -> Callable[[], object]:
    """The engines alone, for one query: what they cost when nothing is done with their answers."""
    shown = backend._current.shown[Kind.SOLUTION]
    clause = Condition(Kind.SOLUTION, audience=condition.audience, filters=condition.filters)
    queries = [shown.text.query(terms, clause) for terms in request.lists]
    mains = shown.view.mains[: shown.view.main_start[shown.view.rows]]
    assert request.vectors is not None
    vectors = request.vectors

    def ask() -> None:
        for query in queries:
            if query is not None:
                shown.text.best(query, DEPTH)
        for vector in vectors:
            scores = mains @ vector
            places = np.argpartition(scores, len(scores) - DEPTH)[len(scores) - DEPTH :]
            places[np.argsort(-scores[places])]

    return ask


def measure(source: Source, store: EmbeddingStore, vectors: int, queries: int) -> dict[str, Any]:
    """One size: both rows, interleaved query by query, so that a busy machine is as unkind to the one as to the other."""
    with tempfile.TemporaryDirectory() as folder:
        backend = EmbeddedBackend(Path(folder) / "index", meta=meta_of(store), find_vectors=store.find, write=True)
        started, block = time.perf_counter(), []
        for entry in entries(source, vectors):
            block.append(entry)
            if len(block) == BATCH:
                backend.apply(block)
                backend.refresh()
                block = []
        backend.apply(block)
        backend.refresh()
        built = time.perf_counter() - started
        index = Index(backend, store)
        texts = [row["text"] for row in rows("problems")[:queries]]
        asked = [
            SearchQuery(
                text=text,
                filters={"sector": (("chem", "auto", "elec")[number % 3],)},
                ranges={"price": Range(high=80_000_000)},
                prefer_sector="chem",
            )
            for number, text in enumerate(texts)
        ]
        ready = index.asked(asked)
        raw = [raw_engines(backend, one.request((condition,)), condition) for one, condition in ((one, one.conditions[0]) for one in ready)]
        times_raw: list[float] = []
        times: list[float] = []
        for number, ask in enumerate(raw):
            for _ in range(2):
                ask()
                index.answer([ready[number]])
            times_raw.append(milliseconds(ask))
            times.append(milliseconds(lambda number=number: index.answer([ready[number]])))  # type: ignore[misc]
        batch = milliseconds(lambda: index.answer([replace(one) for one in ready[:20]]))
        found = {
            "vectors": vectors,
            "things": vectors // 2,
            "build_s": round(built, 1),
            "raw": percentiles(times_raw),
            "ours": percentiles(times),
            "ratio_p50": round(float(np.median(times) / np.median(times_raw)), 2),
            "ratio_p95": round(float(np.percentile(times, 95) / np.percentile(times_raw, 95)), 2),
            "batch_of_20_ms": round(batch, 1),
            "resident_mb": round(resident_mb()),
        }
        backend.close()
    return found


def measure_embedding(count: int) -> dict[str, Any]:
    """A problem of 42 characters, new and cached; the parts that a search asks for are embedded together."""
    store = EmbeddingStore(BuiltinEmbedder())
    texts = [(row["text"] + row["text"])[:42] for row in rows("problems")[:count]]
    store.queries(["预热"])
    one = [milliseconds(lambda text=text: store.queries([text])) for text in texts]  # type: ignore[misc]
    cached = [milliseconds(lambda text=text: store.queries([text])) for text in texts]  # type: ignore[misc]
    return {"characters": 42, "one_text": percentiles(one), "cached": percentiles(cached)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, action="append")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--embedding", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path(".test-cache") / "bench.db")
    parser.add_argument("--out", type=Path, default=RESULTS / "search.json")
    options = parser.parse_args()
    database = Database(f"sqlite:///{options.cache.resolve()}")
    database.migrate()
    store = EmbeddingStore(BuiltinEmbedder(), database, bulk=True)
    source = Source.of(store)
    found: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "sizes": []}
    if options.embedding:
        found["embedding"] = measure_embedding(40)
        print(f"embedding  42 characters p50/p95 {found['embedding']['one_text']}  cached {found['embedding']['cached']}")
    print(f"{'vectors':>9} {'raw p50':>8} {'p95':>7} {'ours p50':>9} {'p95':>7} {'ratio':>6} {'20 at once':>11} {'RSS MB':>7}")
    for vectors in options.vectors or [10_000]:
        row = measure(source, store, vectors, options.queries)
        found["sizes"].append(row)
        print(
            f"{vectors:>9,} {row['raw']['p50_ms']:>8} {row['raw']['p95_ms']:>7} {row['ours']['p50_ms']:>9} {row['ours']['p95_ms']:>7}"
            f" {row['ratio_p95']:>6} {row['batch_of_20_ms']:>11} {row['resident_mb']:>7}"
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
