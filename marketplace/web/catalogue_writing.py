"""Writing a solution: the form of a new one and of an edit, and what happens when two write at once."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from marketplace.actions import catalogue as actions
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.solution_versions import EDITABLE, Content, check_draft, empty_content
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.solution_versions import find_last_number, find_open_version
from marketplace.site import current_site
from marketplace.web.catalogue import LATE, own_solution, solution_page
from marketplace.web.catalogue_form import (
    Faults,
    Typed,
    content_from,
    scenario_choices,
    sentences,
    typed_content,
    typed_of,
    unknown_scenarios,
)
from marketplace.web.catalogue_shown import ShownDifference, shown_differences
from marketplace.web.language import say

pages = Blueprint("catalogue_writing", __name__)


@pages.get("/catalogue/new")
@permission("write", "catalogue")
def new() -> Response:
    return _form_page(typed_of(empty_content()))


@pages.post("/catalogue/new")
@permission("write", "catalogue")
def create() -> Response:
    site, viewer, typed = current_site(), current_viewer(), typed_content()
    if not viewer.provider_ids:
        not_found()
    content, faults = content_from(typed, empty_content())
    faults += _unknown(content, [])
    if not faults:
        try:
            note = typed["note"].strip()
            version = actions.create(site.database, min(viewer.provider_ids), content, note=note, viewer=viewer, at=now())
            flash(say("已存为草稿，只有本单位看得到。核对后提交审核。"), "good")
            return redirect(url_for("catalogue.show", public_id=version.solution.public_id), 303)
        except RefusedError as error:
            faults = _blamed(content, error.refused)
    return _form_page(typed, faults=faults)


@pages.get("/catalogue/<public_id>/edit")
@permission("write", "catalogue")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        solution = own_solution(session, public_id)
        version = find_open_version(session, solution.id)
        content = actions.next_content(session, solution, version)
        stamp = (version.number, version.revision) if version else (0, find_last_number(session, solution.id))
        # A version that waits for its answer is looked at, not edited.
        if version is not None and version.state not in EDITABLE:
            return redirect(url_for("catalogue.show", public_id=public_id), 303)
        return _form_page(typed_of(content, version.note if version else ""), public_id=public_id, stamp=stamp)


@pages.post("/catalogue/<public_id>/edit")
@permission("write", "catalogue")
def save(public_id: str) -> Response:
    site, viewer, typed = current_site(), current_viewer(), typed_content()
    with site.database.reading() as session:
        solution = own_solution(session, public_id)
        stands = actions.next_content(session, solution, find_open_version(session, solution.id))
        content, faults = content_from(typed, stands)
        faults += unknown_scenarios(session, content["scenario_codes"], stands["scenario_codes"])
        solution_id = solution.id
    number, revision = (request.form.get(name, -1, int) for name in ("number", "revision"))
    if faults:
        return _form_page(typed, faults=faults, public_id=public_id, stamp=(number, revision))
    try:
        note = typed["note"].strip()
        written = actions.write(site.database, solution_id, content, number=number, revision=revision, note=note, viewer=viewer, at=now())
    except RefusedError as error:
        if error.refused.code == "changed_meanwhile":
            return _lost_race(public_id, typed, content)
        if error.refused.code in (*LATE, "not_allowed"):
            return solution_page(public_id, error.refused)
        return _form_page(typed, faults=_blamed(content, error.refused), public_id=public_id, stamp=(number, revision))
    flash(say("已保存。核对后提交审核。") if written else say("没有改动。"), "good")
    return redirect(url_for("catalogue.show", public_id=public_id), 303)


def _lost_race(public_id: str, typed: Typed, content: Content) -> Response:
    """Somebody saved meanwhile: what was typed stays, beside it what differs; saving again is on top of what stands now."""
    with current_site().database.reading() as session:
        solution = own_solution(session, public_id)
        version = find_open_version(session, solution.id)
        stands = actions.next_content(session, solution, version)
        stamp = (version.number, version.revision) if version else (0, find_last_number(session, solution.id))
        return _form_page(typed, public_id=public_id, stamp=stamp, changes=shown_differences(stands, content), status=409)


def _unknown(content: Content, stands: list[str]) -> Faults:
    with current_site().database.reading() as session:
        return unknown_scenarios(session, content["scenario_codes"], stands)


def _blamed(content: Content, refused: Refused) -> Faults:
    """Everything that is wrong with a content, or at least what the action said."""
    return list(check_draft(content)) or [("", refused)]


def _form_page(
    typed: Typed,
    *,
    faults: Faults | None = None,
    public_id: str = "",
    stamp: tuple[int, int] = (0, 0),
    changes: Sequence[ShownDifference] = (),
    status: int = 0,
) -> Response:
    """The form, filled in with what was typed."""
    with current_site().database.reading() as session:
        typical, own = scenario_choices(session)
    listed = {choice.code for group in (*typical.values(), own) for choice in group}
    body = render_template(
        "catalogue/form.html",
        typed=typed,
        faults=sentences(faults or []),
        public_id=public_id,
        number=stamp[0],
        revision=stamp[1],
        typical=typical,
        own=own,
        others=[code for code in typed["scenario_codes"] if code not in listed],
        changes=changes,
    )
    return make_response(body, status or (422 if faults else 200))
