"""A process that only reads the embedded index follows the one that writes it: it looks once a second whether files changed."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from indexer.backends import EngineError, SearchBackend

LOOK_SECONDS = 1.0
# Reading everything anew may take a tenth of the time, and no more.
REST_PER_READING = 9

log = logging.getLogger(__name__)


def follow(backend: SearchBackend, folder: Path, stop: threading.Event) -> None:
    """For a thread: until `stop` is set. What could not be read (the writer was at it) is read at the next look."""
    seen = _signature(folder)
    rest = LOOK_SECONDS
    while not stop.wait(rest):
        now = _signature(folder)
        if now == seen:
            rest = LOOK_SECONDS
            continue
        began = time.monotonic()
        try:
            backend.refresh()
        except (EngineError, OSError) as error:
            log.info("the index is being written, and is read at the next look: %s", error)
            continue
        seen = now
        rest = max(LOOK_SECONDS, REST_PER_READING * (time.monotonic() - began))


def _signature(folder: Path) -> tuple[tuple[str, int], ...]:
    """When the pointer and the tables of contents were written last."""
    found = []
    for path in (folder / "current.json", *sorted(folder.glob("gen-*/*/meta.json"))):
        try:
            found.append((str(path), path.stat().st_mtime_ns))
        except FileNotFoundError:
            continue
    return tuple(found)
