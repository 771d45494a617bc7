"""Everything the plan page shows, put together from one plan and a constant number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.domain.matches import Match, Plan, ProviderChoice
from marketplace.domain.plans import ChoiceKind
from marketplace.domain.problems import ProblemState
from marketplace.plan_steering import Choice, Filters, Steering
from marketplace.records.diagnoses import Diagnosis, diagnosing_organisation, find_diagnoses_of
from marketplace.records.enterprises import Enterprise
from marketplace.records.matches import Acceptance, Decision, Outcome
from marketplace.records.problems import Disclosure, Problem, find_problems_of
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.budgets import Span, total, verdict
from marketplace.web.cards import ProviderCard, SolutionCard, find_provider_cards, find_solution_cards
from marketplace.web.enterprises import by_priority
from marketplace.web.plan_steering import read_steering
from marketplace.web.ranking_choice import by_outcomes
from marketplace.web.remembered import remembered
from recommender.recommend import Ask

SHOWN = 5
STRONG = 3


@dataclass(frozen=True)
class PastMatch:
    outcome: Outcome
    solution: Solution


@dataclass(frozen=True)
class Need:
    """One open problem: its matches with their cards, which of them the set takes, and how well that covers it."""

    number: int
    problem: Problem
    scenario: Scenario | None
    matches: Sequence[tuple[Match, SolutionCard]]
    chosen: tuple[Match | None, SolutionCard] | None
    uncovered: str
    past: Sequence[PastMatch]
    told: frozenset[int]
    excluded: Sequence[Choice] = ()
    outdated: Sequence[Choice] = ()

    @property
    def budget(self) -> Span:
        return (self.problem.budget_low_fen, self.problem.budget_high_fen)

    @property
    def price(self) -> Span | None:
        """The price of what the set takes for it, or None where nothing was taken."""
        return (self.chosen[1].solution.price_low_fen, self.chosen[1].solution.price_high_fen) if self.chosen else None

    @property
    def coverage(self) -> str:
        """strong, partial or uncovered, as the pilot's labels name them."""
        if self.chosen is None:
            return "uncovered"
        return "strong" if self.strength >= STRONG else "partial"

    @property
    def strength(self) -> int:
        """How strong the match is that the set takes; 2 where it was not among those shown, 0 where nothing was taken."""
        if self.chosen is None:
            return 0
        return self.chosen[0].strength if self.chosen[0] is not None else 2

    @property
    def verdict(self) -> str:
        return verdict(self.budget, self.price) if self.price else ""


@dataclass(frozen=True)
class Solved:
    number: int
    problem: Problem
    past: PastMatch | None


@dataclass(frozen=True)
class SetRow:
    """One provider of the set: its card and, for each problem in order, how strong its match is (0 = takes it not)."""

    card: ProviderCard
    choice: ProviderChoice
    cells: Sequence[int]

    @property
    def price(self) -> Span:
        return (self.choice.cost_low_fen, self.choice.cost_high_fen)


@dataclass(frozen=True)
class Alternative:
    """One provider more, and which problem it would cover better than the set does."""

    need: Need
    card: SolutionCard


@dataclass(frozen=True)
class Sheet:
    plan: Plan
    diagnosis: Diagnosis | None
    needs: Sequence[Need]
    solved: Sequence[Solved]
    set: Sequence[SetRow]
    alternative: Alternative | None
    steering: Steering
    # The organisation that made the diagnosis, where it is not the centre: what it offers itself is marked.
    diagnosed_by: int | None = None

    def is_of_diagnosing(self, card: SolutionCard) -> bool:
        """Whether who made the diagnosis offers this solution itself."""
        return self.diagnosed_by is not None and card.provider.organisation_id == self.diagnosed_by

    def count(self, coverage: str) -> int:
        return sum(need.coverage == coverage for need in self.needs)

    @property
    def covered(self) -> int:
        return len(self.needs) - self.count("uncovered")

    @property
    def gaps(self) -> list[Need]:
        return [need for need in self.needs if need.coverage == "uncovered"]

    @property
    def with_budget(self) -> list[Need]:
        return [need for need in self.needs if need.budget != (None, None)]

    @property
    def price(self) -> Span:
        return total([need.price for need in self.needs if need.price])

    @property
    def budget(self) -> Span:
        return total([need.budget for need in self.needs])

    @property
    def comparable(self) -> list[Need]:
        """Problems of which both the budget and the price are known: only those can be added up against each other."""
        return [need for need in self.with_budget if need.price and need.price != (None, None)]

    def compared(self) -> tuple[Span, Span, str]:
        budget = total([need.budget for need in self.comparable])
        price = total([need.price for need in self.comparable if need.price])
        return budget, price, verdict(budget, price)


def ask_of(problem: Problem, enterprise: Enterprise, steering: Steering | None = None) -> Ask:
    steered = steering or Steering()
    return Ask(
        key=str(problem.id),
        text=problem.text,
        sector=enterprise.sector or None,
        stage=problem.stage or None,
        orientation=problem.orientation or None,
        budget_low_fen=problem.budget_low_fen,
        budget_high_fen=problem.budget_high_fen,
        problem_id=problem.id,
        enterprise_id=enterprise.id,
        emphasis=None if steered.emphasis.is_usual else steered.emphasis,
        without_solutions=steered.excluded(problem.id),
        by_outcomes=by_outcomes(),
    )


