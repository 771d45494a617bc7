"""How long training a ranker from 100,000 recorded matches takes: `python -m bench.training [--decisions 15200] [--out FILE]`.

The lists of bench/simulated_decisions.py, 20 matches each, about 5,000 of them. Timed as `jigai train` does it: reading what was recorded,
computing the features anew, fitting and measuring. Seconds by the clock, and of the processor, which a busy machine distorts less.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

from bench.simulated_decisions import open_demonstration, simulate
from recommender.recorded import count_rows, find_recorded
from recommender.training import train
from recommender.training_rows import make_rows
from recommender.weights import HandWeights

LIMIT_S = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=15_200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="jigai-training-"))
    try:
        site = open_demonstration(folder / "site")
        simulate(site, decisions=options.decisions, seed=1)
        rules = site.pilot.learning
        marks = [(time.perf_counter(), time.process_time())]
        with site.database.reading() as session:
            lists = find_recorded(session, most=rules.most_lists)
        marks.append((time.perf_counter(), time.process_time()))
        rows = make_rows(site.database, site.recommender.by_hand(), lists, site.pilot.rating.exploration)
        marks.append((time.perf_counter(), time.process_time()))
        trained = train(rows, HandWeights(), rules)
        marks.append((time.perf_counter(), time.process_time()))
        site.index.close()
        site.database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    steps = {
        name: {"s": round(end[0] - start[0], 1), "cpu_s": round(end[1] - start[1], 1)}
        for name, (start, end) in zip(("read", "features", "fit"), itertools.pairwise(marks), strict=True)
    }
    figures = {
        "matches": count_rows(lists),
        "lists": len(lists),
        "load": round(os.getloadavg()[0], 1),
        **steps,
        "all": {"s": round(marks[-1][0] - marks[0][0], 1), "cpu_s": round(marks[-1][1] - marks[0][1], 1)},
        "limit_s": LIMIT_S,
        "promoted": not trained.objections,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(figures, indent=1))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
