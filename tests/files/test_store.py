"""Where files lie: whole or not at all, once each, under names of our own, within their limits."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from marketplace.domain.lifecycle import Refused
from marketplace.files.scanner import Clamd
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.records.files import Scan
from tests.files.clamd import VIRUS, clamd
from tests.files.real_clamd import real_clamd
from tests.files.samples import GOOD

MOST = 20 * 2**20
ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "files")


def taken(store: BlobStore, data: bytes, name: str = "报告.pdf", most: int = MOST) -> StoredBlob | Refused:
    return store.receive(io.BytesIO(data), name, allowed=tuple(GOOD), most_bytes=most)


def leftovers(store: BlobStore) -> list[Path]:
    return list((store.folder / "incoming").glob("*"))


def test_a_file_lies_under_the_hash_of_its_content(store: BlobStore) -> None:
    blob = taken(store, GOOD["pdf"], "../../报告 <第一版>.PDF")
    sha256 = hashlib.sha256(GOOD["pdf"]).hexdigest()
    assert blob == StoredBlob(sha256, len(GOOD["pdf"]), "application/pdf", "报告 第一版.PDF", Scan.UNSCANNED)
    path = store.folder / "sha256" / sha256[:2] / sha256[2:4] / sha256
    assert store.path(sha256) == path
    assert path.read_bytes() == GOOD["pdf"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert list(store.hashes()) == [sha256]
    assert leftovers(store) == []


def test_the_same_content_lies_there_once(store: BlobStore) -> None:
    first, second = taken(store, GOOD["pdf"], "a.pdf"), taken(store, GOOD["pdf"], "b.pdf")
    assert isinstance(first, StoredBlob)
    assert isinstance(second, StoredBlob)
    assert first.sha256 == second.sha256
    assert len(list(store.hashes())) == 1


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.pdf", "empty_file"),
        (GOOD["pdf"], "", "no_file"),
        (GOOD["pdf"], "noending", "no_file"),
        (GOOD["pdf"], ".pdf", "no_file"),
        (GOOD["pdf"], "a.exe", "kind_not_allowed"),
        (b"MZ" + b"\0" * 100, "a.pdf", "wrong_content"),
    ],
)
def test_what_is_refused_leaves_nothing(store: BlobStore, data: bytes, name: str, code: str) -> None:
    answer = taken(store, data, name)
    assert isinstance(answer, Refused)
    assert answer.code == code
    assert leftovers(store) == []
    assert list(store.hashes()) == []


class Endless(io.RawIOBase):
    """A stream that never ends, and how much of it was asked for."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "a stream is never read whole"
        self.given += size
        return b"%PDF-1.7\n".ljust(size, b"x")


