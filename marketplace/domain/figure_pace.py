"""Whether an aim will be reached: what is there now, and where the pace of the last months leads by the day of the aim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from marketplace.domain.figure_facts import Facts, Scope, Value
from marketplace.domain.figure_formulas import spent_by, supported_projects
from marketplace.domain.figure_rules import Aim, FigureRules
from marketplace.domain.figures import FIGURES, Unit
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.pace import Span, Verdict, pace, standing

# Money of an aim is written in 万元.
WAN = 1_000_000


@dataclass(frozen=True)
class Course:
    """An aim with what is there. `least` in the unit of the figure; `forecast`: at the day of the aim, None for what does not grow;
    `lacking`: in things, where the figure is a share of things, else in its unit."""

    aim: Aim
    least: float
    value: Value
    forecast: float | None
    verdict: Verdict
    lacking: float


def course(aim: Aim, facts: Facts, rules: FigureRules) -> Course:
    """`facts`: of the whole pilot; the aim's sector is taken out of them. By the rule of domain/pace.py, over the rules' last months."""
    figure, today = FIGURES[aim.figure], facts.scope.day
    within = facts.within(Scope(today, sector=aim.sector or None))
    least = aim.least * WAN if figure.unit is Unit.FEN else aim.least
    now = figure.compute(within)
    if now.value is None:
        return Course(aim, least, now, None, Verdict.UNKNOWN, least)
    whole = now.whole if figure.unit is Unit.SHARE else None
    gap = max(0.0, least - now.value)
    lacking = float(-(-(least * whole - (now.part or 0)) // 1)) if whole and gap else gap
    span = Span(aim.from_day, aim.by, rules.least_time)
    if aim.steady:
        ahead = standing(now.value / least if least else 1.0, span, today)
    else:
        since = span.looked_back(today, rules.pace_months)
        then = figure.compute(replace(within, scope=replace(within.scope, day=since))).value or 0.0
        ahead = pace(least, now.value, (since, then), span, today, most=1.0 if figure.unit is Unit.SHARE else None)
    return Course(aim, least, now, ahead.forecast, ahead.verdict, lacking)


@dataclass(frozen=True)
class Share:
    """A part of a breakdown."""

    key: str
    projects: int
    fen: float


def by_key(facts: Facts, kind: str) -> Sequence[Share]:
    """Total investment of supported projects by sector, area, level, project_class, orientations or stages, the largest first. A project of several
    orientations or stages is divided equally among them, so that the parts sum to the whole."""
    sums: dict[str, tuple[int, float]] = {}
    for row in supported_projects(facts):
        held = getattr(row, kind)
        keys = held if isinstance(held, tuple) else (str(held),)
        for key in keys or ("",):
            number, fen = sums.get(key, (0, 0.0))
            sums[key] = (number + 1, fen + row.total_fen / len(keys or ("",)))
    return sorted((Share(key, number, fen) for key, (number, fen) in sums.items()), key=lambda row: (-row.fen, row.key))


def quarter_ends(first: date, last: date) -> list[date]:
    """The ends of the quarters from the one of `first`, then `last` itself, which stands for the quarter under way."""
    ends: list[date] = []
    year, month = first.year, (first.month - 1) // 3 * 3 + 4
    while True:
        end = date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1) - timedelta(days=1)
        if end >= last:
            return [*ends, last]
        ends.append(end)
        month += 3


def series(code: str, facts: Facts, days: Sequence[date]) -> list[Value]:
    """A figure as of each of these days."""
    return [FIGURES[code].compute(replace(facts, scope=replace(facts.scope, day=day))) for day in days]


def contradictions(facts: Facts) -> Iterator[tuple[str, Refused]]:
    """Figures that cannot both be true: (figure, sentence). They are told, and nothing is summed up or cut to make them fit."""
    values = {code: FIGURES[code].compute(facts) for code in ("funds_budget", "funds_committed", "funds_paid")}
    budget, committed, paid = (int(values[code].value or 0) for code in ("funds_budget", "funds_committed", "funds_paid"))
    # What was set aside in one year may well be paid in the next.
    whole_time = facts.scope.since is None
    if whole_time and paid > committed:
        yield "funds_paid", Refused("paid_above_committed", _("已拨付多于已安排。请核对账簿。"))
    if whole_time and not facts.scope.areas and facts.scope.sector is None and committed > budget:
        yield "funds_committed", Refused("committed_above_budget", _("已安排多于预算。请核对账簿。"))
    early = sum(1 for row in facts.enterprises if row.finished and (row.started is None or row.finished < row.started))
    if early:
        yield (
            "enterprises_finished",
            Refused("finished_before_start", _("{count} 家企业的完成日期早于开工，或没有开工记录。"), {"count": early}),
        )
    above = sum(1 for row in facts.projects if row.total_fen and spent_by(row, facts) > row.total_fen)
    if above:
        yield "investment_actual", Refused("spent_above_total", _("{count} 个项目月报的累计支出多于总投资。"), {"count": above})
    of_areas = {(row.day, row.sector): 0 for row in facts.reported}
    whole: dict[tuple[date, str], int] = {}
    for row in facts.reported:
        if row.area:
            of_areas[row.day, row.sector] += row.fen
        else:
            whole[row.day, row.sector] = row.fen
    uneven = sum(1 for key, fen in whole.items() if of_areas[key] and of_areas[key] != fen)
    if uneven:
        yield "investment_reported", Refused("areas_differ", _("{count} 个月份的分区域投资合计与全区不一致。"), {"count": uneven})
