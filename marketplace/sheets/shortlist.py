"""A person's shortlist as a workbook, to be compared and handed on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from marketplace.sheets.lists_out import Cell, list_workbook

COLUMNS = (
    ("方案", 36),
    ("服务商", 36),
    ("形式", 14),
    ("适用行业", 24),
    ("报价（万元，低）", 14),
    ("报价（万元，高）", 14),
    ("工期（周，短）", 12),
    ("工期（周，长）", 12),
    ("本地服务", 18),
    ("备注", 40),
    ("收藏日期", 14),
)


def shortlist_workbook(title: str, rows: Iterable[Sequence[Cell]]) -> bytes:
    """One row a solution; prices and weeks are numbers."""
    return list_workbook(title, COLUMNS, rows, frozen=1)
