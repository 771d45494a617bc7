"""绩效评价: rounds are opened with the indicators of the pilot, their lines filled from the platform or by hand, and gaps explained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.files import attach, supersede
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.numbers import next_number
from marketplace.actions.performance_steps import HARMLESS, ITEM, NOUN, PROOF, Step, fillable, locked, settle
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.figures import Value
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import FEN_PER_WAN
from marketplace.domain.performance import (
    LONGEST_SUMMARY,
    MOST,
    RoundDraft,
    RoundKind,
    RoundState,
    check,
    check_entry,
    shares_of_weight,
)
from marketplace.domain.performance_rules import Indicator, Subject, Unit
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import term
from marketplace.files.store import StoredBlob
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.files import Attachment
from marketplace.records.performance import PerformanceItem, PerformanceRound, find_same, find_values

SERIES = "JX"


def open_rounds(database: Database, draft: RoundDraft, step: Step) -> list[PerformanceRound]:
    """A round for the pilot or the general manager, or one for each of some areas. What was opened already is refused, all of it."""
    must_hold(step.viewer, "manage", "performance")
    return _open(database, draft, step)


def open_of_year(database: Database, step: Step) -> PerformanceRound | None:
    """The pilot's self-evaluation of this year, opened by the clock once its month has begun; None where there is one, or it is too early."""
    year, month = step.today.year, step.rules.month
    with database.reading() as session:
        if step.today.month < month or find_same(session, RoundKind.ANNUAL, year, Subject.PILOT, "") is not None:
            return None
        due = term(step.today, step.rules.fill_days, find_calendar(session)).due
    draft = RoundDraft(RoundKind.ANNUAL, year, Subject.PILOT, as_of=date(year, 12, 31), due=due)
    return _open(database, draft, step)[0]


def _open(database: Database, draft: RoundDraft, step: Step) -> list[PerformanceRound]:
    _refuse_first(check(draft, first_year=step.rules.first_year, last_year=step.last_year))
    subject, kind = Subject(draft.subject), RoundKind(draft.kind)
    with database.writing() as session:
        # The number series is the queue of those who open at once.
        numbers = [next_number(session, SERIES, step.today.year) for _area in _areas(draft)]
        for area in _areas(draft):
            if area and area not in step.areas:
                raise RefusedError(Refused("no_area", _("请至少选一个开发区或街镇。")))
            if same := find_same(session, kind, draft.year, subject, area):
                values = {"number": same.number}
                raise RefusedError(Refused("round_exists", _("这一年的同一评价已经开过：{number}。"), values))
        return [_opened(session, draft, area, number, step) for area, number in zip(_areas(draft), numbers, strict=True)]


def _areas(draft: RoundDraft) -> Sequence[str]:
    return tuple(dict.fromkeys(draft.areas)) if draft.subject == Subject.AREA else ("",)


def _opened(session: Session, draft: RoundDraft, area: str, number: str, step: Step) -> PerformanceRound:
    assert draft.as_of is not None
    assert draft.due is not None
    found = PerformanceRound(
        number=number, kind=RoundKind(draft.kind), year=draft.year, subject=Subject(draft.subject), area=area, as_of=draft.as_of,
        due=draft.due, created_by=step.viewer.account_id, created=step.at,
    )  # fmt: skip
    year = None if found.kind == RoundKind.FINAL else draft.year
    found.items.extend(_lines(step, found.subject, year))
    session.add(found)
    session.flush()
    after = {"number": number, "kind": str(found.kind), "year": found.year, "subject": str(found.subject), "area": area}
    _note(session, NOUN, found.id, "create", step, None, after | {"as_of": found.as_of.isoformat(), "due": found.due.isoformat()})
    settle(session, found, step)
    return found


