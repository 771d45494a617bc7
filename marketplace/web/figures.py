"""What the bureau sees (工作成效): aims with their course, figures with their definitions, what is behind each, and the screen in the hall."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from flask import Blueprint, Response, make_response, render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.access import may
from marketplace.domain.figure_facts import EnterpriseFact, Facts, ProjectFact
from marketplace.domain.figures import FIGURES, GROUP_WORDS, Figure, Group
from marketplace.domain.figures import Unit as FigureUnit
from marketplace.domain.providers import TAKES_NEW, told_state
from marketplace.guard import current_viewer, not_found, permission
from marketplace.metrics import search_figures
from marketplace.records.enterprises import Enterprise
from marketplace.records.projects import Project
from marketplace.records.providers import Provider
from marketplace.records.ratings import RatingScore
from marketplace.sheets.lists_out import Cell, list_workbook
from marketplace.site import current_site
from marketplace.web.downloads import workbook
from marketplace.web.figures_charts import KINDS, bars_of, lines_of
from marketplace.web.figures_map import need_map
from marketplace.web.figures_shown import (
    EFFECTS,
    LINES,
    OF_SECTORS,
    TILES,
    Asked,
    address,
    aims_of,
    asked,
    beside,
    choices,
    facts_for,
    groups_of,
    sectors_of,
    sentences,
    tiles_of,
    told,
)
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.terms import today
from marketplace.web.watching import told_row
from marketplace.web.wording import term, terms

pages = Blueprint("figures", __name__)
MOST_TROUBLED, MOST_TRUSTED = 6, 6
WALL_SECONDS = 300
ADJUSTED = ("providers_warned", "providers_rectified")
Thing = Project | Enterprise | Provider


@pages.get("/figures")
@permission("read", "figure")
def index() -> str:
    wanted = asked()
    city = current_site().pilot.city
    with current_site().database.reading() as session:
        everything = facts_for(session, wanted)
        whole = _is_whole(wanted)
        return render_template(
            "figures/index.html",
            wanted=wanted,
            choices=choices(),
            aims=aims_of(everything) if whole else [],
            whole=whole,
            contradictions=sentences(everything),
            tiles=tiles_of(TILES, everything),
            groups=groups_of(everything),
            troubled=_troubled(session, everything),
            trusted=_trusted(session) if whole and may(current_viewer(), "read", "rating") else [],
            chart=lines_of(LINES, everything, city.term_start),
            bars={kind: (say(word), bars_of(kind, everything)) for kind, word in KINDS.items()},
            effects=tiles_of(EFFECTS, everything),
            sectors=sectors_of(everything),
            of_sectors=[FIGURES[code] for code in OF_SECTORS],
            searches=search_figures(()) if may(current_viewer(), "read", "statistics") else None,
            needs=need_map(session, wanted),
            address=lambda code, **instead: address(code, wanted, **instead),
            told_row=told_row,
        )


def _troubled(session: Session, facts: Facts) -> tuple[Sequence[Project], int]:
    """The first projects in trouble within what is asked for, and how many there are."""
    ids = [row.id for row in FIGURES["projects_troubled"].members(facts)] if FIGURES["projects_troubled"].members else []
    rows = session.scalars(select(Project).where(Project.id.in_(ids[:MOST_TROUBLED])).order_by(Project.id.desc())).all()
    return rows, len(ids)


def _trusted(session: Session) -> Sequence[tuple[Provider, RatingScore]]:
    """Providers that take new work and have finished some, by the lower end of their rating's interval: few projects do not suffice."""
    latest = (RatingScore.provider_id == Provider.id) & RatingScore.replaced_at.is_(None)
    query = select(Provider, RatingScore).join(RatingScore, latest).where(Provider.state.in_(TAKES_NEW), RatingScore.projects > 0)
    found = session.execute(query.order_by(RatingScore.low.desc(), Provider.id).limit(MOST_TRUSTED)).all()
    return [(provider, score) for provider, score in found]


@pages.get("/figures/definitions")
@permission("read", "figure")
def definitions() -> str:
    grouped = [(say(GROUP_WORDS[group]), [row for row in FIGURES.values() if row.group is group]) for group in Group]
    return render_template("figures/definitions.html", groups=grouped, rules=current_site().pilot.figure)


@pages.get("/figures/wall")
@permission("read", "figure")
def wall() -> Response:
    """The screen in the hall: six tiles, nothing to press, read again every five minutes. Whoever reads at leisure has the page itself."""
    wanted = asked()
    with current_site().database.reading() as session:
        facts = facts_for(session, wanted)
        aims = aims_of(facts)[:6] if _is_whole(wanted) else []
        answer = make_response(render_template("figures/wall.html", aims=aims, tiles=tiles_of(TILES[:6], facts)))
    answer.headers["Refresh"] = str(WALL_SECONDS)
    return answer


