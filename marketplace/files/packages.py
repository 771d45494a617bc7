"""Zip files, and the three kinds of Office documents, which are zip files of a known inner order."""

from __future__ import annotations

import re
from pathlib import Path

from marketplace.domain.lifecycle import Refused, _
from marketplace.files.archive import Entry, Flaw, read_directory, unpacked_chunks
from marketplace.files.flaws import broken, too_large_unpacked

_ARCHIVES = re.compile(r"\.(zip|rar|7z|tar|gz|tgz|bz2|xz|zst|cab|jar|war|iso|arj|lzh)$", re.I)
_PROGRAMS = re.compile(r"\.(exe|dll|com|scr|msi|bat|cmd|ps1|vbs|vbe|jse|wsf|hta|lnk|apk|sh)$", re.I)
_XML = re.compile(r"\.(xml|rels|vml|svg)$", re.I)
_DECLARED = re.compile(rb"<!(?:doctype|entity)", re.I)
_ENCODING = re.compile(rb"""^<\?xml[^>]{0,200}encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""", re.I)
_ENCODINGS = (b"utf-8", b"utf-16", b"utf8", b"us-ascii", b"ascii")
_TYPES = "[Content_Types].xml"
_MOST_TYPES = 2 * 2**20
_OFFICE = "application/vnd.openxmlformats-officedocument."
_MAIN = {"word/document.xml": "Word", "xl/workbook.xml": "Excel", "ppt/presentation.xml": "PPT", "ofd.xml": "OFD", "content.xml": "ODF"}


def check_word(path: Path) -> Refused | None:
    return _check_office(path, "Word", "word/document.xml", _OFFICE + "wordprocessingml.document.main+xml")


def check_excel(path: Path) -> Refused | None:
    return _check_office(path, "Excel", "xl/workbook.xml", _OFFICE + "spreadsheetml.sheet.main+xml")


def check_slides(path: Path) -> Refused | None:
    return _check_office(path, "PPT", "ppt/presentation.xml", _OFFICE + "presentationml.presentation.main+xml")


def check_zip(path: Path) -> Refused | None:
    entries = read_directory(path)
    if isinstance(entries, Flaw):
        return _refused(entries, "ZIP")
    for entry in entries:
        if refused := _name(entry):
            return refused
        if _ARCHIVES.search(entry.name):
            return Refused(
                "nested_archive", _("压缩包里还有压缩包（{name}），没有上传。请解开后重新打包再传。"), {"name": entry.name[-60:]}
            )
        if _PROGRAMS.search(entry.name):
            return Refused("program_inside", _("压缩包里有程序（{name}），没有上传。请去掉后再传。"), {"name": entry.name[-60:]})
    for piece in unpacked_chunks(path, entries):
        if isinstance(piece, Flaw):
            return _refused(piece, "ZIP")
    return None


def check_ofd(path: Path) -> Refused | None:
    """An electronic invoice of the country's own format: a zip of XML, signatures and pictures."""
    entries = read_directory(path)
    if isinstance(entries, Flaw):
        return _refused(entries, "OFD")
    names = {entry.name.lower() for entry in entries}
    if len(names) < len(entries) or any(_name(entry) for entry in entries) or "ofd.xml" not in names:
        return broken("OFD")
    if any(_ARCHIVES.search(name) or _PROGRAMS.search(name) for name in names):
        return Refused("program_inside", _("压缩包里有程序（{name}），没有上传。请去掉后再传。"), {"name": "OFD"})
    xml = _Xml()
    for piece in unpacked_chunks(path, entries):
        if isinstance(piece, Flaw):
            return _refused(piece, "OFD")
        entry, data = piece
        if _XML.search(entry.name) and not xml.take(entry.name, data):
            return Refused("entities", _("这个 {word} 文件里有指向别处的声明，没有上传。请重新另存后再传。"), {"word": "OFD"})
    return None


def _refused(flaw: Flaw, word: str) -> Refused:
    if flaw is Flaw.TOO_LARGE:
        return too_large_unpacked()
    if flaw is Flaw.LOCKED:
        return Refused("locked", _("这个 {word} 文件带密码，没有上传。请去掉密码再传。"), {"word": word})
    return broken(word)


def _name(entry: Entry) -> Refused | None:
    """No entry may point out of the folder into which somebody unpacks it."""
    parts = entry.name.split("/")
    if entry.name.startswith("/") or ".." in parts or ":" in parts[0] or "\0" in entry.name:
        return broken("ZIP")
    return None


def _check_office(path: Path, word: str, main: str, media: str) -> Refused | None:
    entries = read_directory(path)
    if isinstance(entries, Flaw):
        return _refused(entries, word)
    names = {entry.name.lower() for entry in entries}
    if len(names) < len(entries) or any(_name(entry) for entry in entries):
        return broken(word)
    if _TYPES.lower() not in names or main not in names:
        found = next((other for part, other in _MAIN.items() if part in names), "zip")
        values = {"wanted": word, "found": found}
        return Refused("wrong_content", _("这个文件的内容不是 {wanted}（实际是 {found}），没有上传。请另存为 {wanted} 再传。"), values)
    if any(name.rpartition("/")[2] == "vbaproject.bin" or _PROGRAMS.search(name) for name in names):
        return Refused("macros", _("这个 {word} 文件里有宏或程序，没有上传。请另存为不带宏的文件再传。"), {"word": word})
    types = _Types()
    xml = _Xml()
    for piece in unpacked_chunks(path, entries):
        if isinstance(piece, Flaw):
            return _refused(piece, word)
        entry, data = piece
        if _XML.search(entry.name) and not xml.take(entry.name, data):
            return Refused("entities", _("这个 {word} 文件里有指向别处的声明，没有上传。请重新另存后再传。"), {"word": word})
        if entry.name.lower() == _TYPES.lower():
            types.take(data)
    return None if media.encode() in types.data else broken(word)


class _Types:
    """The list of what the parts are; a reasonable one is small."""

    def __init__(self) -> None:
        self.data = b""

    def take(self, data: bytes) -> None:
        if len(self.data) < _MOST_TYPES:
            self.data += data


class _Xml:
    """Looks through XML as it streams by: no document type, no entity, no encoding in which either could hide."""

    def __init__(self) -> None:
        self._name = ""
        self._rest = b""

    def take(self, name: str, data: bytes) -> bool:
        if name != self._name:
            self._name, self._rest = name, b""
            if not self._begins_well(data):
                return False
        # In UTF-16 every second byte is empty; a declaration may lie across two pieces.
        seen = self._rest + data.replace(b"\0", b"")
        self._rest = seen[-16:]
        return _DECLARED.search(seen) is None

    def _begins_well(self, data: bytes) -> bool:
        start = data[:512]
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return start[2:].replace(b"\0", b"").lstrip().startswith(b"<")
        start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
        declared = _ENCODING.match(start)
        return start.startswith(b"<") and b"\0" not in start and (declared is None or declared[1].lower() in _ENCODINGS)
