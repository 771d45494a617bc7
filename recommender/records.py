"""What ranking reads from the database for many solutions at once: who is excluded, traits, past matches, demands."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.domain.problems import ProblemState
from marketplace.domain.solutions import SolutionState
from marketplace.records.matches import Decision, Outcome
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider, find_unmatchable_provider_ids
from marketplace.records.solutions import Solution
from recommender.ask import Ask
from recommender.features.constraint_fit import Traits
from recommender.features.past_matches import PastMatch

IN_STATEMENT = 2_000


@dataclass(frozen=True)
class Excluded:
    """Hard constraints: providers that get no new match at all, and those that decline a sector."""

    everywhere: frozenset[int]
    declining: Mapping[str, frozenset[int]]


def find_excluded(session: Session, today: date) -> Excluded:
    """Out of the pool or in rectification, on a break, without any local service, or declining the sector."""
    declining: dict[str, set[int]] = defaultdict(set)
    for provider, sectors in session.execute(select(Provider.id, Provider.declined_sectors)):
        for sector in sectors or ():
            declining[sector].add(provider)
    return Excluded(find_unmatchable_provider_ids(session, today), {sector: frozenset(found) for sector, found in declining.items()})


def find_traits(session: Session, ids: Sequence[int]) -> dict[int, Traits]:
    """Traits of published solutions by id; others are left out, whatever the index still holds."""
    found: dict[int, Traits] = {}
    # The driver's own rows: fifteen thousand of them cost more as the mapper's. Lists as text: few differ, and each is parsed once.
    connection = session.connection()
    for start in range(0, len(ids), IN_STATEMENT):
        # Numbers in the statement itself: twenty thousand parameters cost more than the rows.
        some = ", ".join(str(int(number)) for number in ids[start : start + IN_STATEMENT])
        rows = connection.exec_driver_sql(f"{_TRAITS} AND id IN ({some})").all()
        found |= {key: _traits(sectors, stages, orientations) for key, sectors, stages, orientations in rows}
    return found


_TRAITS = (
    "SELECT id, CAST(sectors AS TEXT), CAST(stages AS TEXT), CAST(orientations AS TEXT) FROM solutions "
    f"WHERE state = '{SolutionState.PUBLISHED}'"
)


@lru_cache(4096)
def _traits(sectors: str, stages: str, orientations: str) -> Traits:
    return Traits(*(tuple(json.loads(text)) for text in (sectors, stages, orientations)))


def find_past_matches(session: Session) -> list[PastMatch]:
    """Every past match with the words of its problem."""
    answers = {Decision.ACCEPTED: True, Decision.DECLINED: False}
    rows = session.execute(
        select(Outcome.problem_id, Problem.text, Outcome.solution_id, Outcome.decision)
        .join(Problem, Problem.id == Outcome.problem_id)
        .order_by(Outcome.id)
    )
    return [PastMatch(problem, text, solution, answers.get(decision)) for problem, text, solution, decision in rows]


def find_provider_texts(session: Session, provider_id: int, today: date) -> list[str]:
    """What a provider offers, as questions to the problems; nothing if it may not get a new match."""
    if provider_id in find_unmatchable_provider_ids(session, today):
        return []
    rows = session.scalars(
        select(Solution).where(Solution.provider_id == provider_id, Solution.state == SolutionState.PUBLISHED).order_by(Solution.id)
    )
    return ["\n".join(part for part in (row.title, "；".join(row.solves)) if part) for row in rows]


def find_demands(session: Session, problem_ids: Sequence[int]) -> list[Ask]:
    """Open problems as they are asked."""
    rows = session.scalars(
        select(Problem)
        .where(Problem.id.in_(problem_ids), Problem.state == ProblemState.OPEN)
        .options(joinedload(Problem.enterprise))
        .order_by(Problem.id)
    )
    return [ask_of(row) for row in rows]


def ask_of(row: Problem) -> Ask:
    """A stored problem as it is asked."""
    return Ask(
        key=str(row.id),
        text=row.text,
        sector=row.enterprise.sector or None,
        stage=row.stage or None,
        orientation=row.orientation or None,
        budget_low_fen=row.budget_low_fen,
        budget_high_fen=row.budget_high_fen,
        problem_id=row.id,
        enterprise_id=row.enterprise_id,
    )
