"""The virus scanner: clamd is sent the file as a stream, over TCP or a local socket. Without one, files are UNSCANNED and pages say so."""

from __future__ import annotations

import logging
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from marketplace.records.files import Scan

log = logging.getLogger(__name__)
_CHUNK = 256 * 1024
_CONNECT_SECONDS = 2.0


class Scanner(Protocol):
    def scan(self, path: Path) -> Scan:
        """CLEAN or INFECTED; UNSCANNED where the site has no scanner; PENDING where it gives no answer now."""
        ...


class NoScanner:
    def scan(self, path: Path) -> Scan:
        return Scan.UNSCANNED


@dataclass(frozen=True)
class Clamd:
    """`address`: host:port, or the path of a socket. `seconds`: how long one file may take in all."""

    address: str
    seconds: float = 15.0

    def scan(self, path: Path) -> Scan:
        try:
            answer = self._ask(path)
        except OSError as error:
            log.warning("the virus scanner gives no answer: %s", error)
            return Scan.PENDING
        # Only these two endings are an answer; whatever else it says, nothing is known about the file.
        if answer.endswith(b"FOUND"):
            log.warning("the virus scanner found something: %s", answer.decode("utf-8", "replace"))
            return Scan.INFECTED
        if answer == b"stream: OK":
            return Scan.CLEAN
        log.warning("the virus scanner answered: %s", answer[:200].decode("utf-8", "replace"))
        return Scan.PENDING

    def _ask(self, path: Path) -> bytes:
        end = time.monotonic() + self.seconds
        with self._connected() as connection, path.open("rb") as file:
            connection.sendall(b"zINSTREAM\0")
            while data := file.read(_CHUNK):
                connection.settimeout(_left(end))
                connection.sendall(len(data).to_bytes(4, "big") + data)
            connection.sendall(b"\0\0\0\0")
            answer = b""
            while not answer.endswith(b"\0") and len(answer) < 4096:
                connection.settimeout(_left(end))
                more = connection.recv(4096)
                if not more:
                    break
                answer += more
        return answer.rstrip(b"\0\n ")

    def _connected(self) -> socket.socket:
        if self.address.startswith("/"):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(_CONNECT_SECONDS)
                connection.connect(self.address)
            except BaseException:
                connection.close()
                raise
            return connection
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the virus scanner took too long")
    return left


def scanner_of(address: str) -> Scanner:
    """The scanner at this address; "" for none."""
    return Clamd(address) if address else NoScanner()
