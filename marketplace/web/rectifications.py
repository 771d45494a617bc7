"""What a project sees of its inspections: visits, warnings, and what it has to put right, with the report of the enterprise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import inspections
from marketplace.actions import rectifications as actions
from marketplace.attachments import READERS
from marketplace.domain.access import Role, Viewer
from marketplace.domain.inspections import RectificationState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.projects import UNDER_WAY
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.files import Attachment, find_attachments_of
from marketplace.records.history import find_last_entry
from marketplace.records.inspections import (
    Rectification,
    find_inspections_of,
    find_rectification,
    find_rectifications,
    find_warnings,
)
from marketplace.records.progress import reads_steps
from marketplace.records.projects import find_project, find_suppliers
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.inspections import pages as inspection_pages
from marketplace.web.inspections import plan_draft
from marketplace.web.inspections_shown import visible
from marketplace.web.language import say
from marketplace.web.refusals import form_page
from marketplace.web.terms import days, today
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.watching import WORDS, acts_for, is_office, status_of, step_of, taken_files, watched, why

pages = Blueprint("rectifications", __name__)
ADDRESSES[actions.RECTIFICATION] = lambda ref: url_for("inspections.of_project", public_id=ref)
_SAID = {
    "order": _("已责令整改，企业会收到通知。"),
    "hand_in": _("整改报告已提交，等区工信局核查。"),
    "pass": _("整改通过，企业会收到通知。"),
    "reject": _("已要求再改，企业会收到通知。"),
}


def _readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    row = session.get(Rectification, file.noun_id)
    project = find_project(session, row.project.public_id, viewer) if row is not None else None
    return project is not None and reads_steps(session, viewer, project)


READERS[actions.RECTIFICATION] = _readable


@inspection_pages.get("/projects/<public_id>/inspections")
@permission("read", "inspection")
def of_project(public_id: str) -> Response:
    return project_page(public_id)


def project_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """Visits, warnings and rectifications; a supplier sees the warnings about its own work only."""
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        project = find_project(session, public_id, viewer) or not_found()
        whole = reads_steps(session, viewer, project)
        own = {row.id for row in find_suppliers(session, project.id, ended=True) if row.provider_id in viewer.provider_ids}
        rectifications = find_rectifications(session, project.id) if whole else []
        bureau = bool({Role.BUREAU, Role.ADMIN} & viewer.roles)
        office = is_office(viewer)
        answer = form_page(
            "inspections/project.html", refused=refused, one=project, whole=whole, office=office, bureau=bureau, form=form,
            rows=[row for row in find_inspections_of(session, project.id) if visible(session, viewer, row)],
            warnings=[row for row in find_warnings(session, project.id) if whole or row.supplier_id in own],
            suppliers={row.id: row for row in find_suppliers(session, project.id, ended=True)},
            rectifications=rectifications, files=find_attachments_of(session, actions.RECTIFICATION, [row.id for row in rectifications]),
            last={
                row.id: seen_still(
                    find_last_entry(session, actions.RECTIFICATION, row.id), lost=refused is not None and refused.code == "changed_meanwhile"
                )
                for row in rectifications
            },
            mine=acts_for(viewer, project, "submit"), states=RectificationState, under_way=project.state in UNDER_WAY,
            team=inspections.possible_inspectors(session) if office else [], typed=request.form if refused else {},
            chosen=request.form.getlist("inspector") if refused else [], soon=(today() + timedelta(days=3)).isoformat(), here=today(),
            later=(today() + timedelta(days=current_site().pilot.project.rectification_days)).isoformat(), **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


@inspection_pages.post("/projects/<public_id>/inspections")
@permission("supervise", "project")
def plan(public_id: str) -> AnyResponse:
    """An inspection of one project that an office chose."""
    with current_site().database.reading() as session:
        number = watched(session, public_id).id
    try:
        done = inspections.plan(current_site().database, number, plan_draft(), step_of())
    except RefusedError as error:
        return project_page(public_id, error.refused, "plan")
    flash(say("已安排检查 {number}，检查人员会收到通知。", number=done.number), "good")
    return redirect(url_for("inspections.show", inspection_id=done.public_id), 303)


@pages.post("/projects/<public_id>/rectifications")
@permission("supervise", "project")
def order(public_id: str) -> AnyResponse:
    """The bureau orders something to be put right without a visit."""
    with current_site().database.reading() as session:
        number = watched(session, public_id).id
    due, demand = typed_day(request.form.get("due", "")), request.form.get("demand", "")
    try:
        actions.order(current_site().database, number, demand, due, step_of())
    except RefusedError as error:
        return project_page(public_id, error.refused, "order")
    flash(say(_SAID["order"]), "good")
    return redirect(url_for("inspections.of_project", public_id=public_id), 303)


def _acted(public_id: str, row_id: str, event: str, act: Callable[[int, int], object]) -> AnyResponse:
    with current_site().database.reading() as session:
        project = watched(session, public_id)
        number = (find_rectification(session, row_id, project.id) or not_found()).id
        project_id = project.id
    try:
        act(project_id, number)
    except RefusedError as error:
        return project_page(public_id, error.refused, f"{event}-{row_id}")
    flash(say(_SAID[event]), "good")
    return redirect(url_for("inspections.of_project", public_id=public_id), 303)


@pages.post("/projects/<public_id>/rectifications/<row_id>/hand_in")
@permission("write", "evidence")
def hand_in(public_id: str, row_id: str) -> AnyResponse:
    """What the enterprise has done, with evidence."""

    def act(project: int, number: int) -> object:
        return actions.hand_in(current_site().database, project, number, request.form.get("report", ""), taken_files(), step_of())

    return _acted(public_id, row_id, "hand_in", act)


@pages.post("/projects/<public_id>/rectifications/<row_id>/<any(pass, reject):event>")
@permission("supervise", "project")
def judge(public_id: str, row_id: str, event: str) -> AnyResponse:
    due, step = typed_day(request.form.get("due", "")), step_of()

    def act(project: int, number: int) -> object:
        return actions.judge(current_site().database, project, number, event, step, why=why(), due=due if event == "reject" else None)

    return _acted(public_id, row_id, event, act)
