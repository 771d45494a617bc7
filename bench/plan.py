"""What a plan of a whole problem list costs: 50 problems against 50,000 solutions, on the embedded engine and on OpenSearch.

    python -m bench.plan [--solutions 50000] [--problems 50] [--runs 5] [--profile] [--out bench/results/plan.json]
    tools/opensearch run --heap 1g -- python -m bench.plan --engine opensearch [--out bench/results/plan-opensearch.json]

Database, index and recommender are those of a site; the corpus is recombined from the demonstration set by a seed (bench/corpus.py).
Problems are stored ones: their vectors are there already, as after their import. The first plan after the start is given apart; then the
fastest and the middle one of some runs, in milliseconds by the clock and of this process's processor (an engine beside it is not in that).
`--profile` prints what one plan spends its time on.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import os
import pstats
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.recommend import CACHE, asked, fill
from indexer.backends import open_throw_away
from indexer.embedding import EmbeddingStore, open_embedder
from indexer.entries import meta_of
from indexer.search import Index
from marketplace.records.database import Database
from recommender.recommend import Recommender

LIMIT_MS = {"embedded": 2_000, "opensearch": 1_200}
SHOWN = 35


def measure(recommender: Recommender, problems: int, runs: int) -> dict[str, Any]:
    """The first plan, and some more."""
    asks = asked(problems)
    found = []
    for _ in range(runs + 1):
        started, spent = time.perf_counter(), time.process_time()
        plan = recommender.plan(asks)
        found.append(((time.perf_counter() - started) * 1000, (time.process_time() - spent) * 1000))
    first, rest = found[0], found[1:]
    return {
        "first_ms": round(first[0]),
        "fastest_ms": round(min(rest)[0]),
        "middle_ms": round(statistics.median(one[0] for one in rest)),
        "fastest_cpu_ms": round(min(one[1] for one in rest)),
        "providers": len(plan.providers),
        "uncovered": len(plan.uncovered),
    }


def profiled(recommender: Recommender, problems: int) -> None:
    asks = asked(problems)
    watched = cProfile.Profile()
    watched.runcall(recommender.plan, asks)
    pstats.Stats(watched).sort_stats("cumulative").print_stats(SHOWN)
    pstats.Stats(watched).sort_stats("tottime").print_stats(SHOWN)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--solutions", type=int, default=50_000)
    parser.add_argument("--problems", type=int, default=50)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--engine", choices=tuple(LIMIT_MS), default="embedded", help="opensearch: at JIGAI_SEARCH_URL")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    url = "embedded:" if options.engine == "embedded" else f"{os.environ['JIGAI_SEARCH_URL'].partition('?')[0]}?timeout=30"
    CACHE.mkdir(exist_ok=True)
    vectors = Database(f"sqlite:///{CACHE / 'quality.db'}")
    vectors.migrate()
    with tempfile.TemporaryDirectory(prefix="jigai-plan-") as name:
        folder = Path(name)
        store = EmbeddingStore(open_embedder("builtin", CACHE / "models"), vectors)
        database = Database(f"sqlite:///{folder / 'jigai.db'}")
        database.migrate()
        backend = open_throw_away(url, folder, meta=meta_of(store), find_vectors=store.find)
        index = Index(backend, store)
        started = time.perf_counter()
        fill(database, index, options.solutions, store)
        filled = time.perf_counter() - started
        # Stored problems have their vectors.
        store.queries([ask.text for ask in asked(options.problems)], keep=True)
        recommender = Recommender(database=database, index=index, embeddings=store, labels=lambda _kind, key: key)
        # As `jigai serve` does it.
        recommender.warm()
        gc.collect()
        gc.freeze()
        figures = {
            "engine": options.engine,
            "solutions": options.solutions,
            "problems": options.problems,
            "load": round(os.getloadavg()[0], 1),
            **measure(recommender, options.problems, options.runs),
            "limit_ms": LIMIT_MS[options.engine],
            "filled_s": round(filled, 1),
        }
        if options.profile:
            profiled(recommender, options.problems)
        index.close()
        database.close()
    vectors.close()
    print(json.dumps(figures, indent=1))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
