"""Names of files as people gave them: only shown, never used to open anything."""

from __future__ import annotations

import unicodedata

_HARMLESS = " -_.()（）·、，《》〈〉〔〕【】"


def harmless_name(name: str, *, longest: int = 40) -> str:
    """A file's own name without folders, control characters and leading dots; its stem cut, its ending kept; "" without an ending."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join(letter for letter in name if letter.isalnum() or letter in _HARMLESS).strip(" .")
    stem, dot, ending = name.rpartition(".")
    return f"{stem[:longest].strip()}.{ending[:10]}" if dot and stem.strip() else ""
