"""Peers beside ours in one run, on the demonstration set's judged problems: nDCG@10 and milliseconds per query.

    python -m bench.peers [--with-lancedb] [--out bench/results/peers.json]

Every peer gets the vectors of the same model: one of title and text, one of title and points, as ours does; the
embedding of the query is left out of every time. SQLite FTS5 cuts by trigrams, because it knows no Chinese words;
LanceDB, which is installed from PyPI into an environment of its own that is thrown away, does hybrid search by its own
full-text index (n-grams) and its own reranker.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.corpus import demonstration_documents, judgements, rows
from indexer.backends.embedded import EmbeddedBackend
from indexer.documents import Document
from indexer.embedding import EmbeddingStore, open_embedder
from indexer.entries import entries_of, meta_of
from indexer.query import SearchQuery, Vector
from indexer.search import Index
from marketplace.records.database import Database

RESULTS = Path(__file__).with_name("results")
TOP = 10
DEPTH = 100

LANCEDB = """
import json, sys, time
import lancedb, numpy as np
from lancedb.rerankers import RRFReranker
given = json.load(open(sys.argv[1]))
db = lancedb.connect(sys.argv[2])
table = db.create_table("things", [{"id": i, "text": t, "vector": v} for i, t, v in given["things"]])
table.create_fts_index("text", use_tantivy=False, base_tokenizer="ngram", ngram_min_length=2, ngram_max_length=2, replace=True)
answers, times = [], []
for text, vector in given["queries"]:
    began = time.perf_counter()
    found = table.search(query_type="hybrid").vector(vector).text(text).rerank(RRFReranker()).limit(20).to_list()
    times.append((time.perf_counter() - began) * 1000)
    answers.append(list(dict.fromkeys(row["id"] for row in found)))
json.dump({"answers": answers, "times": times}, open(sys.argv[3], "w"))
"""


def ndcg(ranking: Sequence[int], grades: dict[int, int], depth: int = TOP) -> float:
    """Gain 2^grade − 1, discounted by log2(rank + 1), over the ideal ranking's; a query without a result counts as 0."""
    gains = sum((2 ** grades.get(thing, 0) - 1) / np.log2(place + 2) for place, thing in enumerate(ranking[:depth]))
    ideal = sum((2**grade - 1) / np.log2(place + 2) for place, grade in enumerate(sorted(grades.values(), reverse=True)[:depth]))
    return float(gains / ideal) if ideal else 0.0


def body_of(document: Document) -> str:
    return "。".join(text for name, text in document.text.items() if name != "labels")


def sqlite_numpy(documents: Sequence[Document], vectors: Vector, owners: Sequence[int]) -> Callable[[str, Vector], list[int]]:
    """FTS5 with trigrams, each three characters of the query asked for; NumPy; half and half after dividing by the best."""
    connection = sqlite3.connect(":memory:")
    connection.execute("create virtual table things using fts5(body, tokenize='trigram')")
    connection.executemany("insert into things(rowid, body) values (?, ?)", [(one.thing_id, body_of(one)) for one in documents])
    owner = np.array(owners)

    def ask(text: str, vector: Vector) -> list[int]:
        parts = {text[place : place + 3] for place in range(len(text) - 2)}
        wanted = " OR ".join('"' + part.replace('"', '""') + '"' for part in sorted(parts))
        found = connection.execute("select rowid, -bm25(things) from things where things match ? order by 2 desc limit ?", (wanted, DEPTH))
        lexical = dict(found.fetchall())
        scores = vectors @ vector
        order = np.argsort(-scores)[: 2 * DEPTH]
        low, high = float(scores[order[-1]]), float(scores[order[0]])
        dense: dict[int, float] = {}
        for place in order:
            dense.setdefault(int(owner[place]), (float(scores[place]) - low) / max(high - low, 1e-9))
        best = max(lexical.values(), default=1.0) or 1.0
        fused = {thing: 0.5 * lexical.get(thing, 0.0) / best + 0.5 * dense.get(thing, 0.0) for thing in lexical.keys() | dense.keys()}
        return sorted(fused, key=lambda thing: -fused[thing])[:TOP]

    return ask


