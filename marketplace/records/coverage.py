"""How supply and demand meet, counted once a night: needs that nobody can serve, solutions that nobody asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Date, ForeignKey, Select, String, UniqueConstraint, case, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column

from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.solutions import SolutionState
from marketplace.records.columns import PrimaryKey, Record
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution


class CoverageCell(Record):
    """One scenario of one sector. `scenario_code`: of the catalogue, "" where none is known; `unserved`: open problems without any
    match of strength 2 or more; `thin`: those with one provider only; `solutions`: published ones that name
    the scenario or answer one of its problems."""

    __tablename__ = "coverage_cells"
    __table_args__ = (UniqueConstraint("sector", "scenario_code"),)

    id: Mapped[PrimaryKey]
    day: Mapped[date] = mapped_column(Date)
    sector: Mapped[str] = mapped_column(String(32))
    scenario_code: Mapped[str] = mapped_column(String(32))
    problems: Mapped[int]
    unserved: Mapped[int]
    thin: Mapped[int]
    solutions: Mapped[int]


class ProblemCoverage(Record):
    """How well the pool answers an open problem: the best strength 0–4, and how many providers reach 2 or more. `scenario_code`: under which one
    it was counted, written down or understood from its words."""

    __tablename__ = "problem_coverages"

    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date)
    strength: Mapped[int] = mapped_column(index=True)
    takers: Mapped[int]
    scenario_code: Mapped[str] = mapped_column(String(32), default="", server_default="")


class SolutionDemand(Record):
    """How many open problems a solution answers with strength 2 or more, among the first ten of each; zero is not written down."""

    __tablename__ = "solution_demands"

    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date)
    problems: Mapped[int]


class DemandMatch(Record):
    """A provider that answers an open problem with strength 2 or more, with its best match: what it is told of as a new demand."""

    __tablename__ = "demand_matches"

    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), primary_key=True, autoincrement=False)
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), primary_key=True, autoincrement=False)
    strength: Mapped[int]


def find_cells(session: Session) -> Sequence[CoverageCell]:
    """By sector, those with most unserved problems first."""
    order = (CoverageCell.sector, CoverageCell.unserved.desc(), CoverageCell.problems.desc(), CoverageCell.scenario_code)
    return session.scalars(select(CoverageCell).order_by(*order)).all()


@dataclass(frozen=True)
class PlacedNeed:
    """Open problems of one sector, area and scenario, as of the last night; `unserved`: those that no provider answers with strength 2 or more."""

    sector: str
    area: str
    scenario_code: str
    problems: int
    unserved: int


def find_placed_needs(session: Session) -> Sequence[PlacedNeed]:
    """All open problems that the last night counted, by sector, area and scenario."""
    keys = (Enterprise.sector, Enterprise.area, ProblemCoverage.scenario_code)
    unserved = func.sum(case((ProblemCoverage.takers == 0, 1), else_=0))
    query = select(*keys, func.count(), unserved).join(Problem, Problem.id == ProblemCoverage.problem_id)
    query = query.join(Enterprise, Enterprise.id == Problem.enterprise_id).where(Problem.state == ProblemState.OPEN).group_by(*keys)
    return [PlacedNeed(sector, area, code, number, int(without)) for sector, area, code, number, without in session.execute(query)]


def count_unserved(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(_unserved().subquery())) or 0


def find_unserved(session: Session, *, offset: int, most: int) -> Sequence[Problem]:
    """Open problems without any match of strength 2 or more, as of the last night."""
    query = _unserved().options(joinedload(Problem.enterprise)).order_by(Problem.id)
    return session.scalars(query.offset(offset).limit(most)).all()


def _unserved() -> Select[Problem]:
    query = select(Problem).join(ProblemCoverage, ProblemCoverage.problem_id == Problem.id)
    return query.where(ProblemCoverage.strength < 2, Problem.state == ProblemState.OPEN)


def count_unasked(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(_unasked().subquery())) or 0


def find_unasked(session: Session, *, offset: int, most: int) -> Sequence[Solution]:
    """Published solutions of the pool that answer no open problem, as of the last night."""
    query = _unasked().options(joinedload(Solution.provider)).order_by(Solution.id)
    return session.scalars(query.offset(offset).limit(most)).all()


def _unasked() -> Select[Solution]:
    query = select(Solution).join(Provider, Provider.id == Solution.provider_id)
    asked = select(SolutionDemand.solution_id).where(SolutionDemand.solution_id == Solution.id).exists()
    return query.where(Solution.state == SolutionState.PUBLISHED, Provider.state.in_(SEARCHABLE), ~asked)
