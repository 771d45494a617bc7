"""An application window (申报窗口): its notice is drafted, published or withdrawn; whether it is open follows from its dates alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import Calendar, days_left


class WindowState(StrEnum):
    """States of the notice."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Phase(StrEnum):
    """What a window is on a day: not yet open, open, soon closed, closed, results published; or not to be seen at all."""

    DRAFT = "draft"
    WITHDRAWN = "withdrawn"
    COMING = "coming"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    RESULTS = "results"


ACCEPTING = frozenset({Phase.OPEN, Phase.CLOSING})


class Dated(Protocol):
    """What a phase is read from; a record of a window is such a thing."""

    @property
    def state(self) -> WindowState: ...
    @property
    def opens(self) -> date: ...
    @property
    def closes(self) -> date: ...
    @property
    def results_published_at(self) -> datetime | None: ...


def phase(window: Dated, today: date, calendar: Calendar = Calendar(), *, soon: int = 3) -> Phase:
    """The window on `today`, which counts until 24:00. Soon closed: at most `soon` working days are left."""
    if window.state != WindowState.PUBLISHED:
        return Phase(window.state.value)
    if window.results_published_at is not None:
        return Phase.RESULTS
    if today < window.opens:
        return Phase.COMING
    if today > window.closes:
        return Phase.CLOSED
    return Phase.CLOSING if days_left(today, window.closes, calendar) <= soon else Phase.OPEN


_MANAGER = (Role.MANAGER, Role.ADMIN)

TABLE: Table = (
    Transition((WindowState.DRAFT,), "publish", WindowState.PUBLISHED, _MANAGER, "发布通知"),
    Transition((WindowState.DRAFT, WindowState.PUBLISHED), "withdraw", WindowState.WITHDRAWN, _MANAGER, "撤回通知"),
)


@dataclass
class WindowDraft:
    """A window as it is typed. `required`: keys of documents without which nobody can hand in."""

    title: str = ""
    text: str = ""
    sectors: list[str] = field(default_factory=list)
    required: list[str] = field(default_factory=list)
    opens: date | None = None
    closes: date | None = None
    publicity_days: int | None = 0


def check(draft: WindowDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    yield from check_text("title", _("标题"), draft.title, most=100, required=True)
    yield from check_text("text", _("通知正文"), draft.text, most=20_000, required=True)
    if not draft.sectors:
        yield "sectors", Refused("required", _("{label}没有选。"), {"label": _("面向行业")})
    if draft.opens is None:
        yield "opens", Refused("required", _("{label}没有填。"), {"label": _("开放日期")})
    if draft.closes is None:
        yield "closes", Refused("required", _("{label}没有填。"), {"label": _("截止日期")})
    if draft.opens and draft.closes and draft.closes < draft.opens:
        dates = {"opens": draft.opens.isoformat(), "closes": draft.closes.isoformat()}
        yield "closes", Refused("dates_reversed", _("截止日期 {closes} 早于开放日期 {opens}，请对调或修改。"), dates)
    if draft.publicity_days is None or not 0 <= draft.publicity_days <= 60:
        yield "publicity_days", Refused("publicity_days", _("公示应为 0 至 60 个工作日，0 表示不公示。"))


def check_published(draft: WindowDraft, today: date) -> Refused | None:
    """A notice that is over on the day of its publication would let nobody apply."""
    if draft.closes is not None and draft.closes < today:
        return Refused("closes_past", _("截止日期 {closes} 已经过去，不能发布。请先改截止日期。"), {"closes": draft.closes.isoformat()})
    return None


def check_closing(*, opens: date, old: date, new: date | None, today: date) -> Refused | None:
    """A new last day of a published window: extended (even after it closed), or closed early, but never in the past."""
    if new is None:
        return Refused("required", _("{label}没有填。"), {"label": _("截止日期")})
    if new == old:
        return Refused("same_closing", _("截止日期没有变化。"))
    if new < opens:
        dates = {"opens": opens.isoformat(), "closes": new.isoformat()}
        return Refused("dates_reversed", _("截止日期 {closes} 早于开放日期 {opens}，请对调或修改。"), dates)
    if new < today:
        return Refused("closing_past", _("截止日期 {closes} 已经过去。提前截止最早为今天 24:00。"), {"closes": new.isoformat()})
    return None
