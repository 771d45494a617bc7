"""One owner of a folder among all processes; the lock goes with its process, however that ends."""

from __future__ import annotations

import os
from pathlib import Path

from indexer.backends import IndexBusy


class Lock:
    """Held from its making to `release`. Raises IndexBusy."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(self._file)
        except OSError as error:
            os.close(self._file)
            raise IndexBusy("索引正被另一个进程使用（jigai serve 或 jigai worker），本进程只能读") from error

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


if os.name == "nt":  # pragma: no cover

    def _take(file: int) -> None:
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:

    def _take(file: int) -> None:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
