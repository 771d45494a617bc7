"""投诉建议 and the contact page: a form for everybody, the way to the answer by number and code, and the desk of those who answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, session, url_for
from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import complaints as actions
from marketplace.actions.complaints import Step
from marketplace.domain.access import may
from marketplace.domain.complaints import ABOUT, KINDS, TABLE, ComplaintDraft, ComplaintState, check, handlers_of
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _, allowed_events
from marketplace.guard import current_viewer, not_found, open_to_all, permission
from marketplace.records.complaints import Complaint, ComplaintEntry, find_complaint, find_entries, readable_complaints
from marketplace.records.history import find_last_entry
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.language import language, say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import form_page, sentence_of
from marketplace.web.terms import days, here_now, today
from marketplace.web.typed import seen

pages = Blueprint("complaints", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("complaints.show", public_id=ref)
# What the browser keeps of one's own complaint until it is read: number and code.
_RECEIPT, _OPENED = "complaint_receipt", "complaint"
_FIELDS = tuple(one.name for one in fields(ComplaintDraft))
_SAID = {"take": _("已受理。"), "answer": _("已答复，来信人凭编号和查询码可以看到。"), "close": _("已办结。")}


@dataclass(frozen=True)
class Desk:
    rows: Sequence[Complaint]
    paging: Paging
    counts: dict[str, int]


@dataclass(frozen=True)
class ComplaintPage:
    row: Complaint
    entries: Sequence[ComplaintEntry]
    events: Sequence[Transition]
    seen: int


def kind_word(key: str) -> str:
    return say(KINDS[key]) if key in KINDS else key


def about_word(key: str) -> str:
    return say(ABOUT[key]) if key in ABOUT else key


WORDS: dict[str, Any] = {"kind_word": kind_word, "about_word": about_word, "kinds": list(KINDS), "abouts": list(ABOUT)}


def step_of() -> Step:
    pilot = current_site().pilot
    return Step(current_viewer(), here_now(), today(), pilot.complaint, pilot.catalogue, request.remote_addr or "", seen())


def _private(answer: Response) -> Response:
    """What one person is told stays in no cache, and in no search engine."""
    answer.headers["Cache-Control"], answer.headers["X-Robots-Tag"] = "no-store", "noindex"
    return answer


# ---- for everybody


@pages.get("/contact")
@open_to_all
def contact() -> str:
    return render_template("complaints/contact.html", rules=current_site().pilot.complaint, english=language() == "en")


@pages.get("/complaints/new")
@open_to_all
def new() -> Response:
    return _form({})


def _form(typed: dict[str, str], errors: Sequence[tuple[str, Refused]] = (), refused: Refused | None = None) -> Response:
    values: dict[str, Any] = {"typed": dict.fromkeys(_FIELDS, "") | typed, "rules": current_site().pilot.complaint}
    return form_page("complaints/new.html", refused=refused, errors=errors, **values, **WORDS)


@pages.post("/complaints/new")
@open_to_all
def create() -> AnyResponse:
    typed = {name: request.form.get(name, "") for name in _FIELDS}
    # A field that people do not see: what fills it is no person, and is told what a person is told.
    if request.form.get("website"):
        return redirect(url_for("complaints.received"), 303)
    draft = ComplaintDraft(**typed)
    if errors := list(check(draft, current_site().pilot.catalogue)):
        return _form(typed, errors)
    try:
        receipt = actions.receive(current_site().database, draft, step_of())
    except RefusedError as error:
        return _form(typed, refused=error.refused)
    session[_RECEIPT] = [receipt.number, receipt.code]
    return redirect(url_for("complaints.received"), 303)


@pages.get("/complaints/received")
@open_to_all
def received() -> Response:
    """Number and code, shown once."""
    number, code = session.pop(_RECEIPT, ["", ""])
    body = render_template("complaints/received.html", number=number, code=code, rules=current_site().pilot.complaint)
    return _private(make_response(body))


@pages.get("/complaints/track")
@open_to_all
def track() -> Response:
    """The form for number and code; for whoever has typed them, the complaint itself."""
    kept = session.get(_OPENED)
    return _answer_page(int(kept)) if isinstance(kept, int) else _track_form()


def _track_form(refused: Refused | None = None) -> Response:
    return _private(form_page("complaints/track.html", refused=refused, number=request.form.get("number", "")))


@pages.post("/complaints/track")
@open_to_all
def find() -> AnyResponse:
    if request.form.get("do") == "leave":
        session.pop(_OPENED, None)
        return redirect(url_for("complaints.track"), 303)
    found = actions.opened(current_site().database, request.form.get("number", ""), request.form.get("code", ""), step_of())
    if isinstance(found, Refused):
        return _track_form(found)
    session[_OPENED] = found
    return redirect(url_for("complaints.track"), 303)


def _answer_page(number: int, errors: Sequence[tuple[str, Refused]] = (), refused: Refused | None = None) -> Response:
    with current_site().database.reading() as reading:
        row = reading.get(Complaint, number) or not_found()
        values: dict[str, Any] = {"row": row, "entries": find_entries(reading, row.id), "rules": current_site().pilot.complaint, **WORDS}
        return _private(form_page("complaints/answer.html", refused=refused, errors=errors, typed=request.form, **values))


@pages.post("/complaints/track/again")
@open_to_all
def ask_again() -> AnyResponse:
    number = session.get(_OPENED)
    if not isinstance(number, int):
        return redirect(url_for("complaints.track"), 303)
    try:
        actions.ask_again(current_site().database, number, request.form.get("text", ""), step_of())
    except RefusedError as error:
        return _answer_page(number, errors=[("text", error.refused)])
    flash(say("已收到，会继续办理。"), "good")
    return redirect(url_for("complaints.track"), 303)


# ---- the desk


@pages.get("/complaints")
@permission("handle", "complaint")
def desk() -> str:
    state = request.args.get("state", "")
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as reading:
        found = read_desk(reading, state if state in tuple(ComplaintState) else "")
        return render_template("complaints/desk.html", found=found, wanted=state, states=list(ComplaintState), today=today(), **WORDS)


def read_desk(reading: Session, state: str) -> Desk:
    """What waits longest first; what is done last. No name, no text: whoever opens one reads it there."""
    own = readable_complaints(current_viewer())
    counted = select(Complaint.state, func.count()).where(own).group_by(Complaint.state)
    counts = {str(key): count for key, count in reading.execute(counted)}
    where: list[ColumnElement[bool]] = [own, *([Complaint.state == ComplaintState(state)] if state else [])]
    paging = paged(
        counts.get(state, 0) if state else sum(counts.values()), current_site().pilot.thresholds.page_size, "complaints.desk", state=state
    )
    waits = case({ComplaintState.RECEIVED: 0, ComplaintState.IN_HAND: 0, ComplaintState.ANSWERED: 1}, value=Complaint.state, else_=2)
    query = select(Complaint).where(*where).order_by(waits, func.coalesce(Complaint.due, date.max), Complaint.id.desc())
    return Desk(reading.scalars(query.limit(paging.size).offset(paging.offset)).all(), paging, counts)


@pages.get("/complaints/<public_id>")
@permission("handle", "complaint")
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None) -> Response:
    viewer = current_viewer()
    days()
    with current_site().database.reading() as reading:
        row = _found(reading, public_id)
        events = allowed_events(TABLE, row.state, viewer.roles & handlers_of(row.about)) if may(viewer, "handle", actions.NOUN) else ()
        # `ask_again` is the writer's own step.
        page = ComplaintPage(
            row,
            find_entries(reading, row.id),
            [one for one in events if one.event != "ask_again"],
            find_last_entry(reading, actions.NOUN, row.id),
        )
        body = render_template("complaints/show.html", page=page, row=row, sentence=sentence_of(refused), typed=request.form, **WORDS)
    return _private(make_response(body, 409 if refused and refused.code == "changed_meanwhile" else 422 if refused else 200))


def _found(reading: Session, public_id: str) -> Complaint:
    return find_complaint(reading, public_id, current_viewer()) or not_found()


@pages.post("/complaints/<public_id>/<any(take, answer, close):event>")
@permission("handle", "complaint")
def move(public_id: str, event: str) -> AnyResponse:
    database = current_site().database
    with database.reading() as reading:
        number = _found(reading, public_id).id
    try:
        if event == "answer":
            actions.answer(database, number, request.form.get("text", ""), step_of())
        else:
            (actions.take if event == "take" else actions.close)(database, number, step_of())
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say(_SAID[event]), "good")
    return redirect(url_for("complaints.show", public_id=public_id), 303)
