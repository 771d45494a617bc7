"""A real clamd with one signature of our own, so that no database of viruses must be fetched."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.files.clamd import VIRUS

SECONDS = 30.0


@contextmanager
def real_clamd(*, most_mb: int = 25) -> Iterator[tuple[str, str]]:
    """Its address by TCP, and its socket. `most_mb`: the longest stream that it takes."""
    program = shutil.which("clamd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.fail("ClamAV is needed: sudo apt-get install clamav-daemon")
    folder = Path(tempfile.mkdtemp(prefix="jigai-clamd-"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "signatures").mkdir()
    (folder / "signatures" / "own.ndb").write_text(f"Test.Jigai:0:*:{VIRUS.hex()}\n")
    lines = {
        "Foreground": "yes",
        "DatabaseDirectory": str(folder / "signatures"),
        "TCPAddr": "127.0.0.1",
        "TCPSocket": str(port),
        "LocalSocket": str(folder / "socket"),
        "StreamMaxLength": f"{most_mb}M",
    }
    settings = folder / "clamd.conf"
    settings.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    owner = pwd.getpwuid(os.geteuid())
    if owner.pw_uid == 0:
        settings.write_text(settings.read_text() + "User root\n")
    process = subprocess.Popen([program, "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + SECONDS
        while not _answers(port):
            assert process.poll() is None, "clamd did not start"
            assert time.monotonic() < end, "clamd does not answer"
            time.sleep(0.05)
        yield f"127.0.0.1:{port}", str(folder / "socket")
    finally:
        process.terminate()
        process.wait(SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0) as connection:
            connection.sendall(b"zPING\0")
            return connection.recv(16) == b"PONG\0"
    except OSError:
        return False
