"""Large corpora from a small one, by a seed: clauses of the demonstration set recombined, real vectors plus noise.

Only sizes are made up here: what a search costs, never how good it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexer.analysis import analyser, spell
from indexer.backends import Entry
from indexer.documents import Document, mains, sentences_of, units
from indexer.embedding import EmbeddingStore
from indexer.query import Kind, Vector

DEMONSTRATION = Path(__file__).parents[1] / "marketplace" / "data" / "demo"
MAINS = 2
NOISE = 0.35


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of one file of the demonstration set."""
    return [json.loads(line) for line in (DEMONSTRATION / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def demonstration_documents() -> list[Document]:
    """The 170 solutions; `thing_id` is the number in SOL-0001."""
    providers = {row["code"]: number for number, row in enumerate(rows("providers"), 1)}
    return [_document(row, int(row["id"][4:]), providers[row["provider_code"]]) for row in rows("solutions")]


def judgements() -> dict[str, dict[int, int]]:
    """Problem → solution number → grade."""
    found: dict[str, dict[int, int]] = {}
    for line in (DEMONSTRATION / "relevance.tsv").read_text(encoding="utf-8").splitlines():
        problem, solution, grade = line.split("\t")
        found.setdefault(problem, {})[int(solution[4:])] = int(grade)
    return found


def _document(row: dict[str, Any], number: int, provider: int) -> Document:
    return Document(
        kind=Kind.SOLUTION,
        thing_id=number,
        version=1,
        provider_id=provider,
        text={
            "title": row["title"],
            "summary": row["summary"],
            "solves": "；".join(row["solves"]),
            "technologies": "；".join(row["technologies"]),
            "labels": " ".join(row["stages"]),
        },
        mains=mains(row["title"], row["summary"], row["solves"]),
        units=units(row["title"], row["summary"], row["solves"]),
        keywords={
            "sector": tuple(row["sectors"]),
            "stage": tuple(row["stages"]),
            "orientation": tuple(row["orientations"]),
            "form": (row["form"],),
            "local": (("office", "commitment", "none")[provider % 3],),
            "region": (f"地区{provider % 40}",),
        },
        numbers={
            "price_low": row["price_wan"][0] * 1e6,
            "price_high": row["price_wan"][1] * 1e6,
            "weeks_low": row["delivery_weeks"][0],
            "weeks_high": row["delivery_weeks"][1],
            "references": row["references"],
        },
    )


@dataclass(frozen=True)
class Source:
    """What large corpora are made of. `seeds_main` (n, d), `seeds_unit` (m, d): real vectors."""

    rows: list[dict[str, Any]]
    seeds_main: Vector
    seeds_unit: Vector

    @classmethod
    def of(cls, embeddings: EmbeddingStore) -> Source:
        documents = demonstration_documents()
        return cls(
            rows("solutions"),
            embeddings.passages([text for document in documents for text in document.mains]),
            embeddings.passages([text for document in documents for text in document.units]),
        )


def entries(source: Source, vectors: int, *, seed: int = 1) -> Iterator[Entry]:
    """Entries with `vectors` main vectors in all, two each, and about six units."""
    chance = np.random.default_rng(seed)
    cut = analyser()
    sentences = [sentence for row in source.rows for sentence in sentences_of(row["summary"])]
    solves = [point for row in source.rows for point in row["solves"]]
    technologies = [point for row in source.rows for point in row["technologies"]]
    # Every clause is cut once: the tokens of texts that are joined by full stops are their tokens joined.
    tokens = {clause: (cut.cut(clause), cut.bigrams(clause)) for clause in {*sentences, *solves, *technologies}}
    for number in range(1, vectors // MAINS + 1):
        one, other = (source.rows[place] for place in chance.integers(0, len(source.rows), 2))
        title = f"{one['title'][: chance.integers(4, 12)]}{other['title'][-chance.integers(4, 12) :]}"
        body = [sentences[place] for place in chance.integers(0, len(sentences), 4)]
        points = [solves[place] for place in chance.integers(0, len(solves), 3)]
        means = [technologies[place] for place in chance.integers(0, len(technologies), 3)]
        made = {**one, "title": title, "summary": "。".join(body), "solves": points, "technologies": means, "stages": other["stages"]}
        clauses = [tokens[clause] for clause in (*body, *points, *means)]
        document = _document(made, number, int(chance.integers(1, 2000)))
        yield Entry(
            kind=Kind.SOLUTION,
            thing_id=number,
            version=1,
            provider_id=document.provider_id,
            title=title,
            spelt=spell(title),
            tokens={
                "words": (*cut.cut(title), *(token for words, _ in clauses for token in words)),
                "labels": tuple(cut.cut(document.text["labels"])),
                "grams": (*cut.bigrams(title), *(token for _, grams in clauses for token in grams)),
                "pinyin": tuple(cut.pinyin(title)),
            },
            hashes=tuple(f"{number}-{place}" for place in range(MAINS + 6)),
            mains=MAINS,
            vectors=np.concatenate([_near(source.seeds_main, MAINS, chance), _near(source.seeds_unit, 6, chance)]),
            keywords=document.keywords,
            numbers=document.numbers,
            audience=("public",),
        )


def _near(seeds: Vector, count: int, chance: np.random.Generator) -> Vector:
    """Real vectors moved a little, unit length."""
    real = seeds[chance.integers(0, len(seeds), count)]
    moved = real + NOISE * chance.standard_normal(real.shape, dtype=np.float32) / np.sqrt(np.float32(real.shape[1]))
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)
