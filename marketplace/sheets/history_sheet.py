"""The history as a sheet. Every cell is a text or a number; none can be a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import xlsxwriter

OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "constant_memory": True}
# The longest text that a cell holds.
_LONGEST = 32_000


def write_history(path: Path, title: str, header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
    """Write rows as they come; memory does not grow with them."""
    with xlsxwriter.Workbook(str(path), OPTIONS) as book:
        sheet = book.add_worksheet(title[:31])
        bold = book.add_format({"bold": True, "bg_color": "#E3ECF7", "border": 1})
        sheet.freeze_panes(1, 0)
        for column, (name, width) in enumerate(zip(header, (10, 20, 24, 16, 16, 10, 60, 40, 66), strict=True)):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, name, bold)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                if isinstance(cell, int):
                    sheet.write_number(number, column, cell)
                else:
                    sheet.write_string(number, column, cell[:_LONGEST])
