"""What a person keeps for later: searches that look again by themselves, a shortlist, and how a provider hears of new demands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_text


class Frequency(StrEnum):
    """How often one is told of what is new."""

    NEVER = "never"
    DAILY = "daily"
    WEEKLY = "weekly"


FREQUENCIES = {Frequency.NEVER: _("不提醒"), Frequency.DAILY: _("每天"), Frequency.WEEKLY: _("每周")}
MOST_SEARCHES = 50
MOST_SHORTLISTED = 200
# Demands are told from “较强” on unless the provider wants it otherwise.
USUAL_STRENGTH = 3
STRENGTHS = (2, 3, 4)


def is_due(frequency: Frequency, told: date | None, today: date) -> bool:
    """Whether today is a day to look again. `told`: when it was looked last, None: never yet."""
    if frequency == Frequency.NEVER:
        return False
    return told is None or today - told >= timedelta(days=7 if frequency == Frequency.WEEKLY else 1)


def check_search(title: str, *, kept: int) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal). `kept`: how many searches the person has already."""
    yield from check_text("title", _("名称"), title, most=100, required=True)
    if kept >= MOST_SEARCHES:
        yield "title", Refused("too_many_searches", _("已保存 {most} 个搜索，请先删掉几个。"), {"most": MOST_SEARCHES})


def check_shortlisted(note: str, *, kept: int) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal). `kept`: how many solutions the person has shortlisted already."""
    yield from check_text("note", _("备注"), note, most=500)
    if kept >= MOST_SHORTLISTED:
        yield "note", Refused("too_many_shortlisted", _("已收藏 {most} 个方案，请先移出几个。"), {"most": MOST_SHORTLISTED})
