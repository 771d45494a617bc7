"""The ledger of work as a sheet: read all or nothing, and written in the form in which it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.work_items import WorkDraft, WorkState, check
from marketplace.sheets.columns import Column, Shape, Sheet, Words, folded
from marketplace.sheets.lists_out import Cell, list_workbook
from marketplace.sheets.rows import BadCell, Row, Table
from marketplace.sheets.sources import read_path
from marketplace.sheets.values import is_empty, parse

# Most rows of one sheet: a plan has dozens.
MOST_ROWS = 5_000
STATES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (WorkState.PLANNED, ("未开始",)),
    (WorkState.IN_PROGRESS, ("办理中", "进行中")),
    (WorkState.DONE, ("已办结", "已完成", "完成")),
    (WorkState.DROPPED, ("不再办理", "已取消")),
)
SHEET = Sheet(
    noun="work_items",
    name="工作台账",
    aliases=("工作计划表", "任务清单"),
    columns=(
        Column("code", "序号", Shape.REFERENCE, required=True, aliases=("编号",)),
        Column("phase", "阶段", Shape.LINE),
        Column("title", "工作任务", Shape.LINE, required=True, aliases=("任务",)),
        Column("owner", "责任单位", Shape.LINE, required=True, aliases=("牵头单位",)),
        Column("co_owners", "配合单位", Shape.LINE, aliases=("参加单位",)),
        Column("starts", "开始日期", Shape.DAY, aliases=("开始",)),
        Column("due", "截止日期", Shape.DAY, aliases=("截止", "完成时限")),
        Column("state", "状态", Shape.CHOICE, answers=STATES),
        Column("evidence", "进展与佐证", Shape.TEXT, aliases=("进展",)),
        Column("remark", "说明", Shape.TEXT),
        Column("seen", "导出时版本", Shape.COUNT, note="由平台填写，用来发现导出后别人的改动；新增的行不填"),
    ),
    identity=("code",),
)
WIDTHS = (10, 14, 60, 24, 30, 14, 14, 12, 50, 30, 12)


@dataclass(frozen=True)
class WorkRow:
    """One line: the draft, the state that it names (None: none), the version that it was exported with."""

    number: int
    draft: WorkDraft
    state: WorkState | None
    seen: int | None
    table: Table
    cells: Mapping[str, Any]

    def bad(self, key: str, message: Refused) -> BadCell:
        return self.table.bad(self.number, SHEET.column(key), self.cells.get(key), message)


@dataclass(frozen=True)
class WorkReading:
    """The rows of a file if every one is good; else what is wrong with which cell."""

    rows: tuple[WorkRow, ...]
    bad: tuple[BadCell, ...]


def read_work_items(path: Path, words: Words, phases: Mapping[str, str]) -> WorkReading:
    """Every row of a file, or every mistake in it. `phases`: what the pilot calls each of its phases."""
    reading = read_path(path, sheet=SHEET)
    bad = list(reading.bad)
    rows: list[WorkRow] = []
    lines: dict[str, int] = {}
    for table in reading.tables:
        for row in table.rows:
            found, wrong = _read_row(table, row, words, phases)
            if found is not None and found.draft.code in lines:
                values = {"code": found.draft.code, "row": lines[found.draft.code]}
                wrong = [found.bad("code", Refused("code_twice", _("序号“{code}”已在第 {row} 行写过。"), values))]
            bad += wrong
            if found is not None and not wrong:
                lines[found.draft.code] = row.number
                rows.append(found)
    if len(rows) > MOST_ROWS:
        bad.append(_whole(path, Refused("too_many_rows_of_file", _("一份表最多 {most} 行，请分开导入。"), {"most": MOST_ROWS})))
    if not rows and not bad:
        bad.append(_whole(path, Refused("no_rows", _("表里没有可导入的行。"))))
    return WorkReading(() if bad else tuple(rows), tuple(bad))


def _whole(path: Path, message: Refused) -> BadCell:
    return BadCell(path.name, "", 0, "", "", message)


def _read_row(table: Table, row: Row, words: Words, phases: Mapping[str, str]) -> tuple[WorkRow | None, list[BadCell]]:
    values: dict[str, Any] = {}
    bad: list[BadCell] = []
    for column in SHEET.columns:
        raw = row.cells.get(column.key)
        try:
            if column.required and is_empty(column, raw):
                raise RefusedError(Refused("required", _("这一列必填，现在是空的。")))
            values[column.key] = parse(column, raw, "", words)
            if column.key == "phase":
                values["phase"] = _phase(values["phase"], phases)
        except RefusedError as error:
            bad.append(table.bad(row.number, column, raw, error.refused))
    if bad:
        return None, bad
    state, seen = values.pop("state"), values.pop("seen")
    draft = WorkDraft(**values)
    wrong = [table.bad(row.number, SHEET.column(field), row.cells.get(field), refused) for field, refused in check(draft, phases)]
    return WorkRow(row.number, draft, WorkState(state) if state else None, seen, table, row.cells), wrong


def _phase(text: str, phases: Mapping[str, str]) -> str:
    """The key of a phase by its key or its name; "" where nothing is said."""
    if not text:
        return ""
    found = next((key for key, name in phases.items() if folded(text) in (folded(key), folded(name))), None)
    if found is None:
        values = {"value": text[:30], "choices": "、".join(phases.values())}
        raise RefusedError(Refused("unknown_answer", _("“{value}”不在可填的内容里，可填：{choices}。"), values))
    return found


def work_item_workbook(rows: Iterable[tuple[WorkDraft, WorkState, int]], phases: Mapping[str, str]) -> bytes:
    """A workbook that can be changed and read again: (task, state, version)."""
    return list_workbook(
        SHEET.name, [(column.header, width) for column, width in zip(SHEET.columns, WIDTHS, strict=True)], _lines(rows, phases)
    )


def _lines(rows: Iterable[tuple[WorkDraft, WorkState, int]], phases: Mapping[str, str]) -> Iterable[list[Cell]]:
    words = {key: names[0] for key, names in STATES}
    for draft, state, seen in rows:
        days = [one.isoformat() if one else "" for one in (draft.starts, draft.due)]
        yield [
            draft.code, phases.get(draft.phase, draft.phase), draft.title, draft.owner, draft.co_owners, *days,
            words[state], draft.evidence, draft.remark, str(seen),
        ]  # fmt: skip
