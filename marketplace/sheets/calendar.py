"""The sheet of holidays and make-up days (调休): read all or nothing, and written in the form in which it is read."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.working_days import SATURDAY
from marketplace.sheets.columns import Column, Shape, Sheet, Words
from marketplace.sheets.rows import BadCell, Row, Table
from marketplace.sheets.sources import read_path
from marketplace.sheets.values import is_empty, parse

OFF, WORKS = "off", "works"
SHEET = Sheet(
    noun="calendar",
    name="工作日历",
    aliases=("节假日", "放假安排", "调休"),
    columns=(
        Column("day", "日期", Shape.DAY, required=True, aliases=("日",)),
        Column("kind", "类型", Shape.CHOICE, required=True, answers=((OFF, ("休", "放假", "休息")), (WORKS, ("班", "上班", "补班")))),
        Column("name", "名称", Shape.LINE, required=True, aliases=("节日", "假期")),
    ),
    identity=("day",),
)


@dataclass(frozen=True)
class DayRow:
    """One line: a day off, or a weekend day on which one works."""

    day: date
    works: bool
    name: str


@dataclass(frozen=True)
class CalendarReading:
    """The rows of a file if every one is good; else what is wrong with which cell."""

    rows: tuple[DayRow, ...]
    bad: tuple[BadCell, ...]


def read_calendar(path: Path, words: Words) -> CalendarReading:
    """Every row of a file, or every mistake in it."""
    reading = read_path(path, sheet=SHEET)
    rows: list[DayRow] = []
    bad = list(reading.bad)
    seen: dict[date, int] = {}
    for table in reading.tables:
        for row in table.rows:
            found, wrong = _read_row(table, row, words)
            if found is not None and found.day in seen:
                message = Refused(
                    "day_twice", _("{day} 已在第 {row} 行写过，一天只能写一次。"), {"day": found.day.isoformat(), "row": seen[found.day]}
                )
                wrong = [table.bad(row.number, SHEET.column("day"), row.cells.get("day"), message)]
            if found is None or wrong:
                bad += wrong
                continue
            seen[found.day] = row.number
            rows.append(found)
    if not rows and not bad:
        bad.append(BadCell(path.name, "", 0, "", "", Refused("no_rows", _("表里没有可导入的行。"))))
    return CalendarReading(() if bad else tuple(rows), tuple(bad))


def _read_row(table: Table, row: Row, words: Words) -> tuple[DayRow | None, list[BadCell]]:
    values: dict[str, Any] = {}
    bad: list[BadCell] = []
    for column in SHEET.columns:
        raw = row.cells.get(column.key)
        try:
            if is_empty(column, raw):
                raise RefusedError(Refused("required", _("这一列必填，现在是空的。")))
            values[column.key] = parse(column, raw, "", words)
        except RefusedError as error:
            bad.append(table.bad(row.number, column, raw, error.refused))
    if bad:
        return None, bad
    found = DayRow(values["day"], values["kind"] == WORKS, values["name"])
    if len(found.name) > 50:
        message = Refused("too_long", _("名称有 {length} 个字，最多 {most} 个。"), {"length": len(found.name), "most": 50})
        return None, [table.bad(row.number, SHEET.column("name"), found.name, message)]
    # A working day that is worked on needs no line: whoever writes one has mistaken the date.
    if found.works and found.day.weekday() < SATURDAY:
        message = Refused("not_a_weekend", _("{day} 不是周末，不用写“班”。请核对日期。"), {"day": found.day.isoformat()})
        return None, [table.bad(row.number, SHEET.column("kind"), row.cells.get("kind"), message)]
    return found, []


def write_calendar(rows: Iterable[DayRow]) -> bytes:
    """A workbook that can be changed and read again."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        page = book.add_worksheet(SHEET.name)
        bold = book.add_format({"bold": True, "bg_color": "#E3ECF7", "border": 1})
        text = book.add_format({"num_format": "@"})
        page.set_column(0, 2, 18, text)
        for place, column in enumerate(SHEET.columns):
            page.write_string(0, place, column.header, bold)
        for number, row in enumerate(rows, 1):
            page.write_string(number, 0, row.day.isoformat(), text)
            page.write_string(number, 1, "班" if row.works else "休", text)
            page.write_string(number, 2, row.name, text)
        page.data_validation(1, 1, 2000, 1, {"validate": "list", "source": ["休", "班"]})
        page.freeze_panes(1, 0)
    return out.getvalue()
