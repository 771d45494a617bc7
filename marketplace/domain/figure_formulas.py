"""The formulas of the figures: a function's docstring is its formula. Whatever has a day is counted up to `scope.day`; with `scope.since`,
from that day on. Money is in fen, a share lies between 0 and 1, a change is relative to the baseline (0.2: a fifth more)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from statistics import fmean, median, quantiles

from marketplace.domain.figure_facts import EnterpriseFact, Facts, ProjectFact, ProviderFact, Value

# A project is called landmark beyond this investment: 5 亿元 (财建〔2024〕16号 as publicly reported).
LANDMARK_FEN = 500_000_000_00
# Fewer observations than this have no spread, and are told as few.
FEW = 5
Members = Callable[[Facts], Sequence[EnterpriseFact | ProjectFact | ProviderFact]]

# ---------------------------------------------------------------- enterprises


def above_scale(facts: Facts) -> list[EnterpriseFact]:
    """Those on the roster of the year of `scope.day`; where that year has no roster yet, of the last year before that has one."""
    years = {year for row in facts.enterprises for year in row.above_scale if year <= str(facts.scope.day.year)}
    return [row for row in facts.enterprises if max(years) in row.above_scale] if years else []


def diagnosed(facts: Facts) -> list[EnterpriseFact]:
    """Enterprises of which a diagnosis was issued (the first one counts)."""
    return [row for row in facts.enterprises if facts.scope.has(row.diagnosed)]


def started(facts: Facts) -> list[EnterpriseFact]:
    """Enterprises that have begun a project or an implementation (the first one counts), as applicant or as member."""
    return [row for row in facts.enterprises if facts.scope.has(row.started)]


def finished(facts: Facts) -> list[EnterpriseFact]:
    """Enterprises with a project that passed acceptance, or an implementation that they confirmed (the first one counts)."""
    return [row for row in facts.enterprises if facts.scope.has(row.finished)]


def share_of_above_scale(pick: Callable[[Facts], list[EnterpriseFact]]) -> Callable[[Facts], Value]:
    def compute(facts: Facts) -> Value:
        """Above-scale enterprises among the picked ones ÷ all above-scale enterprises."""
        base = {row.id for row in above_scale(facts)}
        return _share(sum(row.id in base for row in pick(facts)), len(base))

    return compute


# ---------------------------------------------------------------- projects and investment


def submitted_projects(facts: Facts) -> list[ProjectFact]:
    """Projects handed in."""
    return [row for row in facts.projects if facts.scope.has(row.submitted)]


def supported_projects(facts: Facts) -> list[ProjectFact]:
    """Projects whose support was decided: by the bureau after the public notice, or by the city."""
    return [row for row in facts.projects if facts.scope.has(row.decided)]


def running_projects(facts: Facts) -> list[ProjectFact]:
    """Begun by `scope.day`, neither accepted nor ended by then."""
    day = facts.scope.day
    over = [row for row in facts.projects if row.started is not None and row.started <= day]
    return [row for row in over if not any(end is not None and end <= day for end in (row.finished, row.ended))]


def accepted_projects(facts: Facts) -> list[ProjectFact]:
    """Projects that passed acceptance."""
    return [row for row in facts.projects if facts.scope.has(row.finished)]


def troubled_projects(facts: Facts) -> list[ProjectFact]:
    """Projects under way whose health, as of the last night, says trouble."""
    return [row for row in running_projects(facts) if row.health == "trouble"]


def leading_projects(facts: Facts) -> list[ProjectFact]:
    """Supported projects whose applicant is a chain leader or leading enterprise, or leads the group for which it applies."""
    return [row for row in supported_projects(facts) if row.leading]


def landmark_projects(facts: Facts) -> list[ProjectFact]:
    """Supported projects with a total investment of more than 5 亿元."""
    return [row for row in supported_projects(facts) if row.total_fen > LANDMARK_FEN]


def on_time_share(facts: Facts) -> Value:
    """Accepted projects that passed by their planned end ÷ accepted projects with a planned end."""
    dated = [(row.finished, row.planned_end) for row in accepted_projects(facts) if row.planned_end is not None]
    return _share(sum(done is not None and done <= planned for done, planned in dated), len(dated))


def planned_investment(facts: Facts) -> Value:
    """Sum of the total investment of supported projects."""
    return Value(sum(row.total_fen for row in supported_projects(facts)))


def spent_by(row: ProjectFact, facts: Facts) -> int:
    """What a project had spent by `scope.day`, less what it had spent before `scope.since`: of each, the last monthly report handed in by then."""
    until = [fen for day, fen in row.spent if day <= facts.scope.day]
    before = [fen for day, fen in row.spent if facts.scope.since is not None and day < facts.scope.since]
    return (until[-1] if until else 0) - (before[-1] if before else 0)


def actual_investment(facts: Facts) -> Value:
    """Sum of what the monthly reports of all projects say was spent."""
    return Value(sum(spent_by(row, facts) for row in facts.projects))


def reported_investment(facts: Facts) -> Value:
    """Sum of the monthly investment figures of the statistics bureau: of each month and sector that of the whole pilot, or else the sum of its
    areas; None without any."""
    found: dict[tuple[date, str], tuple[int | None, int]] = {}
    for row in facts.reported:
        if facts.scope.has(row.day):
            whole, parts = found.get((row.day, row.sector), (None, 0))
            found[row.day, row.sector] = (whole, parts + row.fen) if row.area else (row.fen, parts)
    return Value(sum(parts if whole is None else whole for whole, parts in found.values())) if found else Value(None)


# ---------------------------------------------------------------- funds


def _money(facts: Facts, *accounts: str, local: bool | None = None) -> int:
    """What these accounts moved by, up to the day (and since)."""
    return sum(
        row.fen for row in facts.money if row.account in accounts and facts.scope.has(row.day) and (local is None or row.local == local)
    )


def budget(facts: Facts) -> Value:
    """Budgets of all sources and years, as confirmed: less what was lowered. Of the whole pilot, whatever sector or area is asked for."""
    return Value(-_money(facts, "budget"))


def of_sources(facts: Facts) -> dict[str, dict[str, int]]:
    """ "central" and "local" → budget, committed and paid, as the figures of these names say, each of one side."""
    return {
        name: {
            "budget": -_money(facts, "budget", local=local),
            "committed": _money(facts, *COMMITTED, local=local),
            "paid": _money(facts, "paid", local=local),
        }
        for name, local in (("central", False), ("local", True))
    }


COMMITTED = ("committed", "paid", "to_recover", "recovered")


def committed(facts: Facts) -> Value:
    """Set aside for projects and not given back: committed and unpaid, paid, to be recovered, recovered."""
    return Value(_money(facts, *COMMITTED))


def paid(facts: Facts) -> Value:
    """Paid to projects and not to be recovered."""
    return Value(_money(facts, "paid"))


def paid_share(facts: Facts) -> Value:
    """Paid ÷ committed."""
    return _share(_money(facts, "paid"), _money(facts, *COMMITTED))


def local_to_central(facts: Facts) -> Value:
    """Budgets of local money ÷ central money committed, as the rule for commitments asks (domain/funds.check_ratio)."""
    local, central = -_money(facts, "budget", local=True), _money(facts, *COMMITTED, local=False)
    return Value(local / central if central else None, local, central)


def leverage(facts: Facts) -> Value:
    """Total investment of supported projects ÷ money committed: how many yuan of investment go with one yuan of the funds."""
    invested, given = sum(row.total_fen for row in supported_projects(facts)), _money(facts, *COMMITTED)
    return Value(invested / given if given else None, invested, given)


# ---------------------------------------------------------------- effect


def change_of(family: str) -> Callable[[Facts], Value]:
    def compute(facts: Facts) -> Value:
        """Median of (measured − baseline) ÷ |baseline| over the indicators of the family, of accepted projects; baselines of 0 are left out."""
        rows = [row for row in facts.effects if row.family == family and row.baseline and facts.scope.has(row.day)]
        return middle((row.measured - row.baseline) / abs(row.baseline) for row in rows)

    return compute


def satisfaction(facts: Facts) -> Value:
    """Mean of the enterprises' marks 1–5, of acceptances and of confirmed implementations."""
    marks = [row.stars for row in facts.marks if facts.scope.has(row.day)]
    return Value(fmean(marks), sample=len(marks)) if marks else Value(None)


