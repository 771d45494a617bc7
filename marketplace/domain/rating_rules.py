"""The pilot's rules, as data: weights, decay and grades of the rating (table [rating] of pilot.toml)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class KindWeight:
    """How much of one project's evidence an event of this kind is: 1.0 would be a whole project."""

    kind: str
    weight: float


@dataclass(frozen=True, kw_only=True)
class SeverityRule:
    """What an event of this kind and severity is worth (0–100), and how much evidence it is."""

    kind: str
    severity: str
    value: float
    weight: float


@dataclass(frozen=True, kw_only=True)
class ResultValue:
    """What an acceptance without a score is worth."""

    result: str
    value: float


@dataclass(frozen=True, kw_only=True)
class ResponseStep:
    """An inquiry answered within `days` working days is worth `value`."""

    days: int
    value: float


@dataclass(frozen=True, kw_only=True)
class Grade:
    """A grade, or a result of an evaluation, begins at this score; `name`: what a letter calls it."""

    key: str
    least: float
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """How new providers get seen: of each page of `page` solutions at least `least` are of new providers, if their score lies within
    `within` of the last one that they move down."""

    enabled: bool
    page: int
    least: int
    within: float
    new_days: int


@dataclass(frozen=True, kw_only=True)
class EvaluationRules:
    """The rounds of a year by their first day (MM-DD), who is rated in them, and from which score a result holds."""

    rounds: tuple[str, ...]
    results: tuple[Grade, ...]
    least_projects: int
    comment_days: int
    source: str


@dataclass(frozen=True, kw_only=True)
class CertificateRules:
    """Days before expiry on which one is reminded, and the day of the year (MM-DD) of the re-check with its term in working days."""

    remind_days: tuple[int, ...]
    recheck: str
    recheck_days: int


@dataclass(frozen=True, kw_only=True)
class RatingRules:
    """Read from the pilot file; every figure names its source there.

    `icc`: reliability of a single project; `spread`: standard deviation, in points, of a project about its provider's own level;
    `mean`: what a provider is taken for until `least_for_mean` projects are known of all of them together.
    """

    icc: float
    spread: float
    mean: float
    least_for_mean: int
    half_life_months: float
    interval: float
    weights: tuple[KindWeight, ...]
    severities: tuple[SeverityRule, ...]
    on_time: float
    late: float
    late_per_day: float
    late_least: float
    late_unsaid: float
    acceptances: tuple[ResultValue, ...]
    effect_at_target: float
    per_star: float
    responses: tuple[ResponseStep, ...]
    unanswered: float
    grades: tuple[Grade, ...]
    least_change: float
    version: str
    source: str
    exploration: Exploration
    evaluation: EvaluationRules
    certificates: CertificateRules
