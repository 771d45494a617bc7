"""Looking into a zip file before anybody unpacks it: how many entries, how large they say they are.

The central directory is read by hand and only so far as is needed: the standard library reads all of a hundred
thousand entries before one can be counted.
"""

from __future__ import annotations

import struct
from pathlib import Path

from marketplace.domain.lifecycle import Refused, _

MOST_ENTRIES = 10_000
MOST_BYTES = 200 * 2**20
RATIO, RATIO_FROM = 50, 64 * 2**20
_END = struct.Struct("<4s4H2LH")
# Of an entry of the directory only what is needed: its unpacked size, and how long its name, extra field and comment are.
_ENTRY, _ENTRY_AT, _ENTRY_LENGTH = struct.Struct("<L3H"), 24, 46
_WORKBOOK = b"xl/workbook.xml"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def check_workbook(path: Path) -> Refused | None:
    """Why a file cannot be read as an Excel workbook, or None. Takes milliseconds whatever the file holds."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start.startswith(_OLE):
            return Refused("old_or_locked", _("这个文件带密码，或是旧格式（.xls）。请另存为不带密码的 .xlsx 再导入。"))
        if not start.startswith(b"PK\x03\x04"):
            return Refused("not_a_workbook", _("这个文件的内容不是 Excel 工作簿。请用表格软件另存为 .xlsx 再导入。"))
        file.seek(max(0, size - 66_000))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _END.size:
            return Refused("broken_workbook", _("这个文件不完整，可能没有传完。请重新保存或重新上传。"))
        _sig, _disk, _disk_start, _here, entries, length, offset, _comment = _END.unpack_from(tail, at)
        if entries > MOST_ENTRIES:
            return _too_large()
        if entries == 0xFFFF or offset == 0xFFFFFFFF or offset + length > size:
            return Refused("broken_workbook", _("这个文件不完整，可能没有传完。请重新保存或重新上传。"))
        file.seek(offset)
        directory = file.read(min(length, 32 * 2**20))
    return _check_directory(directory, size)


def _too_large() -> Refused:
    return Refused("too_large_unpacked", _("这个文件展开后过大，没有读取。请只保留要导入的表，另存后再导入。"))


def _check_directory(directory: bytes, size: int) -> Refused | None:
    at = count = unpacked = 0
    has_workbook = False
    last = len(directory) - _ENTRY_LENGTH
    while at <= last and directory[at : at + 4] == b"PK\x01\x02":
        size_here, name_length, extra_length, comment_length = _ENTRY.unpack_from(directory, at + _ENTRY_AT)
        start = at + _ENTRY_LENGTH
        if name_length == len(_WORKBOOK):
            name = directory[start : start + name_length].replace(b"\\", b"/").lower()
            has_workbook = has_workbook or name == _WORKBOOK
        count += 1
        unpacked += size_here
        if count > MOST_ENTRIES or unpacked > MOST_BYTES or (unpacked > RATIO_FROM and unpacked > RATIO * size):
            return _too_large()
        at = start + name_length + extra_length + comment_length
    if not has_workbook:
        return Refused("not_a_workbook", _("这个文件的内容不是 Excel 工作簿。请用表格软件另存为 .xlsx 再导入。"))
    return None
