"""Inner products over many passages, and what they say of the things that the passages belong to."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray

from indexer.query import Vector

Places = NDArray[np.intp]
PROCESSORS = min(4, os.cpu_count() or 1)
PASSAGES_A_PART = 20_000


def products(vectors: Vector, passages: Vector) -> Vector:
    """(q, n) inner products; many passages are parted among the processors."""
    parts = min(PROCESSORS, len(passages) // PASSAGES_A_PART)
    if parts < 2:
        return _product(vectors, passages)
    bounds = [len(passages) * part // parts for part in range(parts + 1)]
    work = [_parts().submit(_product, vectors, passages[start:end]) for start, end in itertools.pairwise(bounds)]
    return np.concatenate([part.result() for part in work], axis=1)


def _product(vectors: Vector, passages: Vector) -> Vector:
    """One vector alone takes the faster road of a matrix and a vector."""
    if len(vectors) == 1:
        return np.asarray((passages @ vectors[0])[None, :], np.float32)
    return np.asarray(vectors @ passages.T, np.float32)


@cache
def _parts() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(PROCESSORS, thread_name_prefix="scan")


def best_of_spans(scores: Vector, first: NDArray[np.int64], last: NDArray[np.int64]) -> Vector:
    """(q, n) the highest score of each span; -inf for an empty one."""
    has = last > first
    best = np.full((len(scores), len(first)), -np.inf, np.float32)
    if has.any():
        best[:, has] = np.maximum.reduceat(scores, first[has], axis=1)
    return best


def spans(start: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[Places, Places]:
    """All passages of some rows: their places, and for each the place of its row."""
    counts = start[rows + 1] - start[rows]
    total = int(counts.sum())
    owner = np.repeat(np.arange(len(rows)), counts)
    begins = np.cumsum(counts) - counts
    return np.arange(total) + np.repeat(start[rows] - begins, counts), owner
