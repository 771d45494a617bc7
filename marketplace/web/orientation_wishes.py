"""拟改造方向: where an enterprise wants to go, as it says itself or as the centre has noted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import groups as actions
from marketplace.domain.access import may_read_plan
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.groups import find_wish
from marketplace.records.history import find_last_entry
from marketplace.site import current_site
from marketplace.web.catalogue_shown import outdated_fields
from marketplace.web.diagnosis_lists import may_write_own
from marketplace.web.language import say
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now
from marketplace.web.typed import seen, seen_still
from marketplace.web.wording import terms

pages = Blueprint("orientation_wishes", __name__)


@pages.get("/enterprises/<public_id>/wish")
@permission("edit", "problem_list")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        found = find_wish(session, _own(session, public_id).id)
        typed: dict[str, Any] = {"orientations": list(found.orientations) if found else [], "note": found.note if found else ""}
    return _wish_page(public_id, typed)


@pages.post("/enterprises/<public_id>/wish")
@permission("edit", "problem_list")
def save(public_id: str) -> Response:
    site = current_site()
    typed: dict[str, Any] = {"orientations": request.form.getlist("orientations"), "note": request.form.get("note", "").strip()}
    keys = [found.key for word in typed["orientations"] if (found := site.pilot.orientation(word))]
    with site.database.reading() as session:
        number = _own(session, public_id).id
    try:
        actions.wish(site.database, number, keys, note=typed["note"], viewer=current_viewer(), at=here_now(), seen=seen())
    except RefusedError as error:
        return _wish_page(public_id, typed, error.refused)
    flash(say("已保存。"), "good")
    return redirect(url_for("problem_lists.index", public_id=public_id), 303)


def _wish_page(public_id: str, typed: Mapping[str, Any], refused: Refused | None = None) -> Response:
    lost = refused is not None and refused.code == "changed_meanwhile"
    with current_site().database.reading() as session:
        enterprise = _own(session, public_id)
        found = find_wish(session, enterprise.id)
        stands = {"orientations": found.orientations if found else [], "note": found.note if found else ""}
        pairs = (terms("orientation", stands["orientations"]), terms("orientation", typed["orientations"]))
        fields = ((say("拟改造方向"), *pairs), (say("说明"), str(stands["note"]), typed["note"]))
        body = render_template(
            "orientation_wishes/form.html",
            enterprise=enterprise,
            typed=typed,
            sentence="" if lost else sentence_of(refused),
            lost=sentence_of(refused) if lost else "",
            changes=outdated_fields(fields) if lost else [],
            stands=stands,
            seen=seen_still(find_last_entry(session, actions.WISH, found.id) if found else 0, lost=lost),
        )
    return make_response(body, 409 if lost else 422 if refused else 200)


def _own(session: Session, public_id: str) -> Enterprise:
    enterprise = find_enterprise(session, public_id)
    if enterprise is None or not may_read_plan(current_viewer(), enterprise.id) or not may_write_own(current_viewer(), enterprise):
        not_found()
    return enterprise
