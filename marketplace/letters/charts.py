"""Charts in letters: drawn as lines into a PDF, and as a picture of the same drawing into Word, which knows no drawing of ours."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpdf import FPDF

# In millimetres. The picture for Word has so many dots a millimetre.
WIDTH, HEIGHT = 150.0, 96.0
_RADIUS, _RINGS = 34.0, 4
_DOTS = 8
_OWN, _OTHERS, _GRID, _INK = (23, 73, 110), (192, 106, 18), (200, 208, 216), (67, 80, 93)


@dataclass(frozen=True)
class Radar:
    """One spoke for each label, 0 to 100. None: no value, the line is left open there. `others`: to be compared with, empty for none."""

    labels: tuple[str, ...]
    own: tuple[float | None, ...]
    others: tuple[float | None, ...] = ()
    own_word: str = ""
    others_word: str = ""


def spokes(count: int, radius: float) -> list[tuple[float, float]]:
    """The ends of the spokes about (0, 0), the first upwards, clockwise."""
    turns = [2 * math.pi * number / count for number in range(count)]
    return [(radius * math.sin(turn), -radius * math.cos(turn)) for turn in turns]


def draw(page: FPDF, radar: Radar, x: float, y: float, font: str) -> None:
    """The chart with its upper left corner there. What is drawn after it has the colours of before."""
    with page.local_context():
        _draw(page, radar, x, y, font)


def _draw(page: FPDF, radar: Radar, x: float, y: float, font: str) -> None:
    cx, cy = x + WIDTH / 2, y + HEIGHT / 2 - 3
    ends = spokes(len(radar.labels), _RADIUS)
    page.set_draw_color(*_GRID)
    page.set_line_width(0.2)
    for ring in range(1, _RINGS + 1):
        page.polygon([(cx + dx * ring / _RINGS, cy + dy * ring / _RINGS) for dx, dy in ends], style="D")
    for dx, dy in ends:
        page.line(cx, cy, cx + dx, cy + dy)
    page.set_font(font, size=8)
    page.set_text_color(*_INK)
    for ring in range(1, _RINGS + 1):
        page.text(cx + 0.8, cy - _RADIUS * ring / _RINGS + 3, str(100 * ring // _RINGS))
    _shape(page, radar.others, ends, cx, cy, _OTHERS, dashed=True)
    _shape(page, radar.own, ends, cx, cy, _OWN, dashed=False)
    page.set_font(font, size=9.5)
    for label, value, (dx, dy) in zip(radar.labels, radar.own, spokes(len(radar.labels), _RADIUS + 5), strict=True):
        text = label if value is None else f"{label} {value:.0f}"
        width = page.get_string_width(text)
        left = cx + dx - (width if dx < -1 else 0 if dx > 1 else width / 2)
        page.text(left, cy + dy + (1 if abs(dy) < _RADIUS else 3 if dy > 0 else 0), text)
    _key(page, radar, x, y + HEIGHT - 4)


def _shape(
    page: FPDF,
    values: tuple[float | None, ...],
    ends: list[tuple[float, float]],
    cx: float,
    cy: float,
    colour: tuple[int, int, int],
    *,
    dashed: bool,
) -> None:
    """The line through the values; between a value and a missing one there is none."""
    if not values:
        return
    page.set_draw_color(*colour)
    page.set_line_width(0.7)
    if dashed:
        page.set_dash_pattern(dash=1.6, gap=1.1)
    points = [
        None if value is None else (cx + dx * value / 100, cy + dy * value / 100) for value, (dx, dy) in zip(values, ends, strict=True)
    ]
    for first, second in zip(points, points[1:] + points[:1], strict=True):
        if first is not None and second is not None:
            page.line(*first, *second)
    page.set_dash_pattern()
    page.set_fill_color(*colour)
    for point in points:
        if point is not None:
            page.circle(point[0], point[1], 0.9, style="F")


def _key(page: FPDF, radar: Radar, x: float, y: float) -> None:
    """Which line is whose."""
    words = [(radar.own_word, _OWN, False)] + ([(radar.others_word, _OTHERS, True)] if radar.others else [])
    left = x + WIDTH / 2 - 24 * len(words)
    page.set_line_width(0.7)
    for word, colour, dashed in words:
        page.set_draw_color(*colour)
        if dashed:
            page.set_dash_pattern(dash=1.6, gap=1.1)
        page.line(left, y - 1.2, left + 9, y - 1.2)
        page.set_dash_pattern()
        page.text(left + 11, y, word)
        left += 48


def picture(radar: Radar) -> bytes:
    """The same drawing as PNG: a PDF page of its size, rendered."""
    import pypdfium2

    from marketplace.letters.pdf import HEAD, blank

    page = blank((WIDTH, HEIGHT))
    draw(page, radar, 0, 0, HEAD)
    with pypdfium2.PdfDocument(bytes(page.output())) as document:
        image = document[0].render(scale=_DOTS * 25.4 / 72).to_pil()
    out = io.BytesIO()
    image.convert("P", palette=1, colors=64).save(out, "PNG", optimize=True)
    return out.getvalue()
