"""The worker of the job queue: take, work, end; whatever goes wrong is written down and tried again."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import DBAPIError

from marketplace.domain.lifecycle import RefusedError
from marketplace.jobs.daily import ask_when_due
from marketplace.jobs.handlers import HANDLERS
from marketplace.jobs.leases import LEASE, LeaseLost, Leases
from marketplace.jobs.progress import Later, Progress
from marketplace.records.jobs import Job
from marketplace.site import Site

# How often a worker looks whether something is due.
POLL_SECONDS = 0.5
# How often it asks whether a new day has begun.
DAY_SECONDS = 30.0
LONGEST_PAUSE = 10.0

log = logging.getLogger(__name__)


class JobWorker:
    """Any number on one database: leases keep them apart. `run` is for a thread; `drain` works until nothing is due."""

    def __init__(self, site: Site, *, lease: timedelta = LEASE) -> None:
        self.site = site
        self.leases = Leases(site.database, lease)
        self._asked = 0.0

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; the job at hand is finished. Whatever goes wrong is logged: a worker that ends quietly helps nobody."""
        failures = 0
        while not stop.is_set():
            try:
                self._ask_for_the_day()
                if not self.step():
                    stop.wait(POLL_SECONDS)
                failures = 0
                continue
            except DBAPIError as error:
                log.warning("the job worker cannot reach its database: %s", str(error.orig).partition("\n")[0])
            except Exception:
                log.exception("the job worker failed and goes on")
            stop.wait(min(LONGEST_PAUSE, 2.0**failures))
            failures += 1

    def drain(self, most: int = 10_000) -> int:
        """Do everything that is due; how many jobs were taken."""
        count = 0
        while count < most and self.step():
            count += 1
        return count

    def step(self) -> bool:
        """One job; whether there was one."""
        taken = self.leases.take(HANDLERS)
        if taken is None:
            return False
        job, lease = taken
        progress = Progress(self.site.database, self.leases, lease)
        try:
            with _Heart(progress, self.leases.duration):
                result = HANDLERS[job.kind](self.site, job, progress)
            if not progress.is_finished:
                with progress.finishing(result):
                    pass
        except LeaseLost:
            log.warning("job %d (%s) was taken over by another worker; nothing of it was written", job.id, job.kind)
        except Later as later:
            with suppress(LeaseLost):
                self.leases.put_off(job, lease, later.pause, str(later))
        except Exception as error:
            self._fail(job, progress, error)
        return True

    def _fail(self, job: Job, progress: Progress, error: Exception) -> None:
        """A refusal is an answer: asking again changes nothing. Anything else may pass."""
        refused = isinstance(error, RefusedError)
        said = str(error) if refused else f"{type(error).__name__}: {error}"
        if not refused:
            log.warning("job %d (%s) failed at attempt %d", job.id, job.kind, job.attempts, exc_info=error)
        try:
            if self.leases.fail(job, progress.lease, said, hopeless=refused):
                log.error("job %d (%s) was given up: %s", job.id, job.kind, said)
        except LeaseLost:
            log.warning("job %d (%s) was taken over by another worker", job.id, job.kind)

    def _ask_for_the_day(self) -> None:
        if self._asked and time.monotonic() - self._asked < DAY_SECONDS:
            return
        ask_when_due(self.site, datetime.now(UTC))
        self._asked = time.monotonic()


class _Heart:
    """Renews the lease of the job at hand from a thread of its own, so that long work needs no thought of it."""

    def __init__(self, progress: Progress, duration: timedelta) -> None:
        self._progress, self._pause = progress, duration.total_seconds() / 3
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="job-lease", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self._pause):
            try:
                if not self._progress.renew():
                    return
            except DBAPIError as error:
                log.warning("a lease could not be renewed: %s", str(error.orig).partition("\n")[0])
