"""The recommended products as a workbook for whoever hands the list on."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import xlsxwriter

from marketplace.sheets.template import OPTIONS

HEADS = ("批次", "方案", "形式", "服务商", "统一社会信用代码", "适用行业", "先进性", "应用成效", "列入日期")
_WIDTHS = (16, 36, 14, 36, 22, 24, 60, 60, 14)


def listing_workbook(title: str, rows: Iterable[Sequence[str]]) -> bytes:
    """One row a product; every cell is a text, so that nothing in it is taken for a formula."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {**OPTIONS, "in_memory": True}) as book:
        page = book.add_worksheet(title[:31])
        head = book.add_format({"bold": True, "bg_color": "#E3ECF7", "border": 1, "text_wrap": True, "valign": "top"})
        text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        for place, (name, width) in enumerate(zip(HEADS, _WIDTHS, strict=True)):
            page.set_column(place, place, width, text)
            page.write_string(0, place, name, head)
        for number, row in enumerate(rows, 1):
            for place, cell in enumerate(row):
                page.write_string(number, place, cell, text)
        page.freeze_panes(1, 2)
    return out.getvalue()
