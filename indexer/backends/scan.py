"""Inner products over many passages, and what they say of the things that the passages belong to."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.query import Vector

Places = NDArray[np.intp]
PROCESSORS = min(4, os.cpu_count() or 1)
PASSAGES_A_PART = 20_000
# From so many requests on, threads are worth their while.
MANY = 4
Result = TypeVar("Result")


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


def side_by_side(work: Iterable[Callable[[], Result]], count: int) -> list[Result]:
    """The results of `count` pieces of work in their order. Many are done by a few threads, with few results waiting: the text engine
    computes beside Python."""
    if count < MANY or PROCESSORS < 2:
        return [one() for one in work]
    found: list[Result] = []
    waiting: deque[Future[Result]] = deque()
    for one in work:
        waiting.append(_answers().submit(one))
        if len(waiting) > 4 * PROCESSORS:
            found.append(waiting.popleft().result())
    return [*found, *(one.result() for one in waiting)]


@cache
def _answers() -> ThreadPoolExecutor:
    """Apart from the parts of a scan, for which an answer may wait."""
    return ThreadPoolExecutor(PROCESSORS, thread_name_prefix="answers")


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
