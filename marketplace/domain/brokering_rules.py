"""The pilot's rules, as data: terms of brokering in working days and reasons for declining (table [brokering] of pilot.toml)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DeclineReason:
    """Why a side may say no. `sides`: which of enterprise and provider are offered it."""

    key: str
    name: str
    en: str
    sides: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BrokeringRules:
    """Read from the pilot file; days are working days, `link_days` calendar days."""

    # How long each has for its next step: to answer, to send what is ready, to quote, to choose, to write feedback, to record.
    provider_days: int
    enterprise_days: int
    centre_days: int
    quote_days: int
    award_days: int
    feedback_days: int
    contract_days: int
    # A side is reminded so long before its term ends, and is taken to be silent so long after it.
    remind_days: int
    lapse_days: int
    link_days: int
    most_introductions: int
    most_criteria: int
    reasons: tuple[DeclineReason, ...]
    source: str

    def reason_of(self, key: str) -> DeclineReason | None:
        return next((row for row in self.reasons if row.key == key), None)

    def reasons_for(self, side: str) -> tuple[DeclineReason, ...]:
        return tuple(row for row in self.reasons if side in row.sides)
