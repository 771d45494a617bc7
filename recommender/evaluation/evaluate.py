"""Measure the search and the recommender on any judged set: a throw-away index, every query, four figures and the time."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from indexer.backends import open_throw_away
from indexer.documents import Document, mains, units
from indexer.embedding import EmbeddingStore, open_embedder
from indexer.entries import entries_of, meta_of
from indexer.query import Kind, Mode, SearchQuery
from indexer.search import Index
from recommender.ask import Ask
from recommender.candidates import Ids
from recommender.evaluation.beir import BadSetError, JudgedSet, read_set
from recommender.evaluation.mrr import reciprocal_rank
from recommender.evaluation.ndcg import ndcg
from recommender.evaluation.recall import recall
from recommender.features.constraint_fit import Traits
from recommender.features.past_matches import PastMatch, past_matches
from recommender.known_problems import KnownProblems
from recommender.ranking import HandWeights, Ranker

MODES = ("lexical", "dense", "hybrid", "recommend")
DEPTH = 100
BATCH = 256


# Called with (done, total) while documents are indexed.
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Measured:
    """Per query, in the order of `queries`: the ranking, nDCG@10, recall@100, reciprocal rank @10, and milliseconds."""

    queries: tuple[str, ...]
    rankings: tuple[tuple[tuple[str, float], ...], ...]
    ndcg: tuple[float, ...]
    recall: tuple[float, ...]
    mrr: tuple[float, ...]
    took_ms: tuple[float, ...]

    def figures(self) -> dict[str, float]:
        """Means over all judged queries (one without a result counts as 0); `coverage`: share of queries with a result;
        `p50` and `p95`: milliseconds per query, its embedding included."""
        return {
            "ndcg@10": round(fmean(self.ndcg), 4),
            "recall@100": round(fmean(self.recall), 4),
            "mrr@10": round(fmean(self.mrr), 4),
            "coverage": round(fmean(float(bool(row)) for row in self.rankings), 4),
            "p50": round(float(np.percentile(self.took_ms, 50)), 2),
            "p95": round(float(np.percentile(self.took_ms, 95)), 2),
        }


def evaluate(
    corpus: Path,
    queries: Path,
    qrels: Path,
    mode: str = "recommend",
    history: Path | None = None,
    run: Path | None = None,
    *,
    embeddings: EmbeddingStore | None = None,
    engine: str = "embedded:",
    progress: Told | None = None,
) -> dict[str, float]:
    """Figures of one mode on a set in BEIR form. Raises BadSetError, and ValueError for an unknown mode.

    `history`: past matches that `recommend` may use; rows of judged problems are dropped. `run`: where to write the
    ranking in TREC form. `embeddings`: the configured store, else the built-in model without a database.
    """
    if mode not in MODES:
        raise ValueError(f"未知的模式：{mode}，可用：{'、'.join(MODES)}。")
    judged = read_set(corpus, queries, qrels)
    past = read_history(history, queries, judged) if history else []
    store = embeddings or EmbeddingStore(open_embedder("builtin"))
    with tempfile.TemporaryDirectory(prefix="jigai-evaluate-") as folder:
        index = _index(judged, store, engine, Path(folder), progress)
        try:
            measured = measure(judged, index, mode, past)
        finally:
            index.close()
    if run:
        write_run(run, measured, f"jigai-{mode}")
    return measured.figures()


def measure(
    judged: JudgedSet, index: Index, mode: str, past: Sequence[tuple[str, PastMatch]] = (), *, weights: HandWeights | None = None
) -> Measured:
    """Every judged query, one by one, against an index made by `open_index`."""
    names = list(judged.corpus)
    ranker = open_ranker(judged, index, weights) if mode == "recommend" else None
    rankings, took = [], []
    for query in judged.queries.values():
        started = time.perf_counter()
        found: list[tuple[int, float]] = []
        if not text_of(query):
            # An engine shows everything when nothing is asked; here that would be no answer.
            pass
        elif ranker is not None:
            found = _recommended(ranker, query, past)
        else:
            page = index.search(SearchQuery(text=text_of(query), mode=Mode(mode), size=DEPTH, facets=False, relax=False))
            found = [(hit.thing_id, hit.score) for hit in page.hits]
        took.append((time.perf_counter() - started) * 1000)
        rankings.append(tuple((names[place], score) for place, score in found))
    order = [[name for name, _ in row] for row in rankings]
    grades = list(judged.grades.values())
    return Measured(
        queries=tuple(judged.queries),
        rankings=tuple(rankings),
        ndcg=tuple(ndcg(row, known) for row, known in zip(order, grades, strict=True)),
        recall=tuple(recall(row, known) for row, known in zip(order, grades, strict=True)),
        mrr=tuple(reciprocal_rank(row, known) for row, known in zip(order, grades, strict=True)),
        took_ms=tuple(took),
    )


def open_ranker(judged: JudgedSet, index: Index, weights: HandWeights | None = None) -> Ranker:
    """The ranker over a set's documents, whose traits are their metadata."""
    names = list(judged.corpus)
    return Ranker(index, KnownProblems.open(index.embeddings), lambda ids: _traits(judged, names, ids), weights)


