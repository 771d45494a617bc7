"""A breaker before an engine that may be away: after a few failures nobody waits for it until it answers again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

FAILURES = 5
# A failure that took so long is a hang, not a refusal: the next visitor must not wait as long.
SLOW_SECONDS = 0.5
PROBE_SECONDS = 1.0
LONGEST_PROBE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Breaker:
    """Closed: the engine is asked. Open: it is not, while a thread of its own probes it, less and less often, and closes again.

    `probe` raises as long as the engine is away; visitors never wait for it.
    """

    def __init__(self, probe: Callable[[], object], *, errors: type[Exception] = Exception) -> None:
        self._probe = probe
        self._errors = errors
        self._lock = threading.Lock()
        self._failures = 0
        self._open = False
        self._ended = threading.Event()

    @property
    def is_open(self) -> bool:
        return self._open

    def succeeded(self) -> None:
        """The engine has answered."""
        self._failures = 0

    def failed(self, *, seconds: float) -> None:
        """The engine has not answered, and that took so long."""
        with self._lock:
            self._failures += 1
            if self._open or (self._failures < FAILURES and seconds < SLOW_SECONDS):
                return
            self._open = True
        log.warning("the search engine is away: answers come from the database")
        threading.Thread(target=self._wait_for_it, name="engine-probe", daemon=True).start()

    def close(self) -> None:
        """End the probing."""
        self._ended.set()

    def _wait_for_it(self) -> None:
        pause, began = PROBE_SECONDS, time.monotonic()
        while not self._ended.wait(pause):
            try:
                self._probe()
            except self._errors:
                pause = min(LONGEST_PROBE_SECONDS, pause * 1.5)
                continue
            self._failures = 0
            self._open = False
            log.warning("the search engine is back after %.0f s", time.monotonic() - began)
            return
