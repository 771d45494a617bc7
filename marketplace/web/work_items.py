"""工作台账: the tasks of the plan and their breakdown, for the offices to read, write, take along as a sheet and bring back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, make_response, render_template, request, url_for
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import work_items as actions
from marketplace.domain.lifecycle import Refused, Transition, _, allowed_events
from marketplace.domain.work_items import DEEPEST, OPEN, TABLE, WITH_REASON, WorkState, is_overdue
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.history import find_last_entry
from marketplace.records.work_items import WorkItem, find_below, find_work_item
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.centre import WORDS, Done, acted, status_of, step_of, trail
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import today

pages = Blueprint("work_items", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("work_items.show", public_id=ref)
OVERDUE = "overdue"
_SAID = {"start": _("已开始办理。"), "finish": _("已办结。"), "drop": _("已记为不再办理。"), "reopen": _("已重新办理。")}


@dataclass(frozen=True)
class Asked:
    """What the list is narrowed to; "" for all."""

    phase: str = ""
    state: str = ""
    text: str = ""

    @property
    def kept(self) -> dict[str, str]:
        return {name: value for name, value in (("phase", self.phase), ("state", self.state), ("q", self.text)) if value}


@dataclass(frozen=True)
class Totals:
    """Of the whole ledger."""

    all: int
    done: int
    open: int
    overdue: int


@dataclass(frozen=True)
class WorkList:
    rows: Sequence[WorkItem]
    paging: Paging
    totals: Totals
    asked: Asked


@dataclass(frozen=True)
class WorkPage:
    item: WorkItem
    above: WorkItem | None
    below: Sequence[WorkItem]
    steps: Sequence[Transition]
    done: Sequence[Done]
    seen: int
    may_add: bool


def asked_for() -> Asked:
    """The filters of the address; what is none of the choices is no filter."""
    phase, state = request.args.get("phase", ""), request.args.get("state", "")
    phases = {one.key for one in current_site().pilot.city.phases}
    text = request.args.get("q", "").replace("\0", "").strip()[:100]
    return Asked(phase if phase in phases else "", state if state in (*WorkState, OVERDUE) else "", text)


def found_by(asked: Asked, here: date) -> Select[WorkItem]:
    """In the order of their numbers."""
    query = select(WorkItem)
    if asked.phase:
        query = query.where(WorkItem.phase == asked.phase)
    if asked.state:
        query = query.where(_overdue(here) if asked.state == OVERDUE else WorkItem.state == asked.state)
    if asked.text:
        query = query.where(
            or_(
                *(column.contains(asked.text, autoescape=True) for column in (WorkItem.title, WorkItem.owner, WorkItem.co_owners)),
                WorkItem.code == asked.text,
            )
        )
    return query.order_by(WorkItem.rank)


def _overdue(here: date) -> ColumnElement[bool]:
    return and_(WorkItem.state.in_(OPEN), WorkItem.due < here)


def read_list(session: Session, asked: Asked, here: date) -> WorkList:
    query = found_by(asked, here)
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "work_items.index", **asked.kept)
    rows = session.scalars(query.limit(paging.size).offset(paging.offset)).all()
    counts = (
        func.count(),
        func.count(case((WorkItem.state == WorkState.DONE, 1))),
        func.count(case((WorkItem.state.in_(OPEN), 1))),
        func.count(case((_overdue(here), 1))),
    )
    return WorkList(rows, paging, Totals(*session.execute(select(*counts)).one()), asked)


@pages.get("/work-items")
@permission("read", "work_item")
def index() -> Response:
    return list_page()


def list_page(sentence: str = "", bad: Sequence[object] = ()) -> Response:
    """`bad`: cells of a sheet that was not taken."""
    here = today()
    with current_site().database.reading() as session:
        found = read_list(session, asked_for(), here)
        body = render_template(
            "work_items/index.html",
            found=found,
            asked=found.asked,
            late=lambda item: is_overdue(item.state, item.due, here),
            phases=[one.key for one in current_site().pilot.city.phases],
            states=[*WorkState, OVERDUE],
            sentence=sentence,
            bad=bad,
            **WORDS,
        )
    return make_response(body, 422 if sentence or bad else 200)


@pages.get("/work-items/<public_id>")
@permission("read", "work_item")
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, why: str = "") -> Response:
    here = today()
    with current_site().database.reading() as session:
        page = read_page(session, found_item(session, public_id))
        body = render_template(
            "work_items/show.html",
            page=page,
            item=page.item,
            late=lambda item: is_overdue(item.state, item.due, here),
            with_reason=WITH_REASON,
            sentence=sentence_of(refused),
            why=why,
            **WORDS,
        )
    return make_response(body, status_of(refused))


def found_item(session: Session, public_id: str) -> WorkItem:
    return find_work_item(session, public_id) or not_found()


def read_page(session: Session, item: WorkItem) -> WorkPage:
    above = session.get(WorkItem, item.parent_id) if item.parent_id is not None else None
    steps = allowed_events(TABLE, item.state, current_viewer().roles)
    last = find_last_entry(session, actions.NOUN, item.id)
    deep = item.code.count(".") + 1 >= DEEPEST
    done = trail(session, actions.NOUN, item.id)
    return WorkPage(item, above, find_below(session, item.id), steps, done, last, item.state in OPEN and not deep)


@pages.post("/work-items/<public_id>/<any(start, finish, drop, reopen):event>")
@permission("manage", "work_item")
def move(public_id: str, event: str) -> Response:
    database, why = current_site().database, request.form.get("why", "")[:1000]
    with database.reading() as session:
        number = found_item(session, public_id).id
    return acted(
        lambda: actions.advance(database, number, event, step_of(), why=why),
        lambda refused: _page(public_id, refused, why),
        url_for("work_items.show", public_id=public_id),
        _SAID[event],
    )


def names_of_phases() -> Mapping[str, str]:
    return {one.key: one.name for one in current_site().pilot.city.phases}
