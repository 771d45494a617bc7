"""What lists show of a thing: read for a whole page at once, so that the number of queries does not grow with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.ratings import TrackRecord
from marketplace.domain.solutions import SolutionState
from marketplace.records.cases import Case
from marketplace.records.listings import find_listed_batches
from marketplace.records.matches import Outcome, track_record
from marketplace.records.providers import Provider
from marketplace.records.ratings import find_scores
from marketplace.records.solutions import Solution

NEWCOMER = TrackRecord()


@dataclass(frozen=True)
class SolutionCard:
    """`batch`: in which batch of the recommended products it is, "" in none; a mark only, no rank."""

    solution: Solution
    record: TrackRecord
    batch: str = ""

    @property
    def provider(self) -> Provider:
        return self.solution.provider


@dataclass(frozen=True)
class ProviderCard:
    provider: Provider
    record: TrackRecord
    solutions: int


def find_records_of(session: Session, provider_ids: Iterable[int]) -> dict[int, TrackRecord]:
    """The track record of these providers; a provider without past matches is a newcomer."""
    wanted = set(provider_ids)
    grouped: dict[int, list[Outcome]] = {number: [] for number in wanted}
    for row in session.scalars(select(Outcome).where(Outcome.provider_id.in_(wanted))):
        grouped[row.provider_id].append(row)
    scores = find_scores(session, wanted)
    return {number: track_record(rows, scores.get(number)) for number, rows in grouped.items()}


def published() -> tuple[ColumnElement[bool], ...]:
    """The condition that a solution is to be seen by everybody."""
    return (Solution.state == SolutionState.PUBLISHED, Provider.state.in_(SEARCHABLE))


def in_pool(provider: Provider) -> bool:
    """Whether a provider has a page."""
    return provider.state in SEARCHABLE


def find_solution_cards(session: Session, solution_ids: Iterable[int]) -> dict[int, SolutionCard]:
    """Cards by id, of those solutions that are to be seen; a list that was ranked a moment ago may hold others."""
    query = select(Solution).join(Solution.provider).where(Solution.id.in_(set(solution_ids)), *published())
    rows = session.scalars(query.options(joinedload(Solution.provider))).all()
    records = find_records_of(session, {row.provider_id for row in rows})
    batches = find_listed_batches(session, [row.id for row in rows])
    return {row.id: SolutionCard(row, records[row.provider_id], batches.get(row.id, "")) for row in rows}


def find_provider_cards(session: Session, provider_ids: Iterable[int]) -> dict[int, ProviderCard]:
    wanted = set(provider_ids)
    rows = session.scalars(select(Provider).where(Provider.id.in_(wanted), Provider.state.in_(SEARCHABLE))).all()
    records = find_records_of(session, {row.id for row in rows})
    counted = select(Solution.provider_id, func.count()).where(Solution.provider_id.in_(wanted), Solution.state == SolutionState.PUBLISHED)
    counts = dict(session.execute(counted.group_by(Solution.provider_id)).all())
    return {row.id: ProviderCard(row, records[row.id], counts.get(row.id, 0)) for row in rows}


def find_cases(session: Session, *, solution_id: int | None = None, provider_id: int | None = None) -> Sequence[Case]:
    """Past implementations of a solution or of a provider, newest first."""
    query = select(Case).options(joinedload(Case.solution))
    query = query.where(Case.solution_id == solution_id) if solution_id is not None else query.where(Case.provider_id == provider_id)
    return session.scalars(query.order_by(Case.completed.desc(), Case.id)).all()
