"""What was accepted, as pairs of texts for the embedding space: a problem, the solution that met it, and what was passed over for it.

Texts are those that the index holds: a problem without the enterprise's name and place, a solution as published. A pair is positive from
its acceptance on (accepted, awarded, finished well; one that ended badly is neither). A hard negative is a solution that was declined
because it does not fit, and, of a list that was shown, one that stood above the match that was accepted and was not even opened.
The other reasons for declining (budget, time, capacity) say nothing about meaning, nor does a reason in free words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from indexer.documents import Labels
from indexer.query import Kind
from indexer.rows import documents_of, searchable
from marketplace.domain.introductions import Answer
from marketplace.domain.rankers import LearningRules
from marketplace.records.introductions import Introduction, IntroductionAnswer
from marketplace.records.matches import Decision, Outcome
from marketplace.records.problems import Problem
from recommender.recorded import ACCEPTED, AWARDED, FINISHED_WELL, PLATFORM, RecordedList, find_recorded

# Reasons for declining that speak of meaning: does not do what is needed, not our kind of work (table [brokering] of pilot.toml).
NOT_FITTING = ("function", "scope")
# How much a pair counts beside a statement of the knowledge base, by how far it went.
WEIGHTS = {ACCEPTED: 0.6, AWARDED: 0.8, FINISHED_WELL: 1.0}
# Held-out problems are asked against what was recorded and some more, so many at most.
POOL = 1_000
IN_STATEMENT = 500


@dataclass(frozen=True)
class Positive:
    """A match that was accepted: the solution's main passages, and how much it counts."""

    solution_id: int
    passages: tuple[str, ...]
    weight: float


@dataclass(frozen=True)
class Accepted:
    """One problem of which something was accepted. `said`: its text as it was written, to know it again; `grades`: solution → how far
    it went, of all that was decided; `declined`, `passed`: the first passages of its hard negatives."""

    problem_id: int
    at: datetime
    text: str
    said: str
    positives: tuple[Positive, ...]
    grades: Mapping[int, int]
    declined: tuple[str, ...]
    passed: tuple[str, ...]

    @property
    def negatives(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.declined, *self.passed)))


@dataclass(frozen=True)
class Pool:
    """Solutions that held-out problems are asked against, and the main passages of each (one or two)."""

    ids: tuple[int, ...]
    passages: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Split:
    """By time: `early` is learned from, `late` is measured on. `left_out`: accepted matches whose texts cannot be found any more."""

    early: tuple[Accepted, ...]
    late: tuple[Accepted, ...]
    pool: Pool
    left_out: int

    def counts(self) -> dict[str, int]:
        """How many pairs came from where, of what is learned from."""
        went = Counter(row.grades[positive.solution_id] for row in self.early for positive in row.positives)
        return {
            "problems": len(self.early),
            "pairs": sum(went.values()),
            "accepted": went[ACCEPTED],
            "awarded": went[AWARDED],
            "finished_well": went[FINISHED_WELL],
            "declined_as_unfit": sum(len(row.declined) for row in self.early),
            "passed_over": sum(len(row.passed) for row in self.early),
            "held_out_problems": len(self.late),
            "left_out": self.left_out,
        }


def find_accepted(session: Session, rules: LearningRules, labels: Labels, reasons: Mapping[str, str]) -> Split:
    """What was recorded, in the order of time and split. `reasons`: key → name of the reasons for declining."""
    lists = find_recorded(session, most=rules.most_lists)
    unfit = _unfit(session, frozenset(reasons[key] for key in NOT_FITTING if key in reasons))
    wanted = [one for one in lists if _positives(one)]
    problems = {key: text for key, text in _problems(session, [one.problem_id for one in wanted], labels).items() if text[0]}
    solutions = _solutions(session, {key for one in wanted for key in one.rows}, labels)
    found: list[Accepted] = []
    left_out = 0
    for one in wanted:
        positives = _positives(one)
        known = {key: grade for key, grade in positives.items() if key in solutions} if one.problem_id in problems else {}
        left_out += len(positives) - len(known)
        if known:
            found.append(_accepted(one, known, problems[one.problem_id], solutions, unfit.get(one.problem_id, frozenset())))
    cut = len(found) - round(len(found) * rules.held_out)
    late = tuple(found[cut:])
    return Split(tuple(found[:cut]), late, _pool(session, solutions, late, labels), left_out)


