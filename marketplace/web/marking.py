"""Words that matched, marked in the text that they stand in. Everything else is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from indexer.analysis import highlight


def spans(text: str, marks: Iterable[tuple[int, int]]) -> Markup:
    """A text with these stretches marked; stretches that overlap or lie outside are cut."""
    parts: list[Markup] = []
    at = 0
    for start, end in sorted(marks):
        start, end = max(start, at), min(end, len(text))
        if start >= end:
            continue
        parts += [escape(text[at:start]), Markup("<mark>"), escape(text[start:end]), Markup("</mark>")]
        at = end
    parts.append(escape(text[at:]))
    return Markup("").join(parts)


def marked(text: str, terms: Sequence[str]) -> Markup:
    """A text with the words of a search marked."""
    return spans(text, highlight(text, terms)) if terms else escape(text)


def hits(text: str, terms: Sequence[str]) -> int:
    """How many stretches of a text the words of a search mark."""
    return len(highlight(text, terms)) if terms else 0