def showcases(facts: Facts) -> Value:
    """Showcases that stand published."""
    return Value(sum(facts.scope.has(row.day) for row in facts.showcases))


# ---------------------------------------------------------------- pool and matching


def pool(facts: Facts) -> list[ProviderFact]:
    """Admitted by `scope.day` and not retired by then; with `since`, those admitted from that day on."""
    day = facts.scope.day
    return [row for row in facts.providers if facts.scope.has(row.admitted) and not (row.retired is not None and row.retired <= day)]


def warned(facts: Facts) -> list[ProviderFact]:
    """Providers with a warning that took effect in the time asked for."""
    return [row for row in facts.providers if any(facts.scope.has(day) for day in row.warned)]


def rectified(facts: Facts) -> list[ProviderFact]:
    """Providers put to rectification in the time asked for."""
    return [row for row in facts.providers if any(facts.scope.has(day) for day in row.rectified)]


def retired(facts: Facts) -> list[ProviderFact]:
    """Providers that left the pool for good: retired, or gone of their own will."""
    return [row for row in facts.providers if facts.scope.has(row.retired)]


def sent(facts: Facts) -> Value:
    """Providers brought together with an enterprise: introductions sent to both."""
    return Value(sum(facts.scope.has(row.sent) for row in facts.matches))


def accepted_share(facts: Facts) -> Value:
    """Introductions that both sides accepted ÷ introductions sent."""
    rows = [row for row in facts.matches if facts.scope.has(row.sent)]
    return _share(sum(row.accepted is not None and row.accepted <= facts.scope.day for row in rows), len(rows))


def awarded(facts: Facts) -> Value:
    """Introductions that were chosen."""
    return Value(sum(facts.scope.has(row.awarded) for row in facts.matches))


def response_days(facts: Facts) -> Value:
    """Median of the working days from being asked to answering, both sides; silence is not among them."""
    return middle(days for row in facts.matches if facts.scope.has(row.sent) for days in row.days)


def served_share(facts: Facts) -> Value:
    """Open problems that some provider answers with strength 2 or more ÷ open problems, as of the last night."""
    return _share(sum(row.served for row in facts.needs), len(facts.needs))


# ---------------------------------------------------------------- arithmetic


def _share(part: int, whole: int) -> Value:
    return Value(part / whole if whole else None, part, whole)


def middle(found: Iterable[float]) -> Value:
    """The median with the middle half (quartiles by inclusive interpolation), which is left out below FEW observations."""
    values = list(found)
    if not values:
        return Value(None, sample=0)
    low, high = (None, None)
    if len(values) >= FEW:
        low, _half, high = quantiles(values, n=4, method="inclusive")
    return Value(median(values), low=low, high=high, sample=len(values))


def counted(members: Members) -> Callable[[Facts], Value]:
    """How many there are."""
    return lambda facts: Value(len(members(facts)))
