"""An engine that may be away, with the database as its standby: reads are answered by the one or the other, writes wait."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from indexer.analysis import Term
from indexer.backends import Candidates, Change, EngineError, Request, SearchBackend, Title
from indexer.breaker import Breaker
from indexer.fusion import Ids, Passages
from indexer.query import Condition, Kind
from indexer.standby import Standby

Answer = TypeVar("Answer")
# A search like any other, with one answer at most.
PROBE = Request(Kind.SOLUTION, (Condition(Kind.SOLUTION),), ((Term(("方案",)),),), depth=1)

log = logging.getLogger(__name__)


class GuardedBackend:
    """See SearchBackend. What the standby answered is counted by thread, so that a page can say so of itself."""

    def __init__(self, engine: SearchBackend, standby: Standby) -> None:
        self.engine, self.meta = engine, engine.meta
        self._standby = standby
        self.breaker = Breaker(lambda: engine.candidates([PROBE]), errors=EngineError)
        self._here = threading.local()

    @property
    def standby_answers(self) -> int:
        """How often the standby has answered in this thread."""
        return int(getattr(self._here, "answers", 0))

    def _read(self, asked: Callable[[], Answer], instead: Callable[[], Answer]) -> Answer:
        if not self.breaker.is_open:
            began = time.monotonic()
            try:
                answer = asked()
            except EngineError as error:
                log.warning("the database answers instead of the engine: %s", error)
                self.breaker.failed(seconds=time.monotonic() - began)
            else:
                return answer
        self._here.answers = self.standby_answers + 1
        return instead()

    def candidates(self, requests: Sequence[Request]) -> list[tuple[Candidates, ...]]:
        def asked() -> list[tuple[Candidates, ...]]:
            found = self.engine.candidates(requests)
            # Only a whole search says that the engine is well.
            self.breaker.succeeded()
            return found

        return self._read(asked, lambda: self._standby.candidates(requests))

    def passages(self, kind: Kind, ids: Ids) -> Passages:
        return self._read(lambda: self.engine.passages(kind, ids), lambda: self._standby.passages(kind, ids))

    def title_of(self, kind: Kind, thing_id: int) -> str:
        return self._read(lambda: self.engine.title_of(kind, thing_id), lambda: self._standby.title_of(kind, thing_id))

    def frequencies(self, kind: Kind, tokens: Sequence[str]) -> tuple[list[int], int]:
        return self._read(lambda: self.engine.frequencies(kind, tokens), lambda: self._standby.frequencies(kind, tokens))

    def stamp(self, kind: Kind) -> int:
        return self._read(lambda: self.engine.stamp(kind), lambda: -1)

    def titles(self, kind: Kind) -> list[Title]:
        return self._read(lambda: self.engine.titles(kind), lambda: self._standby.titles(kind))

    def versions(self, kind: Kind) -> dict[int, int]:
        return self.engine.versions(kind)

    def apply(self, changes: Sequence[Change]) -> list[str]:
        return self.engine.apply(changes)

    def refresh(self) -> None:
        self.engine.refresh()

    def begin_next(self) -> None:
        self.engine.begin_next()

    def fill_next(self, changes: Iterable[Change]) -> None:
        self.engine.fill_next(changes)

    def versions_next(self, kind: Kind) -> dict[int, int]:
        return self.engine.versions_next(kind)

    def swap(self) -> None:
        self.engine.swap()

    def abandon_next(self) -> None:
        self.engine.abandon_next()

    def close(self) -> None:
        self.breaker.close()
        self.engine.close()
