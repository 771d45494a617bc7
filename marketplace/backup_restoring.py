"""Taking a backup back into an empty site: everything is unpacked beside its place and verified before any of it counts."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from marketplace.audit_anchors import AnchorError, read_anchors
from marketplace.backup_database import blobs_of, chain_of, count_tables, fault_of, schema_of
from marketplace.backup_manifest import BLOBS, DATABASE, NAME, BackupError, Content, Manifest, manifest_of
from marketplace.records.database import known_revisions
from marketplace.records.files import Scan

Progress = Callable[[int, int], None]
# Where a restoration unpacks; what one that was killed has left there goes with the next one.
STAGE = ".restoring"
# A model of vectors may be there already: it is made anew or provided, and belongs to the machine.
_WELCOME = (STAGE, "models")
_NAMES = re.compile(
    r"jigai\.db|secret\.key|audit-anchors\.log|files/sha256/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}|models/rankers(?:/[0-9A-Za-z][0-9A-Za-z._-]*)+"
)
_CHUNK = 1024 * 1024
_MOST_MANIFEST = 512 * 2**20


def refuse_filled(folder: Path) -> None:
    """Raises BackupError where the data folder holds anything of a site."""
    found = sorted(path.name for path in folder.iterdir() if path.name not in _WELCOME) if folder.exists() else []
    found += ["models/rankers"] if any((folder / "models" / "rankers").glob("*")) else []
    if found:
        raise BackupError(f"资料目录 {folder} 不是空的（有 {found[0]}），没有恢复；请换一个空的 JIGAI_DATA_DIR，或先把它移走")


@contextmanager
def unpacked(source: Path, folder: Path, progress: Progress) -> Iterator[tuple[Manifest, Path]]:
    """The verified content of a backup in a folder of its own inside `folder`, to be put in place by `put_in_place`; it goes at the end.

    Raises BackupError where the backup is of a newer program, damaged, or not whole.
    """
    refuse_filled(folder)
    try:
        with tarfile.open(source, "r:") as tar:
            manifest, members = _read(tar)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            stage = folder / STAGE
            shutil.rmtree(stage, ignore_errors=True)
            stage.mkdir(mode=0o700)
            try:
                _unpack(tar, members, manifest, stage, progress)
                _verify(manifest, stage)
                yield manifest, stage
            finally:
                shutil.rmtree(stage, ignore_errors=True)
    except tarfile.TarError as error:
        raise BackupError(f"{source} 不是备份，或已损坏（{error}）") from None


def _read(tar: tarfile.TarFile) -> tuple[Manifest, dict[str, tarfile.TarInfo]]:
    members = {one.name: one for one in tar.getmembers() if one.isfile()}
    last = members.get(NAME)
    if last is None or last.size > _MOST_MANIFEST:
        raise BackupError("备份不完整：没有清单，可能复制到一半就断了；请重新复制，或用另一份备份")
    packed = tar.extractfile(last)
    assert packed is not None
    manifest = manifest_of(packed.read())
    if manifest.schema not in known_revisions():
        raise BackupError(f"备份的结构版本 {manifest.schema} 比本程序的 {known_revisions()[0]} 新，请升级程序后再恢复")
    for name in manifest.files:
        if not _NAMES.fullmatch(name):
            raise BackupError(f"备份已损坏：里面有不认识的文件 {name[:100]}")
        if name not in members:
            raise BackupError(f"备份已损坏：清单里的 {name} 不在里面")
    if DATABASE not in manifest.files:
        raise BackupError("备份已损坏：没有数据库")
    return manifest, members


def _unpack(tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo], manifest: Manifest, stage: Path, progress: Progress) -> None:
    total, done = sum(one.size for one in manifest.files.values()), 0
    free = shutil.disk_usage(stage).free
    if total > free:
        raise BackupError(f"磁盘放不下：要 {total // 2**20:,} MB，还剩 {free // 2**20:,} MB")
    for name, content in manifest.files.items():
        stream = tar.extractfile(members[name])
        assert stream is not None
        path = stage / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _written(stream, path) != content:
            raise BackupError(f"备份已损坏：{name} 的内容和清单不一致")
        done += content.size
        progress(done // _CHUNK, total // _CHUNK)


def _written(stream: IO[bytes], path: Path) -> Content:
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while data := stream.read(_CHUNK):
            digest.update(data)
            size += len(data)
            out.write(data)
        out.flush()
        os.fsync(out.fileno())
    return Content(size, digest.hexdigest())


def _verify(manifest: Manifest, stage: Path) -> None:
    """The database against its manifest: whole, of that version, so many rows, the same history, and a content for all it speaks of."""
    database = stage / DATABASE
    if fault := fault_of(database):
        raise BackupError(f"备份已损坏：数据库文件有错（{fault}）")
    if schema_of(database) != manifest.schema:
        raise BackupError("备份已损坏：数据库的结构版本和清单不一致")
    if differing := _differing(manifest.tables, count_tables(database)):
        raise BackupError(f"备份已损坏：表 {'、'.join(differing)} 的行数和清单不一致")
    try:
        anchors = {one.entry_id: one.digest for one in read_anchors(stage)}
    except AnchorError as error:
        raise BackupError(f"备份已损坏：{error}") from None
    if chain_of(database, anchors) != manifest.history:
        raise BackupError("备份已损坏：历史记录的哈希链和清单不一致")
    for sha256, (_size, scan) in blobs_of(database).items():
        content = manifest.files.get(f"{BLOBS}/{sha256[:2]}/{sha256[2:4]}/{sha256}")
        if content is None and scan != Scan.INFECTED and sha256 not in manifest.missing:
            raise BackupError(f"备份已损坏：少了数据库里有的文件 {sha256}")
        if content is not None and content.sha256 != sha256:
            raise BackupError(f"备份已损坏：文件 {sha256} 的内容和它的名字不一致")


def _differing(wanted: dict[str, int], found: dict[str, int]) -> list[str]:
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def put_in_place(stage: Path, folder: Path, database: Path | None) -> None:
    """What was unpacked gets its place, the database last: a file without a row is harmless. `database`: None where the rows go to a server."""
    for path in sorted(stage.iterdir()):
        if path.name == "models":
            (folder / "models").mkdir(exist_ok=True)
            shutil.rmtree(folder / "models" / "rankers", ignore_errors=True)
            os.replace(path / "rankers", folder / "models" / "rankers")
        elif path.name != DATABASE:
            os.replace(path, folder / path.name)
    if database is not None:
        database.parent.mkdir(parents=True, exist_ok=True)
        os.replace(stage / DATABASE, database)
