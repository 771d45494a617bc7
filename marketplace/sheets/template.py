"""The sheet to fill in: Chinese headers, drop-down lists, a note per column, an example that import skips."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from marketplace.sheets.columns import EXAMPLE_MARK, KIND_NAMES, REMARK, Column, Shape, Sheet, Words
from marketplace.sheets.nouns import SHEETS

# Rows that get drop-down lists; a longer list can be filled in all the same.
ROWS = 2000
WIDE = (Shape.TEXT, Shape.LINES, Shape.EFFECTS, Shape.FINANCIALS, Shape.EXPERTS)
NUMBERS = (Shape.MONEY, Shape.WEEKS, Shape.COUNT, Shape.NUMBER, Shape.YEAR)
# Texts that begin like a formula stay texts, and addresses stay texts too.
OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
SHEET_OF_NOTES, SHEET_OF_CHOICES = "说明", "选项"


def columns_of(sheet: Sheet) -> list[Column]:
    """The columns that a template shows."""
    return [column for column in sheet.columns if column.in_template and column.shape is not Shape.IGNORED]


def choices_of(column: Column, words: Words) -> list[str]:
    """What a drop-down list offers; nothing for a column that is free."""
    if column.kind:
        # Where several are typed, the short names are.
        several = column.shape is Shape.TERMS
        names = [(several and term.short) or term.name for term in words.terms(column.kind)]
        return names + list(column.none_words[:1])
    if column.answers:
        return [names[0] for _key, names in column.answers]
    return ["是", "否"] if column.shape is Shape.FLAG else []


def write_template(noun: str, path: Path, words: Words) -> None:
    """Write the template of a noun; the file is complete or absent."""
    sheet = SHEETS[noun]
    part = path.with_name(f".{path.name}.part")
    try:
        _write(sheet, part, words)
    except FileCreateError as error:
        # The library's own error is no OSError, though a missing folder or a full disk is what it means.
        raise OSError(0, str(error.args[0]), str(path)) from error
    os.replace(part, path)


def _write(sheet: Sheet, path: Path, words: Words) -> None:
    with xlsxwriter.Workbook(str(path), OPTIONS) as book:
        page = book.add_worksheet(sheet.name)
        notes = book.add_worksheet(SHEET_OF_NOTES)
        choices = book.add_worksheet(SHEET_OF_CHOICES)
        choices.hide()
        columns = columns_of(sheet)
        _write_page(book, page, columns, words)
        _write_choices(book, page, choices, columns, words)
        _write_notes(book, notes, sheet, columns, words)


def header_of(column: Column) -> str:
    """A required column carries a star."""
    return f"{column.header} *" if column.required else column.header


def _write_page(book: Any, page: Any, columns: list[Column], words: Words) -> None:
    look = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "top", "text_wrap": True}
    required = book.add_format(look | {"bold": True, "bg_color": "#E3ECF7", "font_color": "#A4262C", "border": 1})
    optional = book.add_format(look | {"bold": True, "bg_color": "#E3ECF7", "border": 1})
    text = book.add_format(look | {"num_format": "@"})
    number = book.add_format(look | {"num_format": "General"})
    example = book.add_format(look | {"num_format": "@", "italic": True, "font_color": "#767676"})
    for place, column in enumerate(columns):
        width = 44 if column.shape in WIDE else max(14, min(24, 2 * len(column.header) + 4))
        # Text format keeps 18-digit codes whole, and 4-10 from turning into a date.
        page.set_column(place, place, width, number if column.shape in NUMBERS else text)
        page.write_string(0, place, header_of(column), required if column.required else optional)
        if column.note:
            page.write_comment(0, place, column.note, {"x_scale": 2, "author": ""})
        offered = choices_of(column, words)
        page.write_string(1, place, column.example or (offered[0] if offered and column.shape is not Shape.FLAG else ""), example)
    place = len(columns)
    page.set_column(place, place, 24, text)
    page.write_string(0, place, REMARK, optional)
    page.write_string(1, place, f"{EXAMPLE_MARK}，导入时跳过", example)
    page.freeze_panes(1, 1)


def _write_choices(book: Any, page: Any, choices: Any, columns: list[Column], words: Words) -> None:
    lists = 0
    for place, column in enumerate(columns):
        offered = choices_of(column, words)
        if not offered:
            continue
        choices.write_string(0, lists, column.header)
        for row, name in enumerate(offered, 1):
            choices.write_string(row, lists, name)
        letter = xlsxwriter.utility.xl_col_to_name(lists)
        several = column.shape is Shape.TERMS
        rule = {
            "validate": "list",
            "source": f"={SHEET_OF_CHOICES}!${letter}$2:${letter}${len(offered) + 1}",
            # Several words are typed with 、 between them, which no drop-down list knows; a number of GB/T 4754 is allowed too.
            "show_error": not several and column.kind != "sector",
            "error_title": "请从列表里选",
            "error_message": f"“{column.header}”只能填列表里的内容。",
        }
        page.data_validation(1, place, ROWS, place, rule)
        lists += 1


def _write_notes(book: Any, notes: Any, sheet: Sheet, columns: list[Column], words: Words) -> None:
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    notes.set_column(0, 0, 22)
    notes.set_column(1, 1, 10)
    notes.set_column(2, 3, 60)
    lines = [
        f"{sheet.name}导入表。{sheet.about}",
        "从第 2 行起填；第 2 行是示例，备注写着“示例行”的行不会导入。带 * 的列必填。",
        "再次导入按编号（或信用代码）更新；留空的单元格会清空原来的内容，不想改的列请整列删去。",
    ]
    for row, line in enumerate(lines):
        notes.merge_range(row, 0, row, 3, line, wrap)
    start = len(lines) + 1
    for place, title in enumerate(("列", "必填", "怎么填", "可填内容")):
        notes.write_string(start, place, title, bold)
    for row, column in enumerate(columns, start + 1):
        offered = choices_of(column, words)
        name = KIND_NAMES.get(column.kind, "")
        notes.write_string(row, 0, column.header, wrap)
        notes.write_string(row, 1, "必填" if column.required else "", wrap)
        notes.write_string(row, 2, column.note, wrap)
        notes.write_string(row, 3, f"{name}：{'、'.join(offered)}" if name else "、".join(offered), wrap)
