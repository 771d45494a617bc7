"""A letter as a PDF. The font is part of the platform and goes into the file, so that it looks the same everywhere."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from marketplace.letters import charts
from marketplace.letters.letter import Grid, Letter, Picture

if TYPE_CHECKING:
    from fpdf import FPDF

_TEXT, HEAD = "song", "hei"
_SIZE, _TITLE = 14, 20
_LEFT, _TOP, _RIGHT, _BOTTOM = 28, 30, 26, 25
_LINE = 8.5
# The name and the day below a letter, with the space above them.
_SIGNED = 8 + 2 * _LINE
# What a heading wants below it: two rows of text, or the first rows of a table.
_BELOW_HEADING = 28.0
_PIECES = re.compile(r"[A-Za-z0-9_./:-]+|.", re.S)
_CLOSING = "，。；：、？！）》」』】〕”’％%,.;:?!)"
_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


def written(letter: Letter) -> bytes:
    from fpdf.enums import Align, XPos, YPos

    page = _opened(letter)

    def line(
        text: str, *, font: str = _TEXT, size: int = _SIZE, align: Align = Align.L, height: float = _LINE, with_it: float = 0.0
    ) -> None:
        """`with_it`: the height of what must stand on the same page as the last two rows of this text."""
        page.set_font(font, size=size)
        rows = list(broken_into_lines(_drawable(text, font), page.epw - 2 * page.c_margin, page.get_string_width))
        for place, row in enumerate(rows):
            if with_it and place == max(0, len(rows) - 2) and page.will_page_break((len(rows) - place) * height + with_it):
                page.add_page()
            page.cell(0, height, row, align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    line(letter.title, font=HEAD, size=_TITLE, align=Align.C, height=12)
    if letter.number:
        line(letter.number, align=Align.C)
    page.ln(4)
    if letter.addressee:
        line(f"{letter.addressee}：")
    for part in letter.parts:
        if isinstance(part, Grid):
            _table(page, part)
            continue
        if isinstance(part, Picture):
            _picture(page, part)
            line(part.caption, size=11, align=Align.C)
            continue
        texts = part.text.split("\n")
        for place, text in enumerate(texts):
            # Who signs never stands alone on a page, nor a heading at the end of one.
            is_last = part is letter.parts[-1] and place == len(texts) - 1
            with_it = _BELOW_HEADING if part.is_heading else _SIGNED if is_last else 0.0
            line(f"　　{text}", font=HEAD if part.is_heading else _TEXT, with_it=with_it)
    if page.will_page_break(_SIGNED):
        page.add_page()
    page.ln(8)
    for text in (letter.sign_off, letter.date):
        line(text, align=Align.R)
    return bytes(page.output())


def _picture(page: FPDF, part: Picture) -> None:
    """A chart is never torn: where it does not fit it begins the next page."""
    if page.will_page_break(charts.HEIGHT + 2 * _LINE):
        page.add_page()
    charts.draw(page, part.chart, page.l_margin + (page.epw - charts.WIDTH) / 2, page.get_y(), HEAD)
    page.set_y(page.get_y() + charts.HEIGHT + 2)


def blank(size: tuple[float, float]) -> FPDF:
    """One page of a size in millimetres, without margins, with the fonts of all letters."""
    from fpdf import FPDF

    page = FPDF(format=size)
    page.set_auto_page_break(False)
    page.set_margin(0)
    _add_fonts(page)
    page.add_page()
    return page


def _add_fonts(page: FPDF) -> None:
    from pylopdf_fonts_zh_cn import sans_path, serif_path

    # What the library says while it cuts a font is of no use to whoever runs the site.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    page.set_creation_date(_MOMENT)
    page.add_font(_TEXT, "", serif_path())
    page.add_font(HEAD, "", sans_path())


def _opened(letter: Letter) -> FPDF:
    from fpdf import FPDF

    page = FPDF(format="A4")
    page.set_title(letter.title)
    page.set_author(letter.sign_off)
    page.set_lang("zh-CN")
    page.set_margins(_LEFT, _TOP, _RIGHT)
    page.set_auto_page_break(True, _BOTTOM)
    _add_fonts(page)
    page.add_page()
    return page


def _table(page: FPDF, grid: Grid) -> None:
    from fpdf.fonts import FontFace

    page.ln(2)
    page.set_font(_TEXT, size=11)
    # The first row is repeated where a table goes on, in the letters of the others: there is no bold font.
    plain = FontFace(emphasis=None)
    with page.table(line_height=7, padding=1.5, headings_style=plain, wrapmode="CHAR", col_widths=grid.widths or None) as table:
        for texts in (grid.head, *grid.rows):
            row = table.row()
            for text in texts:
                row.cell(_drawable(text, _TEXT))
    page.ln(4)


def broken_into_lines(text: str, width: float, measure: Callable[[str], float]) -> Iterator[str]:
    """Chinese breaks between any two characters, but no line begins with a mark that closes; words and numbers stay whole."""
    line, used = "", 0.0
    for piece in _PIECES.findall(text):
        needed = measure(piece)
        if line and used + needed > width:
            # Nothing closes at the beginning of a line: what it closes comes along.
            kept = len(line) - 1 if piece[0] in _CLOSING and len(line) > 1 else len(line)
            yield line[:kept]
            line = line[kept:].lstrip(" ")
            used = measure(line) if line else 0.0
        while needed > width:
            most = next((size for size in range(len(piece), 0, -1) if measure(piece[:size]) <= width), 1)
            yield piece[:most]
            piece = piece[most:]
            needed = measure(piece) if piece else 0.0
        line, used = line + piece, used + needed
    yield line


@cache
def _letters(font: str) -> frozenset[int]:
    """The characters that a font has."""
    from fontTools.ttLib import TTFont
    from pylopdf_fonts_zh_cn import sans_path, serif_path

    with TTFont(serif_path() if font == _TEXT else sans_path(), lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def _drawable(text: str, font: str) -> str:
    """A character that the font lacks is shown as a box, never silently left out."""
    known = _letters(font)
    return "".join(letter if letter == "\n" or ord(letter) in known else "□" for letter in text)
