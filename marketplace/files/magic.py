"""The kind of a file by its first bytes, whatever it is called."""

from __future__ import annotations

import re
from pathlib import Path

_FIRST = 4096
_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08", "zip"),
    (b"\x89PNG", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"MZ", "exe"),
    (b"\x7fELF", "elf"),
    (b"\xfe\xed\xfa\xce", "mach-o"),
    (b"\xfe\xed\xfa\xcf", "mach-o"),
    (b"\xce\xfa\xed\xfe", "mach-o"),
    (b"\xcf\xfa\xed\xfe", "mach-o"),
    (b"\xca\xfe\xba\xbe", "class"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"Rar!", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"MSCF", "cab"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"{\\rtf", "rtf"),
    (b"#!", "script"),
    (b"%!PS", "ps"),
    (b"\x00asm", "wasm"),
    (b"SQLite format 3", "sqlite"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "lnk"),
)
# Two letters are also the beginning of a word: these are what they say only where no text follows.
_SHORT = ("exe", "bmp")
_MARKUP = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*<(?:(\?xml)|(!doctype)|(?:(html|head|body|script|iframe|meta|style)|(svg)|(\?php))[\s>/])", re.I
)


def detect(path: Path) -> str:
    """A word for what the first bytes are; "" for a text or what nobody knows."""
    with path.open("rb") as file:
        start = file.read(_FIRST)
    if start[4:8] == b"ftyp":
        return "heic" if start[8:12] in (b"heic", b"heix", b"mif1", b"msf1") else "mp4"
    if start[:4] == b"RIFF":
        return start[8:12].decode("ascii", "replace").strip().lower()
    for magic, word in _MAGICS:
        if start.startswith(magic) and not (word in _SHORT and _reads_as_text(start)):
            return word
    if found := _MARKUP.match(_plain(start)):
        if found[4] or (found[1] and b"<svg" in _plain(start).lower()):
            return "svg"
        if found[5]:
            return "script"
        return "xml" if found[1] else "html"
    return ""


def _reads_as_text(start: bytes) -> bool:
    return not any(byte < 9 or 13 < byte < 32 for byte in start)


def _plain(start: bytes) -> bytes:
    """Markup in UTF-16 looks the same once every second byte is left out."""
    return start[2:].replace(b"\0", b"") if start[:2] in (b"\xff\xfe", b"\xfe\xff") else start
