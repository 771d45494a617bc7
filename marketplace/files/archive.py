"""Looking into a zip file before anybody unpacks it: how many entries, how large they say they are, and whether they lie.

The central directory is read by hand and only so far as is needed: the standard library reads all of a hundred
thousand entries before one can be counted.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO, NamedTuple

MOST_ENTRIES = 10_000
MOST_BYTES = 200 * 2**20
RATIO, RATIO_FROM = 50, 64 * 2**20
_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s4xHH4xLLLHHH8xL")
_LOCAL = struct.Struct("<4s22xHH")
_STORED, _DEFLATED = 0, 8
_LOCKED = 0x1
_CHUNK = 256 * 1024


class Flaw(StrEnum):
    """What is wrong with an archive."""

    NOT_A_ZIP = "not_a_zip"
    BROKEN = "broken"
    TOO_LARGE = "too_large"
    LOCKED = "locked"
    LYING = "lying"


class Entry(NamedTuple):
    """One file of an archive as its directory describes it. There may be thousands."""

    name: str
    flags: int
    method: int
    packed: int
    unpacked: int
    crc: int
    offset: int

    @property
    def is_locked(self) -> bool:
        return bool(self.flags & _LOCKED)


def read_directory(path: Path) -> tuple[Entry, ...] | Flaw:
    """The entries of a zip file, or what is wrong with it. Takes milliseconds whatever the file holds.

    The file is a zip from its first byte to its last: what stands before or behind is a second file in disguise.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
            return Flaw.NOT_A_ZIP
        file.seek(max(0, size - 66_000))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _END.size:
            return Flaw.BROKEN
        _sig, _disk, _disk_start, _here, count, length, offset, comment = _END.unpack_from(tail, at)
        if count > MOST_ENTRIES:
            return Flaw.TOO_LARGE
        end = size - len(tail) + at
        if offset == 0xFFFFFFFF or offset + length != end or len(tail) - at - _END.size != comment:
            return Flaw.BROKEN
        file.seek(offset)
        directory = file.read(min(length, 32 * 2**20))
    return _entries(directory, size, count)


def _entries(directory: bytes, size: int, promised: int) -> tuple[Entry, ...] | Flaw:
    at = unpacked = packed = 0
    found: list[Entry] = []
    last = len(directory) - _ENTRY.size
    while at <= last and directory[at : at + 4] == b"PK\x01\x02":
        _sig, flags, method, crc, packed_here, unpacked_here, name_length, extra, remark, offset = _ENTRY.unpack_from(directory, at)
        start = at + _ENTRY.size
        name = directory[start : start + name_length].decode("utf-8" if flags & 0x800 else "cp437", "replace").replace("\\", "/")
        found.append(Entry(name, flags, method, packed_here, unpacked_here, crc, offset))
        unpacked += unpacked_here
        packed += packed_here
        if len(found) > MOST_ENTRIES or unpacked > MOST_BYTES or (unpacked > RATIO_FROM and unpacked > RATIO * size):
            return Flaw.TOO_LARGE
        at = start + name_length + extra + remark
    # Entries that share their bytes unpack to more than the file could hold.
    if packed > size:
        return Flaw.TOO_LARGE
    if len(found) != promised:
        return Flaw.BROKEN
    return tuple(found)


def unpacked_chunks(path: Path, entries: tuple[Entry, ...]) -> Iterator[tuple[Entry, bytes] | Flaw]:
    """Every entry piece by piece, never more than it said it would be; one that lies ends the reading with a flaw."""
    with path.open("rb") as file:
        for entry in entries:
            total = crc = 0
            for piece in _pieces(file, entry):
                if isinstance(piece, Flaw):
                    yield piece
                    return
                total += len(piece)
                crc = zlib.crc32(piece, crc)
                if total > entry.unpacked:
                    yield Flaw.LYING
                    return
                yield entry, piece
            if total != entry.unpacked or crc != entry.crc:
                yield Flaw.LYING
                return


def _pieces(file: IO[bytes], entry: Entry) -> Iterator[bytes | Flaw]:
    if entry.is_locked:
        yield Flaw.LOCKED
        return
    file.seek(entry.offset)
    head = file.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04" or entry.method not in (_STORED, _DEFLATED):
        yield Flaw.BROKEN
        return
    _sig, name_length, extra = _LOCAL.unpack(head)
    file.seek(name_length + extra, 1)
    left = entry.packed
    inflate = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method == _DEFLATED else None
    while left > 0:
        data = file.read(min(left, _CHUNK))
        if not data:
            yield Flaw.BROKEN
            return
        left -= len(data)
        if inflate is None:
            yield data
            continue
        try:
            # A piece at a time: a few bytes may stand for gigabytes.
            while data:
                yield inflate.decompress(data, _CHUNK)
                data = inflate.unconsumed_tail
        except zlib.error:
            yield Flaw.BROKEN
            return
    if inflate is not None:
        while rest := inflate.decompress(inflate.unconsumed_tail, _CHUNK):
            yield rest
        if not inflate.eof:
            yield Flaw.BROKEN
