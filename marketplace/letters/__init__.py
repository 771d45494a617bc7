"""Letters of the platform, from one form as Word and as PDF. What people typed is text in them, never markup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketplace.domain.letter_texts import LetterText
from marketplace.letters.letter import Letter, LetterError, fill

__all__ = ["Letter", "LetterError", "LetterText", "fill", "letter_docx", "letter_pdf"]


def letter_docx(name: str, values: Mapping[str, Any], words: LetterText | None = None) -> bytes:
    """The letter `name` (templates/letters/name.toml) as a Word document; `words`: instead of those that are shipped."""
    from marketplace.letters.docx import written

    return written(fill(name, values, words))


def letter_pdf(name: str, values: Mapping[str, Any], words: LetterText | None = None) -> bytes:
    """The letter `name` (templates/letters/name.toml) as a PDF with its fonts inside."""
    from marketplace.letters.pdf import written

    return written(fill(name, values, words))
