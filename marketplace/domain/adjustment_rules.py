"""The pilot's rules, as data: thresholds that propose, terms of rectification and appeal (table [adjustment] of pilot.toml)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Conduct:
    """One case of serious conduct (一票否决): whoever did it leaves the pool at once."""

    key: str
    name: str
    en: str


@dataclass(frozen=True, kw_only=True)
class AdjustmentRules:
    """Read from the pilot file; every figure names its source there. Days are working days, months are calendar months."""

    # By the score of the rating: a warning below the first, retirement below the second.
    warn_below: float
    retire_below: float
    # A warning that helped for so long may be lifted; one that did not leads to rectification.
    warning_months: int
    idle_months: int
    suspension_months: int
    # Terms: of the rectification and its one extension, of the bureau's steps, of the appeal.
    rectify_days: int
    extension_days: int
    least_days: int
    decide_days: int
    confirm_days: int
    review_days: int
    appeal_days: int
    appeal_decision_days: int
    # How long whoever left may not apply again: by its own wish, for failing, for serious conduct.
    reapply_months_left: int
    reapply_months_failing: int
    reapply_months_conduct: int
    conduct: tuple[Conduct, ...]
    source: str

    def conduct_of(self, key: str) -> Conduct | None:
        return next((row for row in self.conduct if row.key == key), None)
