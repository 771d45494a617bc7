"""The load of a site: a writer that moves things through the actions, and a visitor who searches."""

from __future__ import annotations

import http.client
import random
import threading
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from marketplace.actions import solutions, transition
from marketplace.domain.access import Role, Viewer
from marketplace.domain.providers import TABLE, ProviderState
from marketplace.domain.solutions import SolutionState
from marketplace.records.database import Database
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution

OFFICER = Viewer(account_id=1, name="bench", roles=frozenset({Role.ADMIN}))
WRITE_PAUSE = 0.05
# Retiring is for good: only so many providers, or nothing would be left to write.
MOST_RETIRED = 3
QUERIES = ("压机停机", "投料老出错", "能耗太高", "质量追溯")


class Writer(threading.Thread):
    """Moves things between their states through the actions, as fast as a busy office, until told to stop."""

    def __init__(self, database: Database, seed: int) -> None:
        super().__init__(name="writer")
        self._database = database
        self._random = random.Random(seed)
        self._ended = threading.Event()
        self.counts: dict[str, int] = {}
        self.failure: Exception | None = None

    def run(self) -> None:
        while not self._ended.wait(WRITE_PAUSE):
            try:
                verb = self._write()
            except OperationalError:
                # A database file is busy while another process writes: whoever writes then tries again, as a visitor would.
                continue
            except Exception as error:
                # Without a writer the rest would prove nothing: `end` tells.
                self.failure = error
                return
            if verb:
                self.counts[verb] = self.counts.get(verb, 0) + 1

    def end(self) -> None:
        self._ended.set()
        self.join()
        if self.failure is not None:
            raise self.failure

    def _write(self) -> str:
        """What was done; "" where the thing that chance named has nowhere to go."""
        with self._database.reading() as session:
            solution = self._random.choice(session.execute(select(Solution.id, Solution.state)).all())
            provider = self._random.choice(session.execute(select(Provider.id, Provider.state)).all())
        if self._random.random() < 0.7:
            return self._move_solution(solution.id, solution.state)
        return self._move_provider(provider.id, provider.state)

    def _move_solution(self, solution_id: int, state: SolutionState) -> str:
        now = datetime.now(UTC)
        if state == SolutionState.BLOCKED:
            solutions.unblock(self._database, solution_id, viewer=OFFICER, at=now)
            return "unblock"
        if state == SolutionState.WITHDRAWN:
            solutions.publish(self._database, solution_id, viewer=OFFICER, at=now)
            return "publish"
        if state != SolutionState.PUBLISHED:
            return ""
        if self._random.random() < 0.5:
            solutions.withdraw(self._database, solution_id, viewer=OFFICER, at=now)
            return "withdraw"
        solutions.block(self._database, solution_id, viewer=OFFICER, at=now, why="bench")
        return "block"

    def _move_provider(self, provider_id: int, state: ProviderState) -> str:
        """What a decision does to its provider; the case around it writes nothing that the index knows."""
        if state == ProviderState.ADMITTED:
            event = "warn"
        elif state == ProviderState.WARNED:
            event = "suspend"
        elif state != ProviderState.SUSPENDED:
            return ""
        else:
            retires = self.counts.get("retire", 0) < MOST_RETIRED and self._random.random() < 0.1
            event = "retire" if retires else "reinstate"
        with self._database.writing() as session:
            provider = session.get_one(Provider, provider_id)
            now = datetime.now(UTC)
            transition.apply(session, provider, TABLE, event, actor="bench", roles=OFFICER.roles, at=now, why="bench")
        return event


class Visitor(threading.Thread):
    """Searches; a site that is down just now is no error, an error page is."""

    def __init__(self, address: str) -> None:
        super().__init__(name="visitor", daemon=True)
        self._address = address
        self._ended = threading.Event()
        self.answers = 0
        self.errors = 0

    def run(self) -> None:
        number = 0
        while not self._ended.wait(0.05):
            number += 1
            asked = urllib.parse.quote(QUERIES[number % len(QUERIES)])
            try:
                with urllib.request.urlopen(f"{self._address}/api/v1/search?q={asked}", timeout=20) as answer:
                    answer.read()
                    self.answers += 1
            except urllib.error.HTTPError:
                self.errors += 1
            except (OSError, http.client.HTTPException):
                # Nobody there, or killed in the middle of an answer.
                continue

    def end(self) -> None:
        self._ended.set()
        self.join()
