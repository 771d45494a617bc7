"""The roster of diagnoses as a workbook. Its first columns are those of the sheet of enterprises, so that a filled-in one can be imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from marketplace.sheets.lists_out import list_workbook

COLUMNS = (
    ("统一社会信用代码", 22),
    ("企业名称", 40),
    ("行业", 24),
    ("园区或街镇", 20),
    ("诊断人员", 16),
    ("计划入企日期", 16),
    ("诊断状态", 14),
    ("诊断编号", 18),
    ("入企日期", 14),
    ("数字化等级", 20),
    ("第一部分得分", 14),
)


def roster_workbook(title: str, rows: Iterable[Sequence[str]]) -> bytes:
    """One row an enterprise."""
    return list_workbook(title, COLUMNS, rows, frozen=2)
