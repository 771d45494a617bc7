"""Noting which matches were shown and opened, without a page waiting for it.

A page hands its matches over and goes on; a thread of the process writes what has come together every few seconds, in one transaction.
What is lost: on an orderly end nothing; on kill -9, or when the machine stops, what was shown and opened in the last FLUSH_SECONDS of
that process, never a part of a transaction. While the database is away the newest MOST rows wait and older ones are dropped. Nothing
rests on these rows but learning: an answer, an award and whatever else decides anything is written with its step, not here.

The same match at the same place by the same ranker is written once a day, however often the page is opened again: who reloads has not
been shown more. Only stored problems are noted: what a visitor types is not kept.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import current_app
from sqlalchemy import insert

from marketplace.domain.matches import Match
from marketplace.records.database import Database
from marketplace.records.match_events import MatchEvent, MatchEventKind
from marketplace.site import current_site

FLUSH_SECONDS = 3.0
MOST, REMEMBERED = 20_000, 50_000

log = logging.getLogger(__name__)


@dataclass
class ShownLog:
    """One for each application. The lock is held to put rows in and to take them out, never while they are written."""

    database: Database
    seconds: float = FLUSH_SECONDS
    _rows: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST))
    _known: dict[tuple[object, ...], None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _wake: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def note(self, row: dict[str, Any]) -> None:
        key = (row["kind"], row["problem_id"], row["solution_id"], row["position"], row["model"], row["at"].date())
        with self._lock:
            if key in self._known:
                return
            self._known[key] = None
            while len(self._known) > REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._rows.append(row)
            # Made at the first row, in the process that shows pages: a thread does not outlive a fork.
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="shown-log", daemon=True)
                self._thread.start()
                atexit.register(self._flush_quietly)

    def flush(self) -> int:
        """Write what waits; how many rows. What cannot be written waits for the next time."""
        with self._lock:
            rows = list(self._rows)
            self._rows.clear()
        if not rows:
            return 0
        try:
            _write(self.database, rows)
        except Exception:
            with self._lock:
                self._rows.extendleft(reversed(rows))
            raise
        return len(rows)

    def _run(self) -> None:
        while not self._wake.wait(self.seconds):
            self._flush_quietly()

    def _flush_quietly(self) -> None:
        try:
            self.flush()
        except Exception as error:
            log.warning("what was shown could not be written and is tried again: %s", type(error).__name__)


def _write(database: Database, rows: list[dict[str, Any]]) -> None:
    with database.writing() as session:
        session.execute(insert(MatchEvent), rows)


def note_shown(matches: Iterable[Match], *, place: str) -> None:
    """These matches stand on a page (`place`: plan, ask, demand …), each at its rank. Costs the page microseconds."""
    at, kept = datetime.now(UTC), shown_log()
    for match in matches:
        # What was added by hand was ranked by nobody.
        position = match.rank if match.rank > 0 else None
        row = _row(MatchEventKind.SHOWN, match.problem_key, match.solution_id, match.provider_id, position, match.model, place, at)
        if row is not None:
            kept.note(row | {"features": {name: round(float(value), 4) for name, value in match.features.items()}})


def note_opened(problem_id: int, solution_id: int, provider_id: int, *, place: str, position: int | None = None, model: str = "") -> None:
    """Somebody went from a match to its solution. The caller has checked that this person may read the problem."""
    row = _row(MatchEventKind.OPENED, str(problem_id), solution_id, provider_id, position, model, place, datetime.now(UTC))
    if row is not None:
        shown_log().note(row)


def _row(
    kind: MatchEventKind, problem_key: str, solution_id: int, provider_id: int, position: int | None, model: str, place: str, at: datetime
) -> dict[str, Any] | None:
    problem = 0
    with suppress(ValueError):
        problem = int(problem_key)
    if problem <= 0:
        return None
    return {
        "at": at,
        "kind": kind,
        "problem_id": problem,
        "solution_id": solution_id,
        "provider_id": provider_id,
        "introduction_id": None,
        "side": "",
        "position": position,
        "model": model,
        "features": None,
        "place": place,
        "value": None,
    }


def shown_log() -> ShownLog:
    """The log of the running application."""
    kept: ShownLog = current_app.extensions.setdefault("jigai_shown", ShownLog(current_site().database))
    return kept
