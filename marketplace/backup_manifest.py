"""What a backup says of itself: how many rows every table has, the end of the history, and the hash of every file.

The manifest is the last thing in the archive: one that was cut off has none, and is known by it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

FORMAT = 1
NAME = "manifest.json"
DATABASE = "jigai.db"
BLOBS = "files/sha256"
# What else of the data folder travels. Sessions, codes of authenticator apps and links of letters are bound to the key.
SECRETS = ("secret.key",)
ANCHORS = "audit-anchors.log"
RANKERS = "models/rankers"


class BackupError(Exception):
    """A backup that cannot be made or taken back; a sentence says why."""


@dataclass(frozen=True)
class Chain:
    """The history: how many entries, the digest of the last, and where it is broken (None where it is whole)."""

    entries: int
    head: str
    broken_at: int | None


@dataclass(frozen=True)
class Content:
    """One file of the archive."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """`missing`: contents that the database speaks of and the folder did not have when the backup was made."""

    made: str
    program: str
    schema: str
    engine: str
    tables: dict[str, int]
    history: Chain
    files: dict[str, Content]
    missing: list[str]

    def packed(self) -> bytes:
        return json.dumps({"format": FORMAT} | asdict(self), ensure_ascii=False, indent=1).encode()

    @property
    def rows(self) -> int:
        return sum(self.tables.values())


def manifest_of(data: bytes) -> Manifest:
    """The manifest as it was packed. Raises BackupError."""
    try:
        found: dict[str, Any] = json.loads(data)
        if found.pop("format") != FORMAT:
            raise BackupError("备份是更新的程序做的，本程序不认识它的格式，请升级程序后再恢复")
        history = Chain(**found.pop("history"))
        files = {name: Content(**one) for name, one in found.pop("files").items()}
        return Manifest(**found, history=history, files=files)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupError(f"备份已损坏：清单 {NAME} 读不懂（{type(error).__name__}）") from None
