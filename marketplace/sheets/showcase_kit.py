"""A workbook of several sheets, each a table of texts and numbers; none of them can be a formula."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import xlsxwriter

from marketplace.sheets.lists_out import OPTIONS, Cell

_LONGEST = 32_000
Table = tuple[str, Sequence[tuple[str, int]], Iterable[Sequence[Cell]]]


def kit_workbook(tables: Iterable[Table]) -> bytes:
    """`tables`: (name of the sheet, (head, width) of its columns, rows)."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, OPTIONS) as book:
        head = book.add_format({"bold": True, "bg_color": "#E3ECF7", "border": 1, "text_wrap": True, "valign": "top"})
        text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top", "border": 1})
        figure = book.add_format({"num_format": "#,##0.##", "valign": "top", "border": 1})
        for title, columns, rows in tables:
            page = book.add_worksheet(title[:31])
            page.freeze_panes(1, 0)
            page.fit_to_pages(1, 0)
            for place, (name, width) in enumerate(columns):
                page.set_column(place, place, width)
                page.write_string(0, place, name, head)
            for number, row in enumerate(rows, 1):
                for place, cell in enumerate(row):
                    if isinstance(cell, str):
                        page.write_string(number, place, cell[:_LONGEST], text)
                    elif cell is not None:
                        page.write_number(number, place, cell, figure)
    return out.getvalue()
