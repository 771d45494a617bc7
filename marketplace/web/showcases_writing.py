"""Writing showcases: which project, from what the platform knows of it, and the form of a draft."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import showcases as actions
from marketplace.actions.showcases_text import solutions_of
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.showcases import NOMINABLE, ShowcaseState, check
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.history import find_last_entry
from marketplace.records.projects import Project, find_project
from marketplace.records.showcases import Showcase, find_showcase
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import outdated_fields
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.refusals import sentence_of
from marketplace.web.showcases import step_of
from marketplace.web.showcases_form import SPARE, Typed, compared, draft_of, place_of, typed_form, typed_of
from marketplace.web.typed import seen_still

pages = Blueprint("showcases_writing", __name__)


def _found(session: Session, public_id: str) -> Showcase:
    return find_showcase(session, public_id, current_viewer()) or not_found()


@pages.get("/projects/<public_id>/showcase")
@permission("nominate", "showcase")
def of_project(public_id: str) -> AnyResponse:
    """From a project to its showcase, or to where it can be nominated."""
    with current_site().database.reading() as session:
        project = find_project(session, public_id, current_viewer()) or not_found()
        query = select(Showcase.public_id).where(Showcase.project_id == project.id, Showcase.state != ShowcaseState.WITHDRAWN)
        there = session.scalar(query)
    return redirect(url_for("showcases.show", public_id=there) if there else url_for("showcases_writing.new", project=public_id))


@pages.get("/showcases/new")
@permission("nominate", "showcase")
def new() -> Response:
    return _choice()


def _choice(refused: Refused | None = None) -> Response:
    """Accepted projects that no showcase speaks of; one of them where the address names it."""
    asked = request.args.get("project", "")
    with current_site().database.reading() as session:
        there = select(Showcase.project_id).where(Showcase.state != ShowcaseState.WITHDRAWN)
        where = [Project.state.in_(NOMINABLE), Project.id.not_in(there), *([Project.public_id == asked[:36]] if asked else [])]
        total = session.scalar(select(func.count()).select_from(Project).where(*where)) or 0
        paging = paged(total, current_site().pilot.thresholds.page_size, "showcases_writing.new", project=asked)
        rows = session.scalars(select(Project).where(*where).order_by(Project.id.desc()).limit(paging.size).offset(paging.offset)).all()
        body = render_template("showcases/new.html", rows=rows, paging=paging, sentence=sentence_of(refused))
    return make_response(body, 422 if refused else 200)


@pages.post("/showcases/new")
@permission("nominate", "showcase")
def nominate() -> AnyResponse:
    with current_site().database.reading() as session:
        project = find_project(session, request.form.get("project", ""), current_viewer()) or not_found()
        number = project.id
    try:
        row = actions.nominate(current_site().database, number, step_of())
    except RefusedError as error:
        return _choice(error.refused)
    flash(say("已按平台上的资料写成草稿，请核对后征求意见。"), "good")
    return redirect(url_for("showcases_writing.edit", public_id=row.public_id), 303)


@pages.get("/showcases/<public_id>/edit")
@permission("nominate", "showcase")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        typed = typed_of(_found(session, public_id))
    return _form(public_id, typed)


@pages.post("/showcases/<public_id>/edit")
@permission("nominate", "showcase")
def save(public_id: str) -> AnyResponse:
    database, typed = current_site().database, typed_form()
    with database.reading() as session:
        row = _found(session, public_id)
        number, draft = row.id, draft_of(typed, {one.public_id: one.id for one in _choices(session, row)})
    faults = [(place_of(field), refused) for field, refused in check(draft)]
    if not faults:
        try:
            actions.change(database, number, draft, step_of())
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return _form(public_id, typed, lost=error.refused)
            faults = [("", error.refused)]
        else:
            flash(say("已保存。"), "good")
            return redirect(url_for("showcases.show", public_id=public_id), 303)
    return _form(public_id, typed, faults=faults)


def _choices(session: Session, row: Showcase) -> list[Solution]:
    """What may be named as the main solution; what was named before stays a choice."""
    found = list(solutions_of(session, row.project_id))
    return found if row.solution is None or row.solution in found else [row.solution, *found]


def _form(public_id: str, typed: Typed, *, faults: Faults | None = None, lost: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        row = _found(session, public_id)
        body = render_template(
            "showcases/form.html", typed=typed, row=row, solutions=_choices(session, row), spare=SPARE, faults=sentences(faults or []), lost=sentence_of(lost),
            seen=seen_still(find_last_entry(session, actions.NOUN, row.id), lost=lost is not None),
            changes=outdated_fields(compared(row, typed)) if lost else [],
        )  # fmt: skip
    return make_response(body, 409 if lost else 422 if faults else 200)
