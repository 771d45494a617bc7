"""How good are the suggestions for a problem: top-1, top-3 and calibration, on problems that none of them was made from."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from recommender.suggesting import Suggester

BINS = 10


@dataclass(frozen=True)
class Judged:
    """A problem with what is right; an empty collection: nobody has said."""

    text: str
    sector: str = ""
    scenarios: Collection[str] = ()
    stages: Collection[str] = ()
    orientations: Collection[str] = ()


@dataclass(frozen=True)
class Figures:
    """Shares of `count` judged problems; `sure`: mean probability of the first suggestion; `ece`: how far it is from the share that is
    right, over ten bins."""

    count: int
    top1: float
    top3: float
    sure: float
    ece: float


def measure(suggester: Suggester, rows: Sequence[Judged]) -> tuple[dict[str, Figures], float]:
    """Figures by kind (scenario, stage, orientation), and the 95th percentile of milliseconds for one problem."""
    suggester.warm(wait=True)
    found, took = [], []
    for row in rows:
        started = time.perf_counter()
        found.append(suggester.suggest([row.text], sectors=[row.sector])[0])
        took.append((time.perf_counter() - started) * 1000)
    figures = {
        kind: _figures([(getattr(one, f"{kind}s"), getattr(row, f"{kind}s")) for one, row in zip(found, rows, strict=True)])
        for kind in ("scenario", "stage", "orientation")
    }
    return figures, float(np.percentile(took, 95)) if took else 0.0


def _figures(rows: Sequence[tuple[Sequence[tuple[str, float]], Collection[str]]]) -> Figures:
    judged = [(guesses, right) for guesses, right in rows if right]
    if not judged:
        return Figures(0, 0.0, 0.0, 0.0, 0.0)
    first = [bool(guesses) and guesses[0][0] in right for guesses, right in judged]
    any_of = [any(key in right for key, _sure in guesses[:3]) for guesses, right in judged]
    sure = [guesses[0][1] if guesses else 0.0 for guesses, _right in judged]
    return Figures(len(judged), fmean(first), fmean(any_of), fmean(sure), _ece(sure, first))


def _ece(sure: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: the mean gap between how sure and how often right, weighted by the bins' sizes."""
    total = 0.0
    for number in range(BINS):
        inside = [place for place, value in enumerate(sure) if min(int(value * BINS), BINS - 1) == number]
        if inside:
            total += len(inside) * abs(fmean(sure[place] for place in inside) - fmean(right[place] for place in inside))
    return total / len(sure)
