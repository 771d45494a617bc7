"""What the API says of brokerings and of the introductions in them. Days are days of the pilot's zone; money is in 万元; null = not told, or not there."""

from __future__ import annotations

from datetime import date, datetime

from marketplace.api import models as out
from marketplace.api.applications import UnitRef
from marketplace.api.attached import FileOut
from marketplace.api.operation import Model, Versioned
from marketplace.domain.brokerings import BrokeringState, Lane
from marketplace.domain.introductions import Answer, IntroductionState, Side


class SolutionRef(Model):
    id: str
    title: str


class SideAnswerOut(Model):
    """What one side said. `way`: how, where the centre wrote it down; `reason`: a key of the pilot; `text` is for who reads the talks."""

    side: Side
    answer: Answer
    due: date
    answered: datetime | None
    days: int | None
    way: str
    by_link: bool
    reason: str
    text: str | None


class IntroductionBrief(Model):
    """A provider on the board."""

    id: str
    provider: out.ProviderRef
    state: IntroductionState


class IntroductionLine(Model):
    """An introduction in a list. `enterprise` is null for the provider until both have accepted."""

    id: str
    number: str
    brokering: str
    place: str
    provider: out.ProviderRef
    solution: SolutionRef
    enterprise: UnitRef | None
    state: IntroductionState
    sent: datetime | None
    answers: list[SideAnswerOut]


class NeedOut(Model):
    """A problem of the need. Until both have accepted the provider reads it without the names in it, and the band of the budget only."""

    id: str
    text: str
    sector: str
    stage: str
    budget_wan: out.Span | None
    budget_band_wan: out.Span | None


class InquiryOut(Model):
    """What the enterprise asked, and until when it would like it solved."""

    question: str
    wanted: date | None


class CriterionOut(Model):
    """One thing by which proposals are compared; the weights of all are 100 together."""

    number: int
    text: str
    kind: str
    weight: int


class MeetsOut(Model):
    """What a proposal says to a criterion: yes, partly or no."""

    criterion: int
    meets: str
    text: str


class OfferOut(Model):
    """One version of a proposal; the highest counts. `way`: how it came, where the centre wrote it down."""

    version: int
    price_wan: float
    weeks: int
    scope: str
    valid_until: date
    answers: list[MeetsOut]
    way: str
    at: datetime
    files: list[FileOut]


class MessageOut(Model):
    """A line of the talks. `side`: enterprise, provider or centre; `met_on`: the note of a meeting."""

    id: str
    side: str
    name: str
    text: str
    met_on: date | None
    at: datetime
    files: list[FileOut]


class IntroductionOut(Versioned, IntroductionLine):
    """An introduction as the viewer may read it. Inquiry, criteria, proposals, messages and feedback are for its two sides and the centre.

    `due`: until when the chosen provider reports that the work is done, while it owes that.
    """

    needs: list[NeedOut]
    inquiry: InquiryOut | None
    criteria: list[CriterionOut]
    proposals: list[OfferOut]
    messages: list[MessageOut]
    proofs: list[FileOut]
    feedback: str | None
    due: date | None


class IntroductionList(Model):
    items: list[IntroductionLine]
    next: str | None


class BrokeringLine(Model):
    """A brokering in a list. `waits_for`: who has the ball (centre, enterprise, provider, both; "": nobody), since when, until when."""

    id: str
    number: str
    title: str
    enterprise: UnitRef
    sector: str
    place: str
    state: BrokeringState
    lane: Lane
    waits_for: str
    waits_step: str
    waits_since: date | None
    waits_due: date | None
    sent: datetime | None
    introductions: list[IntroductionBrief]


class BrokeringList(Model):
    items: list[BrokeringLine]
    next: str | None


class QuotedLine(IntroductionLine):
    """The same with the proposal that counts, for who reads the talks. `owes_feedback`: its provider is still to be told why."""

    price_wan: float | None
    weeks: int | None
    owes_feedback: bool


class ContractOut(Model):
    """What was signed. Amount and scan are for both sides and the centre."""

    amount_wan: float | None
    signed: date
    starts: date
    ends: date
    files: list[FileOut]


class ImplementationOut(Model):
    """What was done without subsidy. Words are for who reads the talks."""

    started: date
    finished: date | None
    effect: str | None
    indicator: str
    unit: str
    baseline: float | None
    target: float | None
    measured: float | None
    result: str
    rating: int | None
    remark: str | None
    confirmed: datetime | None
    way: str


class JointRef(Model):
    """Another brokering that was drafted together with this one."""

    id: str
    number: str
    enterprise: UnitRef
    state: BrokeringState


class BrokeringOut(Versioned, BrokeringLine):
    """A brokering in full. What was never sent, and what was drafted together with it, is told to the centre only."""

    officer: str
    terms: dict[str, int]
    needs: list[NeedOut]
    inquiry: InquiryOut | None
    criteria: list[CriterionOut]
    offers: list[QuotedLine]
    reason: str | None
    contract: ContractOut | None
    implementation: ImplementationOut | None
    joint: list[JointRef]


class ScoredOut(MeetsOut):
    """The same with the score 0–10 that the enterprise or the centre gave."""

    score: int | None


class ColumnOut(Versioned):
    """One proposal of the comparison. `total`: 0–100, null until every criterion has a score; `missing`: essential criteria that are not met."""

    introduction: str
    provider: out.ProviderRef
    solution: SolutionRef
    state: IntroductionState
    price_wan: float
    weeks: int
    scope: str
    valid_until: date
    answers: list[ScoredOut]
    total: float | None
    scored: int
    missing: list[int]
    cheapest: bool
    fastest: bool


class ComparisonOut(Versioned):
    """Proposals side by side. Its version is that of the brokering, each column's that of its introduction."""

    criteria: list[CriterionOut]
    columns: list[ColumnOut]
