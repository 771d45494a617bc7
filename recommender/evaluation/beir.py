"""Retrieval sets in BEIR form: corpus.jsonl, queries.jsonl, qrels.tsv; and the demonstration set written as one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class BadSetError(ValueError):
    """A file of a retrieval set that cannot be used; the message says which file, which line, and why."""


@dataclass(frozen=True)
class JudgedSet:
    """Documents and queries by id (each with `title`, `text`, `metadata`), and grades by query and document."""

    corpus: dict[str, dict[str, Any]]
    queries: dict[str, dict[str, Any]]
    grades: dict[str, dict[str, int]]


def read_set(corpus: Path, queries: Path, qrels: Path) -> JudgedSet:
    """Read the three files. Judged queries without text, and bad lines, are errors; unjudged queries are left out.

    Raises BadSetError.
    """
    documents = {row["_id"]: row for row in _rows(corpus)}
    asked = {row["_id"]: row for row in _rows(queries)}
    grades = _grades(qrels)
    unknown = [name for name in grades if name not in asked]
    if unknown:
        raise BadSetError(f"{qrels}：查询 {unknown[0]} 不在 {queries.name} 里（共 {len(unknown)} 个）。")
    return JudgedSet(documents, {name: asked[name] for name in grades}, grades)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadSetError(f"{path} 第 {number} 行不是 JSON：{error}") from error
        if not isinstance(row, dict) or not isinstance(row.get("_id"), str):
            raise BadSetError(f"{path} 第 {number} 行没有文字型的 _id。")
        if row["_id"] in seen:
            raise BadSetError(f"{path} 第 {number} 行的 _id {row['_id']} 重复。")
        seen.add(row["_id"])
        yield {**row, "title": str(row.get("title") or ""), "text": str(row.get("text") or ""), "metadata": row.get("metadata") or {}}


def _grades(path: Path) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_lines(path), start=1):
        cells = line.rstrip("\r\n").split("\t")
        # The header is part of the form, but a file without one is still plain.
        if number == 1 and cells[-1].strip().lower() == "score":
            continue
        if not line.strip():
            continue
        try:
            query, document, score = cells
            grades.setdefault(query, {})[document] = int(float(score))
        except ValueError as error:
            raise BadSetError(f"{path} 第 {number} 行应为三列（query-id、corpus-id、score，以制表符分隔）。") from error
    if not grades:
        raise BadSetError(f"{path} 里没有判定。")
    return grades


def _lines(path: Path) -> Iterable[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetError(f"读不了 {path}：{error}") from error


def write_demonstration_set(demo: Path, folder: Path) -> None:
    """The demonstration set's 120 judged problems and 170 solutions as a BEIR folder, metadata and all."""
    folder.mkdir(parents=True, exist_ok=True)
    providers = {row["code"]: row for row in _plain(demo / "providers.jsonl")}
    enterprises = {row["code"]: row for row in _plain(demo / "enterprises.jsonl")}
    corpus = []
    for row in _plain(demo / "solutions.jsonl"):
        provider = providers[row["provider_code"]]
        metadata = {
            key: row[key] for key in ("sectors", "stages", "orientations", "form", "price_wan", "delivery_weeks", "solves", "technologies")
        }
        metadata |= {"provider": row["provider_code"], "region": provider["region"], "local_office": provider["local_office"]}
        metadata["local_service_commitment"] = provider["local_service_commitment"]
        text = f"{row['summary']}\n解决：{'；'.join(row['solves'])}\n技术：{'、'.join(row['technologies'])}"
        corpus.append({"_id": row["id"], "title": row["title"], "text": text, "metadata": metadata})
    judged = [line.split("\t") for line in (demo / "relevance.tsv").read_text(encoding="utf-8").splitlines() if line]
    names = {cells[0] for cells in judged}
    queries = [
        {
            "_id": row["id"],
            "title": "",
            "text": row["text"],
            "metadata": {"sector": enterprises[row["enterprise_code"]]["sector"], "stage": row["stage"], "orientation": row["orientation"]},
        }
        for row in _plain(demo / "problems.jsonl")
        if row["id"] in names
    ]
    _write(folder / "corpus.jsonl", corpus)
    _write(folder / "queries.jsonl", queries)
    lines = ["query-id\tcorpus-id\tscore", *("\t".join(cells) for cells in judged)]
    (folder / "qrels.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _plain(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
