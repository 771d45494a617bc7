"""Progress (进度): one report a month while a project runs, due early in the next month; late, and very late."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import Calendar, days_left


class ReportState(StrEnum):
    """Wanted; handed in; sent back to be mended."""

    WANTED = "wanted"
    HANDED_IN = "handed_in"
    RETURNED = "returned"


class Lateness(StrEnum):
    """Of a report: in time, late, very late."""

    IN_TIME = "in_time"
    LATE = "late"
    VERY_LATE = "very_late"


_S = ReportState
_OWN = (Role.ENTERPRISE, Role.ADMIN)
OPEN = frozenset({_S.WANTED, _S.RETURNED})

TABLE: Table = (
    Transition((_S.WANTED,), "hand_in", _S.HANDED_IN, _OWN, "提交月报"),
    Transition((_S.RETURNED,), "hand_in", _S.HANDED_IN, _OWN, "补充后提交"),
    Transition((_S.HANDED_IN,), "send_back", _S.RETURNED, (Role.MANAGER, Role.BUREAU, Role.ADMIN), "退回补充"),
)


@dataclass
class ReportDraft:
    """What the enterprise says of a month. `spending_fen`: all that was spent until its end; `reached`: milestone → day it was reached."""

    text: str = ""
    percent: int | None = None
    spending_fen: int | None = None
    problems: str = ""
    help: str = ""
    reached: dict[int, date | None] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportFrame:
    """What a report is held against."""

    today: date
    milestones: frozenset[int] = frozenset()
    starts: date | None = None
    last_percent: int = 0
    last_spending_fen: int = 0


def check(draft: ReportDraft, frame: ReportFrame) -> Iterator[tuple[str, Refused]]:
    yield from check_text("text", _("本月进展"), draft.text, most=5_000, required=True)
    yield from check_text("problems", _("遇到的问题"), draft.problems, most=5_000)
    yield from check_text("help", _("需要的帮助"), draft.help, most=5_000)
    if draft.percent is None or not 0 <= draft.percent <= 100:
        yield "percent", Refused("percent_range", _("完成百分比应在 0 到 100 之间。"))
    elif draft.percent < frame.last_percent and not draft.problems.strip():
        values = {"now": draft.percent, "last": frame.last_percent}
        yield "percent", Refused("percent_falls", _("完成百分比从 {last} 降到 {now}，请在“遇到的问题”里写明原因。"), values)
    if draft.spending_fen is None or not 0 <= draft.spending_fen <= 10**15:
        yield "spending", Refused("spending_missing", _("累计支出没有填，单位是万元，没有支出请填 0。"))
    elif draft.spending_fen < frame.last_spending_fen and not draft.problems.strip():
        yield "spending", Refused("spending_falls", _("累计支出比上月少，请核对；确实减少的，请在“遇到的问题”里写明原因。"))
    for number, on in draft.reached.items():
        if number not in frame.milestones:
            yield "milestones", Refused("unknown_milestone", _("这个里程碑不是本项目的。"))
        elif on is not None and on > frame.today:
            yield "milestones", Refused("future", _("发生日期 {on} 还没有到。"), {"on": on.isoformat()})


def month_of(day: date) -> str:
    return f"{day.year}-{day.month:02}"


def first_of(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def next_month(month: str) -> str:
    return month_of(first_of(month) + timedelta(days=31))


def months_until(first: str, last: str, *, most: int = 120) -> list[str]:
    """Every month from the first to the last; nothing where the first lies behind it."""
    found: list[str] = []
    month = first
    while month <= last and len(found) < most:
        found.append(month)
        month = next_month(month)
    return found


def due_of(month: str, report_day: int) -> date:
    """The day of the next month until which a month is reported; a month that has no such day ends earlier."""
    after = first_of(next_month(month))
    last = first_of(next_month(month_of(after))) - timedelta(days=1)
    return after.replace(day=min(report_day, last.day))


def lateness(due: date, handed_in: date | None, today: date, calendar: Calendar, *, very_late_days: int) -> Lateness:
    """How late a report was handed in; one that is still wanted is as late as today."""
    day = handed_in if handed_in is not None else today
    if day <= due:
        return Lateness.IN_TIME
    return Lateness.VERY_LATE if -days_left(day, due, calendar) > very_late_days else Lateness.LATE


def wanted_months(known: Collection[str], begun: date, today: date) -> list[str]:
    """The months that a report is wanted for and was not asked for yet; a month is asked for once it is over."""
    over = month_of(first_of(month_of(today)) - timedelta(days=1))
    return [month for month in months_until(month_of(begun), over) if month not in known]
