"""What reading a file gives: tables of rows whose cells are still as they were written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marketplace.domain.lifecycle import Refused
from marketplace.sheets.columns import MONEY_UNITS, Column, Sheet, folded, split_header
from marketplace.sheets.numbers import WEEK_UNITS, shown

_INDUSTRY_CODE = re.compile(r"[Cc]?(?P<digits>\d{2,4})")


@dataclass(frozen=True)
class BadCell:
    """Something that cannot be imported: where, what stands there, and what to do about it. Row 0: the whole file."""

    file: str
    sheet: str
    row: int
    column: str
    value: str
    message: Refused

    def sentence(self) -> str:
        """第 14 行“行业”列：没有“机械”这个行业，可填：化工、汽车、电子。"""
        where = f"第 {self.row} 行" if self.row else ""
        where += f"“{self.column}”列" if self.column else ""
        return f"{where}：{self.message.sentence()}" if where else self.message.sentence()

    def place(self) -> str:
        """The file, and the sheet where it has several."""
        return f"{self.file}［{self.sheet}］" if self.sheet else self.file

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "sheet": self.sheet,
            "row": self.row,
            "column": self.column,
            "value": self.value,
            "code": self.message.code,
            "message": self.sentence(),
        }


@dataclass(frozen=True)
class Row:
    """`cells`: column key → raw value. `source`: the row as the file has it, for the file of bad rows."""

    number: int
    cells: dict[str, Any]
    source: Any


@dataclass
class Table:
    """The rows of one noun in one file. `units`: column key → unit that the header names."""

    path: Path
    form: str
    sheet: Sheet
    tab: str = ""
    header: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    @property
    def file(self) -> str:
        return self.path.name

    def header_of(self, column: Column) -> str:
        """What the column is called in this file; the page's word for it where the file has none."""
        return self.headers.get(column.key, column.header)

    def bad(self, row: int, column: Column | None, value: Any, message: Refused) -> BadCell:
        name = self.header_of(column) if column else ""
        return BadCell(self.file, self.tab, row, name, "" if value is None else shown(value, most=80), message)

    def add(self, number: int, cells: dict[str, Any], source: Any) -> None:
        """Add a row; a text that another column leads (a problem and its title) becomes one text.

        An industry's code that was written where its name is asked for stands in the column of codes as well.
        """
        for column in self.sheet.columns:
            code = _INDUSTRY_CODE.fullmatch(str(cells.get(column.code_in, "")).strip()) if column.code_in else None
            if code and not cells.get(column.key):
                cells[column.key] = code["digits"]
                self.headers.setdefault(column.key, self.headers[column.code_in])
            lead = cells.get(column.led_by)
            if not isinstance(lead, str) or not lead.strip():
                continue
            text = cells.get(column.key) or ""
            self.headers.setdefault(column.key, self.headers[column.led_by])
            if isinstance(text, str) and lead.strip() not in text:
                cells[column.key] = f"{lead.strip()}。{text.strip()}" if text.strip() else lead
        self.rows.append(Row(number, cells, source))


@dataclass(frozen=True)
class Note:
    """Something that the reader should know and that stops nothing."""

    file: str
    message: Refused

    def sentence(self) -> str:
        return f"{self.file}：{self.message.sentence()}"


@dataclass
class Reading:
    """Everything that reading a path gave."""

    tables: list[Table] = field(default_factory=list)
    bad: list[BadCell] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def match_header(sheet: Sheet, header: str) -> tuple[Column, str] | None:
    """The column that a header means, and the unit that it names."""
    whole = folded(header)
    base, unit = split_header(header)
    for column in sheet.columns:
        words = {folded(word) for word in (column.key, column.header, *column.aliases)} | {split_header(column.header)[0]}
        if whole in words or base in words:
            known = unit in MONEY_UNITS or unit in WEEK_UNITS
            return column, unit if known else ""
    return None
