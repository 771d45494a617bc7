"""Files of real demands and achievements through the whole way: import, index, search, recommend, as a user's own.

    python -m bench.real_files FOLDER [--queries 40]

FOLDER is a judged set in BEIR form. Its documents become solutions of one placeholder provider, its queries problems of
one placeholder enterprise; nothing of it is kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from indexer.query import SearchQuery
from marketplace.actions.imports import import_path
from marketplace.app import open_site, worker_of
from marketplace.domain.credit_code import check_character
from marketplace.settings import Settings
from recommender.ask import Ask


def placeholder(number: int) -> str:
    """A code of a region that does not exist, with its right check character."""
    first = f"91990000{number:09d}"
    return first + check_character(first)


def written(folder: Path, source: Path) -> list[str]:
    """The set as files of a user; returns the problems' texts."""
    lines = {name: (source / f"{name}.jsonl").read_text("utf-8").splitlines() for name in ("corpus", "queries")}
    corpus, queries = ([json.loads(line) for line in lines[name] if line] for name in ("corpus", "queries"))
    provider, enterprise = placeholder(1), placeholder(2)
    files = {
        "providers": [{"code": provider, "name": "占位服务商（示例）", "sectors": ["chem"], "local_office": True}],
        "enterprises": [{"code": enterprise, "name": "占位企业（示例）", "sector": "chem"}],
        "solutions": [
            {"id": row["_id"], "provider_code": provider, "title": row["title"], "summary": row.get("text", "")} for row in corpus
        ],
        "problems": [{"id": row["_id"], "enterprise_code": enterprise, "text": row.get("text") or row["title"]} for row in queries],
    }
    for name, rows in files.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return [row["text"] for row in files["problems"]]


def main() -> None:
    """Print what each step took and what it found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--queries", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        files, data = Path(place) / "files", Path(place) / "data"
        files.mkdir()
        texts = written(files, options.folder)[: options.queries]
        site = open_site(Settings(data_dir=data), write=True)
        began = time.perf_counter()
        report = import_path(site.database, site.pilot, files, actor="bench")
        print(f"import      {time.perf_counter() - began:6.1f} s  bad rows {len(report.bad)}  {report.counts}")
        began = time.perf_counter()
        worker_of(site).drain()
        print(f"index       {time.perf_counter() - began:6.1f} s")
        began = time.perf_counter()
        pages = [site.index.search(SearchQuery(text=text)) for text in texts]
        print(
            f"search      {(time.perf_counter() - began) / len(texts) * 1000:6.0f} ms each, {sum(not page.hits for page in pages)} without a result"
        )
        began = time.perf_counter()
        found = [site.recommender.recommend(Ask(str(number), text)) for number, text in enumerate(texts)]
        empty = sum(not one.matches for one in found)
        print(f"recommend   {(time.perf_counter() - began) / len(texts) * 1000:6.0f} ms each, {empty} without a match")


if __name__ == "__main__":
    main()
