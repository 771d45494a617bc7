"""A list as a workbook. Every cell is a text or a number; none can be a formula."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import xlsxwriter

OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "constant_memory": True}
# The longest text that a cell holds.
_LONGEST = 32_000

Cell = str | int | float | None


def write_list(
    target: Path | io.BytesIO, title: str, columns: Iterable[tuple[str, int]], rows: Iterable[Sequence[Cell]], *, frozen: int = 0
) -> None:
    """Write rows as they come; memory does not grow with them. `columns`: (head, width); `frozen`: columns that stay in sight."""
    named = list(columns)
    with xlsxwriter.Workbook(str(target) if isinstance(target, Path) else target, OPTIONS) as book:
        page = book.add_worksheet(title[:31])
        head = book.add_format({"bold": True, "bg_color": "#E3ECF7", "border": 1, "text_wrap": True, "valign": "top"})
        # A column of texts stays one where somebody types into it.
        text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        figure = book.add_format({"num_format": "#,##0.##", "valign": "top"})
        page.freeze_panes(1, frozen)
        page.autofilter(0, 0, 0, len(named) - 1)
        for place, (_name, width) in enumerate(named):
            page.set_column(place, place, width, text)
        for place, (name, _width) in enumerate(named):
            page.write_string(0, place, name, head)
        for number, row in enumerate(rows, 1):
            for place, cell in enumerate(row):
                # What is empty is no cell: the column says how it looks, and a long list is shorter by it.
                if isinstance(cell, str) and cell:
                    page.write_string(number, place, cell[:_LONGEST], text)
                elif cell is not None and cell != "":
                    page.write_number(number, place, cell, figure)


def list_workbook(title: str, columns: Iterable[tuple[str, int]], rows: Iterable[Sequence[Cell]], *, frozen: int = 1) -> bytes:
    """The same, as the content of a file."""
    out = io.BytesIO()
    write_list(out, title, columns, rows, frozen=frozen)
    return out.getvalue()
