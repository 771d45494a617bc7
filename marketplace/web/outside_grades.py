"""Grades from elsewhere (CMMM, 两化融合贯标, 数字化转型成熟度): the form to enter one, and taking back what was a mistake."""

from __future__ import annotations

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import outside_grades as actions
from marketplace.attachments import READERS, received
from marketplace.domain.access import Viewer, may_read_enterprise, may_read_plan
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.outside_grades import MODELS, OutsideGradeDraft, check
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.diagnoses import OutsideGrade
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.files import Attachment
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.diagnosis_words import model_word
from marketplace.web.language import say
from marketplace.web.terms import here_now, today
from marketplace.web.typed import typed_day

pages = Blueprint("outside_grades", __name__)
ENDINGS = ("pdf", "png", "jpg")
_TYPED = ("grade", "on", "by")
ADDRESSES[actions.NOUN] = lambda ref: url_for("diagnoses.index")


def _may_read_file(session: Session, viewer: Viewer, file: Attachment) -> bool:
    found = session.get(OutsideGrade, file.noun_id)
    return found is not None and may_read_plan(viewer, found.enterprise_id)


READERS[actions.NOUN] = _may_read_file


@pages.get("/enterprises/<public_id>/grades/new")
@permission("answer", "diagnosis")
def new(public_id: str) -> Response:
    return _form_page(public_id, dict.fromkeys(_TYPED, ""))


@pages.post("/enterprises/<public_id>/grades/new")
@permission("answer", "diagnosis")
def create(public_id: str) -> Response:
    """The model and its grade are one choice, so that no grade is of another model."""
    site, viewer = current_site(), current_viewer()
    typed = {name: request.form.get(name, "").strip() for name in _TYPED}
    model, _colon, place = typed["grade"].partition(":")
    number = int(place) if place.isascii() and place.isdigit() and len(place) < 3 else None
    draft = OutsideGradeDraft(model, number, typed_day(typed["on"]), typed["by"])
    with site.database.reading() as session:
        enterprise_id = _own(session, public_id).id
    faults: Faults = [("grade" if field in ("model", "place") else field, refused) for field, refused in check(draft, today=today())]
    proof = received("proof", allowed=ENDINGS)
    if isinstance(proof, Refused):
        faults.append(("proof", proof))
    if faults or isinstance(proof, Refused):
        return _form_page(public_id, typed, faults)
    try:
        actions.enter(site.database, enterprise_id, draft, proof, viewer=viewer, at=here_now(), today=today())
    except RefusedError as error:
        return _form_page(public_id, typed, [("", error.refused)])
    flash(say("已登记。"), "good")
    return redirect(_onward(public_id), 303)


@pages.post("/grades/<public_id>/take-back")
@permission("answer", "diagnosis")
def take_back(public_id: str) -> Response:
    site = current_site()
    with site.database.reading() as session:
        found = session.scalar(select(OutsideGrade).where(OutsideGrade.public_id == public_id)) or not_found()
        _own(session, found.enterprise.public_id)
        number = found.id
    actions.take_back(site.database, number, viewer=current_viewer(), at=here_now())
    flash(say("已去掉。"), "good")
    return redirect(
        request.form.get("back", "") if request.form.get("back", "").startswith("/diagnoses") else url_for("diagnoses.index"), 303
    )


def _own(session: Session, public_id: str) -> Enterprise:
    """An enterprise for which this person may enter grades; another's is not found."""
    enterprise = find_enterprise(session, public_id)
    if (
        enterprise is None
        or not may_read_enterprise(current_viewer(), enterprise.id)
        or not actions.may_enter(current_viewer(), enterprise)
    ):
        not_found()
    return enterprise


def _onward(public_id: str) -> str:
    back = request.form.get("back", "") or request.args.get("back", "")
    return back if back.startswith("/diagnoses") else url_for("diagnoses.index")


def _form_page(public_id: str, typed: dict[str, str], faults: Faults | None = None) -> Response:
    with current_site().database.reading() as session:
        body = render_template(
            "diagnoses/grade.html",
            enterprise=_own(session, public_id),
            typed=typed,
            faults=sentences(faults or []),
            models=[(key, model_word(key), [_grade_word(name) for name in grades]) for key, (_name, grades) in MODELS.items()],
            endings=ENDINGS,
            back=_onward(public_id),
        )
    return make_response(body, 422 if faults else 200)


def _grade_word(name: str) -> str:
    return name if name.isascii() else say(name)
