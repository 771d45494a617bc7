"""What a handler is given beside its job: a way to say how far it is, and to end the job together with its own work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from marketplace.jobs.leases import Lease, LeaseLost, Leases
from marketplace.records.database import Database

# A number that changes faster than anybody reads it is not written each time.
_SECONDS = 1.0


class Later(Exception):
    """Raised by a handler that cannot work now, through no fault of its job's: a server that is away."""

    def __init__(self, pause: timedelta, why: str) -> None:
        super().__init__(why)
        self.pause = pause


class Progress:
    """Called with (done, total). A handler that writes to the database does so under `finishing`: its work and the job's end
    are one transaction, so the effect happens exactly once, whoever is killed and whenever."""

    def __init__(self, database: Database, leases: Leases, lease: Lease) -> None:
        self._database, self._leases, self.lease = database, leases, lease
        self._lock = threading.Lock()
        self._written = 0.0
        self.is_finished = False
        self.is_lost = False

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._written < _SECONDS and done < total:
            return
        self._written = time.monotonic()
        with self._lock:
            self._leases.note_progress(self.lease, done, total)

    @contextmanager
    def finishing(self, result: dict[str, Any] | None = None) -> Iterator[Session]:
        """The last transaction of the job. Raises LeaseLost, and writes nothing, where another worker has it."""
        with self._lock:
            with self._database.writing() as session:
                self._leases.finish(session, self.lease, result)
                yield session
            self.is_finished = True

    def renew(self) -> bool:
        """Keep the job while it is worked on; whether it is still ours."""
        with self._lock:
            if self.is_finished:
                return False
            try:
                self._leases.renew(self.lease)
            except LeaseLost:
                self.is_lost = True
        return not self.is_lost
