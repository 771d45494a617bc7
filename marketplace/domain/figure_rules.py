"""The pilot's rules for its figures, as data (table [figure]): which indicators of projects belong together, and what is aimed at by when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class Family:
    """Indicators of one kind of effect, by words in their names. `only`: one of these words must be in it; `never`: none of these."""

    key: str
    only: tuple[str, ...]
    never: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        return any(word in name for word in self.only) and not any(word in name for word in self.never)


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What a figure is to reach by a day. `sector`: of one sector, "" for the whole pilot; money in 万元, shares between 0 and 1.
    `from_day`: since when it grows, for the pace; figures that do not grow with time (`steady`) are not forecast."""

    figure: str
    least: float
    by: date
    from_day: date
    sector: str = ""
    steady: bool = False
    source: str = ""
    source_en: str = ""


@dataclass(frozen=True, kw_only=True)
class FigureRules:
    """`pace_months`: over how many of the last months the pace is measured. `zone`, `central_sources` and `least_time` (the share of the time
    before which nothing is forecast) stand in [pilot], [fund] and [performance]."""

    families: tuple[Family, ...] = ()
    aims: tuple[Aim, ...] = ()
    pace_months: int = 6
    source: str = ""
    zone: str = "UTC"
    central_sources: tuple[str, ...] = ()
    least_time: float = 0.1

    def family_of(self, name: str) -> str:
        return next((row.key for row in self.families if row.has(name)), "")
