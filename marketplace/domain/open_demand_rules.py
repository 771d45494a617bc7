"""The pilot's rules, as data: terms of open demands and who may read their questions (table [open_demand] of pilot.toml)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OpenDemandRules:
    """Read from the pilot file. `check_days`, `reply_days`, `conclude_days`: working days for the centre to check, for the enterprise to
    answer a question, and to conclude once the answers are in. `least_days`: calendar days for which answers are taken at least."""

    check_days: int
    reply_days: int
    conclude_days: int
    least_days: int
    most_problems: int
    most_questions: int
    questions_for_all: bool
    source: str
