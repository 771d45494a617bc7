"""Writing down a night's count of how supply and demand meet. It takes the place of the last one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete
from sqlalchemy.orm import Session

from marketplace.domain.matches import Match
from marketplace.records.coverage import CoverageCell, DemandMatch, ProblemCoverage, SolutionDemand

# From this strength on, a solution answers a problem.
FAIR = 2


@dataclass(frozen=True)
class CountedNeed:
    """One open problem with its matches. `scenario_code`: of the catalogue, "" where nothing is known."""

    problem_id: int
    sector: str
    scenario_code: str
    matches: Sequence[Match]

    @property
    def strength(self) -> int:
        return max((match.strength for match in self.matches), default=0)

    @property
    def takers(self) -> int:
        return len(self.by_provider)

    @property
    def by_provider(self) -> dict[int, int]:
        """Provider → the strength of its best match, from a fair one on."""
        found: dict[int, int] = {}
        for match in self.matches:
            if match.strength >= FAIR:
                found[match.provider_id] = max(found.get(match.provider_id, 0), match.strength)
        return found

    @property
    def solved_by(self) -> set[int]:
        return {match.solution_id for match in self.matches if match.strength >= FAIR}


def write_coverage(session: Session, day: date, needs: Sequence[CountedNeed], supply: Mapping[tuple[str, str], Collection[int]]) -> None:
    """`supply`: (sector, scenario code) → the published solutions that name it; those that answer a problem of it count as well."""
    for table in (CoverageCell, ProblemCoverage, SolutionDemand, DemandMatch):
        session.execute(delete(table))
    asked: dict[int, int] = {}
    cells: dict[tuple[str, str], list[CountedNeed]] = {key: [] for key in supply}
    for need in needs:
        cells.setdefault((need.sector, need.scenario_code), []).append(need)
        for number in need.solved_by:
            asked[number] = asked.get(number, 0) + 1
    session.add_all(
        ProblemCoverage(problem_id=need.problem_id, day=day, strength=need.strength, takers=need.takers, scenario_code=need.scenario_code)
        for need in needs
    )
    session.add_all(
        DemandMatch(provider_id=provider, problem_id=need.problem_id, strength=strength)
        for need in needs
        for provider, strength in sorted(need.by_provider.items())
    )
    session.add_all(SolutionDemand(solution_id=key, day=day, problems=asked[key]) for key in sorted(asked))
    session.add_all(
        CoverageCell(
            day=day,
            sector=sector,
            scenario_code=code,
            problems=len(found),
            unserved=sum(need.takers == 0 for need in found),
            thin=sum(need.takers == 1 for need in found),
            solutions=len({*supply.get((sector, code), ()), *(number for need in found for number in need.solved_by)}),
        )
        for (sector, code), found in sorted(cells.items())
    )
    session.flush()
