"""The pilot's rules for the funds, as data: where money comes from, and how much local money must stand beside the central (table [fund])."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FundSource:
    """One source of money. `local`: counts against the central money. `matches`: the source whose matching money of the district it is, ""
    for none; then at least `matching_share` of that one is wanted. `classes`: the project classes that may be paid from it."""

    key: str
    name: str
    en: str
    local: bool
    matches: str
    matching_share: float
    classes: tuple[str, ...]
    note: str


@dataclass(frozen=True, kw_only=True)
class FundingRules:
    """`central_cap`: the highest share of an investment that central money pays. `local_to_central_min`: local budgets over the pilot for each
    fen of central money that is committed. `consent_days`: how long a bank may read a project's papers unless the enterprise says otherwise."""

    sources: tuple[FundSource, ...] = ()
    consent_days: int = 30
    statement_months: int = 12
    source: str = ""
    # Both stand in [fund_rules], not written down a second time.
    central_cap: float = 1.0
    local_to_central_min: float = 0.0

    def find(self, key: str) -> FundSource | None:
        return next((row for row in self.sources if row.key == key), None)

    def of(self, key: str) -> FundSource:
        return next(row for row in self.sources if row.key == key)

    def name_of(self, key: str) -> str:
        """What people call a source, also one that the pilot no longer has."""
        found = self.find(key)
        return found.name if found else key

    @property
    def local_keys(self) -> tuple[str, ...]:
        return tuple(row.key for row in self.sources if row.local)

    @property
    def central_keys(self) -> tuple[str, ...]:
        return tuple(row.key for row in self.sources if not row.local)


NO_FUNDS = FundingRules()
