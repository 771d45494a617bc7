"""Making a backup: the database first, then what it speaks of, into one archive that gets its name when it is whole.

Contents lie under their hashes and are taken away days after nothing speaks of them: what the database of this moment needs is
still there when its turn comes. What comes in meanwhile is left to the next backup.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

from marketplace.audit_anchors import AnchorError, read_anchors
from marketplace.backup_database import blobs_of, chain_of, count_tables, schema_of, take_snapshot
from marketplace.backup_manifest import ANCHORS, BLOBS, DATABASE, NAME, RANKERS, SECRETS, BackupError, Content, Manifest
from marketplace.files.store import BlobStore
from marketplace.records.database import Database
from marketplace.records.files import Scan

Progress = Callable[[int, int], None]


def make_backup(database: Database, folder: Path, target: Path, *, at: datetime, progress: Progress = lambda done, total: None) -> Manifest:
    """Write the archive `target`; nothing stands under that name before all of it is durable. Raises BackupError, OSError."""
    if target.exists():
        raise BackupError(f"{target} 已经存在，请换一个文件名")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as work:
        snapshot, archive = Path(work) / DATABASE, Path(work) / "archive"
        # Before the database: no anchor may be younger than the history beside it.
        try:
            anchors = {one.entry_id: one.digest for one in read_anchors(folder)}
        except AnchorError as error:
            raise BackupError(str(error)) from None
        anchored = (folder / ANCHORS).read_bytes() if anchors else b""
        take_snapshot(database, snapshot, progress)
        with os.fdopen(os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
                manifest = _fill(_Archive(tar, at), folder, snapshot, anchors, anchored, database.engine.dialect.name, progress)
            out.flush()
            os.fsync(out.fileno())
        # Neither replaces what somebody put there meanwhile.
        try:
            os.link(archive, target)
        except FileExistsError:
            raise BackupError(f"{target} 已经存在，请换一个文件名") from None
        except OSError:  # a file system without hard links
            os.replace(archive, target)
    return manifest


class _Archive:
    """The archive being written; remembers size and hash of what went in."""

    def __init__(self, tar: tarfile.TarFile, at: datetime) -> None:
        self.tar, self.at, self.files = tar, at, dict[str, Content]()

    def add(self, name: str, stream: IO[bytes], size: int) -> str:
        """Put a stream in; its hash."""
        read = _Hashed(stream)
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, int(self.at.timestamp())
        self.tar.addfile(info, read)
        self.files[name] = Content(size, read.digest.hexdigest())
        return self.files[name].sha256

    def add_file(self, name: str, path: Path) -> str:
        with path.open("rb") as stream:
            return self.add(name, stream, os.fstat(stream.fileno()).st_size)


class _Hashed:
    """What is read passes through the hash."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.digest = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.digest.update(data)
        return data


def _fill(
    archive: _Archive, folder: Path, snapshot: Path, anchors: dict[int, str], anchored: bytes, engine: str, progress: Progress
) -> Manifest:
    archive.add_file(DATABASE, snapshot)
    if anchored:
        archive.add(ANCHORS, io.BytesIO(anchored), len(anchored))
    missing = _add_blobs(archive, BlobStore(folder / "files"), blobs_of(snapshot), progress)
    for name in SECRETS:
        if (folder / name).is_file():
            archive.add_file(name, folder / name)
    for path in sorted(path for path in (folder / RANKERS).rglob("*") if path.is_file()):
        archive.add_file(f"{RANKERS}/{path.relative_to(folder / RANKERS).as_posix()}", path)
    manifest = Manifest(
        made=archive.at.isoformat(timespec="seconds"),
        program=version("jigai"),
        schema=schema_of(snapshot),
        engine=engine,
        tables=count_tables(snapshot),
        history=chain_of(snapshot, anchors),
        files=dict(archive.files),
        missing=missing,
    )
    packed = manifest.packed()
    archive.add(NAME, io.BytesIO(packed), len(packed))
    return manifest


def _add_blobs(archive: _Archive, store: BlobStore, blobs: dict[str, tuple[int, str]], progress: Progress) -> list[str]:
    """Every content that the database speaks of; the hashes of those that are gone or no longer what they were."""
    missing = []
    for done, (sha256, (size, scan)) in enumerate(sorted(blobs.items()), 1):
        name = f"{BLOBS}/{sha256[:2]}/{sha256[2:4]}/{sha256}"
        try:
            with store.path(sha256).open("rb") as stream:
                if os.fstat(stream.fileno()).st_size != size or archive.add(name, stream, size) != sha256:
                    archive.files.pop(name, None)
                    missing.append(sha256)
        except FileNotFoundError:
            # What the scanner found infected lies apart, and stays there.
            if scan != Scan.INFECTED:
                missing.append(sha256)
        progress(done, len(blobs))
    return missing
