"""Acceptance of a project: the rounds below each other, and the form of whoever has the ball."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import acceptance_decisions, acceptance_reports
from marketplace.actions import acceptances as actions
from marketplace.actions.project_steps import PROJECT, roles_on_project
from marketplace.attachments import READERS
from marketplace.domain.acceptances import (
    ASPECT_WORDS,
    CHECKS,
    EVENT_WORDS,
    EVENTS,
    VERDICT_WORDS,
    WRITABLE,
    AcceptanceState,
    DecisionDraft,
    FormDraft,
    Measure,
    ReportDraft,
    RequestDraft,
    missing,
)
from marketplace.domain.access import Role, Viewer
from marketplace.domain.experts import ExpertState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_changes import CHANGEABLE
from marketplace.domain.projects import ProjectState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.acceptances import Acceptance, find_acceptances, find_targets
from marketplace.records.decisions import find_decision, find_waiting_decisions
from marketplace.records.experts import ReviewExpert
from marketplace.records.files import Attachment, find_attachments_of
from marketplace.records.history import find_last_entry
from marketplace.records.progress import reads_steps
from marketplace.records.projects import Project, find_project, find_suppliers
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.language import say
from marketplace.web.refusals import form_page, sentence_of
from marketplace.web.terms import days, today
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.typed_numbers import typed_number, typed_whole
from marketplace.web.watching import WORDS, number_of, status_of, step_of, taken, watched, why

pages = Blueprint("acceptances", __name__)
ADDRESSES[actions.ACCEPTANCE] = lambda ref: url_for("acceptances.of_project", public_id=ref)
_SAID = {
    "save": _("已保存，可以接着填。"),
    "request": _("已申请验收，等开发区、街镇作形式审查。"),
    "formal": _("形式审查结论已提交，企业会收到通知。"),
    "experts": _("验收专家已确定。"),
    "report": _("验收报告已提交，等区工信局审定。"),
    "decide": _("已提出，等另一人复核后生效。"),
    "confirm": _("已复核同意，决定生效。"),
    "reject": _("已复核不同意，退回提出人。"),
    "take_back": _("已撤回，可以重新提出。"),
}
# Refusals that no change of the form mends.
_GONE = frozenset({"not_in_acceptance", "not_writable", "decision_waiting", "answered"})


def _readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    row = session.get(Acceptance, file.noun_id)
    project = find_project(session, row.project.public_id, viewer) if row is not None else None
    return project is not None and reads_steps(session, viewer, project)


READERS[actions.ACCEPTANCE] = _readable


@pages.get("/projects/<public_id>/acceptance")
@permission("read", "project")
def of_project(public_id: str) -> Response:
    return acceptance_page(public_id)


def acceptance_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """After a refusal with what was typed into `form`."""
    days()
    with current_site().database.reading() as session:
        project = watched(session, public_id)
        values = _read(session, project, refused)
        answer = form_page("acceptances/show.html", refused=refused, one=project, form=form, **values, **WORDS)
    if refused is not None:
        answer.status_code = 409 if refused.code in _GONE else status_of(refused)
    return answer


def _read(session: Session, project: Project, refused: Refused | None) -> dict[str, Any]:
    """What the page shows; experts are known to the offices only."""
    viewer, step = current_viewer(), step_of()
    held = roles_on_project(viewer, project)
    rows = find_acceptances(session, project.id)
    last = rows[0] if rows else None
    mine = Role.ENTERPRISE in held and project.state in CHANGEABLE and (last is None or last.state in WRITABLE | {AcceptanceState.FAILED})
    wanted = actions.wanted_of(session, project, step)
    # What a new round begins with is what the one before said.
    draft = last.draft() if last is not None else RequestDraft()
    writing = last if last is not None and last.state in WRITABLE else None
    waiting = [one for one in find_waiting_decisions(session, PROJECT, project.id) if one.event in EVENTS]
    lost = refused is not None and refused.code == "changed_meanwhile"
    state = last.state if last is not None else None
    return {
        "rows": rows, "last": last, "mine": mine, "wanted": wanted, "draft": draft,
        "lacks": [sentence_of(one) for _field, one in missing(writing.draft() if writing else RequestDraft(), wanted)] if mine else [],
        "files": find_attachments_of(session, actions.ACCEPTANCE, [row.id for row in rows]),
        "suppliers": {row.public_id: row.provider.organisation.name for row in find_suppliers(session, project.id, ended=True)},
        "formal": state == AcceptanceState.FORMAL_REVIEW and bool({Role.AREA, Role.ADMIN} & held),
        "accepting": state == AcceptanceState.ACCEPTING and bool({Role.MANAGER, Role.ADMIN} & held),
        "deciding": state == AcceptanceState.DECIDING and bool({Role.BUREAU, Role.ADMIN} & held) and not waiting,
        "may_end": project.state in CHANGEABLE and bool({Role.BUREAU, Role.ADMIN} & held) and not waiting,
        "office": bool({Role.MANAGER, Role.BUREAU, Role.ADMIN} & held), "proposals": waiting if Role.BUREAU in held or Role.ADMIN in held else [],
        "me": viewer.account_id, "panel": _experts(session) if state == AcceptanceState.ACCEPTING else [],
        "seen": seen_still(find_last_entry(session, actions.ACCEPTANCE, last.id) if last is not None else 0, lost=lost),
        "seen_project": seen_still(find_last_entry(session, PROJECT, project.id), lost=lost),
        "typed": request.form if refused is not None else {}, "changes": _differences(last) if lost and last is not None else [],
        "can_request": project.state in (ProjectState.IMPLEMENTING, ProjectState.REWORKING), "here": today(),
        "checks": CHECKS, "aspects": ASPECT_WORDS, "verdicts": VERDICT_WORDS, "event_words": EVENT_WORDS,
        "rules": current_site().pilot.project,
    }  # fmt: skip


def _differences(row: Acceptance) -> list[ShownDifference]:
    stored = {"summary": row.summary, "rework": row.rework, "finished_on": row.finished_on.isoformat() if row.finished_on else ""}
    labels = {"finished_on": say("完工日期"), "summary": say("成效自评总结"), "rework": say("整改情况")}
    return outdated_fields((label, stored[name], request.form[name]) for name, label in labels.items() if name in request.form)


def _experts(session: Session) -> list[ReviewExpert]:
    query = select(ReviewExpert).where(ReviewExpert.state == ExpertState.ACTIVE).order_by(ReviewExpert.name, ReviewExpert.id)
    return list(session.scalars(query.limit(500)))


def _done(public_id: str, form: str, act: Callable[[int], object]) -> AnyResponse:
    number = number_of(public_id)
    try:
        act(number)
    except RefusedError as error:
        return acceptance_page(public_id, error.refused, form)
    flash(say(_SAID[form]), "good")
    return redirect(url_for("acceptances.of_project", public_id=public_id), 303)


def _measures(session: Session, project_id: int) -> dict[str, Measure]:
    """A value that is no number is as missing as one that was not typed."""
    form = request.form
    return {
        row.key: Measure(typed_number(form.get(f"measured_{row.key}", "")), form.get(f"note_{row.key}", ""))
        for row in find_targets(session, project_id)
    }


def _draft(project_id: int) -> RequestDraft:
    form = request.form
    with current_site().database.reading() as session:
        keys = [row.public_id for row in find_suppliers(session, project_id)]
        measures = _measures(session, project_id)
    return RequestDraft(
        typed_day(form.get("finished_on", "")),
        form.get("summary", ""),
        form.get("rework", ""),
        measures,
        {key: {aspect: typed_whole(form.get(f"{aspect}_{key}", "")) for aspect in ASPECT_WORDS} for key in keys},
        {key: form.get(f"remark_{key}", "") for key in keys},
    )


@pages.post("/projects/<public_id>/acceptance/<any(save, request):event>")
@permission("write", "project")
def write(public_id: str, event: str) -> AnyResponse:
    """The enterprise saves what it has written, or asks for acceptance with it."""

    def act(number: int) -> object:
        database, step, draft = current_site().database, step_of(), _draft(number)
        files = {kind: file for kind in actions.documents_of(step) if (file := taken(f"file_{kind}")) is not None}
        if event == "save":
            return actions.save(database, number, draft, step, files)
        return actions.request(database, number, step, draft, files)

    return _done(public_id, event, act)


@pages.post("/projects/<public_id>/acceptance/formal")
@permission("first_review", "project")
def formal(public_id: str) -> AnyResponse:
    """The park or street: complete, true, valid."""
    form = request.form
    answers = {key: (form.get(f"check_{key}", ""), form.get(f"remark_{key}", "")) for key in CHECKS}
    draft = FormDraft(answers, why())
    return _done(public_id, "formal", lambda number: actions.review_form(current_site().database, number, draft, step_of()))


@pages.post("/projects/<public_id>/acceptance/experts")
@permission("accept", "project")
def experts(public_id: str) -> AnyResponse:
    """The manager names who takes part."""
    with current_site().database.reading() as session:
        query = select(ReviewExpert.id).where(ReviewExpert.public_id.in_(request.form.getlist("expert")[:100]))
        chosen = list(session.scalars(query))
    return _done(public_id, "experts", lambda number: acceptance_reports.name_experts(current_site().database, number, chosen, step_of()))


@pages.post("/projects/<public_id>/acceptance/report")
@permission("accept", "project")
def report(public_id: str) -> AnyResponse:
    """The manager's report with what was measured."""

    def act(number: int) -> object:
        form, database = request.form, current_site().database
        with database.reading() as session:
            measures = _measures(session, number)
        draft = ReportDraft(measures, form.get("verdict", ""), form.get("text", ""), typed_day(form.get("held_on", "")))
        return acceptance_reports.report(database, number, draft, step_of())

    return _done(public_id, "report", act)


@pages.post("/projects/<public_id>/acceptance/decide")
@permission("select", "project")
def decide(public_id: str) -> AnyResponse:
    """The first person of the bureau."""
    draft = DecisionDraft(request.form.get("event", ""), why(), typed_day(request.form.get("due", "")))
    return _done(public_id, "decide", lambda number: acceptance_decisions.propose(current_site().database, number, draft, step_of()))


@pages.post("/projects/<public_id>/acceptance/decisions/<decision_id>/<any(confirm, reject, take_back):event>")
@permission("select", "project")
def answer(public_id: str, decision_id: str, event: str) -> AnyResponse:
    """The second person, or the first one who takes it back."""
    number = number_of(public_id)
    with current_site().database.reading() as session:
        found = find_decision(session, decision_id)
        if found is None or (found.noun, found.noun_id) != (PROJECT, number) or found.event not in EVENTS:
            not_found()
        decision = found.id
    return _done(public_id, event, lambda _n: acceptance_decisions.answer(current_site().database, decision, event, step_of(), why=why()))