def _is_whole(wanted: Asked) -> bool:
    """Aims are of the whole pilot, and as of today."""
    return wanted.scope.sector is None and not wanted.scope.areas and wanted.scope.since is None


@pages.get("/figures/sheet")
@permission("read", "figure")
def sheet() -> Response:
    """All figures with what they are made of, and the aims."""
    wanted = asked()
    with current_site().database.reading() as session:
        facts = facts_for(session, wanted)
    rows: list[Sequence[Cell]] = []
    for row in FIGURES.values():
        value = row.compute(facts)
        number = value.value / 100 if value.value is not None and row.unit is FigureUnit.FEN else value.value
        rows.append([say(GROUP_WORDS[row.group]), say(row.name), number, told(row.code, value), beside(row.code, value), say(row.meaning)])
    heads = ((say("类别"), 16), (say("指标"), 26), (say("数值（金额为元）"), 20), (say("写法"), 18), (say("构成"), 30), (say("口径"), 70))
    return workbook(list_workbook(say("工作成效"), heads, rows, frozen=2), say("工作成效") + f"-{wanted.scope.day.isoformat()}")


@pages.get("/figures/<code>")
@permission("read", "figure")
def show(code: str) -> str:
    """One figure: what it means, how it came, what is behind it."""
    row = FIGURES.get(code) or not_found()
    wanted = asked()
    with current_site().database.reading() as session:
        facts = facts_for(session, wanted, money_over_time=row.group is Group.FUNDS)
        value = row.compute(facts)
        ids = [one.id for one in row.members(facts)] if row.members and is_listed(row) else []
        paging = paged(len(ids), current_site().pilot.thresholds.page_size, "figures.show", code=code, **wanted.kept)
        grows = row.unit != FigureUnit.CHANGE
        return render_template(
            "figures/show.html",
            row=row,
            wanted=wanted,
            choices=choices(),
            value=told(code, value),
            beside=beside(code, value),
            aims=[aim for aim in aims_of(facts) if aim.code == code] if _is_whole(wanted) else [],
            chart=lines_of([code], facts, current_site().pilot.city.term_start) if grows and wanted.scope.since is None else None,
            kind=kind_of(row, facts),
            listed=is_listed(row),
            told_state=partial(told_state, involved=may(current_viewer(), "read", "adjustment")),
            things=_things(session, kind_of(row, facts), ids[paging.offset : paging.offset + paging.size]),
            paging=paging,
        )


def is_listed(row: Figure) -> bool:
    """Whether the viewer sees what is behind it: who was warned or put to rectification is for those who read such decisions."""
    return row.members is not None and (row.code not in ADJUSTED or may(current_viewer(), "read", "adjustment"))


def kind_of(row: Figure, facts: Facts) -> str:
    """What is behind a figure: enterprise, project, provider; "" for sums."""
    if row.members is None:
        return ""
    first = next(iter(row.members(facts)), None)
    if isinstance(first, ProjectFact):
        return "project"
    return "enterprise" if isinstance(first, EnterpriseFact) else "provider" if first is not None else ""


def _things(session: Session, kind: str, ids: Sequence[int]) -> Sequence[Thing]:
    if not ids:
        return []
    found: dict[int, Thing]
    if kind == "project":
        found = {row.id: row for row in session.scalars(select(Project).where(Project.id.in_(ids)))}
    elif kind == "enterprise":
        found = {row.id: row for row in session.scalars(select(Enterprise).where(Enterprise.id.in_(ids)))}
    else:
        found = {row.id: row for row in session.scalars(select(Provider).where(Provider.id.in_(ids)))}
    return [found[number] for number in ids]


@pages.get("/figures/<code>/sheet")
@permission("read", "figure")
def rows_sheet(code: str) -> Response:
    """What is behind a figure, as a workbook."""
    row = FIGURES.get(code) or not_found()
    if row.members is None or not is_listed(row):
        not_found()
    wanted = asked()
    with current_site().database.reading() as session:
        facts = facts_for(session, wanted)
        kind = kind_of(row, facts)
        things = _things(session, kind, [one.id for one in row.members(facts)])
        heads = ((say("编号"), 18), (say("名称"), 50), (say("行业"), 20), (say("区域"), 24), (say("总投资（元）"), 18))
        lines = [_line(thing) for thing in things]
    name = say(row.name) + f"-{today().isoformat()}"
    return workbook(list_workbook(say(row.name), heads, lines, frozen=2), name)


def _line(thing: Thing) -> list[Cell]:
    if isinstance(thing, Project):
        total = (thing.total_fen or 0) / 100
        return [thing.number, f"{thing.title}（{thing.organisation.name}）", term("sector", thing.sector), term("area", thing.area), total]
    if isinstance(thing, Enterprise):
        return [thing.organisation.credit_code or "", thing.organisation.name, term("sector", thing.sector), term("area", thing.area), None]
    return [thing.organisation.credit_code or "", thing.organisation.name, terms("sector", thing.sectors), thing.region, None]
