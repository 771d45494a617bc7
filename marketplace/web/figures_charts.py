"""Charts of the figures as numbers: bars of a breakdown, lines over the quarters. The pages and pictures write the SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from marketplace.domain.figure_facts import Facts
from marketplace.domain.figure_pace import Share, by_key, quarter_ends, series
from marketplace.domain.figures import FIGURES
from marketplace.domain.lifecycle import _
from marketplace.site import current_site
from marketplace.web.figures_shown import UNITS, text_of
from marketplace.web.language import language, say
from marketplace.web.wording import revenue, term

KINDS: Mapping[str, str] = {
    "orientations": _("按转型方向"),
    "stages": _("按环节"),
    "sector": _("按行业"),
    "level": _("按点、线、面"),
    "area": _("按区域"),
    "project_class": _("按项目类别"),
}
WIDTH, LEFT, ROW, LINE_HEIGHT = 560, 150, 34, 200
MOST_BARS, LABEL = 8, 15


@dataclass(frozen=True)
class Bar:
    word: str
    y: int
    width: float
    text: str
    projects: int


def bars_of(kind: str, facts: Facts) -> list[Bar]:
    """The largest ones; whatever is left over is one bar."""
    rows = list(by_key(facts, kind))
    shown, rest = rows[:MOST_BARS], rows[MOST_BARS:]
    if rest:
        shown.append(Share("*", sum(row.projects for row in rest), sum(row.fen for row in rest)))
    most = max((row.fen for row in shown), default=0) or 1
    return [
        Bar(_word(kind, row.key), place * ROW, round((WIDTH - LEFT - 110) * row.fen / most, 1), revenue(round(row.fen)), row.projects)
        for place, row in enumerate(shown)
    ]


def _word(kind: str, key: str) -> str:
    if key == "*":
        return say("其余")
    if not key:
        return say("未填")
    if kind == "project_class":
        found = current_site().pilot.project.of(key)
        return found.en if language() == "en" else found.name
    return term(kind.removesuffix("s"), key, short=kind != "orientations")


@dataclass(frozen=True)
class Line:
    """One figure over the quarters: points of a polyline, and the height at which its last value stands."""

    word: str
    points: str
    values: Sequence[str]
    label: float


@dataclass(frozen=True)
class LineChart:
    """`marks`: (x, label) of the quarters; `grid`: (y, label)."""

    lines: Sequence[Line]
    days: Sequence[date]
    marks: Sequence[tuple[float, str]]
    grid: Sequence[tuple[float, str]]


def lines_of(codes: Sequence[str], facts: Facts, first: date) -> LineChart:
    """Cumulative figures at the ends of the quarters since `first`."""
    days = quarter_ends(first, facts.scope.day)
    found = {code: [value.value for value in series(code, facts, days)] for code in codes}
    most = max((value for values in found.values() for value in values if value is not None), default=0) or 1
    step = (WIDTH - 40 - 90) / max(1, len(days) - 1)

    def y(value: float) -> float:
        return round(LINE_HEIGHT - 20 - (LINE_HEIGHT - 40) * value / most, 1)

    lines: list[Line] = []
    for code, values in found.items():
        points = [(round(40 + place * step, 1), y(value)) for place, value in enumerate(values) if value is not None]
        joined = " ".join(f"{x},{height}" for x, height in points)
        texts = [text_of(FIGURES[code].unit, value) for value in values]
        lines.append(Line(say(FIGURES[code].name), joined, texts, points[-1][1] if points else y(0)))
    lines = _apart(lines)
    marks = [(round(40 + place * step, 1), quarter(day)) for place, day in enumerate(days)]
    unit = FIGURES[codes[0]].unit
    # There is no half enterprise: where half of the most is no whole number, what is counted has no line in the middle.
    parts = (0, 2) if unit in UNITS and most % 2 else (0, 1, 2)
    grid = [(y(most * part / 2), text_of(unit, most * part / 2)) for part in parts]
    return LineChart(lines, days, marks[:: max(1, -(-len(marks) // 9))], grid)


def _apart(lines: Sequence[Line]) -> list[Line]:
    """Their labels at least a line's height from each other, from the lowest one up."""
    height: dict[str, float] = {}
    floor = float(LINE_HEIGHT)
    for line in sorted(lines, key=lambda line: -line.label):
        floor = height[line.word] = min(line.label, floor - LABEL)
    return [replace(line, label=height[line.word]) for line in lines]


def quarter(day: date) -> str:
    return f"{day.year % 100}Q{(day.month + 2) // 3}"
