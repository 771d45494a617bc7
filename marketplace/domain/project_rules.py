"""The pilot's rules for projects, as data: one row of money rules a class, the terms of every step, what is watched (table [project])."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from marketplace.domain.fund_rules import NO_FUNDS, FundingRules


@dataclass(frozen=True, kw_only=True)
class ClassRules:
    """What holds for one class of projects. Shares are 0–1 of the total investment, amounts 万元, 0 for no limit.

    `needs_pool`: every supplier must be in the pool. `for_services`: service institutions may apply, not enterprises only.
    `first_share`: the part of the amount that the fund plan pays at once; the rest waits for acceptance.
    """

    key: str
    name: str
    en: str
    subsidy_share: float
    least_total_wan: float
    cap_point_wan: float
    cap_chain_wan: float
    cap_cluster_wan: float
    first_share: float
    final_waits_for_central: bool
    no_double_support: bool
    needs_pool: bool
    for_services: bool
    source: str

    def cap_wan(self, level: str) -> float:
        """The highest amount of one project of this level (point, chain, cluster), 万元; 0 for no limit."""
        return {"point": self.cap_point_wan, "chain": self.cap_chain_wan, "cluster": self.cap_cluster_wan}.get(level, 0.0)


@dataclass(frozen=True, kw_only=True)
class Term:
    """Working days for what is to be done in one state of a project."""

    state: str
    days: int


@dataclass(frozen=True, kw_only=True)
class DocumentKind:
    """A document that may be asked for: `step` is submission, agreement, progress or acceptance."""

    key: str
    name: str
    en: str
    step: str


@dataclass(frozen=True, kw_only=True)
class CostKind:
    """A kind of cost in the fund-use plan. `supported`: counts for the subsidy (buildings often do not)."""

    key: str
    name: str
    en: str
    supported: bool


@dataclass(frozen=True, kw_only=True)
class ProjectRules:
    """Read from the pilot file. Days are working days where not said otherwise."""

    classes: tuple[ClassRules, ...]
    terms: tuple[Term, ...]
    documents: tuple[DocumentKind, ...]
    costs: tuple[CostKind, ...]
    notice_days: int
    experts_least: int
    most_suppliers: int
    most_members: int
    # A monthly report is due on this day of the next month (calendar); late after it, very late so many working days later.
    report_day: int
    report_very_late_days: int
    change_share: float
    change_months: int
    most_extensions: int
    rectification_days: int
    source: str
    # From which share of its targets on a project may pass acceptance, and how many experts take part in it at least.
    accept_share: float = 0.8
    accept_experts: int = 2
    # Between these days projects begin and end: the pilot's own term, not written down a second time.
    first_day: date = date.min
    last_day: date = date.max
    # The money's own rules, the table [fund].
    fund: FundingRules = NO_FUNDS

    def of(self, project_class: str) -> ClassRules:
        return next(row for row in self.classes if row.key == project_class)

    def days(self, state: str) -> int | None:
        return next((row.days for row in self.terms if row.state == state), None)

    def document(self, key: str) -> DocumentKind | None:
        return next((row for row in self.documents if row.key == key), None)

    def cost(self, key: str) -> CostKind | None:
        return next((row for row in self.costs if row.key == key), None)
