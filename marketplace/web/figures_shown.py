"""What the pages of figures show: values with their units, aims with their course, charts as numbers for the drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import current_app, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.domain.access import may
from marketplace.domain.figure_facts import Facts, Scope, Value
from marketplace.domain.figure_pace import Course, contradictions, course
from marketplace.domain.figures import FIGURES, GROUP_WORDS, Figure, Group, Unit
from marketplace.domain.lifecycle import _
from marketplace.domain.pace import ORDER, Verdict
from marketplace.guard import current_viewer, not_found
from marketplace.records.coverage import ProblemCoverage
from marketplace.records.figures import find_facts
from marketplace.records.history import HistoryEntry
from marketplace.records.projects import Project
from marketplace.site import current_site
from marketplace.web.language import language, say
from marketplace.web.refusals import sentence_of
from marketplace.web.remembered import Remembered
from marketplace.web.terms import today
from marketplace.web.wording import figure as count_text
from marketplace.web.wording import revenue, sep, term

UNITS: Mapping[Unit, str] = {
    Unit.ENTERPRISES: _("{number} 家"),
    Unit.PROVIDERS: _("{number} 家"),
    Unit.PROJECTS: _("{number} 个"),
    Unit.TIMES: _("{number} 次"),
    Unit.NEEDS: _("{number} 条"),
    Unit.CASES: _("{number} 个"),
    Unit.DAYS: _("{number} 个工作日"),
    Unit.STARS: _("{number} 分"),
}
# What a share counts, where it is not enterprises.
SHARE_OF = {"on_time_share": Unit.PROJECTS, "matches_accepted_share": Unit.TIMES, "served_share": Unit.NEEDS}
OF_SECTORS = (
    "enterprises_above_scale", "enterprises_diagnosed", "enterprises_started", "enterprises_finished", "diagnosed_share", "finished_share",
)  # fmt: skip
LINES = ("enterprises_diagnosed", "enterprises_started", "enterprises_finished")
EFFECTS = ("effect_productivity", "effect_energy", "effect_defects", "effect_revenue")
TILES = (
    "investment_planned",
    "finished_share",
    "projects_running",
    "projects_accepted",
    "funds_paid",
    "local_to_central",
    "providers_admitted",
    "satisfaction",
)
FEW = 5
# Whole sets of facts: of today, over time, and of the last years.
MOST_KEPT = 6


@dataclass(frozen=True)
class Asked:
    """What the address asks for; `areas` are those with their parts, within what the viewer may see."""

    scope: Scope
    sector: str
    area: str
    year: str

    @property
    def kept(self) -> dict[str, str]:
        """What a link keeps of it."""
        return {key: value for key, value in (("sector", self.sector), ("area", self.area), ("year", self.year)) if value}


def asked() -> Asked:
    """A year counts what happened in it, as of its end; without one, everything until today. What nobody knows is left out."""
    pilot, viewer, now = current_site().pilot, current_viewer(), today()
    sector = request.args.get("sector", "")
    sector = sector if pilot.sectors.find(sector) else ""
    area = request.args.get("area", "")
    area = area if pilot.areas.find(area) else ""
    year = request.args.get("year", "")
    years = [str(number) for number in range(pilot.city.term_start.year, now.year + 1)]
    day, since, year = (date(int(year), 12, 31), date(int(year), 1, 1), year) if year in years else (now, None, "")
    areas = with_parts(area) if area else frozenset()
    if not may(viewer, "read", "figure"):
        # No area at all would mean the whole pilot: whoever asks for another's gets their own, whoever has none gets nothing.
        areas = areas & viewer.areas or viewer.areas or not_found()
        area = area if area in areas else ""
    return Asked(Scope(min(day, now), since, sector or None, frozenset(areas)), sector, area, year)


def with_parts(area: str) -> frozenset[str]:
    """An area with those that belong to it."""
    found = {area}
    rows = list(current_site().pilot.areas)
    while more := {row.key for row in rows if row.parent in found} - found:
        found |= more
    return frozenset(found)


def facts_for(session: Session, wanted: Asked, *, money_over_time: bool = False) -> Facts:
    """Cut to what is asked for. Of a year, money is what was moved in it: it has no course within it."""
    since = wanted.scope.since
    day = wanted.scope.day if since is not None else today()
    return whole_facts(session, day, money_over_time=money_over_time, since=since).within(wanted.scope)


def whole_facts(session: Session, day: date, *, money_over_time: bool = False, since: date | None = None) -> Facts:
    """Of the whole pilot. Kept while nothing was written: every write has its word in the history, and what is computed at night has its day."""
    rules = current_site().pilot.figure
    parts = (func.max(HistoryEntry.id), func.max(ProblemCoverage.day), func.max(Project.health_at))
    version = tuple(session.execute(select(*(select(part).scalar_subquery() for part in parts))).one())
    kept: Remembered = current_app.extensions.setdefault("jigai_figures", Remembered(MOST_KEPT))
    return kept.answer(
        (day, since, money_over_time), version, lambda: find_facts(session, rules, day, money_over_time=money_over_time, since=since)
    )


def text_of(unit: Unit, value: float | int | None) -> str:
    """A value with its unit."""
    if value is None:
        return "–"
    if unit is Unit.FEN:
        return revenue(int(value))
    if unit is Unit.SHARE:
        # All but one is not all, and one is not none.
        whole = round(100 * value)
        return f"{whole} %" if whole not in (0, 100) or value in (0, 1) else f"{min(99.9, max(0.1, 100 * value)):.1f} %"
    if unit is Unit.RATIO:
        return f"{value:.2f} : 1"
    if unit is Unit.CHANGE:
        return f"{100 * value:+.1f} %"
    number = f"{value:.1f}" if unit is Unit.STARS else count_text(value)
    return say(UNITS[unit], number=number)


def told(code: str, value: Value) -> str:
    return text_of(FIGURES[code].unit, value.value)


def beside(code: str, value: Value) -> str:
    """What stands beside a value: the parts of a share, the spread and the size of a sample."""
    unit = FIGURES[code].unit
    if unit is Unit.SHARE and value.whole is not None and code != "paid_share":
        return f"{value.part} / {value.whole}"
    if value.part is not None and value.whole is not None:
        return "" if value.value is None else f"{revenue(value.part)} / {revenue(value.whole)}"
    if value.sample is None:
        return ""
    few = say("样本少") if 0 < value.sample < FEW else ""
    spread = ""
    if value.low is not None and value.high is not None:
        spread = say("中间一半 {low} 至 {high}", low=text_of(unit, value.low), high=text_of(unit, value.high))
    return sep("，").join(part for part in (say("样本 {count}", count=value.sample), spread, few) if part)


@dataclass(frozen=True)
class ShownAim:
    """An aim in words. `scale`: what is there as a share of the aim, for the bar, at most 1."""

    code: str
    name: str
    sector: str
    least: str
    now: str
    beside: str
    forecast: str
    verdict: Verdict
    lacking: str
    scale: float
    by: date
    source: str


def aims_of(facts: Facts) -> list[ShownAim]:
    """`facts`: of the whole pilot. Those that will be missed come first."""
    rules = current_site().pilot.figure
    found = [course(aim, facts, rules) for aim in rules.aims if aim.figure in FIGURES]
    return [_shown_aim(one) for one in sorted(found, key=lambda one: ORDER.index(one.verdict))]


def _shown_aim(one: Course) -> ShownAim:
    row = FIGURES[one.aim.figure]
    sector = term("sector", one.aim.sector, short=True) if one.aim.sector else ""
    lacking = ""
    if one.lacking and one.value.value is not None:
        if row.unit is Unit.SHARE:
            lacking = say("差 {amount}", amount=text_of(SHARE_OF.get(row.code, Unit.ENTERPRISES), one.lacking))
        else:
            lacking = say("差 {amount}", amount=text_of(row.unit, one.lacking))
    source = one.aim.source_en if language() == "en" and one.aim.source_en else one.aim.source
    scale = min(1.0, (one.value.value or 0) / one.least) if one.least else 1.0
    forecast = text_of(row.unit, one.forecast) if one.forecast is not None and one.verdict is not Verdict.REACHED else ""
    return ShownAim(
        row.code, say(row.name), sector, text_of(row.unit, one.least), text_of(row.unit, one.value.value), beside(row.code, one.value),
        forecast, one.verdict, lacking, round(scale, 3), one.aim.by, source,
    )  # fmt: skip


@dataclass(frozen=True)
class Tile:
    figure: Figure
    value: str
    beside: str


def tiles_of(codes: Sequence[str], facts: Facts) -> list[Tile]:
    found = []
    for code in codes:
        value = FIGURES[code].compute(facts)
        found.append(Tile(FIGURES[code], told(code, value), beside(code, value)))
    return found


def groups_of(facts: Facts) -> list[tuple[str, list[Tile]]]:
    return [(say(GROUP_WORDS[group]), tiles_of([row.code for row in FIGURES.values() if row.group is group], facts)) for group in Group]


@dataclass(frozen=True)
class SectorRow:
    """How far the enterprises of a sector are: (figure, value, what it is made of)."""

    sector: str
    cells: Sequence[tuple[str, str, str]]


def sectors_of(facts: Facts) -> list[SectorRow]:
    """The sectors within what is asked for."""
    wanted = facts.scope.sector
    rows = []
    for sector in (row.key for row in current_site().pilot.sectors if wanted in (None, row.key)):
        within = facts.within(replace(facts.scope, sector=sector))
        values = [(code, FIGURES[code].compute(within)) for code in OF_SECTORS]
        rows.append(SectorRow(sector, [(code, told(code, value), beside(code, value)) for code, value in values]))
    return rows


def sentences(facts: Facts) -> list[tuple[str, str]]:
    """(figure, what contradicts itself)."""
    return [(code, sentence_of(refused)) for code, refused in contradictions(facts)]


def choices() -> dict[str, Any]:
    """What the form of filters offers."""
    pilot, viewer = current_site().pilot, current_viewer()
    areas = [row for row in pilot.areas if may(viewer, "read", "figure") or row.key in viewer.areas]
    return {"sectors": list(pilot.sectors), "areas": areas, "years": list(range(pilot.city.term_start.year, today().year + 1))}


def address(code: str, wanted: Asked, **instead: str) -> str:
    """The page of a figure with the filters of this one, or others `instead`."""
    kept: dict[str, Any] = wanted.kept | instead
    return url_for("figures.show", code=code, **kept)
