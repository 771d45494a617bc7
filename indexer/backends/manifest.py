"""Checksums of an index's immutable files: a flipped byte gives silently wrong results, so they are compared at start."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
META = "meta.json"


def _crc(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            value = zlib.crc32(block, value)
    return value


def replace_file(path: Path, text: str) -> None:
    """Write a small file so that a crash leaves the old one or the new one."""
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def segment_files(folder: Path) -> list[Path]:
    """The immutable files of an index, those of its segments."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.suffix not in (".json", ".new"))


def _segments(folder: Path) -> tuple[str, list[str]]:
    """The text of the index's own table of contents and the ids of its segments."""
    text = (folder / META).read_text(encoding="utf-8")
    contents: dict[str, Any] = json.loads(text)
    return text, sorted(str(row["segment_id"]).replace("-", "") for row in contents["segments"])


def write_manifest(folder: Path) -> None:
    """Note the checksum of every file that is not noted yet; files that are gone are forgotten.

    Only of segments that the table of contents names: what a merge in the background is still writing is no whole file yet.
    """
    text, segments = _segments(folder)
    known = _read(folder)
    files = {}
    for path in segment_files(folder):
        if path.name.partition(".")[0] not in segments:
            continue
        try:
            files[path.name] = known.get("files", {}).get(path.name) or [path.stat().st_size, _crc(path)]
        except FileNotFoundError:
            # A merge in the background has just replaced this file.
            continue
    manifest = {"files": files, "meta": zlib.crc32(text.encode()), "segments": segments}
    if manifest != known:
        replace_file(folder / MANIFEST, json.dumps(manifest))


def _read(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def damage(folder: Path) -> str:
    """What is wrong with an index's files; "" when nothing is.

    Files that the manifest does not know were written after it (a crash came between): they are taken as they are,
    and the queue still holds what was not acknowledged.
    """
    try:
        text, segments = _segments(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{META}: {error}"
    present = {path.name for path in segment_files(folder)}
    for segment in segments:
        if not any(name.startswith(segment) for name in present):
            return f"{segment}: missing"
    manifest = _read(folder)
    if not manifest:
        return f"{MANIFEST}: missing" if segments else ""
    if manifest.get("segments") == segments and manifest.get("meta") != zlib.crc32(text.encode()):
        return f"{META}: checksum"
    for name, (size, crc) in manifest["files"].items():
        if name.partition(".")[0] not in segments:
            continue
        path = folder / name
        if not path.exists():
            # The delete list of a segment is replaced by a newer one; everything else must stay.
            if name.endswith(".del"):
                continue
            return f"{name}: missing"
        if path.stat().st_size != size or _crc(path) != crc:
            return f"{name}: checksum"
    return ""
