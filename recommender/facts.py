"""What a reason may speak of: the facts of a solution, its provider and its cases, read in one go for many solutions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only, selectinload

from indexer.documents import units
from marketplace.domain.ratings import TrackRecord
from marketplace.records.cases import Case
from marketplace.records.matches import Decision, Outcome, track_record
from marketplace.records.ratings import RatingScore, find_scores
from marketplace.records.solutions import Solution
from recommender.showcases import ShowcaseFacts, find_showcases

# What is used of a solution: the other lists are not parsed.
_READ = (
    Solution.provider_id, Solution.title, Solution.summary, Solution.solves, Solution.form, Solution.sectors, Solution.stages,
    Solution.orientations, Solution.scenario_codes, Solution.price_low_fen, Solution.price_high_fen, Solution.weeks_low,
    Solution.weeks_high, Solution.references,
)  # fmt: skip


@dataclass(frozen=True)
class Effect:
    """One measured effect of a case: the indicator before and after, in its unit."""

    indicator: str
    before: str
    after: str
    unit: str


@dataclass(frozen=True)
class CaseFacts:
    """A past implementation: where, finished when (YYYY-MM), with which effects; cost in fen."""

    case_id: int
    solution_id: int | None
    client_sector: str
    completed: str
    cost_fen: int | None
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class SolutionFacts:
    """Everything that ranking and reasons use of a solution. Money in fen, duration in weeks, None = not said.

    `units`: its title, the pain points it names, its sentences; in the order in which the index embeds them.
    `answered`: past matches of this solution as (problem id, accepted?).
    """

    solution_id: int
    provider_id: int
    title: str
    form: str
    sectors: tuple[str, ...]
    stages: tuple[str, ...]
    orientations: tuple[str, ...]
    scenario_codes: tuple[str, ...]
    units: tuple[str, ...]
    solves: tuple[str, ...]
    price_low_fen: int | None
    price_high_fen: int | None
    weeks_low: int | None
    weeks_high: int | None
    references: int
    provider_name: str
    provider_state: str
    local_office: bool
    local_commitment: bool
    declined_sectors: tuple[str, ...]
    track: TrackRecord
    cases: tuple[CaseFacts, ...]
    answered: tuple[tuple[int, bool], ...]
    admitted_on: date | None = None
    showcases: tuple[ShowcaseFacts, ...] = ()


def find_facts(session: Session, solution_ids: Iterable[int]) -> dict[int, SolutionFacts]:
    """Facts by solution id; unknown ids are left out. A fixed number of queries, whatever the number of solutions."""
    wanted = sorted(set(solution_ids))
    rows: list[Solution] = []
    for part in _parts(wanted):
        rows += session.scalars(select(Solution).where(Solution.id.in_(part)).options(load_only(*_READ), selectinload(Solution.provider)))
    provider_ids = sorted({row.provider_id for row in rows})
    outcomes: dict[int, list[Outcome]] = {}
    cases: dict[int, list[CaseFacts]] = {}
    showcases: dict[int, list[ShowcaseFacts]] = {}
    for part in _parts(provider_ids):
        showcases |= find_showcases(session, part)
        for outcome in session.scalars(select(Outcome).where(Outcome.provider_id.in_(part)).order_by(Outcome.id)):
            outcomes.setdefault(outcome.provider_id, []).append(outcome)
        for case in session.scalars(select(Case).where(Case.provider_id.in_(part)).order_by(Case.completed.desc(), Case.id)):
            cases.setdefault(case.provider_id, []).append(_case(case))
    scores = find_scores(session, provider_ids)
    return {
        row.id: _facts(
            row,
            outcomes.get(row.provider_id, []),
            scores.get(row.provider_id),
            cases.get(row.provider_id, []),
            showcases.get(row.provider_id, []),
        )
        for row in rows
    }


def find_prices(session: Session, solution_ids: Iterable[int]) -> dict[int, tuple[int | None, int | None]]:
    """Lowest and highest quote by solution id, for who needs nothing else of them."""
    found: dict[int, tuple[int | None, int | None]] = {}
    for part in _parts(sorted(set(solution_ids))):
        rows = session.execute(select(Solution.id, Solution.price_low_fen, Solution.price_high_fen).where(Solution.id.in_(part)))
        found |= {number: (low, high) for number, low, high in rows}
    return found


def _parts(ids: list[int], size: int = 500) -> list[list[int]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _case(row: Case) -> CaseFacts:
    effects = tuple(
        Effect(str(effect.get("indicator", "")), str(effect.get("before", "")), str(effect.get("after", "")), str(effect.get("unit", "")))
        for effect in row.effects
    )
    return CaseFacts(row.id, row.solution_id, row.client_sector, row.completed, row.cost_fen, effects)


def _facts(
    row: Solution, outcomes: list[Outcome], score: RatingScore | None, cases: list[CaseFacts], showcases: list[ShowcaseFacts]
) -> SolutionFacts:
    provider = row.provider
    return SolutionFacts(
        solution_id=row.id,
        provider_id=row.provider_id,
        title=row.title,
        form=row.form,
        sectors=tuple(row.sectors),
        stages=tuple(row.stages),
        orientations=tuple(row.orientations),
        scenario_codes=tuple(row.scenario_codes),
        units=units(row.title, row.summary, row.solves),
        solves=tuple(row.solves),
        price_low_fen=row.price_low_fen,
        price_high_fen=row.price_high_fen,
        weeks_low=row.weeks_low,
        weeks_high=row.weeks_high,
        references=row.references,
        provider_name=provider.name,
        provider_state=provider.state.value,
        local_office=provider.local_office,
        local_commitment=provider.local_commitment,
        declined_sectors=tuple(provider.declined_sectors),
        track=track_record(outcomes, score),
        cases=tuple(cases),
        answered=tuple(
            (outcome.problem_id, outcome.decision == Decision.ACCEPTED) for outcome in outcomes if outcome.solution_id == row.id
        ),
        admitted_on=provider.admitted_on,
        showcases=tuple(showcases),
    )
