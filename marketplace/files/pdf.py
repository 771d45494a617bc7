"""A PDF: from its header to its last end-of-file mark, with a table of objects where it says, and nothing behind it."""

from __future__ import annotations

import re
from pathlib import Path

from marketplace.domain.lifecycle import Refused
from marketplace.files.flaws import broken

_TAIL = 4096
_END = re.compile(rb"startxref\s+(\d{1,10})\s+%%EOF[\s\0]*$")
_TABLE = re.compile(rb"\s{0,8}(?:xref\b|\d{1,10}\s+\d{1,5}\s+obj\b)")


def check(path: Path) -> Refused | None:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(max(0, size - _TAIL))
        end = _END.search(file.read())
        if not re.match(rb"%PDF-[12]\.\d", head) or end is None or int(end[1]) >= size:
            return broken("PDF")
        file.seek(int(end[1]))
        if not _TABLE.match(file.read(64)):
            return broken("PDF")
        # A zip is read from its end: one that ends where the PDF ends would be both.
        file.seek(max(0, size - 66_000))
        if _ends_as_zip(file.read()):
            return broken("PDF")
    return None


def _ends_as_zip(tail: bytes) -> bool:
    at = tail.rfind(b"PK\x05\x06")
    return at >= 0 and len(tail) - at >= 22 and int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail) - at - 22
