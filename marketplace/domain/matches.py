"""A match carries its features, its reasons and the version of the model that ranked it.

Shared by the recommender (which makes them), the actions (which record them) and the pages (which show them).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_text


class Part(StrEnum):
    """The four parts of an explanation, in the order in which they are shown: 符合 推断 缺少 待问."""

    FITS = "fits"
    ASSUMED = "assumed"
    MISSING = "missing"
    ASK = "ask"


@dataclass(frozen=True)
class Quote:
    """Words taken verbatim from a source: whose words, and which of them matched."""

    text: str
    source: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Reason:
    """One sentence of an explanation, computed from the same numbers as the score.

    `message` is the Chinese source sentence with named placeholders, `values` fill them; `ours` quotes the problem,
    `theirs` quotes the solution, case or provider that answers it. `weight` is the share of the score it explains. `refers`: noun
    and public id of what it rests on, for a link to it.
    """

    part: Part
    code: str
    message: str
    values: Mapping[str, Any] = field(default_factory=dict)
    ours: Quote | None = None
    theirs: Quote | None = None
    weight: float = 0.0
    refers: tuple[str, str] | None = None

    def sentence(self) -> str:
        """The Chinese sentence with its values filled in."""
        return self.message.format(**self.values) if self.values else self.message


Features = Mapping[str, float]

# A warning is the pool's own business until it is published: staff read it, nobody else does.
FOR_STAFF = frozenset({"warned"})


@dataclass(frozen=True)
class Match:
    """A solution for a problem. `score` lies in 0–1; `strength` 1 (weak) … 4 (strong) is what is shown."""

    problem_key: str
    solution_id: int
    provider_id: int
    score: float
    strength: int
    features: Features
    reasons: tuple[Reason, ...]
    model: str
    rank: int = 0

    def told(self, viewer: Viewer) -> tuple[Reason, ...]:
        """The reasons that this person may read, in order."""
        return tuple(reason for reason in self.reasons if viewer.is_staff or reason.code not in FOR_STAFF)

    def part(self, part: Part) -> tuple[Reason, ...]:
        """The reasons of one part, in order."""
        return tuple(reason for reason in self.reasons if reason.part == part)


@dataclass(frozen=True)
class ProviderChoice:
    """One provider of a plan's set: which problems it takes, with which solution, at which least and most cost in fen.

    A cost of None means that at least one of its solutions is quoted face to face (价格面议).
    """

    provider_id: int
    problems: tuple[tuple[str, int], ...]
    cost_low_fen: int | None
    cost_high_fen: int | None


@dataclass(frozen=True)
class Plan:
    """一企一策: the matches of each problem, a small set of providers that covers the list, and what stays uncovered.

    `gap` is the relative distance to the proven optimum of the covering problem (0 = exact).
    """

    matches: Mapping[str, tuple[Match, ...]]
    providers: tuple[ProviderChoice, ...]
    uncovered: Mapping[str, str]
    budget_fen: int | None
    cost_low_fen: int
    unknown_prices: int
    gap: float
    model: str


@dataclass
class OutcomeDraft:
    """A past match as it is typed: its answer, and how its project ended if it is finished."""

    decision: str = ""
    decline_reason: str = ""
    on_time: bool | None = None
    acceptance: str | None = None
    score: float | None = None
    enterprise_rating: float | None = None


def check_outcome(draft: OutcomeDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a past match; nothing when it may be stored."""
    # Only an accepted match has a project, so only it can have been accepted, scored or late.
    if draft.decision and draft.decision != "accepted":
        for name in ("acceptance", "score", "enterprise_rating", "on_time"):
            if getattr(draft, name) is not None:
                yield name, Refused("outcome_without_project", _("没有接受的对接不会有项目结果，请清空这一列或修改答复。"))
    if draft.decline_reason and draft.decision == "accepted":
        yield "decline_reason", Refused("reason_of_accepted", _("已接受的对接没有谢绝理由，请清空这一列或修改答复。"))
    yield from check_text("decline_reason", _("谢绝理由"), draft.decline_reason, most=2_000)
    if draft.score is not None and not 0 <= draft.score <= 100:
        yield "score", Refused("score_range", _("验收得分应在 0 到 100 之间，现在是 {score:g}。"), {"score": draft.score})
    if draft.enterprise_rating is not None and not 1 <= draft.enterprise_rating <= 5:
        yield (
            "enterprise_rating",
            Refused("rating_range", _("企业评分应在 1 到 5 之间，现在是 {rating:g}。"), {"rating": draft.enterprise_rating}),
        )
