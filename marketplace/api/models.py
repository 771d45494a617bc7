"""What the API says of each thing. Money is in 万元, durations in weeks, words are the pilot's keys; null = not said."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from marketplace.api.operation import Model
from marketplace.domain.money import wan_from_fen


class Span(Model):
    """A range, either end open."""

    low: float | None
    high: float | None


def wan_span(low_fen: int | None, high_fen: int | None) -> Span | None:
    """fen → 万元; None for both ends is 价格面议 or an unknown budget."""
    if low_fen is None and high_fen is None:
        return None
    low, high = (None if fen is None else float(wan_from_fen(fen)) for fen in (low_fen, high_fen))
    return Span(low=low, high=high)


def span(low: int | None, high: int | None) -> Span | None:
    return None if low is None and high is None else Span(low=low, high=high)


class ProviderRef(Model):
    """A provider, named."""

    id: str
    code: str | None
    name: str


class Effect(Model):
    indicator: str
    before: float | str | None
    after: float | str | None
    unit: str | None


class CaseOut(Model):
    """A past implementation. No client is named."""

    id: str
    solution: str | None
    client_sector: str
    signed: str
    completed: str
    cost_wan: float | None
    process: str
    effects: list[Effect]


class SolutionLine(Model):
    """A solution in a list."""

    id: str
    ref: str
    title: str
    form: str
    provider: ProviderRef
    sectors: list[str]
    price_wan: Span | None
    weeks: Span | None
    state: str


class SolutionOut(SolutionLine):
    """A solution in full."""

    summary: str
    orientations: list[str]
    stages: list[str]
    scenarios: list[str]
    solves: list[str]
    technologies: list[str]
    references: int
    levels: list[str]
    enterprise_sizes: list[str]
    deployments: list[str]
    origin: str
    explosion_proof: bool | None
    interfaces: list[str]
    certificates: list[str]
    cases: list[CaseOut]


class Record(Model):
    """What past projects say; few of them are few. `score` 0–100, shrunk to the mean of all; null and "": nothing finished yet."""

    finished: int
    on_time: int
    passed: int
    score: float | None
    grade: str


class ProviderLine(Model):
    """A provider in a list."""

    id: str
    code: str | None
    name: str
    kind: str
    region: str
    sectors: list[str]
    local_office: bool
    local_commitment: bool
    state: str


class ProviderOut(ProviderLine):
    """A provider in full."""

    founded: int | None
    staff: int | None
    qualifications: list[str]
    summary: str
    solutions: int
    record: Record


class ScenarioLine(Model):
    """A scenario in a list."""

    code: str
    name: str
    kind: str
    sector: str
    stage: str
    orientations: list[str]


class ScenarioOut(ScenarioLine):
    """A scenario in full."""

    description: str
    canonical: list[str]
    typical_problems: list[str]
    typical_solutions: list[str]


class EnterpriseOut(Model):
    """An enterprise: for staff, and for itself."""

    id: str
    code: str | None
    name: str
    sector: str
    gbt4754: str
    area: str
    chain_role: str
    specialised: str
    revenue_wan: float | None
    staff: int | None
    main_products: str


class ProblemTold(Model):
    """A problem as its enterprise and the centre read it, and a provider after the enterprise has agreed."""

    told: Literal["all"] = "all"
    id: str
    ref: str
    text: str
    sector: str
    stage: str
    orientation: str
    priority: str
    state: str
    enterprise: str
    enterprise_code: str | None
    area: str
    budget_wan: Span | None


class ProblemHidden(Model):
    """A problem as a provider reads it: no enterprise, no area, and the band of its budget only."""

    told: Literal["hidden"] = "hidden"
    id: str
    text: str
    sector: str
    stage: str
    orientation: str
    state: str
    budget_band_wan: Span | None


ProblemOut = Annotated[ProblemTold | ProblemHidden, Field(discriminator="told")]


class QuoteOut(Model):
    """Words taken verbatim; `marks`: from and to of what matched."""

    text: str
    source: str
    marks: list[tuple[int, int]]


class ReasonOut(Model):
    """One sentence of an explanation. `part`: fits, assumed, missing, ask."""

    part: str
    code: str
    text: str
    ours: QuoteOut | None
    theirs: QuoteOut | None


class MatchOut(Model):
    """A solution for a problem. `solution` is the number of its source, or the id where there is none."""

    rank: int
    solution: str
    id: str
    title: str
    provider: str
    provider_code: str | None
    provider_id: str
    price_wan: Span | None
    weeks: Span | None
    score: float
    strength: int
    reasons: list[ReasonOut]


class ProviderMatchOut(Model):
    """A provider for a problem: its best solution, and how many of its solutions fit."""

    rank: int
    provider: str
    provider_code: str | None
    provider_id: str
    score: float
    strength: int
    best: str
    solutions: int


class RecommendationOut(Model):
    """The answer to one problem."""

    problem: str
    key: str
    guesses: dict[str, str]
    matches: list[MatchOut]
    providers: list[ProviderMatchOut]
    open_questions: list[ReasonOut]
    model: str
    took_ms: float
    degraded: str


def plain(rows: list[dict[str, Any]]) -> list[Effect]:
    """Effects of a case as they were stored."""
    return [
        Effect(indicator=str(row.get("indicator", "")), before=row.get("before"), after=row.get("after"), unit=row.get("unit"))
        for row in rows
    ]