def read_sheet(session: Session, enterprise: Enterprise, filters: Filters | None = None) -> Sheet:
    steering = read_steering(session, enterprise.id, filters)
    listed = by_priority([row for row in find_problems_of(session, enterprise.id) if row.state != ProblemState.WITHDRAWN])
    past = _past(session, [problem.id for _number, problem in listed])
    open_ones = [(number, problem) for number, problem in listed if problem.state != ProblemState.SOLVED]
    solved = [Solved(number, problem, _success(past[problem.id])) for number, problem in listed if problem.state == ProblemState.SOLVED]
    asks = [ask_of(problem, enterprise, steering) for _number, problem in open_ones]
    budget = _budget(asks)
    plan = remembered(session, ("plan", *asks, budget, steering.key), lambda: _plan(asks, budget, steering))
    wanted = {match.solution_id for found in plan.matches.values() for match in found}
    wanted |= {solution for choice in plan.providers for _key, solution in choice.problems}
    cards = find_solution_cards(session, wanted)
    providers = find_provider_cards(session, [choice.provider_id for choice in plan.providers])
    scenarios = _scenarios(session, [problem.scenario_code for _number, problem in open_ones])
    told = _told(session, [problem.id for _number, problem in open_ones])
    needs = [
        _need(number, problem, plan, cards, scenarios.get(problem.scenario_code), past[problem.id], told[problem.id], steering)
        for number, problem in open_ones
    ]
    rows = [
        SetRow(providers[choice.provider_id], choice, [_cell(need, choice) for need in needs])
        for choice in plan.providers
        if choice.provider_id in providers
    ]
    alternative = _alternative(needs, {row.card.provider.id for row in rows})
    diagnoses = find_diagnoses_of(session, enterprise.id)
    diagnosing = diagnosing_organisation(diagnoses)
    return Sheet(plan, next(iter(diagnoses), None), needs, solved, rows, alternative, steering, diagnosing.id if diagnosing else None)


def _plan(asks: Sequence[Ask], budget_fen: int | None, steering: Steering) -> Plan:
    return current_site().recommender.plan(
        asks, budget_fen=budget_fen, limit=SHOWN, first=steering.first(), fixed=steering.fixed(), allowed=steering.allowed
    )


def _budget(asks: Sequence[Ask]) -> int | None:
    """What the whole list may cost. A problem whose budget is not said sets no limit, so then the list has none."""
    highest = [ask.budget_high_fen if ask.budget_high_fen is not None else ask.budget_low_fen for ask in asks]
    known = [amount for amount in highest if amount is not None]
    return sum(known) if known and len(known) == len(asks) else None


def _told(session: Session, problem_ids: Sequence[int]) -> dict[int, frozenset[int]]:
    """The providers that were told whose problem it is."""
    found: dict[int, set[int]] = {number: set() for number in problem_ids}
    query = select(Disclosure.problem_id, Disclosure.provider_id).where(Disclosure.problem_id.in_(problem_ids))
    for problem, provider in session.execute(query):
        found[problem].add(provider)
    return {number: frozenset(providers) for number, providers in found.items()}


def _past(session: Session, problem_ids: Sequence[int]) -> dict[int, list[PastMatch]]:
    """What was tried before for each problem, newest first."""
    query = select(Outcome, Solution).join(Solution, Solution.id == Outcome.solution_id).where(Outcome.problem_id.in_(problem_ids))
    found: dict[int, list[PastMatch]] = {number: [] for number in problem_ids}
    rows = session.execute(query.options(joinedload(Solution.provider)).order_by(Outcome.proposed.desc(), Outcome.id))
    for outcome, solution in rows:
        found[outcome.problem_id].append(PastMatch(outcome, solution))
    return found


def _success(past: Sequence[PastMatch]) -> PastMatch | None:
    return next((row for row in past if row.outcome.acceptance == Acceptance.PASSED), None)


def _scenarios(session: Session, codes: Sequence[str]) -> dict[str, Scenario]:
    wanted = {code for code in codes if code}
    return {row.code: row for row in session.scalars(select(Scenario).where(Scenario.code.in_(wanted)))} if wanted else {}


def _need(
    number: int,
    problem: Problem,
    plan: Plan,
    cards: Mapping[int, SolutionCard],
    scenario: Scenario | None,
    past: Sequence[PastMatch],
    told: frozenset[int],
    steering: Steering,
) -> Need:
    key = str(problem.id)
    matches = [(match, cards[match.solution_id]) for match in plan.matches.get(key, ()) if match.solution_id in cards]
    taken = next((solution for choice in plan.providers for name, solution in choice.problems if name == key), None)
    chosen = None
    if taken is not None and taken in cards:
        chosen = (next((match for match, _card in matches if match.solution_id == taken), None), cards[taken])
    # What was declined or is running says more than nothing; a match that nobody answered does not.
    answered = [row for row in past if row.outcome.decision != Decision.NO_RESPONSE]
    by_hand = steering.of(problem.id, ChoiceKind.PINNED, ChoiceKind.ADDED)
    return Need(
        number=number,
        problem=problem,
        scenario=scenario,
        matches=matches,
        chosen=chosen,
        uncovered=plan.uncovered.get(key, ""),
        past=answered,
        told=told,
        excluded=steering.of(problem.id, ChoiceKind.EXCLUDED),
        outdated=[choice for choice in by_hand if not choice.holds],
    )


def _cell(need: Need, choice: ProviderChoice) -> int:
    if need.chosen is None or need.chosen[1].provider.id != choice.provider_id:
        return 0
    return need.strength


def _alternative(needs: Sequence[Need], in_set: set[int]) -> Alternative | None:
    """The first problem that the set covers only partly and that one provider more would cover well."""
    for need in needs:
        if need.coverage == "strong":
            continue
        for match, card in need.matches:
            if match.strength >= STRONG and card.provider.id not in in_set:
                return Alternative(need, card)
    return None
