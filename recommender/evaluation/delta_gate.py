"""Is a trained delta kept? Dense retrieval alone, with it and without it, on judged sets that it was not trained on."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from indexer.query import Vector
from recommender.accepted_pairs import Split
from recommender.evaluation.beir import BadSetError
from recommender.evaluation.bootstrap import Difference, paired_bootstrap
from recommender.evaluation.ndcg import ndcg

DEPTH = 10
Grades = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Comparison:
    """nDCG@10 without and with the delta, means over the queries, and the difference with its interval."""

    queries: int
    base: float
    changed: float
    difference: Difference


@dataclass(frozen=True)
class Gate:
    """`demands` is None where no such set was given; `recorded` where nothing of a site was learned from: the later part of what it
    recorded, measured against what is in use there."""

    demonstration: Comparison
    demands: Comparison | None
    recorded: Comparison | None = None

    @property
    def is_kept(self) -> bool:
        """Better beyond noise where it counts, and not worse beyond noise elsewhere. Where it counts: on what was recorded later, if a
        site's matches were learned from, else on the demonstration set."""
        elsewhere = [one for one in (self.demands, self.demonstration if self.recorded else None) if one is not None]
        counts = self.recorded or self.demonstration
        return counts.difference.is_better and not any(one.difference.is_worse for one in elsewhere)


class Texts(Protocol):
    """What is compared: an embedder, or a store of vectors with its correction."""

    def queries(self, texts: Sequence[str]) -> Vector: ...
    def passages(self, texts: Sequence[str]) -> Vector: ...


def judge(base: Texts, changed: Texts, demonstration: Path, demands: Path | None = None, accepted: Split | None = None) -> Gate:
    """Compare two embedders. `demands`: a folder in BEIR form, titles against titles; `accepted`: what the changed one learned from
    and, later in time, is measured on. Raises BadSetError."""
    # A judged problem that was learned from judges nothing.
    known = frozenset(text for one in accepted.early for text in (one.said, one.text)) if accepted else frozenset()
    return Gate(
        _compared(_of_demonstration(demonstration, base, known), _of_demonstration(demonstration, changed, known)),
        _compared(_of_demands(demands, base), _of_demands(demands, changed)) if demands else None,
        _compared(_of_recorded(accepted, base), _of_recorded(accepted, changed)) if accepted else None,
    )


def _of_recorded(split: Split, texts: Texts) -> list[float]:
    """Later problems against the pool, by the same two closenesses; what nobody decided about has no gain."""
    asked = texts.queries([one.text for one in split.late])
    wholes, points = (texts.passages([passages[place] for passages in split.pool.passages]) for place in (0, -1))
    grades = {str(place): {str(key): grade for key, grade in one.grades.items()} for place, one in enumerate(split.late)}
    return _scores(asked @ wholes.T + asked @ points.T, [str(key) for key in split.pool.ids], grades)


def _compared(base: list[float], changed: list[float]) -> Comparison:
    return Comparison(len(base), float(np.mean(base)), float(np.mean(changed)), paired_bootstrap(base, changed))


def _of_demonstration(folder: Path, embedder: Texts, without: frozenset[str] = frozenset()) -> list[float]:
    """Problems against solutions: the mean of the closeness to title and summary and to title and what it solves."""
    try:
        grades: Grades = {}
        for line in (folder / "relevance.tsv").read_text(encoding="utf-8").splitlines():
            problem, solution, grade = line.split("\t")
            grades.setdefault(problem, {})[solution] = int(grade)
        problems = {row["id"]: row["text"] for row in _rows(folder / "problems.jsonl")}
        grades = {name: judged for name, judged in grades.items() if problems[name] not in without}
        if not grades:
            raise BadSetError(f"评测集 {folder} 的问题都已用来学，没有可比较的。")
        solutions = _rows(folder / "solutions.jsonl")
        asked = embedder.queries([problems[name] for name in grades])
        wholes = embedder.passages([f"{row['title']}。{row['summary']}" for row in solutions])
        points = embedder.passages([f"{row['title']}。{'；'.join(row['solves'])}" for row in solutions])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadSetError(f"评测集 {folder} 读不懂（{type(error).__name__}：{error}）。") from None
    return _scores(asked @ wholes.T + asked @ points.T, [row["id"] for row in solutions], grades)


def _of_demands(folder: Path, embedder: Texts) -> list[float]:
    try:
        grades: Grades = {}
        with (folder / "qrels.tsv").open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                grades.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
        titles = {row["_id"]: row["title"] for row in _rows(folder / "queries.jsonl")}
        corpus = [(row["_id"], row["title"]) for row in _rows(folder / "corpus.jsonl")]
        grades = {name: judged for name, judged in grades.items() if any(judged.values())}
        asked = embedder.queries([titles[name] for name in grades])
        found = embedder.passages([title for _, title in corpus])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadSetError(f"评测集 {folder} 读不懂（{type(error).__name__}：{error}）。") from None
    return _scores(asked @ found.T, [name for name, _ in corpus], grades)


def _scores(closeness: Vector, names: Sequence[str], grades: Grades) -> list[float]:
    best = np.argsort(-closeness, axis=1, kind="stable")[:, :DEPTH]
    return [ndcg([names[place] for place in row], judged, DEPTH) for row, judged in zip(best, grades.values(), strict=True)]


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
