"""What a file really is: its ending, its first bytes and its structure must say the same.

Each check reads the file piece by piece and answers with None, or with the one sentence that says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from marketplace.domain.lifecycle import Refused, _
from marketplace.files import images, markup, packages, pdf, plain
from marketplace.files.magic import detect

Check = Callable[[Path], Refused | None]


@dataclass(frozen=True)
class Kind:
    """A kind of file that the platform takes. `word`: what people call it."""

    word: str
    media: str
    check: Check


_OFFICE = "application/vnd.openxmlformats-officedocument."
# A text has no first bytes of its own: it is one if it is nothing else.
_TEXTS = ("csv", "txt")
_ZIPS = ("docx", "xlsx", "pptx", "zip", "ofd")
KINDS: dict[str, Kind] = {
    "pdf": Kind("PDF", "application/pdf", pdf.check),
    "docx": Kind("Word", _OFFICE + "wordprocessingml.document", packages.check_word),
    "xlsx": Kind("Excel", _OFFICE + "spreadsheetml.sheet", packages.check_excel),
    "pptx": Kind("PPT", _OFFICE + "presentationml.presentation", packages.check_slides),
    "png": Kind("PNG", "image/png", images.check_png),
    "jpg": Kind("JPG", "image/jpeg", images.check_jpg),
    "zip": Kind("ZIP", "application/zip", packages.check_zip),
    "csv": Kind("CSV", "text/csv", plain.check),
    "txt": Kind("TXT", "text/plain", plain.check),
    "ofd": Kind("OFD", "application/ofd", packages.check_ofd),
    "xml": Kind("XML", "application/xml", markup.check),
}
# Electronic invoices come so; they are taken where evidence is handed in, and nowhere else.
INVOICES = frozenset({"ofd", "xml"})
SAME = {"jpeg": "jpg"}


def ending_of(filename: str) -> str:
    """The ending in small letters, one for each kind."""
    ending = filename.rpartition(".")[2].lower()
    return SAME.get(ending, ending)


def words(endings: Collection[str]) -> str:
    """The kinds as one line for people: PDF、Word（.docx）…"""
    return "、".join(
        f"{KINDS[one].word}（.{one}）" if KINDS[one].word.lower() != one else KINDS[one].word for one in KINDS if one in endings
    )


def check(path: Path, filename: str, allowed: Collection[str]) -> str | Refused:
    """The media type of a file that is what its name says, or the sentence why it is not taken."""
    ending = ending_of(filename)
    if ending not in allowed or ending not in KINDS:
        return Refused(
            "kind_not_allowed", _("这里只收 {allowed}，这个文件是“{name}”，没有上传。"), {"allowed": words(allowed), "name": filename}
        )
    kind = KINDS[ending]
    found = detect(path)
    expected = ("",) if ending in _TEXTS else ("zip",) if ending in _ZIPS else ("xml", "") if ending == "xml" else (ending,)
    if found not in expected:
        return _mismatch(kind.word, found)
    return kind.check(path) or kind.media


def _mismatch(wanted: str, found: str) -> Refused:
    values = {"wanted": wanted, "found": found}
    if found in ("exe", "elf", "mach-o", "class", "script"):
        return Refused("wrong_content", _("这个文件的内容不是 {wanted}（实际是 {found} 程序），没有上传。请另存为 {wanted} 再传。"), values)
    if found == "ole":
        return Refused(
            "old_or_locked", _("这个文件带密码，或是旧格式（.doc、.xls、.ppt），没有上传。请去掉密码，另存为 {wanted} 再传。"), values
        )
    if found:
        return Refused("wrong_content", _("这个文件的内容不是 {wanted}（实际是 {found}），没有上传。请另存为 {wanted} 再传。"), values)
    return Refused("wrong_content", _("这个文件的内容不是 {wanted}，没有上传。请另存为 {wanted} 再传。"), values)