def lancedb(documents: Sequence[Document], vectors: Vector, owners: Sequence[int], texts: Sequence[str], asked: Vector) -> dict[str, Any]:
    """Answers and times of LanceDB, run in an environment of its own; {"missing": why} where it does not install."""
    bodies = {one.thing_id: body_of(one) for one in documents}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        venv.create(place / "venv", with_pip=True)
        python = place / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        installed = subprocess.run([python, "-m", "pip", "install", "-q", "lancedb", "numpy"], capture_output=True, text=True, check=False)
        if installed.returncode:
            return {"missing": installed.stderr.strip().splitlines()[-1] if installed.stderr.strip() else "pip failed"}
        given = {
            "things": [(owner, bodies[owner], vector.tolist()) for owner, vector in zip(owners, vectors, strict=True)],
            "queries": [(text, vector.tolist()) for text, vector in zip(texts, asked, strict=True)],
        }
        (place / "given.json").write_text(json.dumps(given), encoding="utf-8")
        (place / "peer.py").write_text(LANCEDB, encoding="utf-8")
        done = subprocess.run(
            [python, place / "peer.py", place / "given.json", place / "db", place / "answers.json"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return {"missing": done.stderr.strip().splitlines()[-1]}
        return dict(json.loads((place / "answers.json").read_text(encoding="utf-8")))


def row(name: str, answers: Sequence[Sequence[int]], times: Sequence[float], grades: Sequence[dict[int, int]]) -> dict[str, Any]:
    quality = float(np.mean([ndcg(ranking, judged) for ranking, judged in zip(answers, grades, strict=True)]))
    return {
        "name": name,
        "ndcg@10": round(quality, 3),
        "p50_ms": round(float(np.percentile(times, 50)), 2),
        "p95_ms": round(float(np.percentile(times, 95)), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--with-lancedb", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path(".test-cache") / "bench.db")
    parser.add_argument("--out", type=Path, default=RESULTS / "peers.json")
    options = parser.parse_args()
    options.cache.parent.mkdir(exist_ok=True)
    database = Database(f"sqlite:///{options.cache.resolve()}")
    database.migrate()
    store = EmbeddingStore(open_embedder("builtin"), database, bulk=True)
    documents, judged = demonstration_documents(), judgements()
    problems = {one["id"]: one["text"] for one in rows("problems")}
    texts, grades = [problems[key] for key in judged], list(judged.values())
    asked = store.queries(texts, keep=True)
    owners = [document.thing_id for document in documents for _ in document.mains]
    vectors = store.passages([text for document in documents for text in document.mains])
    found = []

    def timed(ask: Callable[[str, Vector], list[int]]) -> tuple[list[list[int]], list[float]]:
        answers, times = [], []
        for text, vector in zip(texts, asked, strict=True):
            began = time.perf_counter()
            answers.append(ask(text, vector))
            times.append((time.perf_counter() - began) * 1000)
        return answers, times

    found.append(row("SQLite FTS5 + NumPy", *timed(sqlite_numpy(documents, vectors, owners)), grades))
    if options.with_lancedb:
        peer = lancedb(documents, vectors, owners, texts, asked)
        if "missing" in peer:
            print(f"LanceDB: {peer['missing']}", file=sys.stderr)
        else:
            found.append(row("LanceDB hybrid", peer["answers"], peer["times"], grades))
    with tempfile.TemporaryDirectory() as folder:
        backend = EmbeddedBackend(Path(folder) / "index", meta=meta_of(store), find_vectors=store.find, write=True)
        backend.apply(entries_of(documents, store))
        backend.refresh()
        index = Index(backend, store)
        ready = index.asked([SearchQuery(text=text, size=TOP, facets=False) for text in texts])
        index.answer(ready[:5])
        answers, times = [], []
        for one in ready:
            began = time.perf_counter()
            (page,) = index.answer([one])
            times.append((time.perf_counter() - began) * 1000)
            answers.append([hit.thing_id for hit in page.hits])
        found.append(row("ours, hybrid", answers, times, grades))
        backend.close()
    print(f"{'':<22} {'nDCG@10':>8} {'p50 ms':>8} {'p95 ms':>8}")
    for line in found:
        print(f"{line['name']:<22} {line['ndcg@10']:>8} {line['p50_ms']:>8} {line['p95_ms']:>8}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