def _lines(step: Step, subject: str, year: int | None) -> Iterator[PerformanceItem]:
    """One line an indicator, or one for each sector of it, with the definition of today."""
    position = 0
    for one in step.rules.of(subject):
        sectors: Sequence[str] = step.sectors if one.each else ("",)
        for sector, weight in zip(sectors, shares_of_weight(one.weight, len(sectors)), strict=True):
            yield _line(one, sector, weight, position, step.rules.target(one, year))
            position += 1


def _line(one: Indicator, sector: str, weight: float, position: int, target: float) -> PerformanceItem:
    return PerformanceItem(
        position=position, indicator=one.key, sector=sector, name=one.name, en=one.en, group=one.group, unit=one.unit, measure=one.measure,
        weight=weight, target=target, comparison=one.comparison, scoring=one.scoring, floor=one.floor, figure=one.figure,
        goals=list(one.goals), evidence=one.evidence, evidence_en=one.evidence_en, by_hand=not one.figure, explanation="",
    )  # fmt: skip


def set_target(database: Database, item_id: int, target: float | None, step: Step) -> PerformanceItem:
    """The bureau sets another target before the round is started; afterwards everybody works by it."""
    must_hold(step.viewer, "manage", "performance")
    if target is None or abs(target) > MOST:
        raise RefusedError(Refused("no_target", _("目标值没有填，或者不是数。")))
    with database.writing() as session:
        item = session.get_one(PerformanceItem, item_id)
        if locked(session, item.round_id, step).state != RoundState.DRAFTED:
            raise RefusedError(Refused("target_fixed", _("评价已经启动，目标值不能再改。")))
        refuse_if_moved(session, ITEM, item.id, seen=step.seen, at=step.at, harmless=HARMLESS)
        before, item.target = item.target, target
        session.flush()
        if before != target:
            _note(session, ITEM, item.id, "set_target", step, {"target": before}, {"target": target})
        return item


def fill(database: Database, round_id: int, day: date, step: Step) -> PerformanceRound:
    """All lines that the platform can fill, as of a day. What was typed stays; what the platform says is kept beside it."""
    if day > step.today:
        raise RefusedError(Refused("day_in_the_future", _("数据截至的日期还没有到。")))
    with database.writing() as session:
        found = fillable(session, round_id, step)
        refuse_if_moved(session, NOUN, found.id, seen=step.seen, at=step.at, harmless=HARMLESS)
        areas = step.areas.get(found.area, frozenset({found.area})) if found.area else frozenset()
        wanted = [(item.sector, item.figure) for item in found.items if item.figure]
        values = find_values(session, wanted, day, areas, step.figure)
        changed = [item for item in found.items if item.figure and _take(item, values[(item.sector, item.figure)], day, step)]
        before, found.as_of = found.as_of, day
        session.flush()
        after = {"as_of": day.isoformat(), "changed": len(changed)}
        _note(session, NOUN, found.id, "fill", step, {"as_of": before.isoformat()}, after)
        for item in changed:
            _note(session, ITEM, item.id, "fill", step, None, {"value": item.value, "part": item.part, "whole": item.whole})
        return found


def _take(item: PerformanceItem, value: Value, day: date, step: Step) -> bool:
    """Whether the line is another one afterwards."""
    before = (item.value, item.platform, item.part, item.whole, item.filled_on)
    item.platform = in_unit(value.value, item.unit)
    if not item.by_hand:
        item.value, item.part, item.whole, item.filled_on = item.platform, value.part, value.whole, day
        item.filled_by = step.viewer.account_id
    return before != (item.value, item.platform, item.part, item.whole, item.filled_on)


def in_unit(value: float | None, unit: str) -> float | None:
    """A figure of the platform in a line's unit: money there is in fen, here in 万元."""
    if value is None:
        return None
    return round(value / FEN_PER_WAN, 6) if unit == Unit.WAN else float(value)


@dataclass(frozen=True)
class Entry:
    """What is typed for a line: a figure (`by_hand`; then a file must prove it) and why it falls short, or one of both."""

    value: float | None = None
    explanation: str = ""
    by_hand: bool = False


