"""How a worker learns that something waits: PostgreSQL calls it; a file is looked at five times a second."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from marketplace.records.database import Database
from marketplace.records.index_queue import CHANNEL

if TYPE_CHECKING:
    import psycopg

POLL_SECONDS = 0.2
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 30.0
# A connection whose server vanished without a word is found dead after about a minute.
_ALIVE = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}

log = logging.getLogger(__name__)


class Waker(Protocol):
    def wait(self, stop: threading.Event, seconds_to_next: Callable[[], float | None]) -> None:
        """Return when something may wait, when a lease or a pause ends, or when `stop` is set."""
        ...

    def close(self) -> None: ...


def waker_of(database: Database) -> Waker:
    return Calls(database) if database.engine.dialect.name == "postgresql" else Looks()


class Looks:
    """For SQLite, which calls nobody."""

    def wait(self, stop: threading.Event, seconds_to_next: Callable[[], float | None]) -> None:
        stop.wait(POLL_SECONDS)

    def close(self) -> None:
        """Nothing is held."""


class Calls:
    """LISTEN on a connection of its own. A lost one is opened again, with longer pauses while the server is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: psycopg.Connection[Any] | None = None
        self._failures = 0

    def wait(self, stop: threading.Event, seconds_to_next: Callable[[], float | None]) -> None:
        import psycopg

        try:
            if self._connection is None:
                # What was enqueued before we listened called nobody: the queue is looked at first.
                self._connection = self._listening()
                self._failures = 0
                return
            self._wait(self._connection, stop, seconds_to_next())
        except psycopg.Error as error:
            self.close()
            pause = min(LONGEST_PAUSE, POLL_SECONDS * 2**self._failures)
            self._failures += 1
            log.warning("the index worker lost its database and listens again in %.1f s: %s", pause, str(error).partition("\n")[0])
            stop.wait(pause)

    def _wait(self, connection: psycopg.Connection[Any], stop: threading.Event, seconds: float | None) -> None:
        # What is due this very moment is locked by another worker just now.
        end = time.monotonic() + (LONGEST_PAUSE if seconds is None else min(max(seconds, SHORTEST_PAUSE), LONGEST_PAUSE))
        while not stop.is_set() and (left := end - time.monotonic()) > 0:
            # Short waits on our own socket, so that a stop is seen; the server hears nothing of it.
            for _call in connection.notifies(timeout=min(POLL_SECONDS, left), stop_after=1):
                return

    def _listening(self) -> psycopg.Connection[Any]:
        import psycopg

        arguments, values = self._database.engine.dialect.create_connect_args(self._database.engine.url)
        connection = psycopg.connect(*arguments, **{"connect_timeout": 5, **_ALIVE, **values}, autocommit=True)
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    def close(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
            self._connection = None
