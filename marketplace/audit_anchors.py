"""Anchors of the history outside the database: a line a time with the last entry's number and digest.

Whoever can write the database can rewrite the whole chain, or cut off its end; neither fits the anchors any more.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry

NAME = "audit-anchors.log"
_LINE = re.compile(r"(\S+) (\d+) ([0-9a-f]{64})")


@dataclass(frozen=True)
class Anchor:
    """The history as it stood: its last entry and that entry's digest."""

    at: str
    entry_id: int
    digest: str


class AnchorError(Exception):
    """The file of anchors cannot be read; a sentence says where."""


def read_anchors(folder: Path) -> list[Anchor]:
    """All anchors in the order of their lines; none where nobody ever anchored."""
    path = folder / NAME
    if not path.exists():
        return []
    anchors = []
    for number, line in enumerate(path.read_text(encoding="ascii", errors="replace").splitlines(), 1):
        found = _LINE.fullmatch(line)
        if found is None:
            raise AnchorError(f"{NAME} 第 {number} 行不是一条锚点，请从备份找回这个文件")
        anchors.append(Anchor(found[1], int(found[2]), found[3]))
    return anchors


def anchor(database: Database, folder: Path, at: datetime) -> Anchor | None:
    """Append the end of the history as it stands. None where there is nothing yet, or nothing new since the last anchor."""
    with database.reading() as session:
        last = session.execute(select(HistoryEntry.id, HistoryEntry.digest).order_by(HistoryEntry.id.desc()).limit(1)).first()
    if last is None:
        return None
    made = Anchor(at.astimezone(UTC).isoformat(timespec="seconds"), *last)
    before = read_anchors(folder)
    if before and (before[-1].entry_id, before[-1].digest) == (made.entry_id, made.digest):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a", encoding="ascii") as out:
        out.write(f"{made.at} {made.entry_id} {made.digest}\n")
        out.flush()
        os.fsync(out.fileno())
    return made
