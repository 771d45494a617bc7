"""A matchmaking meeting (供需对接会): one afternoon on which enterprises of a sector, or with one scenario, talk to several providers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import pairwise

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class MeetingState(StrEnum):
    DRAFT = "draft"
    INVITED = "invited"
    HELD = "held"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Result(StrEnum):
    """How a talk ended: with an intention (意向), without one, or it did not take place."""

    INTENT = "intent"
    NONE = "none"
    ABSENT = "absent"


_S = MeetingState
# While who talks to whom may still be changed.
OPEN = frozenset({_S.DRAFT, _S.INVITED})
# Those who are invited know of it from here on.
TOLD = frozenset(_S) - {_S.DRAFT}
# How the centre recorded what was said at the meeting itself, beside the ways of an introduction.
ON_SITE = "site"


@dataclass(frozen=True)
class Situation:
    """What the guards look at. `placed`: talks that have a place in the timetable; `unresolved`: those whose result is missing."""

    today: date
    day: date
    talks: int = 0
    placed: int = 0
    unresolved: int = 0


def may_invite(subject: Situation) -> Refused | None:
    if not subject.talks:
        return Refused("no_talk", _("还没有选谁和谁洽谈，不能发出邀请。"))
    if subject.day < subject.today:
        return Refused("day_past", _("会期 {day} 已过，请先改会期。"), {"day": subject.day.isoformat()})
    return None


def may_open(subject: Situation) -> Refused | None:
    if subject.today < subject.day:
        return Refused("too_early", _("会期是 {day}，到当天才能开始签到。"), {"day": subject.day.isoformat()})
    if not subject.placed:
        return Refused("no_timetable", _("还没有排时间表，不能开始签到。"))
    return None


def all_resolved(subject: Situation) -> Refused | None:
    if subject.unresolved:
        return Refused("unresolved", _("还有 {n} 场洽谈没有记结果，不能总结。"), {"n": subject.unresolved})
    return None


_CENTRE = (Role.CENTRE, Role.ADMIN)

TABLE: Table = (
    Transition((_S.DRAFT,), "invite", _S.INVITED, _CENTRE, "发出邀请", may_invite),
    Transition((_S.INVITED,), "open", _S.HELD, _CENTRE, "开始签到", may_open),
    Transition((_S.HELD,), "close", _S.CLOSED, _CENTRE, "总结", all_resolved),
    Transition((_S.CLOSED,), "reopen", _S.HELD, _CENTRE, "退回补记"),
    Transition((_S.DRAFT, _S.INVITED), "cancel", _S.CANCELLED, _CENTRE, "取消"),
)

Span = tuple[int, int]
MINUTES_OF_DAY = 24 * 60
LEAST_MINUTES, MOST_MINUTES, MOST_GAP, MOST_TABLES, MOST_BREAKS = 5, 180, 60, 100, 5
# So many talks at one meeting nobody oversees.
MOST_TALKS = 600


@dataclass
class MeetingDraft:
    """A meeting as it is typed. Times are minutes of the day, None where nothing sensible was typed; `sector` or `scenario_code`."""

    title: str = ""
    sector: str = ""
    scenario_code: str = ""
    venue: str = ""
    day: date | None = None
    starts: int | None = None
    ends: int | None = None
    minutes: int | None = None
    gap: int | None = 0
    tables: int | None = None
    breaks: list[tuple[int | None, int | None]] = field(default_factory=list)
    answer_by: date | None = None
    note: str = ""


def check(draft: MeetingDraft, today: date) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    yield from check_text("title", _("名称"), draft.title, most=100, required=True)
    if bool(draft.sector) == bool(draft.scenario_code):
        yield "sector", Refused("sector_or_scenario", _("请选一个行业，或者选一个场景（只选一样）。"))
    yield from check_text("venue", _("地点"), draft.venue, most=200, required=True)
    yield from check_text("note", _("会议说明"), draft.note, most=2_000)
    yield from _check_days(draft, today)
    yield from _check_counts(draft)
    yield from _check_times(draft)


def _check_days(draft: MeetingDraft, today: date) -> Iterator[tuple[str, Refused]]:
    for name, label in (("day", _("会期")), ("answer_by", _("答复截止日"))):
        value: date | None = getattr(draft, name)
        if value is None:
            yield name, Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": label})
        elif value < today:
            yield name, Refused("date_past", _("日期 {until} 已经过去。请填今天或以后的日期。"), {"until": value.isoformat()})
    if draft.day is not None and draft.answer_by is not None and draft.answer_by > draft.day:
        yield "answer_by", Refused("answer_after", _("答复截止日不能晚于会期。"))


def _check_counts(draft: MeetingDraft) -> Iterator[tuple[str, Refused]]:
    for name, label, least, most in (
        ("minutes", _("每场分钟数"), LEAST_MINUTES, MOST_MINUTES),
        ("gap", _("换场分钟数"), 0, MOST_GAP),
        ("tables", _("洽谈桌数"), 1, MOST_TABLES),
    ):
        value: int | None = getattr(draft, name)
        if value is None or not least <= value <= most:
            yield name, Refused("count_range", _("{label}应是 {least} 到 {most} 的整数。"), {"label": label, "least": least, "most": most})


def _check_times(draft: MeetingDraft) -> Iterator[tuple[str, Refused]]:
    starts, ends = draft.starts, draft.ends
    if starts is None or not 0 <= starts < MINUTES_OF_DAY:
        yield "starts", Refused("time_missing", _("{label}没有填，请写成 14:00。"), {"label": _("开始时间")})
    if ends is None or not 0 < ends < MINUTES_OF_DAY:
        yield "ends", Refused("time_missing", _("{label}没有填，请写成 14:00。"), {"label": _("结束时间")})
    if starts is None or ends is None:
        return
    if ends <= starts:
        yield "ends", Refused("ends_first", _("结束时间应晚于开始时间。"))
        return
    pauses = [(low, high) for low, high in draft.breaks if low is not None and high is not None and starts <= low < high <= ends]
    if len(pauses) < len(draft.breaks) or len(pauses) > MOST_BREAKS or any(a[1] > b[0] for a, b in pairwise(sorted(pauses))):
        yield (
            "breaks",
            Refused("breaks_wrong", _("休息时间应在会议时间内、先后不重叠，写成 15:20–15:40，最多 {most} 段。"), {"most": MOST_BREAKS}),
        )
    elif draft.minutes and draft.gap is not None and not rounds_of(starts, ends, draft.minutes, draft.gap, pauses):
        yield "ends", Refused("no_round", _("这段时间里排不下一场，请延长时间或缩短每场分钟数。"))


def rounds_of(starts: int, ends: int, minutes: int, gap: int, breaks: Sequence[Span]) -> list[Span]:
    """When the rounds of talks begin and end, none of them into a break."""
    found, at = [], starts
    pauses = sorted(breaks)
    while minutes > 0 and at + minutes <= ends:
        hit = next((high for low, high in pauses if at < high and at + minutes > low), None)
        if hit is not None:
            at = hit
            continue
        found.append((at, at + minutes))
        at += minutes + gap
    return found


def clock(minute: int) -> str:
    """14:05, of a minute of the day."""
    return f"{minute // 60:02}:{minute % 60:02}"


def read_clock(text: str) -> int | None:
    """The minute of the day that somebody typed; None for what is no time."""
    hours, colon, minutes = text.strip().replace("：", ":").partition(":")
    if not colon or not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()):
        return None
    found = int(hours[:3]) * 60 + int(minutes[:3])
    return found if len(minutes) == 2 and int(hours) < 24 and int(minutes) < 60 else None


def read_breaks(text: str) -> list[tuple[int | None, int | None]]:
    """15:20–15:40, one a line or with commas between; what cannot be read is there as None."""
    for mark in "，、；;\n":
        text = text.replace(mark, ",")
    found = []
    for part in (one.strip() for one in text.split(",")):
        if part:
            for dash in "—–－~～至":
                part = part.replace(dash, "-")
            low, _dash, high = part.partition("-")
            found.append((read_clock(low), read_clock(high)))
    return found


@dataclass
class ResultDraft:
    """How one talk ended, as it is typed."""

    result: str = ""
    amount_fen: int | None = None
    amount_typed: bool = False
    note: str = ""
    next_step: str = ""


MOST_FEN = 10**14


def check_result(draft: ResultDraft) -> Iterator[tuple[str, Refused]]:
    if draft.result not in set(Result):
        yield "result", Refused("no_result", _("请选这场洽谈的结果。"))
    wrong = draft.amount_fen is None if draft.amount_typed else False
    if wrong or (draft.amount_fen is not None and not 0 < draft.amount_fen < MOST_FEN):
        yield "amount_wan", Refused("intended_range", _("意向金额应大于 0，以万元填写；还没有数就空着。"))
    elif draft.amount_fen is not None and draft.result != Result.INTENT:
        yield "amount_wan", Refused("amount_without_intent", _("没有意向的洽谈不填意向金额。"))
    yield from check_text("note", _("洽谈记录"), draft.note, most=2_000)
    yield from check_text("next_step", _("下一步"), draft.next_step, most=500)
