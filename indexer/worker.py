"""The worker: lease → re-read rows → documents → engine → mark done, per thing, after the engine's yes.

It owns transactions on the index queue and on embeddings only. A thing that fails is tried again, and parked with its
error after eight times; whoever changes it again wakes it. An engine that is away fails no thing: everything waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy.exc import DBAPIError

from indexer.backends import Change, EngineError, Removal, SearchBackend
from indexer.documents import Document, Labels
from indexer.embedding import EmbeddingStore
from indexer.entries import entries_of, question_parts
from indexer.leases import LEASE, Lease, Leased, Leases
from indexer.query import Kind
from indexer.rows import documents_of
from indexer.waking import waker_of
from marketplace.records.database import Database
from marketplace.records.index_queue import ATTEMPTS

__all__ = ["ATTEMPTS", "BATCH", "Worker"]

BATCH = 64
# While pages are served, what was embedded so far is committed after this long: a publication must be found in a second.
EMBEDDING_SECONDS = 0.3
# How long a worker waits at most for an engine or a database that is away before it asks again.
LONGEST_PAUSE = 10.0
# So often in a row an engine may be away before `drain` leaves the rest to later; the pauses between double.
DRAIN_TRIES, DRAIN_PAUSE = 4, 0.25
Progress = Callable[[int, int], None]

log = logging.getLogger(__name__)


class Worker:
    """One in the process that owns an embedded index, any number on a shared engine: leases keep them apart.

    `run` is for a thread; `drain` works until nothing is left.
    """

    def __init__(
        self, database: Database, backend: SearchBackend, embeddings: EmbeddingStore, labels: Labels, *, lease: timedelta = LEASE
    ) -> None:
        self.database = database
        self.backend = backend
        self.embeddings = embeddings
        self.labels = labels
        self.leases = Leases(database, lease)

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; the batch at hand is finished. Whatever goes wrong is logged and tried again: a worker that
        ends quietly helps nobody."""
        failures = 0
        waker = waker_of(self.database)
        try:
            while not stop.is_set():
                try:
                    if not self._batch(EMBEDDING_SECONDS, BATCH):
                        waker.wait(stop, self.leases.seconds_to_next)
                    failures = 0
                    continue
                except EngineError as error:
                    log.warning("the engine takes nothing now: %s", error)
                except DBAPIError as error:
                    log.warning("the index worker cannot reach its database: %s", str(error.orig).partition("\n")[0])
                except Exception:
                    log.exception("the index worker failed and goes on")
                stop.wait(min(LONGEST_PAUSE, 2.0**failures))
                failures += 1
        finally:
            waker.close()

    def drain(self, progress: Progress | None = None) -> int:
        """Index everything that waits, with large batches; how many things. Parked ones stay, and all that is left when
        the engine was away several times in a row."""
        done = failures = 0
        bulk = Worker(self.database, self.backend, self.embeddings.bulk(), self.labels, lease=self.leases.duration)
        total = self.leases.count_due()
        while failures < DRAIN_TRIES:
            try:
                count = bulk._batch(30.0, 4 * BATCH)
            except EngineError as error:
                log.warning("the engine takes nothing now: %s", error)
                time.sleep(DRAIN_PAUSE * 2**failures)
                failures += 1
                continue
            if not count:
                break
            failures = 0
            done += count
            if progress is not None:
                progress(min(done, max(total, done)), max(total, done))
        return done

    def step(self, *, budget: float = EMBEDDING_SECONDS, batch: int = BATCH) -> int:
        """One batch; how many things were dealt with (indexed, removed or failed). None while the engine is away."""
        try:
            return self._batch(budget, batch)
        except EngineError as error:
            log.warning("the engine takes nothing now: %s", error)
            return 0

    def _batch(self, budget: float, batch: int) -> int:
        lease = self.leases.take(batch)
        taken = len(lease.things)
        if not taken:
            return 0
        try:
            documents = self._documents(lease.things)
            changes = self._changes(lease, documents, budget)
            if self.leases.is_ageing(lease):
                # What was lost meanwhile is another's to write.
                self.leases.renew(lease)
                changes = {thing: change for thing, change in changes.items() if thing in set(lease.things)}
                if not changes:
                    return taken
            outcome = dict(zip(changes, self.backend.apply(list(changes.values())), strict=True))
            self.backend.refresh()
        except EngineError as error:
            self.leases.give_back(lease, lease.things, error=str(error))
            raise
        except (KeyboardInterrupt, SystemExit):
            self.leases.give_back(lease, lease.things)
            raise
        for thing, wrong in outcome.items():
            if wrong:
                log.warning("%s %s was not indexed: %s", thing.kind.value, thing.thing_id, wrong)
        self.leases.settle(lease, outcome)
        self.leases.give_back(lease, [thing for thing in lease.things if thing not in outcome])
        return len(outcome)

    def _documents(self, leased: Sequence[Leased]) -> dict[Leased, Document]:
        """The documents of what can be found now, from rows read afresh."""
        by_kind: dict[Kind, dict[int, Leased]] = defaultdict(dict)
        for thing in leased:
            by_kind[thing.kind][thing.thing_id] = thing
        found = {}
        with self.database.reading() as session:
            for kind, things in by_kind.items():
                versions = {thing_id: thing.version for thing_id, thing in things.items()}
                for thing_id, document in documents_of(session, kind, versions, self.labels).items():
                    found[things[thing_id]] = document
        return found

    def _changes(self, lease: Lease, documents: dict[Leased, Document], budget: float) -> dict[Leased, Change]:
        """The change of each thing; those that are missing must wait for the next batch, because embedding takes long."""
        changes: dict[Leased, Change] = {
            thing: Removal(thing.kind, thing.thing_id, thing.version) for thing in lease.things if thing not in documents
        }
        end = time.monotonic() + budget
        for thing, document in documents.items():
            if changes and time.monotonic() > end:
                break
            if self.leases.is_ageing(lease):
                self.leases.renew(lease)
            (changes[thing],) = entries_of([document], self.embeddings)
            if thing.kind is Kind.PROBLEM:
                self._keep_questions(document)
        return changes

    def _keep_questions(self, document: Document) -> None:
        """A stored problem is asked again and again: the vectors of its parts are kept, so that it is answered at once."""
        if parts := question_parts(document):
            self.embeddings.queries(parts, keep=True)
