"""The worker: lease → re-read rows → documents → engine → mark done, per thing, after the engine's yes.

It owns transactions on the index queue and on embeddings only. A thing that fails is tried again, and parked with its
error after eight times; whoever changes it again wakes it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from indexer.backends import Change, EngineError, Removal, SearchBackend
from indexer.documents import Document, Labels
from indexer.embedding import EmbeddingStore
from indexer.entries import entries_of
from indexer.parts import parts_of
from indexer.query import Kind
from indexer.rows import documents_of
from marketplace.records.database import Database
from marketplace.records.index_queue import QueuedThing

POLL_SECONDS = 0.2
LEASE = timedelta(minutes=5)
ATTEMPTS = 8
BATCH = 64
# While pages are served, what was embedded so far is committed after this long: a publication must be found in a second.
EMBEDDING_SECONDS = 0.3
Progress = Callable[[int, int], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Leased:
    kind: Kind
    thing_id: int
    version: int


class Worker:
    """One per process that owns the index. `run` is for a thread; `drain` works until nothing is left."""

    def __init__(self, database: Database, backend: SearchBackend, embeddings: EmbeddingStore, labels: Labels) -> None:
        self.database = database
        self.backend = backend
        self.embeddings = embeddings
        self.labels = labels

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. Whatever goes wrong is logged and tried again: a worker that ends quietly helps nobody."""
        while not stop.is_set():
            try:
                worked = self.step()
            except Exception:
                log.exception("the index worker failed and goes on")
                stop.wait(1.0)
                continue
            if not worked:
                stop.wait(POLL_SECONDS)

    def drain(self, progress: Progress | None = None) -> int:
        """Index everything that waits, with large batches; how many things. Parked ones stay."""
        done = 0
        bulk = Worker(self.database, self.backend, self.embeddings.bulk(), self.labels)
        total = self._waiting()
        while count := bulk.step(budget=30.0, batch=4 * BATCH):
            done += count
            if progress is not None:
                progress(min(done, max(total, done)), max(total, done))
        return done

    def step(self, *, budget: float = EMBEDDING_SECONDS, batch: int = BATCH) -> int:
        """One batch; how many things were dealt with (indexed, removed or failed)."""
        leased = self._lease(batch)
        if not leased:
            return 0
        documents = self._documents(leased)
        changes, ready, late = self._changes(leased, documents, budget)
        outcome: dict[Leased, str] = {}
        try:
            outcome = dict(zip(ready, self.backend.apply(changes), strict=True))
            self.backend.refresh()
        except EngineError as error:
            outcome = {thing: str(error) for thing in ready}
        self._mark(outcome, late)
        return len(ready)

    def _waiting(self) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(QueuedThing).where(_is_due(datetime.now(UTC)))) or 0

    def _lease(self, batch: int) -> list[Leased]:
        """Things that wait: half of them the newest, so that a publication does not queue behind an import, half the oldest."""
        now = datetime.now(UTC)
        with self.database.reading() as session:
            if session.scalar(select(QueuedThing.thing_id).where(_is_due(now)).limit(1)) is None:
                return []
        with self.database.writing() as session:
            due = select(QueuedThing).where(_is_due(now)).with_for_update(skip_locked=True)
            newest = session.scalars(due.order_by(QueuedThing.thing_id.desc()).limit(batch // 2)).all()
            oldest = session.scalars(due.order_by(QueuedThing.attempts, QueuedThing.thing_id).limit(batch - batch // 2)).all()
            rows = {(row.kind, row.thing_id): row for row in (*newest, *oldest)}
            for row in rows.values():
                row.lease_until = now + LEASE
            return [Leased(Kind(kind), thing_id, row.wanted) for (kind, thing_id), row in rows.items()]

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

    def _changes(
        self, leased: Sequence[Leased], documents: dict[Leased, Document], budget: float
    ) -> tuple[list[Change], list[Leased], list[Leased]]:
        """(changes, the things they are for, things that must wait for the next batch because embedding takes long)."""
        changes: list[Change] = []
        ready: list[Leased] = []
        late: list[Leased] = []
        for thing in leased:
            if thing not in documents:
                changes.append(Removal(thing.kind, thing.thing_id, thing.version))
                ready.append(thing)
        end = time.monotonic() + budget
        for thing, document in documents.items():
            if ready and time.monotonic() > end:
                late.append(thing)
                continue
            changes += entries_of([document], self.embeddings)
            ready.append(thing)
            if thing.kind is Kind.PROBLEM:
                self._keep_questions(document)
        return changes, ready, late

    def _keep_questions(self, document: Document) -> None:
        """A stored problem is asked again and again: the vectors of its parts are kept, so that it is answered at once."""
        text = document.text["title"] + document.text.get("rest", "")
        if text.strip():
            self.embeddings.queries(parts_of(text).texts, keep=True)

    def _mark(self, outcome: dict[Leased, str], late: Sequence[Leased]) -> None:
        with self.database.writing() as session:
            for thing, wrong in outcome.items():
                here = and_(QueuedThing.kind == thing.kind.value, QueuedThing.thing_id == thing.thing_id)
                if wrong:
                    log.warning("%s %s was not indexed: %s", thing.kind.value, thing.thing_id, wrong)
                    # Each failure waits longer; a change in between has put its attempts back to 0, and is tried at once.
                    session.execute(
                        update(QueuedThing)
                        .where(here, QueuedThing.wanted == thing.version)
                        .values(
                            attempts=QueuedThing.attempts + 1,
                            error=wrong[:2000],
                            lease_until=datetime.now(UTC) + timedelta(seconds=1),
                        )
                    )
                else:
                    session.execute(
                        update(QueuedThing)
                        .where(here, QueuedThing.indexed < thing.version)
                        .values(indexed=thing.version, attempts=0, error="", lease_until=None)
                    )
            for thing in late:
                here = and_(QueuedThing.kind == thing.kind.value, QueuedThing.thing_id == thing.thing_id)
                session.execute(update(QueuedThing).where(here).values(lease_until=None))


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(
        QueuedThing.wanted > QueuedThing.indexed,
        QueuedThing.attempts < ATTEMPTS,
        or_(QueuedThing.lease_until.is_(None), QueuedThing.lease_until < now),
    )
