"""What a search costs beside the engines alone: filtered hybrid search with facets, at 10,000 / 100,000 / 250,000 vectors.

    python -m bench.search [--vectors 10000 --vectors 100000] [--queries 100] [--embedding] [--out bench/results/search.json]

Row one is tantivy and NumPy alone on the same tokens and vectors: the two term queries (words, pairs) with the filter
as a clause, then one product over all main vectors and the 200 best. The second row is ours, embedding left out.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.corpus import Source, entries, rows
from indexer.backends import Request
from indexer.backends.embedded import EmbeddedBackend
from indexer.embedding import EmbeddingStore, open_embedder
from indexer.entries import meta_of
from indexer.query import Condition, Kind, Range, SearchQuery
from indexer.search import Index
from marketplace.records.database import Database

BATCH = 5_000
DEPTH = 200
RESULTS = Path(__file__).with_name("results")


def milliseconds(work: Callable[[], object]) -> float:
    return timed(work)[0]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the clock and of the processor: on a machine that has other work the second says more."""
    started, spent = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - started) * 1000, (time.process_time() - spent) * 1000


def percentiles(times: Sequence[float]) -> dict[str, float]:
    return {"p50_ms": round(float(np.percentile(times, 50)), 2), "p95_ms": round(float(np.percentile(times, 95)), 2)}


def resident_mb() -> float:
    """Resident memory now, where the system says it; else the most so far."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def raw_engines(backend: EmbeddedBackend, request: Request, condition: Condition, *, units: bool) -> Callable[[], object]:
    """The engines alone, for one query: what they cost when nothing is done with their answers.

    With `units` every stored vector is scanned, as an engine must that knows one kind of passage only.
    """
    shown = backend._current.shown[Kind.SOLUTION]
    clause = Condition(Kind.SOLUTION, audience=condition.audience, filters=condition.filters)
    queries = [shown.text.query(terms, clause) for terms in request.lists]
    mains = shown.view.mains[: shown.view.main_start[shown.view.rows]]
    if units:
        count = int(shown.view.unit_start[shown.view.rows])
        mains = np.concatenate([mains, shown.view.units[:count] * shown.view.unit_scale[:count, None]]).astype(np.float32)
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
        block = []
        built = time.perf_counter() - started
        gc.collect()
        resident = resident_mb()
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
        kinds: dict[str, list[tuple[float, float]]] = {"raw": [], "ours": []}
        for one in ready:
            ask = raw_engines(backend, one.request(one.conditions), one.conditions[0], units=False)
            for name, work in (("raw", ask), ("ours", lambda one=one: index.answer([one]))):
                work()
                kinds[name].append(timed(work))
        every = raw_engines(backend, ready[0].request(ready[0].conditions), ready[0].conditions[0], units=True)
        all_vectors = sorted(timed(every) for _ in range(5))[2] if vectors <= 100_000 else (float("nan"), float("nan"))
        batch = timed(lambda: index.answer(ready[:20]))
        found: dict[str, Any] = {
            "vectors": vectors,
            "things": vectors // 2,
            "unit_vectors": vectors * 3,
            "build_s": round(built, 1),
            "raw_all_vectors_ms": round(all_vectors[0], 1),
            "raw_all_vectors_cpu_ms": round(all_vectors[1], 1),
            "batch_of_20_ms": round(batch[0], 1),
            "batch_of_20_cpu_ms": round(batch[1], 1),
            "resident_mb": round(resident),
        }
        for name, times in kinds.items():
            found[name] = percentiles([wall for wall, _ in times])
            found[f"{name}_cpu"] = percentiles([spent for _, spent in times])
        found["ratio_p50"] = round(found["ours"]["p50_ms"] / found["raw"]["p50_ms"], 2)
        found["ratio_p95"] = round(found["ours"]["p95_ms"] / found["raw"]["p95_ms"], 2)
        found["ratio_cpu_p50"] = round(found["ours_cpu"]["p50_ms"] / found["raw_cpu"]["p50_ms"], 2)
        backend.close()
    return found


def measure_embedding(count: int) -> dict[str, Any]:
    """A problem of 42 characters, new and cached; the parts that a search asks for are embedded together."""
    store = EmbeddingStore(open_embedder("builtin"))
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
    store = EmbeddingStore(open_embedder("builtin"), database, bulk=True)
    source = Source.of(store)
    found: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "sizes": []}
    if options.embedding:
        found["embedding"] = measure_embedding(40)
        print(f"embedding  42 characters p50/p95 {found['embedding']['one_text']}  cached {found['embedding']['cached']}")
    print(f"load {os.getloadavg()[0]:.1f}; milliseconds by the clock (of the processor)")
    print(f"{'vectors':>9} {'':<16} {'p50':>14} {'p95':>16}")
    for vectors in options.vectors or [10_000]:
        row = measure(source, store, vectors, options.queries)
        found["sizes"].append(row)
        for name, title in (("raw", "engines alone"), ("ours", "ours, all in")):
            wall, spent = row[name], row[f"{name}_cpu"]
            figures = f"{wall['p50_ms']:>7} ({spent['p50_ms']:>5}) {wall['p95_ms']:>8} ({spent['p95_ms']:>5})"
            print(f"{vectors:>9,} {title:<16} {figures}")
        print(
            f"{'':>9} ratio p50 {row['ratio_p50']} p95 {row['ratio_p95']} processor {row['ratio_cpu_p50']};"
            f" engines alone over every passage {row['raw_all_vectors_ms']} ({row['raw_all_vectors_cpu_ms']});"
            f" 20 at once {row['batch_of_20_ms']} ({row['batch_of_20_cpu_ms']}); built in {row['build_s']} s; RSS {row['resident_mb']} MB"
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