def _positives(one: RecordedList) -> dict[int, int]:
    return {key: row.grade for key, row in one.rows.items() if row.decided and row.grade >= ACCEPTED}


def _accepted(
    one: RecordedList,
    positives: Mapping[int, int],
    texts: tuple[str, str],
    solutions: Mapping[int, tuple[str, ...]],
    unfit: frozenset[int],
) -> Accepted:
    lowest = max((one.rows[key].position or 0 for key in positives), default=0)
    declined = [key for key, row in one.rows.items() if key in unfit and key not in positives and row.grade == 0]
    passed = [
        key
        for key, row in one.rows.items()
        if not row.decided and not row.opened and row.position is not None and row.position < lowest and key not in positives
    ]
    return Accepted(
        problem_id=one.problem_id,
        at=one.at,
        text=texts[0],
        said=texts[1],
        positives=tuple(Positive(key, solutions[key], WEIGHTS[grade]) for key, grade in positives.items()),
        grades={key: row.grade for key, row in one.rows.items() if row.decided and key in solutions},
        declined=tuple(solutions[key][0] for key in declined if key in solutions),
        passed=tuple(solutions[key][0] for key in passed if key in solutions),
    )


def _unfit(session: Session, names: frozenset[str]) -> dict[int, frozenset[int]]:
    """Problem → solutions that a side declined as not fitting."""
    found: dict[int, set[int]] = {}
    answers = (
        select(Introduction.problem_id, Introduction.solution_id)
        .join(IntroductionAnswer, IntroductionAnswer.introduction_id == Introduction.id)
        .where(IntroductionAnswer.answer == Answer.DECLINED, IntroductionAnswer.reason.in_(NOT_FITTING))
    )
    imported = select(Outcome.problem_id, Outcome.solution_id).where(
        Outcome.source != PLATFORM, Outcome.decision == Decision.DECLINED, Outcome.decline_reason.in_(names)
    )
    for problem, solution in (*session.execute(answers), *session.execute(imported)):
        found.setdefault(problem, set()).add(solution)
    return {key: frozenset(ids) for key, ids in found.items()}


def _problems(session: Session, ids: Sequence[int], labels: Labels) -> dict[int, tuple[str, str]]:
    """Problem → its text as the index has it, and as it was written; what the index does not hold is left out."""
    documents = documents_of(session, Kind.PROBLEM, dict.fromkeys(ids, 0), labels)
    said: dict[int, str] = {}
    for part in _parts(ids):
        for key, text in session.execute(select(Problem.id, Problem.text).where(Problem.id.in_(part))):
            said[key] = text
    return {key: (f"{one.text['title']}{one.text['rest']}", said[key]) for key, one in documents.items()}


def _solutions(session: Session, ids: Iterable[int], labels: Labels) -> dict[int, tuple[str, ...]]:
    """Solution → its main passages; what is not published any more is left out."""
    documents = documents_of(session, Kind.SOLUTION, dict.fromkeys(sorted(ids), 0), labels)
    return {key: one.mains for key, one in documents.items() if one.mains}


def _pool(session: Session, known: Mapping[int, tuple[str, ...]], late: Sequence[Accepted], labels: Labels) -> Pool:
    if not late:
        return Pool((), ())
    everything = session.scalars(searchable(Kind.SOLUTION)).all()
    step = max(1, -(-len(everything) // POOL))
    asked = {key for one in late for key in one.grades} | set(everything[::step])
    found = {key: known[key] for key in asked & known.keys()} | _solutions(session, asked - known.keys(), labels)
    ids = sorted(found)
    return Pool(tuple(ids), tuple(found[key] for key in ids))


def _parts(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + IN_STATEMENT] for start in range(0, len(ids), IN_STATEMENT)]