def enter(database: Database, item_id: int, entry: Entry, step: Step) -> PerformanceItem:
    """A platform's line that is no longer by hand takes the platform's figure again."""
    with database.writing() as session:
        item = session.get_one(PerformanceItem, item_id)
        fillable(session, item.round_id, step)
        session.refresh(item)
        refuse_if_moved(session, ITEM, item.id, seen=step.seen, at=step.at, harmless=HARMLESS)
        _enter(session, item, entry, step)
        return item


def enter_all(database: Database, round_id: int, entries: Mapping[tuple[str, str], Entry], step: Step) -> PerformanceRound:
    """Several lines at once, by indicator and sector: all of them, or none."""
    with database.writing() as session:
        found = fillable(session, round_id, step)
        for item in found.items:
            if (entry := entries.get((item.indicator, item.sector))) is not None:
                _enter(session, item, entry, step)
        return found


def _enter(session: Session, item: PerformanceItem, entry: Entry, step: Step) -> None:
    by_hand = entry.by_hand or not item.figure
    _refuse_first(check_entry(entry.value if by_hand else None, entry.explanation, item.unit))
    before = _plain(item)
    if by_hand:
        if not item.by_hand or entry.value != item.value:
            item.part, item.whole, item.filled_on = None, None, step.today
        item.value, item.by_hand = entry.value, True
    elif item.by_hand:
        item.value, item.part, item.whole, item.by_hand = item.platform, None, None, False
    item.explanation = entry.explanation.strip()
    after = _plain(item)
    names = [name for name in after if after[name] != before[name]]
    if names:
        # Whoever explains has worked on it as well.
        item.filled_by = step.viewer.account_id
        session.flush()
        _note(session, ITEM, item.id, "enter", step, {name: before[name] for name in names}, {name: after[name] for name in names})


def _plain(item: PerformanceItem) -> dict[str, Any]:
    return {"value": item.value, "by_hand": item.by_hand, "explanation": item.explanation}


def summarise(database: Database, round_id: int, text: str, step: Step) -> PerformanceRound:
    """What the paper says beside the table: what was done, what is missing, what comes next."""
    _refuse_first(check_text("summary", _("自评说明"), text, most=LONGEST_SUMMARY, required=False))
    with database.writing() as session:
        found = fillable(session, round_id, step)
        refuse_if_moved(session, NOUN, found.id, seen=step.seen, at=step.at, harmless=HARMLESS)
        before, found.summary = found.summary, text.strip()
        session.flush()
        if before != found.summary:
            _note(session, NOUN, found.id, "summarise", step, {"summary": before}, {"summary": found.summary})
        return found


def prove(database: Database, item_ids: Sequence[int], stored: StoredBlob, step: Step) -> list[Attachment]:
    """A file for a line, or for several lines of one round."""
    with database.writing() as session:
        found = []
        for item_id in item_ids:
            item = session.get_one(PerformanceItem, item_id)
            fillable(session, item.round_id, step)
            found.append(
                attach(session, stored, noun=ITEM, noun_id=item.id, kind=PROOF, organisation_id=None, viewer=step.viewer, at=step.at)
            )
        return found


def take_away(database: Database, item_id: int, attachment_id: int, step: Step) -> None:
    """A file counts no longer."""
    with database.writing() as session:
        item = session.get_one(PerformanceItem, item_id)
        fillable(session, item.round_id, step)
        attachment = session.get_one(Attachment, attachment_id)
        if (attachment.noun, attachment.noun_id) != (ITEM, item.id):
            raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
        supersede(session, attachment, step.viewer, step.at)


def _refuse_first(faults: Iterable[tuple[str, Refused]]) -> None:
    for _field, refused in faults:
        raise RefusedError(refused)


def _note(session: Session, noun: str, number: int, verb: str, step: Step, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
    record(session, actor=actor_of(step.viewer), verb=verb, noun=noun, noun_id=number, before=before, after=after, at=step.at)
