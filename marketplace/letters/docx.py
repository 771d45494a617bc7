"""A letter as a Word document, in the measures of 党政机关公文格式 (GB/T 9704): title, number, addressee, text, signature."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from docx import Document
from docx.document import Document as Opened
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph as Line

from marketplace.letters.charts import picture
from marketplace.letters.letter import Grid, Letter, Paragraph, Picture

_FONT, _HEAD_FONT = "仿宋", "黑体"
_SIZE, _TITLE = Pt(16), Pt(22)
# The width of the text in millimetres.
_WIDE = 156
# Of a file nothing may depend on the moment at which it was written: the same letter is the same file.
_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


def written(letter: Letter) -> bytes:
    document = Document()
    _page(document)
    _line(document, letter.title, size=_TITLE, font=_HEAD_FONT, align=WD_ALIGN_PARAGRAPH.CENTER)
    if letter.number:
        _line(document, letter.number, align=WD_ALIGN_PARAGRAPH.CENTER)
    if letter.addressee:
        _line(document, f"{letter.addressee}：")
    for part in letter.parts:
        if isinstance(part, Grid):
            _table(document, part)
        elif isinstance(part, Picture):
            _picture(document, part)
        else:
            for text in part.text.split("\n"):
                line = _line(document, text, font=_HEAD_FONT if part.is_heading else _FONT)
                line.paragraph_format.first_line_indent = Pt(32)
                line.paragraph_format.keep_with_next = part.is_heading
    # Who signs never stands alone on a page: the last sentence goes with it, and the date with the name.
    if letter.parts and isinstance(letter.parts[-1], Paragraph):
        document.paragraphs[-1].paragraph_format.keep_with_next = True
    for text in ("", letter.sign_off, letter.date):
        signed = _line(document, text, align=WD_ALIGN_PARAGRAPH.RIGHT)
        signed.paragraph_format.keep_with_next = text != letter.date
    return _bytes(document, letter)


def _page(document: Opened) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin, section.left_margin, section.right_margin = Mm(37), Mm(35), Mm(28), Mm(26)
    style = document.styles["Normal"]
    style.font.name, style.font.size = _FONT, _SIZE
    _set_chinese_font(style.element, _FONT)


def _line(document: Opened, text: str, *, size: Pt = _SIZE, font: str = _FONT, align: WD_ALIGN_PARAGRAPH | None = None) -> Line:
    line = document.add_paragraph()
    run = line.add_run(text)
    run.font.size, run.font.name = size, font
    _set_chinese_font(run._element, font)
    if align is not None:
        line.alignment = align
    return line


def _set_chinese_font(element: Any, font: str) -> None:
    """Word keeps a font of its own for Chinese, which the library does not name."""
    element.rPr.rFonts.set(qn("w:eastAsia"), font)


def _table(document: Opened, grid: Grid) -> None:
    table = document.add_table(rows=1, cols=len(grid.head), style="Table Grid")
    # A long table says on every page what its columns are.
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for row, texts in zip([table.rows[0], *(table.add_row() for _row in grid.rows)], (grid.head, *grid.rows), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.paragraphs[0].add_run(text).font.size = Pt(12)
    for column, width in zip(table.columns, grid.widths, strict=False):
        for cell in column.cells:
            cell.width = Mm(_WIDE * width // sum(grid.widths))


def _picture(document: Opened, part: Picture) -> None:
    """The chart, with its sentence under it and for those who do not see it."""
    drawn = document.add_picture(io.BytesIO(picture(part.chart)), width=Mm(150))
    drawn._inline.docPr.set("descr", part.caption)
    document.paragraphs[-1].alignment = WD_ALIGN_PARAGRAPH.CENTER
    _line(document, part.caption, size=Pt(12), align=WD_ALIGN_PARAGRAPH.CENTER)


def _bytes(document: Opened, letter: Letter) -> bytes:
    core = document.core_properties
    core.title, core.author, core.created, core.modified = letter.title[:200], letter.sign_off[:200], _MOMENT, _MOMENT
    core.last_modified_by, core.comments = letter.sign_off[:200], ""
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()
