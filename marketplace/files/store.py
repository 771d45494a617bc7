"""Where files lie: each content once, under the hash of it, out of reach of every address.

A file is written under a name of its own, checked there, made durable, and only then given its place by one rename: there
is no moment at which half a file, or one that was not checked, stands under a hash.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from marketplace.domain.lifecycle import Refused, _
from marketplace.files.kinds import check
from marketplace.files.names import harmless_name
from marketplace.files.scanner import NoScanner, Scanner
from marketplace.records.files import Scan

_CHUNK = 256 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class StoredBlob:
    """A file that has its place. `kind`: its media type by content; `filename`: as it is shown."""

    sha256: str
    size: int
    kind: str
    filename: str
    scan: Scan


class BlobStore:
    """A folder of contents. Any number of processes may use it at once."""

    def __init__(self, folder: Path, scanner: Scanner | None = None) -> None:
        self.folder = folder
        self.scanner = scanner or NoScanner()

    def path(self, sha256: str) -> Path:
        """Where the content of this hash lies. Raises ValueError for what is no hash."""
        if not _HASH.fullmatch(sha256):
            raise ValueError("not a hash")
        return self.folder / "sha256" / sha256[:2] / sha256[2:4] / sha256

    def receive(self, stream: IO[bytes], filename: str, *, allowed: Collection[str], most_bytes: int) -> StoredBlob | Refused:
        """Take a file in, or say why not. `allowed`: endings without the dot; reading stops at `most_bytes`."""
        name = harmless_name(filename, longest=120)
        if not name:
            return Refused("no_file", _("还没有选文件，或文件名没有扩展名。请选一个文件再传。"))
        with self._incoming() as path:
            taken = _copy(stream, path, most_bytes)
            if taken is None:
                return Refused("file_too_large", _("文件超过 {most} MB，没有上传。请压缩或分成几份再传。"), {"most": most_bytes // 2**20})
            sha256, size = taken
            if not size:
                return Refused("empty_file", _("文件是空的，没有上传。请检查后重新选择。"))
            kind = check(path, name, allowed)
            if isinstance(kind, Refused):
                return kind
            scan = self.scanner.scan(path)
            if scan is Scan.INFECTED:
                self._place(path, self.folder / "quarantine" / sha256)
                return Refused("infected", _("病毒扫描发现这个文件有问题，没有上传。请在自己的电脑上杀毒后再传。"), {"sha256": sha256})
            self._place(path, self.path(sha256))
        return StoredBlob(sha256, size, kind, name, scan)

    def keep(self, data: bytes, filename: str, kind: str) -> StoredBlob:
        """Store what the platform itself made, a letter for instance."""
        sha256 = hashlib.sha256(data).hexdigest()
        with self._incoming() as path:
            path.write_bytes(data)
            self._place(path, self.path(sha256))
        return StoredBlob(sha256, len(data), kind, filename, Scan.CLEAN)

    def discard(self, sha256: str, is_old: Callable[[float], bool]) -> bool:
        """Take a content away if the moment at which it last came in (seconds since 1970) is old.

        The name goes first: whoever brings the same content at this moment gives it its place again, untouched by us.
        """
        path = self.path(sha256)
        with self._incoming() as aside:
            try:
                path.rename(aside)
            except FileNotFoundError:
                return False
            if not is_old(aside.stat().st_mtime):
                aside.rename(path)
                return False
        return True

    def hashes(self) -> Iterator[str]:
        """Every content that has a place."""
        for path in (self.folder / "sha256").glob("??/??/*"):
            if _HASH.fullmatch(path.name):
                yield path.name

    def drop_leftovers(self, is_old: Callable[[float], bool]) -> int:
        """Take away what uploads that were cut off have left; how many."""
        count = 0
        for path in (self.folder / "incoming").glob("*"):
            with suppress(FileNotFoundError):
                if is_old(path.stat().st_mtime):
                    path.unlink()
                    count += 1
        return count

    @contextmanager
    def _incoming(self) -> Iterator[Path]:
        """A name that nobody else uses; whatever still lies there at the end goes."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = self.folder / "incoming"
        folder.mkdir(exist_ok=True, mode=0o700)
        path = folder / secrets.token_hex(16)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _place(self, path: Path, target: Path) -> None:
        """Durable under its hash. What lies there already has the same content; replacing it makes it young again."""
        made = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        path.chmod(0o600)
        os.replace(path, target)
        for folder in dict.fromkeys([target.parent, *(one.parent for one in made)]):
            _settle(folder)


def _copy(stream: IO[bytes], path: Path, most: int) -> tuple[str, int] | None:
    """Hash and size of what was written; None where there is more than may be."""
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as out:
        while data := stream.read(_CHUNK):
            size += len(data)
            if size > most:
                return None
            digest.update(data)
            out.write(data)
    return digest.hexdigest(), size


def _settle(folder: Path) -> None:
    """A name is durable once its folder is."""
    if os.name == "nt":  # pragma: no cover
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
