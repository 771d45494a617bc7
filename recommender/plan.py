"""A whole problem list → a small set of providers that covers it within budget, without loading one with everything.

A covering problem, solved exactly by scipy's mixed-integer solver (HiGHS) with a time limit; the gap is reported.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from marketplace.domain.lifecycle import _
from marketplace.domain.matches import Match, Plan, ProviderChoice

Prices = Mapping[int, tuple[int | None, int | None]]

# What a problem that stays open costs against one more provider in the set: a provider that takes only one more
# problem is worth it while its match is at least about a quarter as good as a perfect one.
COVERED = 1.0
ONE_MORE_PROVIDER = 0.25
LEAST_STRENGTH = 2
MOST_SHARE = 0.5
TIME_LIMIT_S = 5.0


@dataclass(frozen=True)
class _Option:
    """One way to solve one problem. `cost` in fen; 0 where the price is face to face (neutral, counted apart)."""

    problem: str
    match: Match
    cost: int


def cover(
    matches: Mapping[str, Sequence[Match]],
    prices: Prices,
    *,
    budget_fen: int | None,
    model: str,
    fixed: Mapping[str, int] | None = None,
    least_strength: int = LEAST_STRENGTH,
    time_limit_s: float = TIME_LIMIT_S,
) -> Plan:
    """Choose at most one match per problem so that Σ (covered + score) − ¼ · (number of providers) is largest.

    Subject to: the least prices fit the budget (None = no limit), and no provider takes more than half of the list
    (two at least). `prices`: solution id → (low, high) in fen, None = 价格面议. `gap` of the plan is relative; 0 = exact.
    `fixed`: problem → the solution that a person chose for it, one of its matches; it is taken whatever it costs.
    """
    by_hand = fixed or {}
    everything = [
        _Option(problem, match, prices.get(match.solution_id, (None, None))[0] or 0)
        for problem, found in matches.items()
        for match in found
    ]
    held = [option for option in everything if by_hand.get(option.problem) == option.match.solution_id]
    settled = {option.problem for option in held}
    options = [option for option in everything if option.problem not in settled and option.match.strength >= least_strength]
    left = None if budget_fen is None else max(0, budget_fen - sum(option.cost for option in held))
    chosen, gap = (
        _solve(options, len(matches), left, time_limit_s, Counter(option.match.provider_id for option in held)) if options else ([], 0.0)
    )
    chosen = held + chosen
    covered = {option.problem: option for option in chosen}
    return Plan(
        matches={problem: tuple(found) for problem, found in matches.items()},
        providers=_choices(chosen, prices),
        uncovered={problem: _why_open(problem, options, chosen, budget_fen) for problem in matches if problem not in covered},
        budget_fen=budget_fen,
        cost_low_fen=sum(option.cost for option in chosen),
        unknown_prices=sum(prices.get(option.match.solution_id, (None, None))[0] is None for option in chosen),
        gap=gap,
        model=model,
    )


def most_problems(problems: int) -> int:
    """How many problems one provider may take of a list of this length."""
    return max(2, math.ceil(problems * MOST_SHARE))


def _solve(
    options: list[_Option], problems: int, budget_fen: int | None, time_limit_s: float, held: Mapping[int, int]
) -> tuple[list[_Option], float]:
    """The chosen options and the relative gap. Columns: one per option, then one per provider. `held`: how many problems a provider
    takes already by hand; such a one costs nothing more to add."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    providers = sorted({option.match.provider_id for option in options})
    column = {provider: len(options) + place for place, provider in enumerate(providers)}
    names = {problem: row for row, problem in enumerate(dict.fromkeys(option.problem for option in options))}
    gain = [COVERED + option.match.score for option in options] + [
        0.0 if held.get(provider) else -ONE_MORE_PROVIDER for provider in providers
    ]
    rows: list[tuple[int, int, float]] = []
    upper: list[float] = []
    # A problem is given to one match at most.
    rows += [(names[option.problem], place, 1.0) for place, option in enumerate(options)]
    upper += [1.0] * len(names)
    # A provider that takes anything counts as one more, and takes no more than its share.
    start = len(upper)
    rows += [(start + column[option.match.provider_id] - len(options), place, 1.0) for place, option in enumerate(options)]
    most = most_problems(problems)
    rows += [
        (start + place, len(options) + place, -float(max(0, most - held.get(provider, 0)))) for place, provider in enumerate(providers)
    ]
    upper += [0.0] * len(providers)
    # Taking anything at all switches the provider on (tighter than the share alone, so that the bound proves quickly).
    for place, option in enumerate(options):
        rows += [(len(upper), place, 1.0), (len(upper), column[option.match.provider_id], -1.0)]
        upper.append(0.0)
    # The least prices fit the budget, in 万元 so that the numbers stay tame.
    if budget_fen is not None:
        rows += [(len(upper), place, option.cost / 1e6) for place, option in enumerate(options) if option.cost]
        upper.append(budget_fen / 1e6)
    at, across, value = zip(*rows, strict=True)
    shape = (len(upper), len(options) + len(providers))
    result = milp(
        -np.asarray(gain),
        integrality=np.ones(shape[1]),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(csr_array((value, (at, across)), shape=shape), ub=np.asarray(upper)),
        options={"time_limit": time_limit_s},
    )
    # Out of time without any solution: nothing is chosen, and the gap says that nothing was proven.
    if result.x is None:
        return [], 1.0
    gap = float(result.mip_gap or 0.0)
    return [option for place, option in enumerate(options) if result.x[place] > 0.5], gap


def _choices(chosen: Sequence[_Option], prices: Prices) -> tuple[ProviderChoice, ...]:
    """The set of providers, the one with most problems first."""
    by_provider: dict[int, list[_Option]] = {}
    for option in chosen:
        by_provider.setdefault(option.match.provider_id, []).append(option)
    made = []
    for provider, taken in by_provider.items():
        asked = [prices.get(option.match.solution_id, (None, None)) for option in taken]
        lows, highs = [low for low, _high in asked], [high for _low, high in asked]
        made.append(
            ProviderChoice(
                provider_id=provider,
                problems=tuple((option.problem, option.match.solution_id) for option in taken),
                cost_low_fen=None if None in lows else sum(low for low in lows if low is not None),
                cost_high_fen=None if None in highs else sum(high for high in highs if high is not None),
            )
        )
    return tuple(sorted(made, key=lambda choice: (-len(choice.problems), choice.provider_id)))


def _why_open(problem: str, options: Sequence[_Option], chosen: Sequence[_Option], budget_fen: int | None) -> str:
    """Why a problem stays uncovered: nothing fits, the budget is spent, or who could do it has enough."""
    mine = [option for option in options if option.problem == problem]
    if not mine:
        return _("还没有方案能解决这条问题。")
    spent = sum(option.cost for option in chosen)
    if budget_fen is not None and all(spent + option.cost > budget_fen for option in mine):
        return _("有合适的方案，但总预算不够。")
    return _("有合适的方案，但服务商已承担名单的一半，不宜再加。")