def ask_of(query: Mapping[str, Any]) -> Ask:
    """A query as it is asked of the recommender: sector, stage and orientation from its metadata, no price, no place."""
    metadata = query["metadata"]
    sector, stage, orientation = (
        next(iter(_words(metadata.get(name) or metadata.get(f"{name}s"))), None) for name in ("sector", "stage", "orientation")
    )
    return Ask(key=str(query["_id"]), text=text_of(query), sector=sector, stage=stage, orientation=orientation)


def open_index(judged: JudgedSet, embeddings: EmbeddingStore, folder: Path, engine: str = "embedded:") -> Index:
    """A throw-away index of a set's documents; close it."""
    return _index(judged, embeddings, engine, folder, None)


def text_of(query: Mapping[str, Any]) -> str:
    """Title and text as one, the title on a line of its own; a text that begins with its title says it only once."""
    title, text = str(query["title"]).strip(), str(query["text"]).strip()
    if title and text.startswith(title):
        text = text[len(title) :].lstrip("。．.：:，,；; \n")
    return "\n".join(part for part in (title, text) if part)


def read_history(history: Path, queries: Path, judged: JudgedSet) -> list[tuple[str, PastMatch]]:
    """(problem text, past match) of rows {problem_id, solution_id, decision, …}, those of judged problems dropped.

    The problem's words come from the row (`problem_text`) or from the queries file; a row without them is of no use.
    """
    texts = {}
    for line in queries.read_text(encoding="utf-8-sig").splitlines():
        if line.strip():
            row = json.loads(line)
            texts[row["_id"]] = text_of({"title": row.get("title") or "", "text": row.get("text") or ""})
    place = {name: number for number, name in enumerate(judged.corpus)}
    found = []
    for number, line in enumerate(history.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            problem, solution = str(row["problem_id"]), str(row["solution_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadSetError(f"{history} 第 {number} 行应有 problem_id 和 solution_id。") from error
        text = str(row.get("problem_text") or texts.get(problem, ""))
        if problem in judged.grades or solution not in place or not text:
            continue
        accepted = {"accepted": True, "declined": False}.get(str(row.get("decision", "accepted")))
        found.append((text, PastMatch(-1 - number, text, place[solution], accepted)))
    return found


def write_run(file: Path, measured: Measured, tag: str) -> None:
    """The rankings in TREC form: query Q0 document rank score tag."""
    lines = [
        f"{query} Q0 {name} {rank} {score:.6f} {tag}"
        for query, row in zip(measured.queries, measured.rankings, strict=True)
        for rank, (name, score) in enumerate(row, start=1)
    ]
    file.write_text("\n".join(lines) + "\n" if lines else "", encoding="utf-8")


def _index(judged: JudgedSet, embeddings: EmbeddingStore, engine: str, folder: Path, progress: Told | None) -> Index:
    backend = open_throw_away(engine, folder, meta=meta_of(embeddings), find_vectors=embeddings.find)
    documents = list(_documents(judged))
    store = embeddings.bulk() if embeddings.raw_space else embeddings
    for start in range(0, len(documents), BATCH):
        backend.apply(entries_of(documents[start : start + BATCH], store))
        if progress:
            progress(min(start + BATCH, len(documents)), len(documents))
    backend.refresh()
    return Index(backend, embeddings)


def _documents(judged: JudgedSet) -> Iterator[Document]:
    for number, row in enumerate(judged.corpus.values()):
        metadata = row["metadata"]
        points = _words(metadata.get("solves"))
        yield Document(
            kind=Kind.SOLUTION,
            thing_id=number,
            version=1,
            provider_id=None,
            text={"title": row["title"], "text": row["text"]},
            mains=mains(row["title"], row["text"], points),
            units=units(row["title"], row["text"], points, most=24),
            keywords={"sector": _words(metadata.get("sectors"))} if metadata.get("sectors") else {},
        )


def _traits(judged: JudgedSet, names: Sequence[str], ids: Ids) -> dict[int, Traits]:
    found = {}
    for place in ids.tolist():
        row = judged.corpus[names[place]]["metadata"]
        found[place] = Traits(*(_words(row.get(f"{name}s") or row.get(name)) for name in ("sector", "stage", "orientation")))
    return found


def _words(value: Any) -> tuple[str, ...]:
    """A metadata value as words: a list, one word, or nothing."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(word) for word in value) if isinstance(value, list | tuple) else ()


def _recommended(ranker: Ranker, query: Mapping[str, Any], past: Sequence[tuple[str, PastMatch]]) -> list[tuple[int, float]]:
    """(place of the document, score), best first."""
    ask = ask_of(query)
    similar = []
    if past:
        store = ranker.index.embeddings
        own, others = store.queries([ask.text]), store.queries([text for text, _ in past])
        nearness = ranker.known.likeness(others @ own[0])
        similar = [past_matches([row for _, row in past], nearness, own_problem=None)]
    ranking = ranker.rank([ask], [frozenset()], similar or None)[0]
    places = ranking.order[:DEPTH]
    return [(int(ranking.candidates.ids[place]), float(ranking.content[place])) for place in places]