def test_reading_stops_at_the_limit(store: BlobStore) -> None:
    stream = Endless()
    tracemalloc.start()
    answer = store.receive(stream, "a.pdf", allowed=("pdf",), most_bytes=MOST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(answer, Refused)
    assert answer.sentence() == "文件超过 20 MB，没有上传。请压缩或分成几份再传。"
    assert stream.given <= MOST + 2**20
    assert peak < 8 * 2**20
    assert leftovers(store) == []


def test_a_path_is_only_made_of_a_hash(store: BlobStore) -> None:
    for word in ("", "../x", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "/"):
        with pytest.raises(ValueError, match="not a hash"):
            store.path(word)


def test_a_full_disk_leaves_nothing(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(store, GOOD["png"], "a.png")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        taken(store, GOOD["pdf"])
    assert leftovers(store) == []
    assert len(list(store.hashes())) == 1


def test_what_came_in_again_is_not_discarded(store: BlobStore) -> None:
    blob = taken(store, GOOD["pdf"])
    assert isinstance(blob, StoredBlob)
    path = store.path(blob.sha256)
    os.utime(path, (1, 1))
    assert taken(store, GOOD["pdf"]) == blob
    assert not store.discard(blob.sha256, lambda moment: moment < time.time() - 60)
    assert path.read_bytes() == GOOD["pdf"]
    os.utime(path, (1, 1))
    assert store.discard(blob.sha256, lambda moment: moment < time.time() - 60)
    assert not path.exists()
    assert not store.discard(blob.sha256, lambda moment: True)
    assert leftovers(store) == []


def test_collecting_and_bringing_at_once_never_loses_what_was_brought(store: BlobStore) -> None:
    blob = taken(store, GOOD["png"], "a.png")
    assert isinstance(blob, StoredBlob)
    path, stop = store.path(blob.sha256), threading.Event()

    def collect() -> None:
        while not stop.is_set():
            store.discard(blob.sha256, lambda moment: moment < time.time() - 60)

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for _round in range(100):
            if path.exists():
                with suppress(FileNotFoundError):
                    os.utime(path, (1, 1))
            assert isinstance(taken(store, GOOD["png"], "a.png"), StoredBlob)
            # The collector may hold it for a moment; it comes back.
            deadline = time.monotonic() + 5
            while not path.exists():
                assert time.monotonic() < deadline, "what was brought is gone"
    finally:
        stop.set()
        collector.join()
    assert path.read_bytes() == GOOD["png"]


def test_a_kill_in_the_middle_leaves_no_half_file(tmp_path: Path) -> None:
    """Killed while it writes, at many moments: under a hash there is the whole content or nothing."""
    code = (
        "import io, sys; from pathlib import Path; from marketplace.files.store import BlobStore\n"
        "store = BlobStore(Path(sys.argv[1])); print('ready', flush=True); number = 0\n"
        "while True:\n"
        "    number += 1; data = (f'第 {number} 份' * 60000).encode()\n"
        "    assert not hasattr(store.receive(io.BytesIO(data), 'a.txt', allowed=('txt',), most_bytes=10**8), 'code')\n"
    )
    folder = tmp_path / "files"
    for number in range(6):
        process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.03 + 0.05 * number)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    store = BlobStore(folder)
    kept = list(store.hashes())
    assert kept
    for sha256 in kept:
        assert hashlib.sha256(store.path(sha256).read_bytes()).hexdigest() == sha256
    store.drop_leftovers(lambda moment: True)
    assert leftovers(store) == []


def test_a_real_clamd_takes_the_clean_and_finds_the_other(tmp_path: Path) -> None:
    with real_clamd(most_mb=1) as addresses:
        for number, address in enumerate(addresses):
            store = BlobStore(tmp_path / str(number), Clamd(address))
            good = taken(store, GOOD["pdf"])
            assert isinstance(good, StoredBlob)
            assert good.scan is Scan.CLEAN
            bad = taken(store, "说明".encode() + VIRUS, "a.txt")
            assert isinstance(bad, Refused)
            assert "病毒扫描发现这个文件有问题" in bad.sentence()
            # Longer than it takes: nothing is known about the file, so that nobody may have it yet.
            long = tmp_path / "long"
            long.write_bytes(b"x" * 2_000_000)
            assert Clamd(address).scan(long) is Scan.PENDING


def test_the_scanner_is_asked_over_tcp_and_over_a_socket(tmp_path: Path) -> None:
    for path in (None, tmp_path / "clamd.sock"):
        with clamd(socket_path=path) as (address, seen):
            store = BlobStore(tmp_path / "files", Clamd(address))
            blob = taken(store, GOOD["pdf"])
            assert isinstance(blob, StoredBlob)
            assert blob.scan is Scan.CLEAN
            assert seen == [len(GOOD["pdf"])]


def test_what_the_scanner_finds_is_put_aside(tmp_path: Path) -> None:
    with clamd() as (address, _seen):
        store = BlobStore(tmp_path / "files", Clamd(address))
        answer = taken(store, "说明".encode() + VIRUS, "a.txt")
    assert isinstance(answer, Refused)
    assert answer.sentence() == "病毒扫描发现这个文件有问题，没有上传。请在自己的电脑上杀毒后再传。"
    assert list(store.hashes()) == []
    assert [path.name for path in (store.folder / "quarantine").iterdir()] == [answer.values["sha256"]]


@pytest.mark.parametrize("answer", [b"INSTREAM size limit exceeded. ERROR\0", b"stream: OK maybe\0", b"", b"\0"])
def test_a_scanner_that_gives_no_clear_answer_leaves_the_file_pending(tmp_path: Path, answer: bytes) -> None:
    with clamd(answer=answer or b" ") as (address, _seen):
        blob = taken(BlobStore(tmp_path / "files", Clamd(address)), GOOD["pdf"])
    assert isinstance(blob, StoredBlob)
    assert blob.scan is Scan.PENDING


def test_a_scanner_that_is_away_or_slow_leaves_the_file_pending(tmp_path: Path) -> None:
    with clamd() as (address, _seen):
        pass
    for gone in (address, str(tmp_path / "none.sock")):
        blob = taken(BlobStore(tmp_path / "files", Clamd(gone)), GOOD["pdf"])
        assert isinstance(blob, StoredBlob)
        assert blob.scan is Scan.PENDING
    with clamd(slow=1.5) as (address, _seen):
        started = time.monotonic()
        blob = taken(BlobStore(tmp_path / "files", Clamd(address, seconds=0.3)), GOOD["pdf"])
        assert time.monotonic() - started < 1.2
    assert isinstance(blob, StoredBlob)
    assert blob.scan is Scan.PENDING
