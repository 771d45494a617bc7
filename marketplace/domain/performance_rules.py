"""绩效评价, what a pilot measures itself by: the indicator systems, the grades and the terms. From the pilot file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

FULL = 100.0


class Subject(StrEnum):
    """Who is evaluated: the pilot as a whole, one park or street, the general manager."""

    PILOT = "pilot"
    AREA = "area"
    MANAGER = "manager"


class Group(StrEnum):
    """The three groups of an indicator system of public budgets."""

    OUTPUT = "output"
    BENEFIT = "benefit"
    SATISFACTION = "satisfaction"


class Unit(StrEnum):
    """What a figure is counted in. A share is kept as 0–1, a change as the relative one (+0.15), money in 万元, a mark as 1–5."""

    SHARE = "share"
    CHANGE = "change"
    COUNT = "count"
    WAN = "wan"
    RATIO = "ratio"
    MARK = "mark"


class Comparison(StrEnum):
    """A target is to be reached at least, or not to be exceeded."""

    LEAST = "least"
    MOST = "most"


class Scoring(StrEnum):
    """In proportion to how much of the target was reached, and nothing below the floor; or all or nothing."""

    PROPORTIONAL = "proportional"
    WHOLE = "whole"


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """`targets`: cumulative, one for each year from `first_year`; the last one is that of the final evaluation too.

    `figure`: the platform's figure that fills it; "": by hand. `each`: "sector" makes a line of it for every sector, which share the weight.
    `paced`: it grows with time, so that a forecast makes sense. `goals`: orientations of the pilot's five goals."""

    key: str
    name: str
    en: str
    of: str
    group: str
    unit: str
    weight: float
    targets: tuple[float, ...]
    comparison: str = Comparison.LEAST
    scoring: str = Scoring.PROPORTIONAL
    floor: float = 0.0
    figure: str = ""
    each: str = ""
    paced: bool = False
    measure: str = ""
    goals: tuple[str, ...] = ()
    evidence: str = ""
    evidence_en: str = ""


@dataclass(frozen=True, kw_only=True)
class PerformanceGrade:
    key: str
    name: str
    en: str
    least: float


@dataclass(frozen=True, kw_only=True)
class PerformanceRules:
    """`fill_days`, `review_days`: working days; `month`: the one of the yearly self-evaluation; `least_time`: below this share of the term
    nothing is forecast; `addressee`: to whom the pilot's own evaluation is handed in."""

    first_year: int
    month: int
    fill_days: int
    review_days: int
    least_time: float
    addressee: str
    grades: tuple[PerformanceGrade, ...]
    indicators: tuple[Indicator, ...]
    source: str

    def of(self, subject: str) -> tuple[Indicator, ...]:
        """The indicator system of one kind of evaluated."""
        return tuple(one for one in self.indicators if one.of == subject)

    def find(self, subject: str, key: str) -> Indicator | None:
        return next((one for one in self.indicators if one.of == subject and one.key == key), None)

    def target(self, indicator: Indicator, year: int | None) -> float:
        """The target of a year; None: the final one. A year outside takes the nearest."""
        last = len(indicator.targets) - 1
        return indicator.targets[last if year is None else max(0, min(last, year - self.first_year))]

    def grade(self, total: float) -> PerformanceGrade:
        """The grade of a sum of points; the list falls."""
        return next(one for one in self.grades if total >= one.least)


def faults(rules: PerformanceRules, *, sectors: int, goals: Sequence[str], figures: Collection[str]) -> Iterator[tuple[str, str]]:
    """Every (place, sentence) of a pilot file that no evaluation could be made with."""
    for subject in Subject:
        rows = rules.of(subject)
        if abs(sum(one.weight for one in rows) - FULL) > 1e-6:
            yield f"performance.indicators of {subject}", f"the weights make {sum(one.weight for one in rows):g}, not {FULL:g}"
        if len({one.key for one in rows}) != len(rows):
            yield f"performance.indicators of {subject}", "a key stands there twice"
    for one in rules.indicators:
        place = f"performance.indicators.{one.key}"
        for name, value, kind in (
            ("of", one.of, Subject), ("group", one.group, Group), ("unit", one.unit, Unit),
            ("comparison", one.comparison, Comparison), ("scoring", one.scoring, Scoring),
        ):  # fmt: skip
            if value not in tuple(kind):
                yield place, f"{name} must be one of {', '.join(kind)}"
        if not one.targets or one.weight <= 0 or one.each not in ("", "sector") or (one.each and not sectors):
            yield place, "needs targets and a weight above 0; each is empty or sector"
        if one.figure and one.figure not in figures:
            yield place, f"{one.figure!r} is not a figure of the platform"
        if not 0 <= one.floor <= 1 or set(one.goals) - set(goals):
            yield place, f"the floor is a share, the goals are of {', '.join(goals)}"
    bounds = [one.least for one in rules.grades]
    if not bounds or bounds != sorted(set(bounds), reverse=True) or bounds[-1] != 0:
        yield "performance.grades", "must fall, the last one from 0"
