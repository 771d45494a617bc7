"""The pilot's own lists and words as its performance evaluation needs them, for pages, jobs and the demonstration alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from marketplace.actions.performance_steps import Step
from marketplace.domain.access import Role, Viewer
from marketplace.domain.performance import RoundKind, RoundState
from marketplace.domain.performance_rules import Subject
from marketplace.letters.letter import Letter
from marketplace.letters.performance_report import Words, report_letter
from marketplace.pilot import Pilot
from marketplace.records.figures import find_money
from marketplace.records.performance import PerformanceRound, find_compared

_WHOLE = Viewer(roles=frozenset({Role.ADMIN}))


def step_by(pilot: Pilot, viewer: Viewer, at: datetime, today: date, seen: int | None = None) -> Step:
    """Who acts, when, by this pilot's rules and lists."""
    sectors = [one.key for one in pilot.sectors]
    return Step(viewer, at, today, pilot.performance, pilot.figure, pilot.city.term_end.year, sectors, areas_of(pilot), seen)


def areas_of(pilot: Pilot) -> dict[str, frozenset[str]]:
    """A park with those within it."""
    return {one.key: frozenset({one.key, *(two.key for two in pilot.areas if two.parent == one.key)}) for one in pilot.areas}


def letter_of(session: Session, found: PerformanceRound, content: Mapping[str, Any], pilot: Pilot) -> Letter:
    """The letter of a round; of one that is not issued it says that it is a draft."""
    bureau, of_pilot = _word(pilot, "role", "bureau"), found.subject == Subject.PILOT
    day = (found.reviewed_at or found.created).astimezone(ZoneInfo(pilot.city.zone)).date()
    if found.state != RoundState.ISSUED:
        # A draft is of the day on which its figures were taken, and its money is that of this day.
        day = max(day, *(row.filled_on or day for row in found.items))
        if of_pilot:
            content = {**content, "money": find_money(session, pilot.figure, day)}
    earlier = [
        (title_of(row), row.total)
        for row in find_compared(session, found.subject, found.area, _WHOLE)
        if row.state == RoundState.ISSUED and row.total is not None and row.id != found.id and row.year <= found.year
    ]
    return report_letter(
        content,
        words=words_of(pilot),
        title=title_of(found),
        subject=subject_of(found, pilot),
        number=found.number,
        addressee=pilot.performance.addressee if of_pilot else bureau,
        sign_off=bureau if of_pilot else subject_of(found, pilot),
        date=f"{day.year}年{day.month}月{day.day}日",
        before=earlier,
        is_draft=found.state != RoundState.ISSUED,
    )


def title_of(found: PerformanceRound) -> str:
    return f"{found.year} 年度绩效自评报告" if found.kind == RoundKind.ANNUAL else "终期绩效评价报告"


def subject_of(found: PerformanceRound, pilot: Pilot) -> str:
    """Who is evaluated, by name."""
    if found.subject == Subject.PILOT:
        return f"{pilot.city.name}{pilot.city.title}"
    return _word(pilot, "area", found.area) if found.subject == Subject.AREA else _word(pilot, "role", "manager")


def words_of(pilot: Pilot) -> Words:
    words = {("sector", term.key): term.short or term.name for term in pilot.sectors}
    return words | {("orientation", term.key): term.name for term in pilot.orientations}


def _word(pilot: Pilot, kind: str, key: str) -> str:
    found = pilot.find(kind, key)
    return found.name if found else key
