"""The pilot's rules, as data: criteria with weights, marks and terms of the review (table [review] of pilot.toml)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One criterion of the scores; `look_at` says what experts look at."""

    key: str
    name: str
    en: str
    weight: int
    look_at: str
    look_at_en: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question to be answered by yes or no."""

    key: str
    name: str
    en: str


@dataclass(frozen=True, kw_only=True)
class ReviewRules:
    """Read from the pilot file; every figure names its source there. Terms are in working days."""

    # The weighted total, of 100, that an applicant needs.
    entry_mark: int
    least_experts: int
    # Scores further apart than this, in one criterion or in total, must be discussed before there is a joint score.
    largest_spread: int
    # An expert with so many open reviews gets no further one.
    most_open_reviews: int
    declaration_days: int
    scoring_days: int
    objection_days: int
    # Objections taken from one address of the network within 24 hours.
    objections_a_day: int
    criteria: tuple[Criterion, ...]
    # What experts answer beside their scores, and what the form check looks at.
    checklist: tuple[Check, ...]
    form_checks: tuple[Check, ...]
    source: str
