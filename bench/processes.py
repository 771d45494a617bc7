"""Processes that a bench starts, kills with SIGKILL and starts again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "tools" / "opensearch"
KILL_SECONDS = 30.0


@dataclass
class Member:
    """A process that is killed and started again. `weight`: how often it is chosen."""

    name: str
    start: Callable[[], int]
    weight: float = 1.0
    pid: int = 0

    def is_alive(self) -> bool:
        """Whether it runs; one of our own that has ended is taken out of the table of processes here."""
        return bool(self.pid) and is_running(self.pid)

    def kill(self) -> bool:
        """With everything that it has started; whether there was anything to kill."""
        was_alive, pid, self.pid = self.is_alive(), self.pid, 0
        # 0 would name the group of this very process.
        if not was_alive:
            return False
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        # Whoever is started next must find port and data free.
        wait(lambda: not is_running(pid), KILL_SECONDS, f"{self.name} to be gone")
        return True


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def process(environment: dict[str, str], *command: str) -> Callable[[], int]:
    """A way to start one of our own commands, in a process group of its own."""

    def start() -> int:
        program = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started = subprocess.Popen(program, env={**os.environ, **environment}, cwd=ROOT, start_new_session=True, **quiet)  # type: ignore[call-overload]
        # `Member` waits for it by its number; Python would otherwise complain of one that was left running.
        started.returncode = 0
        return int(started.pid)

    return start


def server(data: Path, port: int, heap: str = "512m") -> Callable[[], int]:
    """A way to start an OpenSearch that keeps its data and its port."""

    def start() -> int:
        command = [str(TOOL), "start", "--port", str(port), "--data", str(data), "--heap", heap]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return int(dict(line.split("=", 1) for line in said.splitlines())["pid"])

    return start


def is_running(pid: int) -> bool:
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait(done: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SystemExit(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.1)
