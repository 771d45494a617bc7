"""Distilling scenarios from 20,000 problems, beside their embedding: `python -m bench.clustering [--problems N] [--out FILE]`.

The problems are the 1,800 known ones, each told anew several times: its vector with a random part of its own (so that two tellings
are as close as two enterprises' words for one need), its text with another beginning. Asked: seconds, how many clusters, and how
many problems share a cluster with at least one other telling of the same problem.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from indexer.embedding import EmbeddingStore, open_embedder
from recommender.distilling import distil
from recommender.known_problems import KnownProblems

SEED = 20_240_930
OWN = 0.25
BEGINNINGS = ("二车间：", "我们这边，", "去年起，", "三号线上，", "夜班时，", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=20_000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    known = KnownProblems.packaged(EmbeddingStore(open_embedder("builtin")))
    assert known is not None
    chance = np.random.default_rng(SEED)
    origin = np.arange(asked.problems) % len(known.vectors)
    own = chance.normal(size=(asked.problems, known.vectors.shape[1])).astype(np.float32)
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    vectors = known.vectors[origin] + OWN * own
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [f"{BEGINNINGS[place % len(BEGINNINGS)]}{known.symptoms.problems[number]}" for place, number in enumerate(origin)]
    started = time.perf_counter()
    found = distil(texts, vectors, told=lambda done, total: print(f"{100 * done // total} %", flush=True))
    took = time.perf_counter() - started
    together = sum(_shared([int(origin[place]) for place in cluster.members]) for cluster in found)
    figures = {
        "problems": asked.problems,
        "seconds": round(took, 1),
        "clusters": len(found),
        "in_a_cluster": sum(len(cluster.members) for cluster in found),
        "with_another_telling": round(together / asked.problems, 3),
        "largest": len(found[0].members) if found else 0,
        "names": [cluster.name for cluster in found[:8]],
    }
    print(json.dumps(figures, ensure_ascii=False, indent=1))
    if asked.out:
        asked.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _shared(origins: list[int]) -> int:
    """How many of a cluster's problems have another telling of theirs in it."""
    counts = np.bincount(np.array(origins))
    return int(counts[counts > 1].sum())


if __name__ == "__main__":
    main()
