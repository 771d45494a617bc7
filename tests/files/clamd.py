"""A scanner that speaks clamd's protocol: it reads the stream in chunks and finds the word VIRUS in it."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VIRUS = b"X5O!P%@AP-VIRUS-TEST"


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        assert self.rfile.read(10) == b"zINSTREAM\0"
        data = b""
        while size := int.from_bytes(self.rfile.read(4), "big"):
            data += self.rfile.read(size)
        server.seen.append(len(data))
        time.sleep(server.slow)
        if server.answer:
            self.wfile.write(server.answer)
        else:
            self.wfile.write(b"stream: Test.Virus FOUND\0" if VIRUS in data else b"stream: OK\0")


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def clamd(*, socket_path: Path | None = None, slow: float = 0.0, answer: bytes = b"", port: int = 0) -> Iterator[tuple[str, list[int]]]:
    """Its address, and the sizes of what it was sent."""
    server: Any = _Unix(str(socket_path), _Session) if socket_path else _Tcp(("127.0.0.1", port), _Session)
    server.slow, server.answer, server.seen = slow, answer, []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield str(socket_path) if socket_path else f"127.0.0.1:{server.server_address[1]}", server.seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
