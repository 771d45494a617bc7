"""The radar of a diagnosis as a drawing of 560 × 340: numbers only, the page writes the SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 560, 340
_X, _Y, _RADIUS, _LABEL = WIDTH / 2, 168.0, 120.0, 138.0
RINGS = (25, 50, 75, 100)
Point = tuple[float, float]


@dataclass(frozen=True)
class Spoke:
    """One section: where its spoke ends, where its label stands and how it is anchored; own value and mean, None for none."""

    name: str
    end: Point
    label: Point
    anchor: str
    own: float | None
    mean: float | None


@dataclass(frozen=True)
class Drawn:
    """`rings`: (percent, points of a polygon). `own`, `mean`: lines between values that follow each other, and the values as points."""

    spokes: Sequence[Spoke]
    rings: Sequence[tuple[int, str]]
    own: Sequence[tuple[Point, Point]]
    own_points: Sequence[Point]
    mean: Sequence[tuple[Point, Point]]
    centre: Point = (_X, _Y)


def radar(sections: Sequence[tuple[str, str]], own: Mapping[str, float], means: Mapping[str, float]) -> Drawn:
    """`sections`: (key, word). What has no value has no point: a missing answer is not a zero."""
    turns = [2 * math.pi * number / len(sections) for number in range(len(sections))]
    spokes = [_spoke(word, turn, own.get(key), means.get(key)) for (key, word), turn in zip(sections, turns, strict=True)]
    rings = [(ring, " ".join(f"{x},{y}" for x, y in (_at(turn, ring) for turn in turns))) for ring in RINGS]
    own_points = [_at(turn, own[key]) if key in own else None for (key, _word), turn in zip(sections, turns, strict=True)]
    mean_points = [_at(turn, means[key]) if key in means else None for (key, _word), turn in zip(sections, turns, strict=True)]
    return Drawn(spokes, rings, _lines(own_points), [point for point in own_points if point is not None], _lines(mean_points))


def _at(turn: float, percent: float, radius: float = _RADIUS) -> Point:
    reach = radius * percent / 100
    return round(_X + reach * math.sin(turn), 1), round(_Y - reach * math.cos(turn), 1)


def _spoke(word: str, turn: float, own: float | None, mean: float | None) -> Spoke:
    x, y = _at(turn, 100, _LABEL)
    anchor = "start" if x > _X + 8 else "end" if x < _X - 8 else "middle"
    return Spoke(word, _at(turn, 100), (x, round(y + 4, 1)), anchor, own, mean)


def _lines(points: Sequence[Point | None]) -> list[tuple[Point, Point]]:
    following = [*points[1:], *points[:1]]
    return [(first, second) for first, second in zip(points, following, strict=True) if first is not None and second is not None]
