"""The words of a document, for the search in attachments. No document is trusted: it is read in a process that may die of it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from marketplace.files.kinds import KINDS
from marketplace.files.plain import encodings_of

MEMORY = 512 * 2**20
SECONDS = 20
MOST_LETTERS = 200_000
_CHILD = Path(__file__).with_name("text_child.py")
_READABLE = {KINDS[ending].media: ending for ending in ("pdf", "docx", "xlsx", "pptx")}
_TEXTS = frozenset(KINDS[ending].media for ending in ("csv", "txt"))
_BLANK = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")

log = logging.getLogger(__name__)


def has_text(kind: str) -> bool:
    """Whether words can be looked for in a file of this media type at all."""
    return kind in _READABLE or kind in _TEXTS


@dataclass(frozen=True)
class Words:
    """What was read of a file. `fault`: "" for none, "slow" (it took too long) or "broken"; `is_cut`: there was more of it."""

    text: str
    fault: str = ""
    is_cut: bool = False


def text_of(path: Path, kind: str) -> str:
    """The words of a file of this media type; "" where there are none to be read: a scanned page, a picture, a broken document."""
    return words_of(path, kind).text


def words_of(path: Path, kind: str, *, most: int = MOST_LETTERS, seconds: int = SECONDS) -> Words:
    """The same, with why there are none. `most`: letters, `seconds`: of a process of its own."""
    if kind in _TEXTS:
        return _words(_plain(path), most)
    ending = _READABLE.get(kind)
    if ending is None:
        return Words("")
    command = [sys.executable, "-I", str(_CHILD), str(path.resolve()), ending, str(MEMORY), str(seconds), str(most)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        log.warning("the words of %s were not read: it took too long", path.name)
        return Words("", "slow")
    if done.returncode:
        log.warning("the words of %s were not read: %d %s", path.name, done.returncode, done.stderr[:200].decode("utf-8", "replace"))
        # A process that used up its seconds is ended by a signal.
        return Words("", "broken" if done.returncode > 0 else "slow")
    return _words(done.stdout.decode("utf-8", "replace"), most)


def _words(text: str, most: int) -> Words:
    return Words(_tidy(text)[:most], is_cut=len(text) >= most)


def _plain(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(4 * MOST_LETTERS)
    for encoding in encodings_of(path)[:-1]:
        try:
            data.decode(encoding)
        except UnicodeDecodeError as error:
            # Cut in the middle of a letter at our own limit is no other encoding.
            if error.start < len(data) - 4:
                continue
        return data.decode(encoding, "ignore")
    return data.decode(encodings_of(path)[-1], "ignore")


def _tidy(text: str) -> str:
    """One blank between words, one line end between lines, and nothing that a database does not take."""
    return _LINES.sub("\n", _BLANK.sub(" ", text.replace("\0", " ").replace("\ufffe", ""))).strip()
