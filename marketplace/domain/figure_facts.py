"""What figures are computed from: the few columns of the records that they look at, each with its day, so that any day can be asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol, TypeVar

# Who leads a chain, by the roster's own words.
LEADING = frozenset({"链主", "龙头"})


@dataclass(frozen=True)
class Scope:
    """As of the end of `day`; flows are counted from `since` on. `areas` empty: the whole pilot; `sector` None: all of them."""

    day: date
    since: date | None = None
    sector: str | None = None
    areas: frozenset[str] = frozenset()

    def has(self, day: date | None) -> bool:
        """Whether something that happened on `day` (None: never) is counted."""
        return day is not None and day <= self.day and (self.since is None or day >= self.since)

    def holds(self, sector: str, area: str) -> bool:
        return (self.sector is None or sector == self.sector) and (not self.areas or area in self.areas)


@dataclass(frozen=True)
class Value:
    """A figure's value, None where there is nothing to compute it from. `part` of `whole`: of shares and ratios; `low`, `high`: the middle
    half of the `sample` observations of a median."""

    value: float | int | None
    part: int | None = None
    whole: int | None = None
    low: float | None = None
    high: float | None = None
    sample: int | None = None


@dataclass(frozen=True)
class EnterpriseFact:
    """`above_scale`: the years in which it is on the roster. Days: the first report issued, the first work begun, the first work accepted."""

    id: int
    sector: str
    area: str
    above_scale: frozenset[str] = frozenset()
    leading: bool = False
    diagnosed: date | None = None
    started: date | None = None
    finished: date | None = None


@dataclass(frozen=True)
class ProjectFact:
    """`stages`: of the problems that it answers. `decided`: the day on which support was decided (or the city's decision); `spent`: (day handed in, spent until then) of the monthly reports."""

    id: int
    sector: str
    area: str
    level: str = "point"
    project_class: str = "central"
    orientations: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    leading: bool = False
    health: str = ""
    total_fen: int = 0
    submitted: date | None = None
    decided: date | None = None
    started: date | None = None
    finished: date | None = None
    planned_end: date | None = None
    ended: date | None = None
    spent: tuple[tuple[date, int], ...] = ()


@dataclass(frozen=True)
class EffectFact:
    """One indicator of an accepted project, measured at acceptance. `family`: which of FAMILIES it belongs to."""

    project_id: int
    sector: str
    area: str
    day: date
    family: str
    baseline: float
    measured: float


@dataclass(frozen=True)
class MarkFact:
    """What an enterprise thought of the work: 1–5, the mean of the aspects that it marked."""

    sector: str
    area: str
    day: date
    stars: float


@dataclass(frozen=True)
class MoneyFact:
    """A line of the ledger. `account` by its key; `local`: money of city and district. Of a project where it has one."""

    account: str
    local: bool
    day: date
    fen: int
    sector: str = ""
    area: str = ""
    of_project: bool = False


@dataclass(frozen=True)
class ProviderFact:
    """`retired`: the day on which it left the pool for good; `warned`, `rectified`: the days of the decisions."""

    id: int
    state: str
    admitted: date | None = None
    retired: date | None = None
    warned: tuple[date, ...] = ()
    rectified: tuple[date, ...] = ()


@dataclass(frozen=True)
class MatchFact:
    """A provider brought together with an enterprise: sent, accepted by both, chosen. `days`: working days to each answer."""

    sector: str
    area: str
    sent: date | None = None
    accepted: date | None = None
    awarded: date | None = None
    days: tuple[int, ...] = ()


@dataclass(frozen=True)
class ReportedFact:
    """An investment figure of the statistics bureau: of one month, entered by sheet."""

    sector: str
    area: str
    day: date
    fen: int


@dataclass(frozen=True)
class ShowcaseFact:
    """A published showcase."""

    sector: str
    area: str
    day: date


@dataclass(frozen=True)
class NeedFact:
    """An open problem as of the last night: whether any provider answers it with strength 2 or more."""

    sector: str
    area: str
    served: bool


class _Placed(Protocol):
    """Something of a sector and an area."""

    @property
    def sector(self) -> str: ...

    @property
    def area(self) -> str: ...


PlacedT = TypeVar("PlacedT", bound=_Placed)


@dataclass(frozen=True)
class Facts:
    """All that figures are computed from."""

    scope: Scope
    enterprises: Sequence[EnterpriseFact] = ()
    projects: Sequence[ProjectFact] = ()
    effects: Sequence[EffectFact] = ()
    marks: Sequence[MarkFact] = ()
    money: Sequence[MoneyFact] = ()
    providers: Sequence[ProviderFact] = ()
    matches: Sequence[MatchFact] = ()
    reported: Sequence[ReportedFact] = ()
    needs: Sequence[NeedFact] = ()
    showcases: Sequence[ShowcaseFact] = ()

    def within(self, scope: Scope) -> Facts:
        """The facts of a sector and some areas. Money without a project and providers belong to the whole pilot and stay."""

        def kept(rows: Iterable[PlacedT]) -> tuple[PlacedT, ...]:
            return tuple(row for row in rows if scope.holds(row.sector, row.area))

        if scope.sector is None and not scope.areas:
            return replace(self, scope=scope)
        return replace(
            self,
            scope=scope,
            enterprises=kept(self.enterprises),
            projects=kept(self.projects),
            effects=kept(self.effects),
            marks=kept(self.marks),
            money=tuple(row for row in self.money if not row.of_project or scope.holds(row.sector, row.area)),
            matches=kept(self.matches),
            reported=kept(self.reported),
            needs=kept(self.needs),
            showcases=kept(self.showcases),
        )
