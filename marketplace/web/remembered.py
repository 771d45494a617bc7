"""Answers that take long to work out, kept while nothing that they rest on has changed.

Every change of what can be found or recommended asks the index queue for a new version, in its own transaction; so the
sum of the queue's versions tells, in one statement, whether an answer of a moment ago still holds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.domain.rankers import RankerState
from marketplace.guard import degraded
from marketplace.records.index_queue import QueuedThing
from marketplace.records.rankers import Ranker

Answer = TypeVar("Answer")
MOST = 256


class Remembered:
    """The answers used last. The lock is held for a look-up, never while an answer is worked out."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._answers: OrderedDict[Hashable, tuple[Hashable, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def answer(
        self, question: Hashable, version: Hashable, work_out: Callable[[], Answer], *, holds: Callable[[], bool] = lambda: True
    ) -> Answer:
        """`holds` says, once it is worked out, whether an answer is worth keeping."""
        with self._lock:
            known = self._answers.get(question)
            if known is not None and known[0] == version:
                self._answers.move_to_end(question)
                return cast(Answer, known[1])
        answer = work_out()
        if not holds():
            return answer
        with self._lock:
            self._answers[question] = (version, answer)
            self._answers.move_to_end(question)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return answer


def data_version(session: Session) -> Hashable:
    """Changes with everything that a recommendation rests on (also with the ranker in use), and when the index catches up."""
    in_use = select(func.max(Ranker.version)).where(Ranker.state == RankerState.IN_USE).scalar_subquery()
    return tuple(session.execute(select(func.count(), func.sum(QueuedThing.wanted), func.sum(QueuedThing.indexed), in_use)).one())


def remembered(session: Session, question: Hashable, work_out: Callable[[], Answer]) -> Answer:
    """The answer of a moment ago if it still holds, else a new one."""
    kept: Remembered = current_app.extensions.setdefault("jigai_remembered", Remembered())
    return kept.answer(question, data_version(session), work_out, holds=lambda: not degraded())
