"""The pilot's rules for evidence, inspections and supervision, as data (tables [inspection] and [supervision] of pilot.toml)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ChecklistItem:
    """One line of the checklist of an inspection on site. `about`: content, progress, effect, papers or safety."""

    key: str
    name: str
    en: str
    about: str


@dataclass(frozen=True, kw_only=True)
class InspectionRules:
    """Days are working days. The weights are what each reason adds to the lot of a project; `base` is what every project has."""

    # Photos whose hashes differ by so many of 64 bits are the same picture, resized or saved anew.
    photo_distance: int
    least_photos: int
    least_inspectors: int
    most_drawn: int
    report_days: int
    confirm_days: int
    notice_days: int
    # From which severity on: a warning, a rectification with a term, a proposal about the provider.
    warn_from: str
    rectify_from: str
    propose_from: str
    base: float
    late_report: float
    very_late_report: float
    large_amount: float
    large_from_wan: float
    flag: float
    most_flags: int
    complaint: float
    watch: float
    trouble: float
    checklist: tuple[ChecklistItem, ...]
    source: str

    def item(self, key: str) -> ChecklistItem | None:
        return next((row for row in self.checklist if row.key == key), None)


@dataclass(frozen=True, kw_only=True)
class SupervisionRules:
    """What makes a project one to watch, or one in trouble; and the terms of orders, in working days."""

    answer_days: int
    escalate_days: int
    # Calendar days behind a milestone's plan.
    milestone_watch_days: int
    milestone_trouble_days: int
    # Shares of the plan by which spending lags behind, or goes beyond it.
    spending_watch: float
    spending_trouble: float
    overspent: float
    # An indicator below this share of its way from baseline to target, once the project ends.
    effect_share: float
    source: str
