"""Early warning: which targets will be missed at the present pace; and every enterprise's digital grade, first and latest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions.performance import in_unit
from marketplace.domain.access import Role, may
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.figure_facts import Facts, Scope
from marketplace.domain.figures import FIGURES
from marketplace.domain.pace import ORDER, Pace, Span, Verdict, pace, standing
from marketplace.domain.performance import attainment
from marketplace.domain.performance_rules import Indicator, Subject, Unit
from marketplace.guard import current_viewer, not_found, permission
from marketplace.performance_terms import areas_of
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.site import current_site
from marketplace.web.figures_shown import whole_facts
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.performance_shown import WORDS, Line, figure_of
from marketplace.web.terms import today
from marketplace.web.wording import day as day_word
from marketplace.web.wording import term

pages = Blueprint("performance_outlook", __name__)


@dataclass(frozen=True)
class Ahead:
    """A target, where it stands today, and where it will stand at the end."""

    line: Line
    pace: Pace
    sentence: str


@pages.get("/performance/outlook")
@permission("read", "performance")
def page() -> str:
    area = _area()
    with current_site().database.reading() as session:
        rows = read_outlook(session, today(), area)
    rows.sort(key=lambda row: ORDER.index(row.pace.verdict))
    missed = sum(row.pace.verdict in (Verdict.MISSED, Verdict.OVER) for row in rows)
    return render_template(
        "performance/outlook.html",
        rows=rows,
        missed=missed,
        area=area,
        areas=_areas(),
        end=current_site().pilot.city.implementation_end,
        months=current_site().pilot.figure.pace_months,
        today=today(),
        **WORDS,
    )


def _areas() -> list[str]:
    """Whose figures the viewer may ask for, the pilot's as a whole ("") among them."""
    viewer = current_viewer()
    areas = [one.key for one in current_site().pilot.areas]
    whole = may(viewer, "read", "performance") or Role.CITY in viewer.roles
    return ["", *areas] if whole else [key for key in areas if key in viewer.areas]


def _area() -> str:
    allowed, asked = _areas(), request.args.get("area")
    if not allowed:
        not_found()
    return asked if asked in allowed else allowed[0]


def read_outlook(session: Session, day: date, area: str = "") -> list[Ahead]:
    """Every indicator that the platform itself fills, of the pilot or of an area, against its target at the end."""
    pilot = current_site().pilot
    areas = areas_of(pilot).get(area, frozenset()) if area else frozenset()
    facts = whole_facts(session, day)
    rows = []
    for one in pilot.performance.of(Subject.AREA if area else Subject.PILOT):
        for sector in _sectors(one) if one.figure else ():
            rows.append(_ahead(one, sector, facts.within(Scope(day, sector=sector or None, areas=areas))))
    return rows


def _sectors(one: Indicator) -> list[str]:
    return [sector.key for sector in current_site().pilot.sectors] if one.each else [""]


def _ahead(one: Indicator, sector: str, facts: Facts) -> Ahead:
    target, value = current_site().pilot.performance.target(one, None), FIGURES[one.figure].compute(facts)
    line: dict[str, Any] = {
        "name": one.name, "en": one.en, "sector": sector, "unit": one.unit, "measure": one.measure, "comparison": one.comparison,
        "target": target, "value": in_unit(value.value, one.unit), "part": value.part, "whole": value.whole, "weight": one.weight,
        "reached": False, "gap": None, "goals": one.goals,
    }  # fmt: skip
    ahead = _pace_of(one, line, facts)
    return Ahead(line, ahead, _sentence(line, ahead))


def _pace_of(one: Indicator, line: Line, facts: Facts) -> Pace:
    """By the rule of domain/pace.py, like the aims on the page of the figures."""
    pilot, day = current_site().pilot, facts.scope.day
    span = Span(pilot.city.term_start, pilot.city.implementation_end, pilot.performance.least_time)
    if not one.paced:
        return standing(attainment(line["value"], line["target"], one.comparison), span, day)
    since = span.looked_back(day, pilot.figure.pace_months)
    then = FIGURES[one.figure].compute(replace(facts, scope=replace(facts.scope, day=since)))
    before = in_unit(then.value, one.unit) or 0.0
    return pace(line["target"], line["value"], (since, before), span, day, most=1.0 if one.unit == Unit.SHARE else None)


