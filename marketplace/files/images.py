"""Pictures: read part by part from the first byte to the last; how many points they say they have is asked before anybody paints."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import IO

from marketplace.domain.lifecycle import Refused, _
from marketplace.files.flaws import broken

# A camera of 100 megapixels; a picture of more needs gigabytes to be shown.
MOST_POINTS = 100_000_000
_PNG = b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})


def check_png(path: Path) -> Refused | None:
    with path.open("rb") as file:
        if file.read(8) != _PNG:
            return broken("PNG")
        first = True
        while True:
            head = file.read(8)
            if len(head) < 8:
                return broken("PNG")
            length, name = struct.unpack(">L4s", head)
            if first:
                if name != b"IHDR" or length != 13:
                    return broken("PNG")
                data = file.read(13)
                if file.read(4) != struct.pack(">L", zlib.crc32(name + data)):
                    return broken("PNG")
                width, height = struct.unpack(">LL", data[:8])
                if refused := _size(width, height, "PNG"):
                    return refused
                first = False
                continue
            file.seek(length, 1)
            if len(file.read(4)) < 4:
                return broken("PNG")
            if name == b"IEND":
                return broken("PNG") if length or file.read(1) else None


def check_jpg(path: Path) -> Refused | None:
    with path.open("rb") as file:
        if file.read(2) != b"\xff\xd8":
            return broken("JPG")
        found = _frame(file)
        if found is None:
            return broken("JPG")
        if refused := _size(*found, "JPG"):
            return refused
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 65_536))
        tail = file.read()
    return None if _ends_as_jpg(tail) else broken("JPG")


def _frame(file: IO[bytes]) -> tuple[int, int] | None:
    """Width and height, if segments lead from the start to the picture's own data."""
    size: tuple[int, int] | None = None
    while True:
        mark = file.read(2)
        while len(mark) == 2 and mark == b"\xff\xff":
            mark = mark[1:] + file.read(1)
        if len(mark) < 2 or mark[0] != 0xFF:
            return None
        if mark[1] in _ALONE:
            continue
        raw = file.read(2)
        if len(raw) < 2 or (length := int.from_bytes(raw, "big")) < 2:
            return None
        if mark[1] == 0xDA:
            return size
        data = file.read(length - 2)
        if len(data) < length - 2:
            return None
        if mark[1] in _FRAMES and len(data) >= 5:
            size = int.from_bytes(data[3:5], "big"), int.from_bytes(data[1:3], "big")


def _ends_as_jpg(tail: bytes) -> bool:
    """Behind the end mark nothing but filling, or the short trailer that the cameras of one maker append."""
    rest = tail.rstrip(b"\0 \r\n")
    if rest.endswith(b"\xff\xd9"):
        return True
    at = tail.rfind(b"\xff\xd9")
    return at >= 0 and rest.endswith(b"SEFT") and not any(mark in tail[at:] for mark in (b"PK\x05\x06", b"%PDF", b"<script", b"<?php"))


def _size(width: int, height: int, word: str) -> Refused | None:
    if not width or not height:
        return broken(word)
    if width * height > MOST_POINTS:
        values = {"width": width, "height": height, "most": MOST_POINTS // 10_000}
        return Refused("too_many_points", _("这张图片有 {width} × {height} 点，超过 {most} 万点，没有上传。请缩小后再传。"), values)
    return None
