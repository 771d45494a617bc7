"""Files and folders → tables of rows. Nothing is judged here but whether a file can be read at all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.sheets.columns import EXAMPLE_MARK, REASONS, REMARK, Sheet, folded
from marketplace.sheets.nouns import SHEETS, find_sheet
from marketplace.sheets.rows import BadCell, Note, Reading, Table, match_header
from marketplace.sheets.workbooks import read_workbook

FORMS = (".jsonl", ".csv", ".xlsx")
BAD_ROWS_SUFFIX = "-问题行"
LARGEST_FILE = 256 * 2**20
_HEADER_WITHIN = 10
_SKIPPED = frozenset(folded(word) for word in (REMARK, REASONS))
_HELP_TABS = frozenset(folded(word) for word in ("说明", "选项", "填写说明"))

csv.field_size_limit(16 * 2**20)


def read_path(path: Path, noun: str | None = None, *, sheet: Sheet | None = None) -> Reading:
    """Every table in a file, or in the files of a folder whose names say a noun. `sheet`: one that stands apart from the nouns."""
    reading = Reading()
    chosen = SHEETS[noun] if noun else sheet
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith((".", "~$")))
        known = [file for file in files if file.suffix.lower() in FORMS and not file.stem.endswith(BAD_ROWS_SUFFIX)]
        for file in known:
            # A workbook may hold several sheets that say their noun themselves.
            if file.suffix.lower() == ".xlsx" or find_sheet(file.stem):
                _read_file(file, None, reading, alone=False)
            else:
                reading.notes.append(
                    Note(file.name, Refused("unknown_file", _("文件名不认识，没有导入。可用的名字：{names}。"), {"names": _names()}))
                )
        if not reading.tables and not reading.bad:
            reading.bad.append(
                _whole(path, Refused("nothing_here", _("文件夹里没有可导入的文件。可用的名字：{names}。"), {"names": _names()}))
            )
        return reading
    if not path.exists():
        reading.bad.append(_whole(path, Refused("no_file", _("没有这个文件或文件夹。"))))
        return reading
    _read_file(path, chosen, reading, alone=True)
    return reading


def _names() -> str:
    return "、".join(f"{sheet.noun}（{sheet.name}）" for sheet in SHEETS.values())


def _whole(path: Path, message: Refused, tab: str = "") -> BadCell:
    return BadCell(path.name, tab, 0, "", "", message)


def _read_file(path: Path, chosen: Sheet | None, reading: Reading, *, alone: bool) -> None:
    form = path.suffix.lower()
    sheet = chosen or find_sheet(path.stem.removesuffix(BAD_ROWS_SUFFIX))
    try:
        if form not in FORMS:
            raise RefusedError(Refused("unknown_form", _("只能导入 .xlsx、.csv、.jsonl 文件或文件夹。")))
        if path.stat().st_size > LARGEST_FILE:
            raise RefusedError(Refused("file_too_large", _("文件超过 {most} MB，请分成几份导入。"), {"most": LARGEST_FILE // 2**20}))
        if form == ".jsonl":
            _read_jsonl(path, sheet, reading)
        elif form == ".csv":
            _add_grid(path, sheet, "", list(_csv_rows(path)), reading, tell=True)
        else:
            tabs = [(tab, rows) for tab, rows in read_workbook(path) if folded(tab) not in _HELP_TABS]
            for tab, rows in tabs:
                # The tab's own name comes first; a lone tab called Sheet1 takes the file's.
                own = chosen or find_sheet(tab) or (sheet if len(tabs) == 1 else None)
                _add_grid(path, own, tab if len(tabs) > 1 else "", rows, reading, tell=alone)
    except RefusedError as error:
        reading.bad.append(_whole(path, error.refused))


def decoded(path: Path) -> str:
    """The text of a file in UTF-8, UTF-16 with its mark, or GB18030."""
    data = path.read_bytes()
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RefusedError(Refused("unknown_encoding", _("文字编码不认识。请另存为 UTF-8 或 GB18030（GBK）编码再导入。")))


def _read_jsonl(path: Path, sheet: Sheet | None, reading: Reading) -> None:
    lines = [(number, line) for number, line in enumerate(decoded(path).split("\n"), 1) if line.strip()]
    objects: list[tuple[int, dict[str, Any]]] = []
    broken: list[tuple[int, str]] = []
    for number, line in lines:
        try:
            found = json.loads(line)
            if not isinstance(found, dict):
                raise ValueError
            objects.append((number, found))
        except (ValueError, RecursionError):
            broken.append((number, line))
    keys = list(dict.fromkeys(key for _number, found in objects for key in found))
    sheet = sheet or _by_headers(keys)
    if sheet is None:
        raise RefusedError(_unknown_noun())
    table = Table(path, ".jsonl", sheet)
    columns = {key: match for key in keys if (match := match_header(sheet, key))}
    nested = {column.inside for column in sheet.columns if column.inside}
    _tell_unknown(path, [key for key in keys if key not in columns and key not in nested and folded(key) not in _SKIPPED], reading)
    for key, (column, unit) in columns.items():
        table.headers.setdefault(column.key, key)
        table.units[column.key] = unit
    inner = [column for column in sheet.columns if column.inside]
    for number, found in objects:
        cells = {columns[key][0].key: value for key, value in found.items() if key in columns}
        for column in inner:
            part = found.get(column.inside)
            if column.key not in cells and isinstance(part, dict) and column.key in part:
                cells[column.key] = part[column.key]
        table.add(number, cells, found)
    reading.tables.append(table)
    message = Refused("not_json", _("不是一个完整的 JSON 对象。每行应是花括号括起的一个对象。"))
    for number, line in broken:
        reading.bad.append(table.bad(number, None, line, message))


def _csv_rows(path: Path) -> Iterator[tuple[int, list[Any]]]:
    text = decoded(path)
    first = text[:20_000].split("\n", 1)[0]
    delimiter = max(",\t;；|", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    start = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield start, [cell if cell != "" else None for cell in row]
            start = reader.line_num + 1
    except csv.Error:
        raise RefusedError(Refused("broken_csv", _("第 {row} 行读不出来，请检查引号是否成对。"), {"row": start})) from None


def _by_headers(headers: list[str]) -> Sheet | None:
    """The noun whose columns most of the headers are, and of equal ones the one that they name in full; None if that is none or two."""
    scores = []
    for sheet in SHEETS.values():
        matches = [(match[0], header) for header in headers if (match := match_header(sheet, header))]
        scores.append((len(matches), sum(folded(column.header) == folded(header) for column, header in matches), sheet.noun))
    (best, best_named, noun), (second, second_named, _noun) = sorted(scores, reverse=True)[:2]
    return SHEETS[noun] if best >= 2 and (best, best_named) > (second, second_named) else None


def _unknown_noun() -> Refused:
    return Refused("unknown_noun", _("看不出这里是什么表。请把文件或工作表命名为：{names}。"), {"names": _names()})


def _tell_unknown(path: Path, headers: list[str], reading: Reading) -> None:
    if headers:
        names = "、".join(f"“{header}”" for header in headers[:8])
        reading.notes.append(Note(path.name, Refused("unknown_columns", _("这些列不认识，没有导入：{names}。"), {"names": names})))


def _add_grid(path: Path, sheet: Sheet | None, tab: str, rows: list[tuple[int, list[Any]]], reading: Reading, *, tell: bool) -> None:
    """A grid of cells with a header somewhere in its first rows."""
    best: tuple[int, int, Sheet] | None = None
    for index, (_number, cells) in enumerate(rows[:_HEADER_WITHIN]):
        names = [str(cell) for cell in cells if cell is not None]
        found = sheet or _by_headers(names)
        score = sum(match_header(found, name) is not None for name in names) if found else 0
        if found and score and (best is None or score > best[0]):
            best = (score, index, found)
    if best is None:
        # A tab of a workbook that says nothing of ours is somebody's own notes; a file that does so is a mistake.
        if tell and (rows or not tab):
            reading.bad.append(_whole(path, _unknown_noun() if sheet is None else _no_header(sheet), tab))
        return
    _score, index, found = best
    header = ["" if cell is None else str(cell) for cell in rows[index][1]]
    table = Table(path, path.suffix.lower(), found, tab, header)
    matched = {position: match for position, name in enumerate(header) if name and (match := match_header(found, name))}
    unknown = [name for position, name in enumerate(header) if name.strip() and position not in matched and folded(name) not in _SKIPPED]
    _tell_unknown(path, unknown, reading)
    for position, (column, unit) in matched.items():
        table.headers.setdefault(column.key, header[position])
        table.units[column.key] = unit
    remark = next((position for position, name in enumerate(header) if folded(name) == folded(REMARK)), None)
    for number, cells in rows[index + 1 :]:
        if remark is not None and remark < len(cells) and str(cells[remark] or "").strip().startswith(EXAMPLE_MARK):
            continue
        by_key = {column.key: cells[position] if position < len(cells) else None for position, (column, _unit) in matched.items()}
        if any(value is not None for value in by_key.values()):
            table.add(number, by_key, cells)
    reading.tables.append(table)


def _no_header(sheet: Sheet) -> Refused:
    required = "、".join(column.header for column in sheet.columns if column.required)
    return Refused("no_header", _("没有找到表头。{name}表至少要有这些列：{columns}。"), {"name": sheet.name, "columns": required})
