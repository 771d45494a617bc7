"""The sheet of monthly investment (统计口径技改投资) as the statistics bureau hands it over: read all or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.sheets.columns import Column, Shape, Sheet, Words
from marketplace.sheets.rows import BadCell, Row, Table
from marketplace.sheets.sources import read_path
from marketplace.sheets.values import is_empty, parse

SHEET = Sheet(
    noun="reported_investment",
    name="技改投资",
    aliases=("统计数据", "技改投资月报"),
    columns=(
        Column("month", "月份", Shape.MONTH, required=True, aliases=("统计月份", "期别"), example="2026-10"),
        Column("sector", "行业", Shape.TERM, required=True, kind="sector"),
        Column("area", "区域", Shape.TERM, kind="area", aliases=("开发区街镇", "属地"), note="不写是全区合计"),
        Column(
            "fen", "当月技改投资", Shape.MONEY, required=True, aliases=("技改投资", "投资额"), note="当月数，不是累计；不另写单位时为万元"
        ),
        Column("source", "来源", Shape.LINE, aliases=("依据", "文号")),
    ),
    identity=("month", "sector", "area"),
)


@dataclass(frozen=True)
class InvestmentRow:
    """One month of a sector, of one area or ("") of all. `month`: 2026-10."""

    month: str
    sector: str
    area: str
    fen: int
    source: str


@dataclass(frozen=True)
class InvestmentReading:
    """The rows of a file if every one is good; else what is wrong with which cell."""

    rows: tuple[InvestmentRow, ...]
    bad: tuple[BadCell, ...]


def read_investments(path: Path, words: Words, *, this_month: str) -> InvestmentReading:
    """Every row of a file, or every mistake in it. Months after `this_month` cannot be known yet."""
    reading = read_path(path, sheet=SHEET)
    rows: list[InvestmentRow] = []
    bad = list(reading.bad)
    seen: dict[tuple[str, str, str], int] = {}
    for table in reading.tables:
        for row in table.rows:
            found, wrong = _read_row(table, row, words, this_month)
            if found is not None and (place := (found.month, found.sector, found.area)) in seen:
                message = Refused("row_twice", _("同一月份、行业、区域已在第 {row} 行写过。"), {"row": seen[place]})
                wrong = [table.bad(row.number, SHEET.column("month"), row.cells.get("month"), message)]
            if found is None or wrong:
                bad += wrong
                continue
            seen[found.month, found.sector, found.area] = row.number
            rows.append(found)
    if not rows and not bad:
        bad.append(BadCell(path.name, "", 0, "", "", Refused("no_rows", _("表里没有可导入的行。"))))
    return InvestmentReading(() if bad else tuple(rows), tuple(bad))


def _read_row(table: Table, row: Row, words: Words, this_month: str) -> tuple[InvestmentRow | None, list[BadCell]]:
    values: dict[str, Any] = {}
    bad: list[BadCell] = []
    for column in SHEET.columns:
        raw = row.cells.get(column.key)
        try:
            if is_empty(column, raw):
                if column.required:
                    raise RefusedError(Refused("required", _("这一列必填，现在是空的。")))
                continue
            values[column.key] = parse(column, raw, table.units.get(column.key, ""), words)
        except RefusedError as error:
            bad.append(table.bad(row.number, column, raw, error.refused))
    if bad:
        return None, bad
    month = str(values["month"])[:7]
    if month > this_month:
        message = Refused("month_to_come", _("{month} 还没有过完，不能有当月数。"), {"month": month})
        return None, [table.bad(row.number, SHEET.column("month"), row.cells.get("month"), message)]
    if values["fen"] < 0:
        message = Refused("negative", _("投资额不能是负数。"))
        return None, [table.bad(row.number, SHEET.column("fen"), row.cells.get("fen"), message)]
    return InvestmentRow(month, values["sector"], values.get("area", ""), values["fen"], str(values.get("source", ""))[:200]), []
