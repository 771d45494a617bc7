"""The recommended products as a workbook for whoever hands the list on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from marketplace.sheets.lists_out import list_workbook

COLUMNS = (
    ("批次", 16),
    ("方案", 36),
    ("形式", 14),
    ("服务商", 36),
    ("统一社会信用代码", 22),
    ("适用行业", 24),
    ("先进性", 60),
    ("应用成效", 60),
    ("列入日期", 14),
)


def listing_workbook(title: str, rows: Iterable[Sequence[str]]) -> bytes:
    """One row a product."""
    return list_workbook(title, COLUMNS, rows, frozen=2)
