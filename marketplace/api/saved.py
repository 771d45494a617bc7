"""What a person keeps: saved searches that look again by themselves, and a shortlist of solutions. Both are one's own only."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from indexer.query import Kind
from marketplace.actions import saved as actions
from marketplace.api import models as out
from marketplace.api.brokering_models import SolutionRef
from marketplace.api.days import today
from marketplace.api.operation import Model, operation
from marketplace.api.shown import provider_ref
from marketplace.domain.access import audience, may
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.saved import Frequency
from marketplace.domain.solutions import SolutionState
from marketplace.guard import current_viewer, for_the_logged_in, for_the_logged_in_to_write, not_found, now
from marketplace.jobs.alerts import DEPTH
from marketplace.records.providers import find_hidden_provider_ids
from marketplace.records.saved import SavedSearch, ShortlistItem, find_searches, find_shortlist
from marketplace.records.solutions import Solution
from marketplace.search_address import KINDS, Address, parse, query_of
from marketplace.site import current_site


class SavedSearchOut(Model):
    """`query`: the search as the part of the page's address after “?”; `fresh`: how much is new since it was opened last."""

    id: str
    title: str
    query: str
    frequency: Frequency
    fresh: int
    looked: date | None
    saved: datetime


class SavedSearchList(Model):
    """The newest first."""

    items: list[SavedSearchOut]


class SavedSearchIn(Model):
    """A search as the search page's address says it; what makes no sense in it is left out."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "本地的质检方案", "query": "q=质检&local=yes", "frequency": "weekly"}]}
    )
    title: str = Field(max_length=100)
    query: str = Field("", max_length=2_000)
    frequency: Frequency = Frequency.NEVER


class FrequencyIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"frequency": "daily"}]})
    frequency: Frequency


class ShortlistedOut(Model):
    """A solution that the viewer keeps. `public`: whether everybody may see it now."""

    solution: SolutionRef
    provider: out.ProviderRef
    note: str
    public: bool
    at: datetime


class Shortlist(Model):
    """The newest first."""

    items: list[ShortlistedOut]


class ShortlistIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "下周和设备科一起看"}]})
    note: str = Field("", max_length=500)


@for_the_logged_in
@operation("/saved-searches", summary="The viewer's saved searches", tag="saved", answer=SavedSearchList)
def list_saved_searches() -> SavedSearchList:
    return _searches()


def _searches() -> SavedSearchList:
    with current_site().database.reading() as session:
        return SavedSearchList(items=[_search(row) for row in find_searches(session, current_viewer().account_id or 0)])


def _search(row: SavedSearch) -> SavedSearchOut:
    same = {name: getattr(row, name) for name in ("title", "query", "frequency", "fresh", "looked")}
    return SavedSearchOut(**same, id=row.public_id, saved=row.at)


@for_the_logged_in_to_write
@operation(
    "/saved-searches",
    method="POST",
    summary="Keep a search; what it finds later is new",
    tag="saved",
    body=SavedSearchIn,
    answer=SavedSearchOut,
    status=201,
    writes=True,
)
def save_search(body: SavedSearchIn) -> SavedSearchOut:
    site, viewer = current_site(), current_viewer()
    address = _address(body.query)
    query = address.at(1).url("").lstrip("?")
    row = actions.save_search(site.database, body.title, query, body.frequency, _found_now(address), viewer=viewer, at=now(), today=today())
    return _search(row)


def _address(query: str) -> Address:
    """The search as its own address would say it, among what this person may search."""
    kinds = [kind for kind in KINDS if kind != Kind.PROBLEM or may(current_viewer(), "search", "problem")]
    return parse(MultiDict(parse_qsl(query)), kinds)


def _found_now(address: Address) -> list[int]:
    site = current_site()
    with site.database.reading() as session:
        hidden = find_hidden_provider_ids(session)
    found = site.index.search(query_of(address, audience=audience(current_viewer()), hidden=hidden, size=DEPTH, depth=200))
    return [hit.thing_id for hit in found.hits]


def _own(session: Session, id: str) -> SavedSearch:
    own = select(SavedSearch).where(SavedSearch.public_id == id, SavedSearch.account_id == current_viewer().account_id)
    return session.scalar(own) or not_found()


def _changed(id: str, act: Any) -> SavedSearchOut:
    with current_site().database.reading() as session:
        _own(session, id)
    act()
    with current_site().database.reading() as session:
        return _search(_own(session, id))


@for_the_logged_in_to_write
@operation(
    "/saved-searches/<id>",
    method="PUT",
    summary="How often one is told of what is new",
    tag="saved",
    body=FrequencyIn,
    answer=SavedSearchOut,
    writes=True,
)
def change_frequency(id: str, body: FrequencyIn) -> SavedSearchOut:
    database, viewer = current_site().database, current_viewer()
    return _changed(id, lambda: actions.change_frequency(database, id, body.frequency, viewer=viewer, at=now()))


@for_the_logged_in_to_write
@operation(
    "/saved-searches/<id>/open", method="POST", summary="Open a search: what was new is new no longer", tag="saved", answer=SavedSearchOut,
    writes=True,
)  # fmt: skip
def open_saved_search(id: str) -> SavedSearchOut:
    return _changed(id, lambda: actions.look_at(current_site().database, id, viewer=current_viewer()))


@for_the_logged_in_to_write
@operation("/saved-searches/<id>", method="DELETE", summary="Keep a search no longer", tag="saved", answer=SavedSearchList, writes=True)
def forget_search(id: str) -> SavedSearchList:
    with current_site().database.reading() as session:
        _own(session, id)
    actions.forget_search(current_site().database, id, viewer=current_viewer(), at=now())
    return _searches()


@for_the_logged_in
@operation("/shortlist", summary="The viewer's shortlist", tag="saved", answer=Shortlist)
def read_shortlist() -> Shortlist:
    return _shortlist()


def _shortlist() -> Shortlist:
    with current_site().database.reading() as session:
        return Shortlist(items=[_item(row) for row in find_shortlist(session, current_viewer().account_id or 0)])


def _item(row: ShortlistItem) -> ShortlistedOut:
    solution = SolutionRef(id=row.solution.public_id, title=row.solution.title)
    return ShortlistedOut(
        solution=solution, provider=provider_ref(row.solution.provider), note=row.note, public=_is_public(row.solution), at=row.at
    )


def _is_public(row: Solution) -> bool:
    return row.state == SolutionState.PUBLISHED and row.provider.state in SEARCHABLE


@for_the_logged_in_to_write
@operation(
    "/shortlist/<id>",
    method="PUT",
    summary="Keep a solution in sight, by its id; a new note where it is kept already",
    tag="saved",
    body=ShortlistIn,
    answer=Shortlist,
    writes=True,
)
def shortlist_solution(id: str, body: ShortlistIn) -> Shortlist:
    database = current_site().database
    with database.reading() as session:
        row = session.scalar(select(Solution).where(Solution.public_id == id))
        number = row.id if row is not None and _is_public(row) else not_found()
    actions.shortlist(database, number, body.note, viewer=current_viewer(), at=now())
    return _shortlist()


@for_the_logged_in_to_write
@operation("/shortlist/<id>", method="DELETE", summary="Keep a solution in sight no longer", tag="saved", answer=Shortlist, writes=True)
def drop_from_shortlist(id: str) -> Shortlist:
    database = current_site().database
    with database.reading() as session:
        number = session.scalar(select(Solution.id).where(Solution.public_id == id)) or not_found()
    if not actions.drop(database, number, viewer=current_viewer(), at=now()):
        not_found()
    return _shortlist()
