"""The rows that were not imported, in the form in which they came, with the reasons in a column of their own."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.sheets.columns import REASONS, folded
from marketplace.sheets.rows import BadCell, Table
from marketplace.sheets.sources import BAD_ROWS_SUFFIX

Bad = dict[tuple[int, int], list[BadCell]]
# A text that begins so is a formula to some spreadsheet program; a quotation mark before it keeps it a text.
FORMULA_STARTS = tuple("=+-@＝＋－＠\t\r")


def guarded(value: Any) -> Any:
    """A cell of a CSV file that no spreadsheet program takes for a formula; reading it back takes the mark away again."""
    if not isinstance(value, str) or not value.startswith(FORMULA_STARTS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def write_bad_rows(tables: list[Table], bad: Bad, unreadable: list[BadCell], folder: Path | None) -> list[Path]:
    """Write one file per file with bad rows, beside it or into `folder`; each is complete or absent."""
    written = []
    for path in dict.fromkeys(table.path for table in tables):
        own = [table for table in tables if table.path == path]
        lost = [cell for cell in unreadable if cell.file == path.name and cell.row]
        if not lost and not any((id(table), row.number) in bad for table in own for row in table.rows):
            continue
        target = (folder or path.parent) / f"{path.stem.removesuffix(BAD_ROWS_SUFFIX)}{BAD_ROWS_SUFFIX}{path.suffix.lower()}"
        part = target.with_name(f"{target.name}.part")
        try:
            if own[0].form == ".jsonl":
                _write_jsonl(part, own[0], bad, lost)
            elif own[0].form == ".csv":
                _write_csv(part, own[0], bad)
            else:
                _write_xlsx(part, own, bad)
            os.replace(part, target)
        except (OSError, FileCreateError):
            message = _("有误的行写不到 {file}，所以没有导入。请检查文件夹的权限和磁盘空间。")
            raise RefusedError(Refused("bad_rows_unwritable", message, {"file": str(target)})) from None
        written.append(target)
    return written


def _reasons(cells: list[BadCell]) -> str:
    """The reasons of one row; where the row stood is not among them, as the row now stands here."""
    return " ".join(f"“{cell.column}”：{cell.message.sentence()}" if cell.column else cell.message.sentence() for cell in cells)


def _bad_rows(table: Table, bad: Bad) -> Iterator[tuple[Any, str]]:
    for row in table.rows:
        if cells := bad.get((id(table), row.number)):
            yield row.source, _reasons(cells)


def _write_jsonl(path: Path, table: Table, bad: Bad, lost: list[BadCell]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for source, reasons in _bad_rows(table, bad):
            # Escaped where it must be: a lone surrogate cannot be written as UTF-8.
            line = json.dumps(source | {REASONS: reasons}, ensure_ascii=False)
            out.write(line.encode("utf-8", "backslashreplace").decode() + "\n")
        for cell in lost:
            out.write(json.dumps({"row": cell.row, "text": cell.value, REASONS: cell.message.sentence()}, ensure_ascii=True) + "\n")


def _header(table: Table) -> tuple[list[str], int]:
    """The header with the column of reasons, and where that column stands (a file of bad rows has it already)."""
    places = [place for place, name in enumerate(table.header) if folded(name) == folded(REASONS)]
    return (table.header, places[0]) if places else ([*table.header, REASONS], len(table.header))


def _line(source: list[Any], place: int, reasons: str) -> list[Any]:
    line = [*source, *[None] * (place + 1 - len(source))]
    line[place] = reasons
    return line


def _write_csv(path: Path, table: Table, bad: Bad) -> None:
    header, place = _header(table)
    with path.open("w", encoding="utf-8-sig", newline="", errors="backslashreplace") as out:
        writer = csv.writer(out)
        writer.writerow([guarded(name) for name in header])
        for source, reasons in _bad_rows(table, bad):
            writer.writerow([guarded(cell) for cell in _line(source, place, reasons)])


def _write_xlsx(path: Path, tables: list[Table], bad: Bad) -> None:
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "constant_memory": True}
    with xlsxwriter.Workbook(str(path), options) as book:
        days = book.add_format({"num_format": "yyyy-mm-dd"})
        for table in tables:
            rows = list(_bad_rows(table, bad))
            if not rows:
                continue
            sheet = book.add_worksheet(table.tab[:31] or table.sheet.name)
            header, place = _header(table)
            for number, line in enumerate([header, *(_line(source, place, reasons) for source, reasons in rows)]):
                for column, cell in enumerate(line):
                    if isinstance(cell, date):
                        sheet.write_datetime(number, column, cell, days)
                    elif isinstance(cell, bool):
                        sheet.write_boolean(number, column, cell)
                    elif isinstance(cell, (int, float)):
                        sheet.write_number(number, column, cell)
                    elif cell is not None:
                        sheet.write_string(number, column, str(cell)[:32_000])
