"""Where supply and demand miss each other: needs that nobody can serve, supply that nobody asks for, by sector and scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session

from marketplace.domain.access import may
from marketplace.guard import current_viewer, permission
from marketplace.records.coverage import CoverageCell, count_unasked, count_unserved, find_cells, find_unasked, find_unserved
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.paging import Paging, paged

pages = Blueprint("coverage", __name__)


@dataclass(frozen=True)
class Sector:
    """The scenarios of one sector; those of which nothing is known stand last."""

    key: str
    cells: Sequence[CoverageCell]

    def total(self, name: str) -> int:
        return sum(getattr(cell, name) for cell in self.cells)


@dataclass(frozen=True)
class CoveragePage:
    sectors: Sequence[Sector]
    view: str
    unserved: int
    unasked: int
    problems: Sequence[Problem] = ()
    solutions: Sequence[Solution] = ()
    paging: Paging | None = None


@pages.get("/coverage")
@permission("read", "coverage")
def page() -> str:
    with current_site().database.reading() as session:
        found = _read(session, request.args.get("view", ""))
        return render_template("coverage/page.html", found=found, day_of=found.sectors[0].cells[0].day if found.sectors else None)


def _read(session: Session, view: str) -> CoveragePage:
    """`view`: unserved (for those who may read problem lists) or unasked; else the scenarios."""
    unserved, unasked, size = count_unserved(session), count_unasked(session), current_site().pilot.thresholds.page_size
    sectors = _sectors(find_cells(session))
    if view == "unserved" and may(current_viewer(), "read", "plan"):
        paging = paged(unserved, size, "coverage.page", view=view)
        problems = find_unserved(session, offset=paging.offset, most=paging.size)
        return CoveragePage(sectors, view, unserved, unasked, problems=problems, paging=paging)
    if view == "unasked":
        paging = paged(unasked, size, "coverage.page", view=view)
        solutions = find_unasked(session, offset=paging.offset, most=paging.size)
        return CoveragePage(sectors, view, unserved, unasked, solutions=solutions, paging=paging)
    return CoveragePage(sectors, "", unserved, unasked)


def _sectors(cells: Sequence[CoverageCell]) -> list[Sector]:
    order = [term.key for term in current_site().pilot.sectors]
    grouped: dict[str, list[CoverageCell]] = {}
    for cell in cells:
        grouped.setdefault(cell.sector, []).append(cell)
    keys = sorted(grouped, key=lambda key: (order.index(key) if key in order else len(order), key))
    return [Sector(key, sorted(grouped[key], key=lambda cell: not cell.scenario_code)) for key in keys]
