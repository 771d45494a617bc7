"""Whether a file can be read as an Excel workbook, before anybody unpacks it."""

from __future__ import annotations

from pathlib import Path

from marketplace.domain.lifecycle import Refused, _
from marketplace.files.archive import Flaw, read_directory

_WORKBOOK = "xl/workbook.xml"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def check_workbook(path: Path) -> Refused | None:
    """Why a file cannot be read as an Excel workbook, or None. Takes milliseconds whatever the file holds."""
    with path.open("rb") as file:
        if file.read(8) == _OLE:
            return Refused("old_or_locked", _("这个文件带密码，或是旧格式（.xls）。请另存为不带密码的 .xlsx 再导入。"))
    found = read_directory(path)
    if found is Flaw.TOO_LARGE:
        return Refused("too_large_unpacked", _("这个文件展开后过大，没有读取。请只保留要导入的表，另存后再导入。"))
    if found is Flaw.BROKEN:
        return Refused("broken_workbook", _("这个文件不完整，可能没有传完。请重新保存或重新上传。"))
    if isinstance(found, Flaw) or not any(entry.name.lower() == _WORKBOOK for entry in found):
        return Refused("not_a_workbook", _("这个文件的内容不是 Excel 工作簿。请用表格软件另存为 .xlsx 再导入。"))
    return None
