"""The covering set of providers: exact against brute force, honest about what stays open."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.domain.matches import Match
from recommender.plan import COVERED, ONE_MORE_PROVIDER, cover, most_problems

WAN = 1_000_000


def match(problem: str, solution: int, provider: int, score: float = 0.8, strength: int = 3) -> Match:
    return Match(problem, solution, provider, score, strength, {}, (), "test")


def chosen(plan) -> dict[str, int]:
    return {problem: solution for choice in plan.providers for problem, solution in choice.problems}


def test_one_provider_that_covers_two_beats_two_that_are_a_little_better() -> None:
    matches = {"a": [match("a", 1, 1, 0.8), match("a", 2, 2, 0.9)], "b": [match("b", 3, 1, 0.8), match("b", 4, 3, 0.9)]}
    plan = cover(matches, {}, budget_fen=None, model="test")
    assert chosen(plan) == {"a": 1, "b": 3}
    assert plan.gap == 0
    assert plan.uncovered == {}


def test_no_provider_takes_more_than_half_of_the_list() -> None:
    names = "abcdef"
    matches = {name: [match(name, 10 + place, 1, 0.9), match(name, 20 + place, 2, 0.3)] for place, name in enumerate(names)}
    plan = cover(matches, {}, budget_fen=None, model="test")
    assert [len(choice.problems) for choice in plan.providers] == [3, 3]


def test_budget_leaves_a_problem_open_and_says_so() -> None:
    matches = {"a": [match("a", 1, 1)], "b": [match("b", 2, 1, 0.5)], "c": []}
    prices = {1: (60 * WAN, 80 * WAN), 2: (50 * WAN, 90 * WAN)}
    plan = cover(matches, prices, budget_fen=100 * WAN, model="test")
    assert chosen(plan) == {"a": 1}
    assert plan.uncovered == {"b": "有合适的方案，但总预算不够。", "c": "还没有方案能解决这条问题。"}
    assert plan.cost_low_fen == 60 * WAN


def test_an_unknown_price_costs_nothing_but_is_counted() -> None:
    plan = cover({"a": [match("a", 1, 1)]}, {1: (None, None)}, budget_fen=0, model="test")
    assert chosen(plan) == {"a": 1}
    assert (plan.unknown_prices, plan.cost_low_fen) == (1, 0)
    assert plan.providers[0].cost_low_fen is None


def test_a_weak_match_covers_nothing() -> None:
    plan = cover({"a": [match("a", 1, 1, 0.1, strength=1)]}, {}, budget_fen=None, model="test")
    assert plan.providers == ()
    assert list(plan.uncovered) == ["a"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 100), st.integers(0, 60)), max_size=3), min_size=1, max_size=4),
    st.one_of(st.none(), st.integers(0, 120)),
)
def test_as_good_as_trying_everything(rows: list[list[tuple[int, int, int]]], budget: int | None) -> None:
    matches, prices = {}, {}
    for place, row in enumerate(rows):
        name = str(place)
        matches[name] = []
        for number, (provider, score, cost) in enumerate(row):
            solution = place * 10 + number
            matches[name].append(match(name, solution, provider, score / 100))
            prices[solution] = (cost * WAN, cost * WAN)
    plan = cover(matches, prices, budget_fen=None if budget is None else budget * WAN, model="test")
    best = 0.0
    for combination in itertools.product(*[[None, *found] for found in matches.values()]):
        taken = [one for one in combination if one is not None]
        cost = sum(prices[one.solution_id][0] for one in taken)
        loads = [sum(one.provider_id == provider for one in taken) for provider in (1, 2, 3)]
        if max(loads) > most_problems(len(matches)) or (budget is not None and cost > budget * WAN):
            continue
        best = max(best, sum(COVERED + one.score for one in taken) - ONE_MORE_PROVIDER * sum(load > 0 for load in loads))
    picked = chosen(plan)
    got = sum(COVERED + one.score for found in matches.values() for one in found if picked.get(one.problem_key) == one.solution_id)
    assert got - ONE_MORE_PROVIDER * len(plan.providers) == pytest.approx(best, abs=1e-4)


def test_what_a_person_chose_is_taken_whatever_it_costs() -> None:
    matches = {"a": [match("a", 1, 1, 0.9), match("a", 2, 2, 0.3)], "b": [match("b", 3, 1, 0.8), match("b", 4, 2, 0.7)]}
    prices = {1: (5 * WAN, 5 * WAN), 2: (90 * WAN, 90 * WAN), 3: (5 * WAN, 5 * WAN), 4: (5 * WAN, 5 * WAN)}
    free = cover(matches, prices, budget_fen=20 * WAN, model="test")
    assert chosen(free) == {"a": 1, "b": 3}
    plan = cover(matches, prices, budget_fen=20 * WAN, model="test", fixed={"a": 2})
    # Nothing is left of the budget for the other problem.
    assert chosen(plan) == {"a": 2}
    assert plan.uncovered["b"] == "有合适的方案，但总预算不够。"
    # Whoever is in by hand already costs no provider more.
    assert chosen(cover(matches, prices, budget_fen=None, model="test", fixed={"a": 2})) == {"a": 2, "b": 4}
