"""What a whole problem list costs: 5, 10, 20 and 40 problems against 10,000 solutions, and a plan of 20.

    python -m bench.recommend [--solutions 10000] [--json bench/results/recommend.json]

The database, the index and the recommender are those of a site; the corpus is recombined from the demonstration set by a
seed (bench/corpus.py). Problems are stored ones: their vectors are there already, as after their import. The first row is the
index alone on the same problems, so that our own share shows. Best of five runs, and milliseconds of the processor.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.corpus import Source, entries, rows
from indexer.backends.embedded import EmbeddedBackend
from indexer.documents import sentences_of
from indexer.embedding import EmbeddingStore, open_embedder
from indexer.entries import meta_of
from indexer.query import SearchQuery
from indexer.search import Index
from marketplace.records.cases import Case
from marketplace.records.database import Database
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution
from recommender.ask import Ask
from recommender.recommend import Recommender

CACHE = Path(__file__).parents[1] / ".test-cache"
PROVIDERS = 2_000
WAN = 1_000_000
RUNS = 5
STAGES = {"生产制造": "production", "质量管理": "quality", "设备管理": "equipment"}


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the clock and of the processor, of the fastest of five runs."""
    found = []
    for _ in range(RUNS):
        started, spent = time.perf_counter(), time.process_time()
        work()
        found.append(((time.perf_counter() - started) * 1000, (time.process_time() - spent) * 1000))
    return min(found)


def fill(database: Database, index: Index, solutions: int, store: EmbeddingStore) -> None:
    """Providers, cases and solutions, in the database and in the index under the same ids; six units each in both.

    The index is filled as a rebuild fills it.
    """
    chance = np.random.default_rng(2)
    source = Source.of(store)
    sentences = sorted({sentence for row in source.rows for sentence in sentences_of(row["summary"]) if len(sentence) >= 4})
    points = sorted({point for row in source.rows for point in row["solves"]})
    with database.writing() as session:
        for number in range(1, PROVIDERS + 1):
            session.add(Organisation(id=number, name=f"服务商{number}（示例）"))
            session.add(
                Provider(id=number, source_ref=str(number), organisation_id=number, local_office=number % 3 == 0, local_commitment=True)
            )
    with database.writing() as session:
        made = list(entries(source, 2 * solutions))
        index.backend.begin_next()
        index.backend.fill_next(made)
        index.backend.swap()
        for number, entry in enumerate(made, 1):
            low = int(entry.numbers["price_low"])
            session.add(
                Solution(
                    id=number,
                    source_ref=str(number),
                    provider_id=entry.provider_id,
                    title=entry.title,
                    summary="。".join(chance.choice(sentences, 2, replace=False)),
                    solves=[str(point) for point in chance.choice(points, 3, replace=False)],
                    sectors=list(entry.keywords["sector"]),
                    stages=[STAGES.get(stage, stage) for stage in entry.keywords["stage"]],
                    price_low_fen=low,
                    price_high_fen=int(entry.numbers["price_high"]),
                )
            )
    effect = {"indicator": "停机", "before": 12, "after": 3, "unit": "次/年"}
    with database.writing() as session:
        for number in range(1, PROVIDERS + 1):
            session.add(Case(source_ref=str(number), provider_id=number, client_sector="auto", completed="2024-05", effects=[effect]))


def asked(count: int) -> list[Ask]:
    """Problems of the demonstration set, as a list of one enterprise."""
    return [
        Ask(str(place), row["text"], sector="auto", stage=STAGES.get(row["stage"], "production"), budget_high_fen=200 * WAN)
        for place, row in enumerate(rows("problems")[:count])
    ]


def main() -> None:
    """Print the table; write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--solutions", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    vectors = Database(f"sqlite:///{CACHE / 'quality.db'}")
    vectors.migrate()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = EmbeddingStore(open_embedder("builtin"), vectors)
        database = Database(f"sqlite:///{folder / 'jigai.db'}")
        database.migrate()
        backend = EmbeddedBackend(folder / "index", meta=meta_of(store), find_vectors=store.find, write=True)
        index = Index(backend, store)
        fill(database, index, options.solutions, store)
        recommender = Recommender(database=database, index=index, embeddings=store, labels=lambda _kind, key: key)
        recommender.recommend_many(asked(40))
        lines: dict[str, list[float]] = {}
        twenty = [SearchQuery(text=ask.text, size=400, facets=False, relax=False) for ask in asked(20)]
        lines["index alone, 20"] = [round(value, 1) for value in timed(lambda: index.search_many(twenty))]
        for count in (1, 5, 10, 20, 40):
            asks = asked(count)
            lines[f"recommend, {count}"] = [round(value, 1) for value in timed(lambda asks=asks: recommender.recommend_many(asks))]  # type: ignore[misc]
        lines["plan, 20"] = [round(value, 1) for value in timed(lambda: recommender.plan(asked(20)))]
        print(f"{options.solutions} solutions{'':12}{'ms':>10}{'ms CPU':>10}")
        for line, (clock, spent) in lines.items():
            print(f"{line:28}{clock:10.1f}{spent:10.1f}")
        index.close()
        database.close()
    vectors.close()
    if options.json:
        options.json.write_text(json.dumps({"solutions": options.solutions, "ms": lines}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
