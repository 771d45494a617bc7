"""Texts: decoded from the first letter to the last, and no letter among them that no text has."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from marketplace.domain.lifecycle import Refused, _

_CHUNK = 256 * 1024
_ODD = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def check(path: Path) -> Refused | None:
    for encoding in encodings_of(path):
        found = _reads_as(path, encoding)
        if found is None:
            continue
        if found:
            return None
        return Refused("not_a_text", _("这个文件里有文字以外的内容，没有上传。请另存为纯文本再传。"))
    return Refused("unknown_encoding", _("文字编码不认识，没有上传。请另存为 UTF-8 或 GB18030（GBK）编码再传。"))


def encodings_of(path: Path) -> tuple[str, ...]:
    """The encodings that a text may be in, the likeliest first."""
    with path.open("rb") as file:
        marked = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
    return ("utf-16",) if marked else ("utf-8-sig", "gb18030")


def _reads_as(path: Path, encoding: str) -> bool | None:
    """None: not in this encoding; False: decodes, and holds what no text holds."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while data := file.read(_CHUNK):
                if _ODD.search(decoder.decode(data)):
                    return False
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return None
    return True
