"""Sentences that several checks share."""

from __future__ import annotations

from marketplace.domain.lifecycle import Refused, _


def broken(word: str) -> Refused:
    """Begins as it should and does not go on so: cut off, damaged, or something else behind it."""
    return Refused("broken_file", _("这个 {word} 文件不完整，或夹带了别的内容，没有上传。请重新导出后再传。"), {"word": word})


def too_large_unpacked() -> Refused:
    return Refused("too_large_unpacked", _("这个文件展开后过大，没有上传。请拆成几个小一些的文件再传。"))
