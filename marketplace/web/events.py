"""培训与活动: for everybody to read and to sign up, for the centre to run. Who comes is told to the centre only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, make_response, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import events as actions
from marketplace.actions import sign_ups
from marketplace.domain.access import Viewer, may
from marketplace.domain.events import TABLE, WITH_REASON
from marketplace.domain.lifecycle import Refused, Transition, _, allowed_events
from marketplace.domain.sign_ups import SCORES, SignUpState, Summary, check_attendance, check_cancel, check_sign_up
from marketplace.guard import current_viewer, for_the_logged_in_to_write, not_found, now, open_to_all, permission
from marketplace.records.events import Event, SignUp, find_event, find_sign_up, find_sign_ups, place_in_queue, readable_events, summarise
from marketplace.records.history import find_last_entry
from marketplace.records.organisations import Organisation
from marketplace.sheets.lists_out import list_workbook
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.centre import WORDS, Done, acted, status_of, step_of, trail
from marketplace.web.downloads import workbook
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now
from marketplace.web.typed import seen_still
from marketplace.web.typed_numbers import typed_whole
from marketplace.web.wording import day, state

pages = Blueprint("events", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("events.show", public_id=ref)
_SAID = {
    "publish": _("已开放报名，企业和服务商会收到通知。"),
    "close": _("报名已截止。"),
    "reopen": _("已恢复报名。"),
    "hold": _("已登记为已举办，参加过的人会收到评价提醒。"),
    "cancel": _("活动已取消，报名的人会收到通知。"),
}
# So many answers stand on the page; the sheet holds all.
SHOWN_COMMENTS = 20


@dataclass(frozen=True)
class EventList:
    """`mine`: how the viewer stands to each; `when`: coming, past or mine."""

    rows: Sequence[Event]
    mine: dict[int, SignUpState]
    paging: Paging
    when: str
    kind: str


@dataclass(frozen=True)
class EventPage:
    """`people`: for the centre only, a page of them. `average`: None where too few have answered for this viewer to be told."""

    event: Event
    own: SignUp | None
    queue: int
    joins: bool
    leaves: bool
    units: Sequence[Organisation]
    steps: Sequence[Transition]
    summary: Summary
    average: float | None
    people: Sequence[SignUp]
    paging: Paging | None
    comments: Sequence[str]
    marks: bool
    done: Sequence[Done]
    seen: int
    seen_own: int


@pages.get("/events")
@open_to_all
def index() -> str:
    with current_site().database.reading() as session:
        return render_template("events/index.html", found=read_list(session, current_viewer()), rules=current_site().pilot.centre, **WORDS)


def read_list(session: Session, viewer: Viewer) -> EventList:
    """Coming ones by their day, the next first; past ones the last first."""
    when, kind = request.args.get("when", ""), request.args.get("kind", "")
    when = when if when in ("past", "mine") and (when != "mine" or viewer.is_known) else ""
    kind = kind if current_site().pilot.centre.event_kind(kind) else ""
    query = select(Event).where(readable_events(viewer))
    if kind:
        query = query.where(Event.kind == kind)
    if when == "mine":
        query = query.where(Event.id.in_(select(SignUp.event_id).where(SignUp.account_id == viewer.account_id)))
    elif when == "past":
        query = query.where(Event.starts <= now())
    else:
        query = query.where(Event.starts > now())
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "events.index", when=when, kind=kind)
    order = (Event.starts, Event.id) if not when else (Event.starts.desc(), Event.id.desc())
    rows = session.scalars(query.order_by(*order).limit(paging.size).offset(paging.offset)).all()
    own = select(SignUp.event_id, SignUp.state).where(SignUp.account_id == viewer.account_id, SignUp.event_id.in_([row.id for row in rows]))
    mine = dict(session.execute(own).all()) if viewer.is_known and rows else {}
    return EventList(rows, mine, paging, when, kind)


@pages.get("/events/<public_id>")
@open_to_all
def show(public_id: str) -> Response:
    return event_page(public_id)


def event_page(public_id: str, refused: Refused | None = None, **typed: str) -> Response:
    """`typed`: what stands in a form that was refused."""
    with current_site().database.reading() as session:
        page = read_page(session, found_event(session, public_id), current_viewer())
        lost = refused is not None and refused.code == "changed_meanwhile"
        body = render_template(
            "events/show.html",
            page=page,
            event=page.event,
            with_reason=WITH_REASON,
            scores=SCORES,
            typed=_stored(page) | typed,
            sentence=sentence_of(refused),
            seen=seen_still(page.seen, lost=lost),
            seen_own=seen_still(page.seen_own, lost=lost),
            **WORDS,
        )
    return make_response(body, status_of(refused))


def _stored(page: EventPage) -> dict[str, str]:
    """What the forms of the page hold where nothing was typed."""
    own = page.own
    score = str(own.score) if own is not None and own.score is not None else ""
    return {"score": score, "text": own.comment if own is not None else "", "summary": page.event.summary, "why": ""}


def found_event(session: Session, public_id: str) -> Event:
    return find_event(session, public_id, current_viewer()) or not_found()


def read_page(session: Session, event: Event, viewer: Viewer) -> EventPage:
    manages, at = may(viewer, "manage", actions.NOUN), now()
    own = find_sign_up(session, event.id, viewer.account_id)
    stands = own is not None and own.state != SignUpState.CANCELLED
    summary = summarise(session, event.id)
    told = manages or summary.answers >= current_site().pilot.centre.feedback_least
    joins = viewer.is_known and not stands and check_sign_up(event.state, event.sign_up_until, at) is None
    leaves = stands and own is not None and own.state in (SignUpState.SEATED, SignUpState.WAITING)
    units = select(Organisation).where(Organisation.id.in_(viewer.organisation_ids)).order_by(Organisation.id)
    paging: Paging | None = None
    people: Sequence[SignUp] = []
    comments: Sequence[str] = []
    if manages:
        total = session.scalar(select(func.count()).select_from(SignUp).where(SignUp.event_id == event.id)) or 0
        paging = paged(total, current_site().pilot.thresholds.page_size, "events.show", public_id=event.public_id)
        people = find_sign_ups(session, event.id, offset=paging.offset, most=paging.size)
        said = select(SignUp.comment).where(SignUp.event_id == event.id, SignUp.comment != "")
        comments = session.scalars(said.order_by(SignUp.feedback_at.desc()).limit(SHOWN_COMMENTS)).all()
    return EventPage(
        event=event,
        own=own,
        queue=place_in_queue(session, own) if own is not None and own.state == SignUpState.WAITING else 0,
        joins=joins,
        leaves=leaves and check_cancel(event.state, event.starts, at) is None,
        units=session.scalars(units).all() if joins else [],
        steps=allowed_events(TABLE, event.state, viewer.roles),
        summary=summary,
        average=summary.average if told else None,
        people=people,
        paging=paging,
        comments=comments,
        marks=manages and check_attendance(event.state, event.starts, here_now()) is None,
        done=trail(session, actions.NOUN, event.id) if manages else [],
        seen=find_last_entry(session, actions.NOUN, event.id),
        seen_own=find_last_entry(session, sign_ups.NOUN, own.id) if own is not None else 0,
    )


@pages.post("/events/<public_id>/<any(publish, close, reopen, hold, cancel):event>")
@permission("manage", "event")
def move(public_id: str, event: str) -> Response:
    database, why = current_site().database, request.form.get("why", "")[:1000]
    number = _number(public_id)
    return acted(
        lambda: actions.advance(database, number, event, step_of(), why=why),
        lambda refused: event_page(public_id, refused, why=why),
        url_for("events.show", public_id=public_id),
        _SAID[event],
    )


@pages.post("/events/<public_id>/sign-up")
@for_the_logged_in_to_write
def sign_up(public_id: str) -> Response:
    """A seat, or a place in the queue: the page says which it became."""
    database, viewer, number = current_site().database, current_viewer(), _number(public_id)
    wanted = request.form.get("unit", "")
    with database.reading() as session:
        named = select(Organisation.id).where(Organisation.public_id == wanted, Organisation.id.in_(viewer.organisation_ids))
        unit = session.scalar(named) or min(viewer.organisation_ids, default=None)
    if unit is None:
        not_found()
    return acted(
        lambda: sign_ups.sign_up(database, number, unit, step_of()),
        lambda refused: event_page(public_id, refused),
        url_for("events.show", public_id=public_id, _anchor="mine"),
        _("报名已登记，请看下面的报名情况。"),
    )


@pages.post("/events/<public_id>/sign-off")
@for_the_logged_in_to_write
def sign_off(public_id: str) -> Response:
    database, number = current_site().database, _number(public_id)
    return acted(
        lambda: sign_ups.cancel(database, number, step_of()),
        lambda refused: event_page(public_id, refused),
        url_for("events.show", public_id=public_id, _anchor="mine"),
        _("已取消报名，名额会给下一位。"),
    )


@pages.post("/events/<public_id>/feedback")
@for_the_logged_in_to_write
def rate(public_id: str) -> Response:
    database, number = current_site().database, _number(public_id)
    score, text = typed_whole(request.form.get("score", "")), request.form.get("text", "").replace("\0", "").strip()
    return acted(
        lambda: sign_ups.rate(database, number, score, text, step_of()),
        lambda refused: event_page(public_id, refused, score=str(score or ""), text=text),
        url_for("events.show", public_id=public_id, _anchor="mine"),
        _("评价已保存，谢谢。"),
    )


@pages.post("/events/<public_id>/summary")
@permission("manage", "event")
def sum_up(public_id: str) -> Response:
    database, number, text = current_site().database, _number(public_id), request.form.get("summary", "").replace("\0", "").strip()
    return acted(
        lambda: actions.sum_up(database, number, text, step_of()),
        lambda refused: event_page(public_id, refused, summary=text),
        url_for("events.show", public_id=public_id),
        _("小结已保存。"),
    )


@pages.post("/events/<public_id>/people/<person>/<any(came, missed):how>")
@permission("manage", "event")
def mark(public_id: str, person: str, how: str) -> Response:
    """Somebody was there, or was not."""
    database, number = current_site().database, _number(public_id)
    with database.reading() as session:
        row = session.scalar(select(SignUp.id).where(SignUp.public_id == person, SignUp.event_id == number)) or not_found()
    return acted(
        lambda: sign_ups.mark(database, number, row, step_of(), came=how == "came"),
        lambda refused: event_page(public_id, refused),
        url_for("events.show", public_id=public_id, _anchor="people", page=request.args.get("page", type=int)),
        _("已登记签到。") if how == "came" else _("已记为未到。"),
    )


@pages.get("/events/<public_id>/people")
@permission("manage", "event")
def people(public_id: str) -> Response:
    """Everybody who has signed up, as a sheet to sign in on."""
    columns = [
        (say(word), width) for word, width in ((_("姓名"), 14), (_("单位"), 36), (_("报名情况"), 14), (_("报名时间"), 20), (_("签到"), 20))
    ]
    with current_site().database.reading() as session:
        event = found_event(session, public_id)
        rows = [
            [one.account.name, one.organisation.name, state("sign_up", one.state)[0], day(one.at), ""]
            for one in find_sign_ups(session, event.id)
        ]
        return workbook(list_workbook(event.number, columns, rows), say("{number} 签到表", number=event.number))


def _number(public_id: str) -> int:
    with current_site().database.reading() as session:
        return found_event(session, public_id).id
