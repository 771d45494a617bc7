"""What was recorded of matches, as lists to learn from: of each problem its pairs, how far each went, and where it stood.

How far a match went is its grade, 0–4: declined, lapsed, or only shown 0 · opened or sent 1 · accepted, or not chosen in the end 2 ·
awarded 3 · finished well 4 (finished badly 1: it was chosen, and should not have been). The last thing that happened counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.records.match_events import MatchEvent, MatchEventKind
from marketplace.records.matches import Acceptance, Decision, Outcome

LOOKED_AT, ACCEPTED, AWARDED, FINISHED_WELL = 1, 2, 3, 4
# `value` of a finished match from which it ended well, and below which badly.
WELL, BADLY = 0.6, 0.4
WELL_SCORE = 70.0
# Outcomes of the platform's own brokering have their events; others (imports) have nothing but themselves.
PLATFORM = "platform"
_GRADE = {
    MatchEventKind.ACCEPTED: ACCEPTED,
    MatchEventKind.DECLINED: 0,
    MatchEventKind.LAPSED: 0,
    MatchEventKind.AWARDED: AWARDED,
    MatchEventKind.NOT_CHOSEN: ACCEPTED,
}


@dataclass
class Recorded:
    """One pair. `position`: the place from 1 at which it was shown last, None where it never was; `decided`: somebody answered or let
    it lapse, so that the grade is a judgement and not merely silence."""

    solution_id: int
    grade: int = 0
    position: int | None = None
    decided: bool = False
    opened: bool = False


@dataclass
class RecordedList:
    """All pairs of one problem, `at`: when the first of them was recorded."""

    problem_id: int
    at: datetime
    rows: dict[int, Recorded] = field(default_factory=dict)

    @property
    def is_shown(self) -> bool:
        """Whether it is known what else stood there: only then does silence say anything."""
        return any(row.position is not None for row in self.rows.values())

    def row(self, solution_id: int) -> Recorded:
        return self.rows.setdefault(solution_id, Recorded(solution_id))


def find_recorded(session: Session, *, most: int) -> list[RecordedList]:
    """The newest `most` lists in the order of time."""
    lists: dict[int, RecordedList] = {}
    columns = (MatchEvent.problem_id, MatchEvent.solution_id, MatchEvent.kind, MatchEvent.position, MatchEvent.value, MatchEvent.at)
    newest = _newest(session, most)
    for problem, solution, kind, position, value, at in session.execute(select(*columns).order_by(MatchEvent.at, MatchEvent.id)):
        if newest is None or problem in newest:
            _count(lists.setdefault(problem, RecordedList(problem, at)).row(solution), kind, position, value)
    _count_outcomes(session, lists)
    return sorted(lists.values(), key=lambda one: (one.at, one.problem_id))[-most:]


def _newest(session: Session, most: int) -> frozenset[int] | None:
    """The problems shown last, where there are more than may be learned from; None: all."""
    first = func.min(MatchEvent.at)
    rows = session.execute(select(MatchEvent.problem_id).group_by(MatchEvent.problem_id).order_by(first.desc()).limit(most + 1)).all()
    return None if len(rows) <= most else frozenset(row.problem_id for row in rows[:most])


def _count(row: Recorded, kind: MatchEventKind, position: int | None, value: float | None) -> None:
    if kind == MatchEventKind.SHOWN:
        row.position = position if position is not None else row.position
    elif kind in (MatchEventKind.OPENED, MatchEventKind.SENT):
        row.opened = True
        row.position = row.position if row.position is not None else position
        # Whoever opens a match again that was declined has not accepted it.
        row.grade = row.grade if row.decided else LOOKED_AT
    else:
        row.opened = row.decided = True
        row.grade = _finished(value) if kind == MatchEventKind.FINISHED else _GRADE[kind]


def _finished(value: float | None) -> int:
    if value is None or BADLY <= value < WELL:
        return AWARDED
    return FINISHED_WELL if value >= WELL else LOOKED_AT


def _count_outcomes(session: Session, lists: dict[int, RecordedList]) -> None:
    """Past matches that came from elsewhere: decided, but nobody knows what else was to choose from."""
    query = select(Outcome.problem_id, Outcome.solution_id, Outcome.proposed, Outcome.decision, Outcome.acceptance, Outcome.score)
    for problem, solution, proposed, decision, acceptance, score in session.execute(
        query.where(Outcome.source != PLATFORM).order_by(Outcome.id)
    ):
        at = datetime.combine(proposed, time(), UTC)
        one = lists.setdefault(problem, RecordedList(problem, at))
        one.at = min(one.at, at)
        row = one.row(solution)
        if not row.decided:
            row.decided, row.grade = True, _outcome_grade(decision, acceptance, score)


def _outcome_grade(decision: Decision, acceptance: Acceptance | None, score: float | None) -> int:
    if decision != Decision.ACCEPTED:
        return 0
    if acceptance is None:
        return ACCEPTED
    if acceptance == Acceptance.FAILED:
        return LOOKED_AT
    return FINISHED_WELL if acceptance == Acceptance.PASSED and (score is None or score >= WELL_SCORE) else AWARDED


def count_rows(lists: Iterable[RecordedList]) -> int:
    return sum(len(one.rows) for one in lists)
