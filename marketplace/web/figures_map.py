"""Supply and demand as a map: scenarios against sectors, or, within one sector, against the parks; as of the last night."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.records.coverage import CoverageCell, find_cells, find_placed_needs
from marketplace.site import current_site
from marketplace.web.figures_shown import Asked
from marketplace.web.wording import term

MOST = 16


@dataclass(frozen=True)
class MapCell:
    problems: int = 0
    unserved: int = 0
    solutions: int = 0


@dataclass(frozen=True)
class NeedMap:
    """`heads`: the sectors, or (`by_area`) the parks of one sector. `day` None: no night has counted yet."""

    day: date | None
    by_area: bool
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[MapCell]]]
    rest: int


def need_map(session: Session, wanted: Asked) -> NeedMap:
    """Scenarios with gaps first, then those with most problems; solutions are the pilot's whatever the park, since they are offered everywhere."""
    by_area = wanted.scope.sector is not None
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for one in find_placed_needs(session):
        if one.scenario_code and wanted.scope.holds(one.sector, one.area):
            head = one.area if by_area else one.sector
            problems, unserved = found.setdefault(one.scenario_code, {}).get(head, (0, 0))
            found[one.scenario_code][head] = (problems + one.problems, unserved + one.unserved)
    solutions = {(cell.sector, cell.scenario_code): cell.solutions for cell in find_cells(session)}
    heads = _heads(found, wanted)
    order = sorted(found, key=lambda code: _weight(code, found[code].values()))
    rows = [
        (code, [_cell(found[code].get(head), solutions.get((wanted.sector or head, code), 0)) for head in heads]) for code in order[:MOST]
    ]
    return NeedMap(
        session.scalar(select(func.max(CoverageCell.day))), by_area, [_word(head, by_area) for head in heads], rows, len(order) - len(rows)
    )


def _weight(code: str, cells: Iterable[tuple[int, int]]) -> tuple[int, int, str]:
    """What nobody serves comes first, then where most problems are."""
    rows = list(cells)
    return (-sum(unserved for _problems, unserved in rows), -sum(problems for problems, _unserved in rows), code)


def _heads(found: dict[str, dict[str, tuple[int, int]]], wanted: Asked) -> list[str]:
    pilot = current_site().pilot
    if wanted.scope.sector is None:
        return [row.key for row in pilot.sectors]
    used = {head for cells in found.values() for head in cells}
    return [row.key for row in pilot.areas if row.key in used]


def _cell(needs: tuple[int, int] | None, solutions: int) -> MapCell:
    return MapCell(*(needs or (0, 0)), solutions)


def _word(head: str, by_area: bool) -> str:
    return term("area", head) if by_area else term("sector", head, short=True)
