"""How a plan is steered: the emphasis of the enterprise, what the centre did by hand, and the filters of its page. Pages and API ask alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.domain.matches import Match, Part, Reason
from marketplace.domain.plans import ChoiceKind, Emphasis
from marketplace.domain.solutions import SolutionState
from marketplace.records.plans import PlanChoice, PlanEmphasis, find_choices, find_emphasis
from marketplace.records.providers import Provider, find_unmatchable_provider_ids
from marketplace.records.solutions import Solution
from recommender.plan import LEAST_STRENGTH

# The model of a match that no machine made.
BY_HAND = "hand"


@dataclass(frozen=True)
class Filters:
    """What is shown of the matches."""

    local: bool = False
    form: str = ""
    price_most: int | None = None
    weeks_most: int | None = None

    @property
    def is_on(self) -> bool:
        return self != Filters()


@dataclass(frozen=True)
class Choice:
    """One thing done by hand, with its solution. `holds`: whether it can still be listed (published, its provider takes new orders)."""

    row: PlanChoice
    solution: Solution
    holds: bool


@dataclass(frozen=True)
class Steering:
    """`last`: the last entry of the emphasis' history that a form may carry."""

    emphasis: Emphasis = field(default_factory=Emphasis)
    emphasis_row: PlanEmphasis | None = None
    choices: Mapping[int, Sequence[Choice]] = field(default_factory=dict)
    filters: Filters = field(default_factory=Filters)
    allowed: frozenset[int] | None = None

    def of(self, problem_id: int, *kinds: ChoiceKind) -> list[Choice]:
        return [choice for choice in self.choices.get(problem_id, ()) if choice.row.kind in kinds]

    def kind_of(self, problem_id: int, solution_id: int) -> str:
        """What was done by hand to this solution, "" for nothing."""
        return next((str(one.row.kind) for one in self.choices.get(problem_id, ()) if one.solution.id == solution_id), "")

    def excluded(self, problem_id: int) -> frozenset[int]:
        return frozenset(choice.solution.id for choice in self.of(problem_id, ChoiceKind.EXCLUDED))

    def first(self) -> dict[str, list[Match]]:
        """Key of the problem → what stands first: the pinned one, then those that were added."""
        found = {}
        for problem_id in self.choices:
            held = [one for kind in (ChoiceKind.PINNED, ChoiceKind.ADDED) for one in self.of(problem_id, kind) if one.holds]
            if held:
                found[str(problem_id)] = [_by_hand(choice) for choice in held]
        return found

    def fixed(self) -> dict[str, int]:
        """Key of the problem → the solution that was put first."""
        pinned = ((number, one) for number in self.choices for one in self.of(number, ChoiceKind.PINNED) if one.holds)
        return {str(number): one.solution.id for number, one in pinned}

    @property
    def key(self) -> tuple[object, ...]:
        """What an answer of a moment ago must agree with."""
        done = tuple((number, one.solution.id, str(one.row.kind), one.holds) for number, rows in self.choices.items() for one in rows)
        return (self.emphasis, done, self.filters)


def read_steering(session: Session, enterprise_id: int, today: date, filters: Filters | None = None) -> Steering:
    """`today`: the day in the pilot's zone, on which a provider takes new orders or not."""
    row = find_emphasis(session, enterprise_id)
    chosen = find_choices(session, enterprise_id)
    choices: dict[int, list[Choice]] = {}
    if chosen:
        without = find_unmatchable_provider_ids(session, today)
        query = select(Solution).where(Solution.id.in_([one.solution_id for one in chosen])).options(joinedload(Solution.provider))
        solutions = {solution.id: solution for solution in session.scalars(query)}
        for one in chosen:
            solution = solutions[one.solution_id]
            holds = solution.state == SolutionState.PUBLISHED and solution.provider_id not in without
            choices.setdefault(one.problem_id, []).append(Choice(one, solution, holds))
    shown = filters or Filters()
    return Steering(row.emphasis if row else Emphasis(), row, choices, shown, _allowed(session, shown) if shown.is_on else None)


def _allowed(session: Session, filters: Filters) -> frozenset[int]:
    """The published solutions that pass; what says no price or duration passes too, because it may be asked."""
    query = select(Solution.id).where(Solution.state == SolutionState.PUBLISHED)
    if filters.local:
        query = query.join(Provider, Provider.id == Solution.provider_id).where(Provider.local_office.is_(True))
    if filters.form:
        query = query.where(Solution.form == filters.form)
    if filters.price_most is not None:
        query = query.where(or_(Solution.price_low_fen.is_(None), Solution.price_low_fen <= filters.price_most))
    if filters.weeks_most is not None:
        query = query.where(or_(Solution.weeks_low.is_(None), Solution.weeks_low <= filters.weeks_most))
    return frozenset(session.scalars(query))


def _by_hand(choice: Choice) -> Match:
    """A match of the centre's own: its reason is what the centre wrote."""
    why = choice.row.why
    reasons = (Reason(Part.FITS, "by_hand", "{why}", {"why": why}),) if why else ()
    return Match(
        problem_key=str(choice.row.problem_id),
        solution_id=choice.solution.id,
        provider_id=choice.solution.provider_id,
        score=0.0,
        strength=LEAST_STRENGTH,
        features={},
        reasons=reasons,
        model=BY_HAND,
    )
