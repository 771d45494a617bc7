"""Progress of a project: its monthly reports, milestones, spending against the plan, and how it is doing."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import progress as actions
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.progress import ReportDraft, ReportState, check, due_of, lateness, month_of
from marketplace.domain.projects import UNDER_WAY
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.evidence import sums_by_cost
from marketplace.records.history import find_last_entry
from marketplace.records.progress import MonthlyReport, find_report, find_reports
from marketplace.records.project_plans import find_costs, find_milestones
from marketplace.records.projects import Project
from marketplace.records.supervision import find_orders_of
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.language import say
from marketplace.web.refusals import form_page
from marketplace.web.terms import days, today
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.typed_numbers import typed_fen, typed_whole
from marketplace.web.watching import WORDS, acts_for, is_office, number_of, status_of, step_of, watched, why

pages = Blueprint("progress", __name__)


def _report_address(ref: str) -> str:
    project, _mark, month = ref.partition(":")
    return url_for("progress.report", public_id=project, month=month)


ADDRESSES[actions.REPORT] = _report_address


@pages.get("/projects/<public_id>/progress")
@permission("read", "project")
def of_project(public_id: str) -> Response:
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        project = watched(session, public_id)
        reports = find_reports(session, project.id)
        mine = acts_for(viewer, project) and project.state in actions.REPORTS
        now = month_of(today())
        early = mine and all(row.month != now for row in reports)
        planned: dict[str, int] = {}
        for row in find_costs(session, project.id):
            planned[row.kind] = planned.get(row.kind, 0) + row.amount_fen
        spent = sums_by_cost(session, project.id)
        return form_page(
            "progress/index.html", one=project, reports=reports, milestones=find_milestones(session, project.id), planned=planned, spent=spent,
            costs=sorted({*planned, *spent}), mine=mine, early=now if early else "", office=is_office(viewer), late_word=late_of,
            orders=find_orders_of(session, project.id), here=today(), open_states=(ReportState.WANTED, ReportState.RETURNED),
            under_way=project.state in UNDER_WAY, answers=acts_for(viewer, project, "submit"), **WORDS,
        )  # fmt: skip


def late_of(row: MonthlyReport) -> str:
    """How late a report is, or was."""
    if row.late or row.state == ReportState.HANDED_IN:
        return row.late or "in_time"
    return str(lateness(row.due, None, today(), days().calendar, very_late_days=current_site().pilot.project.report_very_late_days))


@pages.get("/projects/<public_id>/progress/<month>")
@permission("read", "project")
def report(public_id: str, month: str) -> Response:
    return _report_page(public_id, month)


def _report_page(
    public_id: str, month: str, refused: Refused | None = None, form: str = "", faults: list[tuple[str, Refused]] | None = None
) -> Response:
    """One month: the form for the applicant while it is wanted, else what was handed in."""
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        project = watched(session, public_id)
        found = find_report(session, project.id, month)
        mine = acts_for(viewer, project) and project.state in UNDER_WAY
        if found is None and not (mine and project.state in actions.REPORTS and month == month_of(today())):
            not_found()
        milestones = find_milestones(session, project.id)
        lost = refused is not None and refused.code == "changed_meanwhile"
        stored = _stored(found, milestones)
        last = find_last_entry(session, actions.REPORT, found.id) if found is not None else 0
        answer = form_page(
            "progress/report.html", refused=refused, errors=faults or [], one=project, row=found, month=month, milestones=milestones,
            writes=mine and (found is None or found.state != ReportState.HANDED_IN), office=is_office(viewer), late_word=late_of,
            typed={**stored, **request.form.to_dict()} if form == "hand_in" else stored, why_typed=why() if form == "send_back" else "",
            due=found.due if found is not None else due_of(month, current_site().pilot.project.report_day), form=form,
            seen=seen_still(last, lost=lost), changes=_outdated(stored) if lost else [], **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _stored(row: MonthlyReport | None, milestones: Any) -> dict[str, str]:
    dates = {f"reached-{one.public_id}": one.actual.isoformat() if one.actual else "" for one in milestones}
    if row is None:
        return {"text": "", "percent": "", "spending": "", "problems": "", "help": "", **dates}
    wan = f"{row.spending_fen / 1_000_000:.6f}".rstrip("0").rstrip(".") if row.spending_fen is not None else ""
    percent = str(row.percent) if row.percent is not None else ""
    return {"text": row.text, "percent": percent, "spending": wan, "problems": row.problems, "help": row.help, **dates}


def _outdated(stored: dict[str, str]) -> list[ShownDifference]:
    labels = {
        "text": say("本月进展"), "percent": say("完成百分比"), "spending": say("累计支出（万元）"), "problems": say("遇到的问题"),
        "help": say("需要的帮助"),
    }  # fmt: skip
    return outdated_fields((label, stored[name], request.form.get(name, "")) for name, label in labels.items())


@pages.post("/projects/<public_id>/progress/<month>")
@permission("write", "evidence")
def hand_in(public_id: str, month: str) -> AnyResponse:
    """The report of a month."""
    with current_site().database.reading() as session:
        project = watched(session, public_id)
        number, faults = project.id, []
        draft = _draft(session, project)
        if acts_for(current_viewer(), project):
            faults = list(check(draft, actions.frame_of(session, project, month, today())))
    if faults:
        return _report_page(public_id, month, None, "hand_in", faults)
    try:
        actions.hand_in(current_site().database, number, month, draft, step_of())
    except RefusedError as error:
        return _report_page(public_id, month, error.refused, "hand_in")
    flash(say("{month} 的月报已提交。", month=month), "good")
    return redirect(url_for("progress.of_project", public_id=public_id), 303)


def _draft(session: Session, project: Project) -> ReportDraft:
    typed = request.form
    reached: dict[int, date | None] = {}
    for row in find_milestones(session, project.id):
        name = f"reached-{row.public_id}"
        if name in typed:
            reached[row.id] = typed_day(typed[name])
    return ReportDraft(
        typed.get("text", ""), typed_whole(typed.get("percent", "")), typed_fen(typed.get("spending", "")), typed.get("problems", ""),
        typed.get("help", ""), reached,
    )  # fmt: skip


@pages.post("/projects/<public_id>/progress/<month>/send-back")
@permission("supervise", "project")
def send_back(public_id: str, month: str) -> AnyResponse:
    """An office wants to know more."""
    number = number_of(public_id)
    try:
        actions.send_back(current_site().database, number, month, step_of(), why=why())
    except RefusedError as error:
        return _report_page(public_id, month, error.refused, "send_back")
    flash(say("已退回，企业会收到您的意见。"), "good")
    return redirect(url_for("progress.report", public_id=public_id, month=month), 303)
