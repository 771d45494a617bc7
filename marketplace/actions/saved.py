"""Keeping searches and solutions for later, and choosing what one wants to hear of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.saved import STRENGTHS, Frequency, check_search, check_shortlisted
from marketplace.domain.solutions import SolutionState
from marketplace.records.database import Database
from marketplace.records.problems import Problem
from marketplace.records.saved import (
    DemandAlert,
    DemandMute,
    SavedSearch,
    ShortlistItem,
    count_searches,
    find_mutes,
    find_shortlisted,
    kind_of,
)
from marketplace.records.solutions import Solution

SEARCH, SHORTLIST, ALERT = "saved_search", "shortlist", "demand_alert"


def save_search(
    database: Database, title: str, query: str, frequency: Frequency, known: Sequence[int], *, viewer: Viewer, at: datetime, today: date
) -> SavedSearch:
    """Keep a search. `known`: what it finds now, so that only what comes later is new."""
    account = _person(viewer)
    with database.writing() as session:
        for _field, refused in check_search(title, kept=count_searches(session, account)):
            raise RefusedError(refused)
        same = session.scalar(select(SavedSearch).where(SavedSearch.account_id == account, SavedSearch.query == query))
        if same is not None:
            raise RefusedError(Refused("search_kept", _("这个搜索已经保存过：{title}"), {"title": same.title}))
        row = SavedSearch(account_id=account, title=title.strip(), query=query, frequency=frequency, known=list(known), looked=today, at=at)
        session.add(row)
        session.flush()
        after = {"title": row.title, "query": query, "frequency": str(frequency)}
        record(session, actor=actor_of(viewer), verb="save", noun=SEARCH, noun_id=row.id, before=None, after=after, at=at)
        return row


def change_frequency(database: Database, public_id: str, frequency: Frequency, *, viewer: Viewer, at: datetime) -> None:
    """How often one is told of what is new in a saved search."""
    with database.writing() as session:
        row = _own(session, public_id, viewer)
        if row.frequency == frequency:
            return
        before, row.frequency = {"frequency": str(row.frequency)}, frequency
        session.flush()
        after = {"frequency": str(frequency)}
        record(session, actor=actor_of(viewer), verb="change", noun=SEARCH, noun_id=row.id, before=before, after=after, at=at)


def look_at(database: Database, public_id: str, *, viewer: Viewer) -> str:
    """The person opens a saved search: what was new is new no longer. The search, as the part of an address after “?”."""
    with database.writing() as session:
        row = _own(session, public_id, viewer)
        row.fresh = 0
        return row.query


def forget_search(database: Database, public_id: str, *, viewer: Viewer, at: datetime) -> None:
    with database.writing() as session:
        row = _own(session, public_id, viewer)
        before = {"title": row.title, "query": row.query}
        session.delete(row)
        session.flush()
        record(session, actor=actor_of(viewer), verb="drop", noun=SEARCH, noun_id=row.id, before=before, after=None, at=at)


def shortlist(database: Database, solution_id: int, note: str, *, viewer: Viewer, at: datetime) -> ShortlistItem:
    """Keep a solution in sight; one that is kept already gets the new note."""
    account = _person(viewer)
    with database.writing() as session:
        item = find_shortlisted(session, account, solution_id)
        counted = select(func.count()).select_from(ShortlistItem).where(ShortlistItem.account_id == account)
        for _field, refused in check_shortlisted(note, kept=0 if item else session.scalar(counted) or 0):
            raise RefusedError(refused)
        refuse_unless(session.get_one(Solution, solution_id).state == SolutionState.PUBLISHED or item is not None)
        before = {"note": item.note} if item else None
        if item is None:
            item = ShortlistItem(account_id=account, solution_id=solution_id, at=at)
            session.add(item)
        item.note = note.strip()
        session.flush()
        after = {"solution_id": solution_id, "note": item.note}
        record(session, actor=actor_of(viewer), verb="save", noun=SHORTLIST, noun_id=item.id, before=before, after=after, at=at)
        return item


def drop(database: Database, solution_id: int, *, viewer: Viewer, at: datetime) -> bool:
    """Keep a solution in sight no longer. False: it was not kept."""
    with database.writing() as session:
        item = find_shortlisted(session, _person(viewer), solution_id)
        if item is None:
            return False
        before = {"solution_id": solution_id, "note": item.note}
        session.delete(item)
        session.flush()
        record(session, actor=actor_of(viewer), verb="drop", noun=SHORTLIST, noun_id=item.id, before=before, after=None, at=at)
        return True


def choose_alert(database: Database, provider_id: int, strength: int, frequency: Frequency, *, viewer: Viewer, at: datetime) -> None:
    """From which strength on, and how often, a provider hears of demands."""
    refuse_unless(provider_id in viewer.provider_ids)
    if strength not in STRENGTHS:
        raise RefusedError(Refused("strength_unknown", _("请选择从哪一档匹配开始提醒。")))
    with database.writing() as session:
        row = session.get(DemandAlert, provider_id, with_for_update=True)
        before = {"strength": row.strength, "frequency": str(row.frequency)} if row else None
        after = {"strength": strength, "frequency": str(frequency)}
        if before == after:
            return
        if row is None:
            row = DemandAlert(provider_id=provider_id)
            session.add(row)
        row.strength, row.frequency = strength, frequency
        session.flush()
        record(session, actor=actor_of(viewer), verb="change", noun=ALERT, noun_id=provider_id, before=before, after=after, at=at)


def mute(database: Database, provider_id: int, problem_id: int, *, viewer: Viewer, at: datetime) -> DemandMute:
    """Less of this: no more word of demands of the same sector, stage and scenario."""
    refuse_unless(provider_id in viewer.provider_ids)
    with database.writing() as session:
        sector, stage, scenario = kind_of(session.get_one(Problem, problem_id))
        known = next((row for row in find_mutes(session, provider_id) if row.kind == (sector, stage, scenario)), None)
        if known is not None:
            return known
        row = DemandMute(provider_id=provider_id, sector=sector, stage=stage, scenario_code=scenario, at=at)
        session.add(row)
        session.flush()
        after = {"sector": sector, "stage": stage, "scenario_code": scenario}
        record(session, actor=actor_of(viewer), verb="mute", noun=ALERT, noun_id=provider_id, before=None, after=after, at=at)
        return row


def unmute(database: Database, provider_id: int, mute_id: int, *, viewer: Viewer, at: datetime) -> None:
    """Word of these demands again."""
    refuse_unless(provider_id in viewer.provider_ids)
    with database.writing() as session:
        row = next((row for row in find_mutes(session, provider_id) if row.id == mute_id), None)
        if row is None:
            return
        before = {"sector": row.sector, "stage": row.stage, "scenario_code": row.scenario_code}
        session.delete(row)
        session.flush()
        record(session, actor=actor_of(viewer), verb="unmute", noun=ALERT, noun_id=provider_id, before=before, after=None, at=at)


def _person(viewer: Viewer) -> int:
    refuse_unless(viewer.is_known)
    assert viewer.account_id is not None
    return viewer.account_id


def _own(session: Session, public_id: str, viewer: Viewer) -> SavedSearch:
    """Another person's is as absent as none."""
    row = session.scalar(select(SavedSearch).where(SavedSearch.public_id == public_id, SavedSearch.account_id == viewer.account_id))
    if row is None:
        raise RefusedError(Refused("no_such_search", _("没有这个保存的搜索，可能已经删掉了。")))
    return row
