"""Projects: the list, one project, and what begins, hands in and takes back one. The form stands in project_sections."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import project_closing, project_panel, project_submission, projects
from marketplace.actions.project_steps import PROJECT
from marketplace.attachments import READERS
from marketplace.domain.access import Viewer, may
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.brokerings import find_brokering
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.files import Attachment
from marketplace.records.groups import find_group
from marketplace.records.guides import Guide, find_guide
from marketplace.records.organisations import Organisation
from marketplace.records.project_reviews import find_part_that_reads
from marketplace.records.project_wholes import reads_whole
from marketplace.records.projects import Project, find_project, readable_projects
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.brokerings import actor_word
from marketplace.web.guides import step_of
from marketplace.web.history_words import verb_word
from marketplace.web.language import say
from marketplace.web.project_words import WORDS
from marketplace.web.projects_list import all_stages, asked_for, read_list
from marketplace.web.projects_shown import open_guides, read_case
from marketplace.web.refusals import form_page
from marketplace.web.terms import days, left_words

pages = Blueprint("projects", __name__)
ADDRESSES[PROJECT] = lambda ref: url_for("projects.show", public_id=ref)
# What no change of the form mends.
CONFLICTS = frozenset(
    {"wrong_state", "not_allowed", "changed_meanwhile", "not_editable", "guide_closed", "guide_not_open", "not_in_reserve"}
)
_SAID = {
    "submit": _("已提交，等开发区、街镇初审。"),
    "withdraw": _("已撤回。填写的内容都保留着。"),
    "apply": _("已选定指南，请填写并提交。"),
    "finish": _("项目已办结。"),
    "take_members": _("已列入群组的成员，申报企业会收到通知。"),
}


def status_of(refused: Refused) -> int:
    return 409 if refused.code in CONFLICTS else 422


def _readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    """What was handed in with a project is for whoever reads all of it, not for its suppliers; and for the experts who review it, after
    their declaration."""
    project = session.scalar(select(Project).where(Project.id == file.noun_id, readable_projects(viewer)))
    if project is not None and reads_whole(session, viewer, project):
        return True
    part = find_part_that_reads(session, file.noun_id, viewer)
    return part is not None and not project_panel.standing_of(session, part).own_organisation


READERS[PROJECT] = _readable


@pages.get("/projects")
@permission("look_at", "project")
def index() -> str:
    """What this person may read."""
    viewer = current_viewer()
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        found = read_list(session, viewer, asked_for())
        return render_template(
            "projects/index.html", found=found, stages=all_stages(), states=list(ProjectState), classes=list(ProjectClass), left=left_words,
            begins=bool(viewer.enterprise_ids or viewer.applicant_ids), reserves=may(viewer, "reserve", "project") or bool(viewer.enterprise_ids),
            **WORDS,
        )  # fmt: skip


@pages.get("/projects/<public_id>")
@permission("look_at", "project")
def show(public_id: str) -> AnyResponse:
    return case_page(public_id)


def case_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """The project; after a refusal with what was typed into `form`."""
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        project = find_project(session, public_id, viewer) or not_found()
        page = read_case(session, project, viewer)
        rules = current_site().pilot.project.of(project.project_class)
        answer = form_page(
            "projects/show.html", refused=refused, page=page, one=project, rules=rules, typed=request.form if refused else {}, form=form,
            left=left_words, verb_word=verb_word, actor_word=actor_word, **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def number_of(public_id: str) -> int:
    """The project that this person may read."""
    with current_site().database.reading() as session:
        found = find_project(session, public_id, current_viewer()) or not_found()
        return found.id


def _acted(public_id: str, event: str, act: Callable[[int], object]) -> AnyResponse:
    number = number_of(public_id)
    try:
        act(number)
    except RefusedError as error:
        return case_page(public_id, error.refused, event)
    flash(say(_SAID[event]), "good")
    return redirect(url_for("projects.show", public_id=public_id), 303)


@pages.post("/projects/<public_id>/submit")
@permission("write", "project")
def submit(public_id: str) -> AnyResponse:
    return _acted(public_id, "submit", lambda number: project_submission.submit(current_site().database, number, step_of()))


@pages.post("/projects/<public_id>/withdraw")
@permission("write", "project")
def withdraw(public_id: str) -> AnyResponse:
    why = request.form.get("why", "")
    return _acted(public_id, "withdraw", lambda number: project_submission.withdraw(current_site().database, number, step_of(), why=why))


@pages.post("/projects/<public_id>/finish")
@permission("select", "project")
def finish(public_id: str) -> AnyResponse:
    return _acted(public_id, "finish", lambda number: project_closing.finish(current_site().database, number, step_of()))


@pages.post("/projects/<public_id>/apply")
@permission("write", "project")
def apply(public_id: str) -> AnyResponse:
    """A project in reserve, or a draft of a closed guide, under the chosen guide."""
    with current_site().database.reading() as session:
        guide = find_guide(session, request.form.get("guide", ""))
        chosen = guide.id if guide else 0
    return _acted(public_id, "apply", lambda number: projects.apply(current_site().database, number, chosen, step_of()))


@pages.post("/projects/<public_id>/members")
@permission("reserve", "project")
def take_members(public_id: str) -> AnyResponse:
    """The centre takes over the members of a group."""
    if not may(current_viewer(), "reserve", "project"):
        not_found()
    with current_site().database.reading() as session:
        group = find_group(session, request.form.get("group", "")) or not_found()
        chosen = group.id
    return _acted(public_id, "take_members", lambda number: projects.take_members(current_site().database, number, chosen, step_of()))


@pages.get("/projects/new")
@permission("write", "project")
def new() -> AnyResponse:
    """Choose the guide, the organisation where one belongs to several, and a name."""
    return _new_page({"guide": request.args.get("guide", "")})


def _new_page(typed: dict[str, str], refused: Refused | None = None, field: str = "") -> AnyResponse:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        units = _units(session, viewer)
        found = {row.id: row for row in open_guides(session, is_enterprise=bool(viewer.enterprise_ids))}
        errors = [(field, refused)] if refused and field else []
        answer = form_page(
            "projects/new.html",
            refused=None if field else refused,
            errors=errors,
            typed=typed,
            guides=list(found.values()),
            units=units,
            **WORDS,
        )
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _units(session: Session, viewer: Viewer) -> list[Organisation]:
    """The organisations for which this person may begin a project."""
    mine = [number for number in viewer.organisation_ids if projects.may_apply_with(viewer, number)]
    return list(session.scalars(select(Organisation).where(Organisation.id.in_(mine)).order_by(Organisation.name, Organisation.id)))


@pages.post("/projects/new")
@permission("write", "project")
def create() -> AnyResponse:
    viewer, database = current_viewer(), current_site().database
    typed = {name: request.form.get(name, "").strip() for name in ("guide", "title", "unit")}
    with database.reading() as session:
        units = _units(session, viewer)
        guide = session.scalar(select(Guide).where(Guide.public_id == typed["guide"]))
        chosen = [unit for unit in units if unit.public_id == typed["unit"]] or (units if len(units) == 1 else [])
        unit_id, guide_id = (chosen[0].id if chosen else 0), (guide.id if guide else 0)
    if not unit_id:
        return _new_page(typed, Refused("required", _("{label}没有填。"), {"label": say("申报单位")}), "unit")
    try:
        project = projects.create(database, guide_id, unit_id, typed["title"], step_of())
    except RefusedError as error:
        field = {"required": "title", "too_long": "title", "guide_not_open": "guide", "not_for_services": "guide"}
        return _new_page(typed, error.refused, field.get(error.refused.code, ""))
    return redirect(url_for("project_sections.section", public_id=project.public_id, key="basic"), 303)


@pages.get("/projects/reserve")
@permission("reserve", "project")
def reserve_form() -> AnyResponse:
    return _reserve_page({"enterprise": request.args.get("enterprise", "")})


def _reserve_page(typed: dict[str, str], refused: Refused | None = None, field: str = "") -> AnyResponse:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        own = session.scalars(select(Enterprise).where(Enterprise.id.in_(viewer.enterprise_ids)).order_by(Enterprise.id)).all()
        errors = [(field, refused)] if refused and field else []
        answer = form_page(
            "projects/reserve.html",
            refused=None if field else refused,
            errors=errors,
            typed=typed,
            own=own,
            classes=list(ProjectClass),
            **WORDS,
        )
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


@pages.post("/projects/reserve")
@permission("reserve", "project")
def reserve() -> AnyResponse:
    """By the centre for an enterprise that it names, or by an enterprise for itself."""
    viewer, database = current_viewer(), current_site().database
    typed = {name: request.form.get(name, "").strip() for name in ("enterprise", "title", "class")}
    with database.reading() as session:
        found = find_enterprise(session, typed["enterprise"]) or session.scalar(
            select(Enterprise).join(Organisation).where(Organisation.name == typed["enterprise"])
        )
        readable = found is not None and (may(viewer, "read", "enterprise") or found.id in viewer.enterprise_ids)
        number = found.id if found is not None and readable else 0
    if not number:
        return _reserve_page(typed, Refused("unknown_enterprise", _("没有找到这家企业，请写全称或统一社会信用代码。")), "enterprise")
    if typed["class"] not in tuple(ProjectClass):
        return _reserve_page(typed, Refused("required", _("{label}没有填。"), {"label": say("项目类别")}), "class")
    try:
        project = projects.reserve(database, number, typed["title"], ProjectClass(typed["class"]), step_of())
    except RefusedError as error:
        return _reserve_page(typed, error.refused, "title" if error.refused.code in ("required", "too_long") else "")
    flash(say("已列入储备项目 {number}。", number=project.number), "good")
    return redirect(url_for("projects.show", public_id=project.public_id), 303)


@pages.post("/projects/reserve/<public_id>")
@permission("reserve", "project")
def reserve_from(public_id: str) -> AnyResponse:
    """From a brokering that was kept for a subsidy; its project where there is one already."""
    database = current_site().database
    with database.reading() as session:
        found = find_brokering(session, public_id, current_viewer()) or not_found()
        number = found.id
    try:
        project = projects.reserve_from(database, number, step_of())
    except RefusedError as error:
        flash(error.refused.sentence(), "bad")
        return redirect(url_for("brokerings.show", public_id=public_id), 303)
    return redirect(url_for("projects.show", public_id=project.public_id), 303)