def _sentence(line: Line, ahead: Pace) -> str:
    end = day_word(current_site().pilot.city.implementation_end)
    if ahead.verdict == Verdict.REACHED:
        return say("已达到目标。")
    if line["value"] is None:
        return say("平台上还没有这个数。")
    if ahead.verdict == Verdict.OVER:
        return say("期限已到，没有达到目标。")
    if ahead.verdict == Verdict.UNKNOWN:
        return say("时间还短，不作预测。")
    if ahead.forecast is None:
        if ahead.verdict == Verdict.AT_RISK:
            return say("还没有达到目标；不随时间累计，不作预测。")
        return say("离 {end} 已经不远，还没有达到目标，会完不成。", end=end)
    forecast = figure_of(line, _plain(line, ahead.forecast))
    if ahead.verdict == Verdict.ON_COURSE:
        when = day_word(ahead.reached_on) if ahead.reached_on else end
        return say("按现在的速度，到 {end} 会有 {forecast}，{when} 前后达到目标。", end=end, forecast=forecast, when=when)
    if ahead.needed is None:
        return say("最近没有进展，照此到 {end} 会完不成。", end=end)
    return say(
        "按现在的速度，到 {end} 只有 {forecast}，会完不成；余下的时间要快到现在的 {times} 倍。", end=end, forecast=forecast,
        times=f"{ahead.needed:.1f}",
    )  # fmt: skip


def _plain(line: Line, value: float | None) -> float | None:
    """A forecast as it is told: things are counted whole, money in whole 万元, a share is no more than all."""
    if value is None:
        return None
    if line["unit"] == "share":
        return min(1.0, round(value, 3))
    return float(int(value)) if line["unit"] in ("count", "wan") else value


@dataclass(frozen=True)
class Graded:
    """An enterprise, its first and its latest graded diagnosis; None where there was one only, or none."""

    enterprise: Enterprise
    first: Diagnosis | None
    latest: Diagnosis | None


@dataclass(frozen=True)
class Roster:
    rows: Sequence[Graded]
    paging: Paging
    twice: int
    risen: int
    graded: int


@pages.get("/performance/enterprises")
@permission("list", "enterprise")
def enterprises() -> str:
    """Each enterprise against its baseline: the questionnaire at first and at last."""
    with current_site().database.reading() as session:
        return render_template(
            "performance/enterprises.html", found=read_roster(session), level_word=level_word, score_of=score_of, **WORDS
        )


def read_roster(session: Session) -> Roster:
    issued = select(Diagnosis.enterprise_id, func.min(Diagnosis.id).label("first"), func.max(Diagnosis.id).label("latest"))
    # Those of earlier times, that came by sheet, have no grade and are no baseline.
    issued = issued.where(Diagnosis.state == DiagnosisState.ISSUED, Diagnosis.score.is_not(None))
    spans = issued.group_by(Diagnosis.enterprise_id).subquery()
    sector = request.args.get("sector", "")
    chosen = current_site().pilot.sector(sector) if sector else None
    own = Enterprise.sector == chosen.key if chosen else Enterprise.id.is_not(None)
    total = session.scalar(select(func.count()).select_from(Enterprise).where(own)) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "performance_outlook.enterprises", sector=chosen.key if chosen else "")
    query = select(Enterprise, spans.c.first, spans.c.latest).outerjoin(spans, spans.c.enterprise_id == Enterprise.id).where(own)
    query = query.order_by(spans.c.latest.is_(None), (spans.c.latest == spans.c.first), Enterprise.id)
    rows = session.execute(query.limit(paging.size).offset(paging.offset)).all()
    numbers = {number for _one, first, latest in rows for number in (first, latest) if number is not None}
    known = {row.id: row for row in session.scalars(select(Diagnosis).where(Diagnosis.id.in_(numbers)))}
    shown = [Graded(one, known.get(first), known.get(latest) if latest != first else None) for one, first, latest in rows]
    pairs = session.execute(
        select(spans.c.first, spans.c.latest).join(Enterprise, Enterprise.id == spans.c.enterprise_id).where(own)
    ).all()  # fmt: skip
    twice = [(first, latest) for first, latest in pairs if first != latest]
    numbers = {number for pair in twice for number in pair}
    levels = dict(session.execute(select(Diagnosis.id, Diagnosis.grade).where(Diagnosis.id.in_(numbers))).all())
    risen = sum((levels[latest] or 0) > (levels[first] or 0) for first, latest in twice)
    return Roster(shown, paging, len(twice), risen, len(pairs))


def level_word(found: Diagnosis | None) -> str:
    """The grade of a diagnosis."""
    if found is None:
        return "–"
    rule = current_site().pilot.questionnaire.grade_rule(found.grade or 0)
    return rule.name if rule else say("未达级")


def score_of(found: Diagnosis) -> str:
    return f"{found.score:.1f}" if found.score is not None else ""


WORDS = {**WORDS, "term": term}
