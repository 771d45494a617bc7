"""The page about the columns of every sheet, made from the same tables that read them."""

from __future__ import annotations

from marketplace.sheets.columns import Column, Words
from marketplace.sheets.nouns import SHEETS
from marketplace.sheets.template import choices_of


def markdown(words: Words) -> str:
    """A section per sheet, a row per column: header, key, whether it is required, how to fill it in, what is offered."""
    parts = ["# 导入文件的列 / Columns of import files", "由程序中的列表生成，请勿手改。表头写中文名或英文键都可以。"]
    for sheet in SHEETS.values():
        names = "、".join(f"`{name}`" for name in (sheet.noun, sheet.name))
        parts.append(f"## {sheet.name} {sheet.noun}\n\n{sheet.about}文件或工作表可命名为 {names}。")
        rows = ["| 列 | 键 | 必填 | 怎么填 | 可填内容 |", "|---|---|---|---|---|"]
        rows += [_row(column, words) for column in sheet.columns if column.note]
        parts.append("\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _row(column: Column, words: Words) -> str:
    cells = (column.header, f"`{column.key}`", "是" if column.required else "", column.note, "、".join(choices_of(column, words)))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
