"""A line between the site and a real engine, which a test can cut or let hang."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import StrEnum


class State(StrEnum):
    UP = "up"
    HUNG = "hung"
    CUT = "cut"


class Line:
    """Passes bytes both ways. HUNG: whatever is sent stays on the way. CUT: every connection is closed at once."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._up = threading.Event()
        self._up.set()
        self.state = State.UP
        threading.Thread(target=self._accept, daemon=True).start()

    def turn(self, state: State) -> None:
        """From now on the line is so; a line that is cut loses its connections."""
        self.state = state
        if state is State.HUNG:
            self._up.clear()
            return
        if state is State.CUT:
            self._close_all()
        self._up.set()

    def close(self) -> None:
        self.turn(State.CUT)
        self._server.close()

    def _close_all(self) -> None:
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        self._pairs.clear()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._server.accept()
            except OSError:
                return
            if self.state is State.CUT:
                here.close()
                continue
            there = socket.create_connection(self._to)
            self._pairs.append((here, there))
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._up.wait()
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
