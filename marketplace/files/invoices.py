"""What a file that is handed in as evidence says of itself: an invoice's words, a photo's hash, day and place. No file is trusted."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from marketplace.domain.invoice_reading import Suggestion, read_invoice
from marketplace.files.kinds import KINDS
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.files.text import MEMORY, words_of

SECONDS = 10
MOST_LETTERS = 200_000
# A picture of a hundred million points, in colour, must find room.
PICTURE_MEMORY = 2 * MEMORY
_CHILD = Path(__file__).with_name("invoice_child.py")
_ENDINGS = {KINDS[ending].media: ending for ending in ("ofd", "xml", "jpg", "png")}
_PICTURES = frozenset({"jpg", "png"})
PDF = KINDS["pdf"].media

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """`photo_hash`: 16 hexadecimal digits, "" for what is no picture; `taken_at` (by the clock of the place) and `place` ("39.02,117.71") as
    the camera wrote them down."""

    invoice: Suggestion = field(default_factory=Suggestion)
    photo_hash: str = ""
    taken_at: datetime | None = None
    place: str = ""

    @property
    def taken(self) -> date | None:
        return self.taken_at.date() if self.taken_at is not None else None


@dataclass(frozen=True)
class ReadFile:
    """A stored file and what it says of itself."""

    blob: StoredBlob
    reading: Reading


def read_file(store: BlobStore, blob: StoredBlob, *, as_invoice: bool = True) -> ReadFile:
    return ReadFile(blob, read_evidence(store.path(blob.sha256), blob.kind, as_invoice=as_invoice))


def read_evidence(path: Path, kind: str, *, as_invoice: bool = True) -> Reading:
    """Nothing where there is nothing to be read; a file that cannot be read is handed in all the same."""
    if kind == PDF:
        return Reading(read_invoice(words_of(path, kind, seconds=SECONDS).text)) if as_invoice else Reading()
    ending = _ENDINGS.get(kind)
    if ending is None:
        return Reading()
    said = _said(path, ending)
    if ending not in _PICTURES:
        return Reading(read_invoice(said)) if as_invoice else Reading()
    rows = [*said.split("\n"), "", "", ""]
    return Reading(photo_hash=rows[0] if len(rows[0]) == 16 else "", taken_at=_moment(rows[1]), place=rows[2])


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _said(path: Path, ending: str) -> str:
    memory = PICTURE_MEMORY if ending in _PICTURES else MEMORY
    command = [sys.executable, "-I", str(_CHILD), str(path.resolve()), ending, str(memory), str(SECONDS), str(MOST_LETTERS)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        log.warning("evidence %s was not read: it took too long", path.name)
        return ""
    if done.returncode:
        log.warning("evidence %s was not read: %d %s", path.name, done.returncode, done.stderr[:200].decode("utf-8", "replace"))
        return ""
    return done.stdout.decode("utf-8", "replace")
