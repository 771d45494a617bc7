"""Evaluation rounds (评价周期): a score proposed from the events of a period, reviewed by staff, told to the provider, then issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.rating_events import KINDS
from marketplace.domain.rating_rules import EvaluationRules, RatingRules
from marketplace.domain.ratings import Event, Rating, rate

UNRATED = "unrated"
# Within a round nothing is forgotten: its events are of the same half-year.
_NEVER = 1e9


class RoundState(StrEnum):
    """Under review by staff; shown to the providers for their comments; issued; or cancelled."""

    REVIEWING = "reviewing"
    COMMENTING = "commenting"
    ISSUED = "issued"
    CANCELLED = "cancelled"


class ResultState(StrEnum):
    """One provider in a round: proposed by the events, reviewed by staff, shown, commented on, answered, issued."""

    PROPOSED = "proposed"
    REVIEWED = "reviewed"
    SHOWN = "shown"
    COMMENTED = "commented"
    ANSWERED = "answered"
    ISSUED = "issued"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class RoundFacts:
    """What the steps of a round look at."""

    unreviewed: int
    unanswered: int
    comment_until: date | None
    today: date


def all_reviewed(facts: RoundFacts) -> Refused | None:
    """Nobody is told a result that no person has looked at."""
    if facts.unreviewed:
        return Refused("unreviewed", _("还有 {count} 家没有审定，审定后才能告知。"), {"count": facts.unreviewed})
    return None


def heard(facts: RoundFacts) -> Refused | None:
    """A result is issued when the term for comments is over and every comment has its answer."""
    if facts.comment_until is not None and facts.today <= facts.comment_until:
        values = {"until": facts.comment_until.isoformat()}
        return Refused("still_commenting", _("服务商可以说明到 {until} 24:00，过后才能发布结果。"), values)
    if facts.unanswered:
        return Refused("unanswered", _("还有 {count} 家的说明没有答复，答复后才能发布结果。"), {"count": facts.unanswered})
    return None


@dataclass(frozen=True)
class ReviewFacts:
    """A score as it is reviewed: what was proposed, what is set, and why."""

    proposed: float | None
    score: float | None
    why: str


def change_is_reasoned(facts: ReviewFacts) -> Refused | None:
    if facts.score is not None and not 0 <= facts.score <= 100:
        return Refused("score_range", _("得分应在 0 到 100 之间，现在是 {score:g}。"), {"score": facts.score})
    if facts.score != facts.proposed and not facts.why.strip():
        return Refused("reason_missing", _("改动了系统拟定的得分，请写明理由。它会告诉对方，也会留在历史里。"))
    return None


@dataclass(frozen=True)
class CommentFacts:
    """A provider's comment, and whether it comes in time."""

    text: str
    until: date | None
    today: date


def in_time(facts: CommentFacts) -> Refused | None:
    if not facts.text.strip():
        return Refused("comment_missing", _("说明没有填。"))
    if facts.until is None or facts.today > facts.until:
        return Refused(
            "comment_late", _("说明的期限是 {until} 24:00，已经过了。"), {"until": facts.until.isoformat() if facts.until else ""}
        )
    return None


def answered(answer: str) -> Refused | None:
    return None if answer.strip() else Refused("answer_missing", _("答复没有填。它会告诉对方，也会留在历史里。"))


_STAFF = (Role.MANAGER, Role.BUREAU, Role.ADMIN)
_DECIDE = (Role.BUREAU, Role.ADMIN)

TABLE: Table = (
    Transition((RoundState.REVIEWING,), "show", RoundState.COMMENTING, _STAFF, "告知服务商", all_reviewed),
    Transition((RoundState.COMMENTING,), "issue", RoundState.ISSUED, _DECIDE, "发布结果", heard),
    Transition((RoundState.REVIEWING, RoundState.COMMENTING), "cancel", RoundState.CANCELLED, _DECIDE, "取消本次评价"),
)

RESULT_TABLE: Table = (
    Transition((ResultState.PROPOSED, ResultState.REVIEWED), "review", ResultState.REVIEWED, _STAFF, "审定", change_is_reasoned),
    Transition((ResultState.REVIEWED,), "show", ResultState.SHOWN, _STAFF, "告知"),
    Transition((ResultState.SHOWN, ResultState.COMMENTED), "comment", ResultState.COMMENTED, (Role.PROVIDER,), "说明", in_time),
    Transition((ResultState.COMMENTED, ResultState.ANSWERED), "answer", ResultState.ANSWERED, _STAFF, "答复说明"),
    Transition((ResultState.SHOWN, ResultState.ANSWERED), "issue", ResultState.ISSUED, _DECIDE, "发布"),
    Transition(
        (ResultState.PROPOSED, ResultState.REVIEWED, ResultState.SHOWN, ResultState.COMMENTED, ResultState.ANSWERED),
        "cancel",
        ResultState.CANCELLED,
        _DECIDE,
        "取消",
    ),
)


@dataclass(frozen=True)
class Period:
    """A half-year (or as the rules cut the year): from `start` to `end`, both included, called 2026 年上半年 or by its days."""

    start: date
    end: date

    @property
    def name(self) -> str:
        if (self.start.month, self.start.day, self.end.month, self.end.day) == (1, 1, 6, 30):
            return f"{self.start.year} 年上半年"
        if (self.start.month, self.start.day, self.end.month, self.end.day) == (7, 1, 12, 31):
            return f"{self.start.year} 年下半年"
        return f"{self.start.isoformat()} 至 {self.end.isoformat()}"


def last_period(today: date, rules: EvaluationRules) -> Period:
    """The last period that is over: between the two latest first days of a round."""
    firsts = sorted(date(year, int(day[:2]), int(day[3:])) for year in range(today.year - 2, today.year + 1) for day in rules.rounds)
    past = [day for day in firsts if day <= today]
    return Period(past[-2], past[-1] - timedelta(days=1))


def rate_period(events: Sequence[Event], period: Period, mean: float, rules: RatingRules) -> Rating:
    """The rating by the events of the period alone, none of them forgotten."""
    inside = [event for event in events if period.start <= event.on <= period.end]
    return rate(inside, period.end, mean, replace(rules, half_life_months=_NEVER))


def letter_values(period: Period, result: str, score: float | None, rating: Rating, remark: str, rules: EvaluationRules) -> dict[str, Any]:
    """What the letter of a result says; letters are in Chinese only."""
    rows = [
        {
            "name": KINDS[part.kind].label,
            "weight": f"{100 * part.mass / rating.mass:.0f} %" if rating.mass else "–",
            "score": f"{part.value:.0f}",
            "basis": f"{part.count} 件",
        }
        for part in rating.parts
    ]
    name = next((row.name for row in rules.results if row.key == result), "未评等次")
    return {"round": period.name, "result": name, "score": "–" if score is None else f"{score:.0f}", "rows": rows, "comment": remark}


def result_of(score: float | None, projects: int, rules: EvaluationRules) -> str:
    """优秀 … 不合格 by the score as it is shown; unrated with too few projects or without a score."""
    if score is None or projects < rules.least_projects:
        return UNRATED
    shown = round(score)
    return next((row.key for row in rules.results if shown >= row.least), rules.results[-1].key)
