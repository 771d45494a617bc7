"""Monthly reports: asked for once a month is over, handed in by the enterprise, sent back where they do not say enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date

from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.project_health import WatchStep, measure
from marketplace.actions.project_steps import locked, must_be, refuse_first, roles_on_project, tell_applicant, tell_roles
from marketplace.actions.roles import actor_of, must_hold
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.progress import (
    TABLE,
    Lateness,
    ReportDraft,
    ReportFrame,
    ReportState,
    check,
    due_of,
    lateness,
    month_of,
    wanted_months,
)
from marketplace.domain.projects import UNDER_WAY, ProjectState
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import term
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.progress import MonthlyReport, find_report, find_report_before, find_reports, when_begun
from marketplace.records.project_plans import find_milestones
from marketplace.records.projects import Project

REPORT, MILESTONE = "monthly_report", "milestone"
TASK = "monthly_report"
HARMLESS = ("want", "mark_late")
# While a project is with those who accept it, nobody writes monthly reports.
REPORTS = frozenset({ProjectState.IMPLEMENTING, ProjectState.RECTIFYING, ProjectState.REWORKING})
_MESSAGE = {
    Lateness.IN_TIME: _("{number} {title}：请提交 {month} 的月报"),
    Lateness.LATE: _("{number} {title}：{month} 的月报已逾期，请尽快提交"),
    Lateness.VERY_LATE: _("{number} {title}：{month} 的月报严重逾期，请立即提交"),
}
_LATER = [Lateness.IN_TIME, Lateness.LATE, Lateness.VERY_LATE]
_TOLD = {
    Lateness.LATE: _("{number} {title}：{month} 的月报已逾期。"),
    Lateness.VERY_LATE: _("{number} {title}：{month} 的月报严重逾期。"),
}


def report_ref(project: Project, month: str) -> str:
    """By which a report is named in addresses."""
    return f"{project.public_id}:{month}"


def begun_on(session: Session, project: Project) -> date:
    """The month from which on it reports: from when it came under way, which no plan can put earlier or later."""
    at = when_begun(session, project.id)
    return (at or project.created).astimezone(UTC).date()


def ask_for_reports(session: Session, project: Project, step: WatchStep) -> int:
    """Ask for every month that is over, and mark what is late by now. How many were asked for. The project is under lock."""
    reports = list(find_reports(session, project.id))
    months = wanted_months({row.month for row in reports}, begun_on(session, project), step.today) if project.state in REPORTS else []
    for month in months:
        reports.append(_want(session, project, month, step))
    if project.state in UNDER_WAY:
        for row in reports:
            _mark(session, project, row, step)
    return len(months)


def _want(session: Session, project: Project, month: str, step: WatchStep) -> MonthlyReport:
    row = MonthlyReport(project=project, month=month, due=due_of(month, step.rules.report_day), created=step.at, reached=[])
    session.add(row)
    session.flush()
    after = {"month": month, "due": row.due.isoformat()}
    record(session, actor=actor_of(step.viewer), verb="want", noun=REPORT, noun_id=row.id, before=None, after=after, at=step.at)
    _ask(session, project, row, Lateness.IN_TIME, step)
    return row


def _mark(session: Session, project: Project, row: MonthlyReport, step: WatchStep) -> None:
    """How late a report that is still wanted has become; told once each."""
    if row.state != ReportState.WANTED:
        return
    late = lateness(row.due, None, step.today, find_calendar(session), very_late_days=step.rules.report_very_late_days)
    if late == Lateness.IN_TIME or late == row.late:
        return
    before, row.late = {"late": row.late}, str(late)
    session.flush()
    record(
        session,
        actor=actor_of(step.viewer),
        verb="mark_late",
        noun=REPORT,
        noun_id=row.id,
        before=before,
        after={"late": row.late},
        at=step.at,
    )
    _ask(session, project, row, late, step)
    tell_applicant(session, project, _TOLD[late], step.at, month=row.month)
    if late == Lateness.VERY_LATE:
        tell_roles(session, project, _TOLD[late], step.at, Role.MANAGER, Role.AREA, month=row.month)


def _ask(session: Session, project: Project, row: MonthlyReport, late: Lateness, step: WatchStep) -> None:
    values = {"number": project.number, "title": project.title, "month": row.month}
    open_task(
        session, TASK, _MESSAGE[late], noun=REPORT, noun_id=row.id, public_ref=report_ref(project, row.month), at=step.at, values=values,
        organisation_id=project.organisation_id, due=row.due,
    )  # fmt: skip


def hand_in(database: Database, project_id: int, month: str, draft: ReportDraft, step: WatchStep) -> MonthlyReport:
    """The enterprise reports a month that is over, or this one if it wants to be early; milestones that were reached get their day."""
    with database.writing() as session:
        project = locked(session, project_id, replace(step, seen=None))
        must_be(step.viewer, project, Role.ENTERPRISE, right="edit")
        if project.state not in UNDER_WAY:
            raise RefusedError(Refused("not_under_way", _("项目不在实施中，不报进度。")))
        ask_for_reports(session, project, step)
        row = find_report(session, project.id, month)
        if row is None and month == month_of(step.today) and project.state in REPORTS:
            row = _want(session, project, month, step)
        if row is None:
            raise RefusedError(Refused("month_not_wanted", _("{month} 不用报进度。"), {"month": month}))
        refuse_if_moved(session, REPORT, row.id, seen=step.seen, at=step.at, harmless=HARMLESS)
        refuse_first(check(draft, frame_of(session, project, month, step.today)))
        _fill(session, project, row, draft, step)
        late = lateness(row.due, step.today, step.today, find_calendar(session), very_late_days=step.rules.report_very_late_days)
        # What was late once stays so, however soon it was mended.
        row.late = str(max(late, Lateness(row.late or Lateness.IN_TIME), key=lambda how: _LATER.index(how)))
        row.handed_in_at, row.handed_in_on, row.handed_in_by = step.at, step.today, step.viewer.account_id
        session.flush()
        held = roles_on_project(step.viewer, project, "edit")
        transition.apply(session, row, TABLE, "hand_in", actor=actor_of(step.viewer), roles=held, at=step.at)
        close_tasks(session, REPORT, row.id, at=step.at)
        if draft.help.strip():
            tell_roles(
                session, project, _("{number} {title}：{month} 的月报里提出需要帮助。"), step.at, Role.MANAGER, Role.AREA, month=month
            )
        measure(session, project, step)
        return row


def frame_of(session: Session, project: Project, month: str, today: date) -> ReportFrame:
    before = find_report_before(session, project.id, month)
    return ReportFrame(
        today=today,
        milestones=frozenset(row.id for row in find_milestones(session, project.id)),
        starts=project.starts,
        last_percent=before.percent or 0 if before is not None else 0,
        last_spending_fen=before.spending_fen or 0 if before is not None else 0,
    )


def _fill(session: Session, project: Project, row: MonthlyReport, draft: ReportDraft, step: WatchStep) -> None:
    row.text, row.percent, row.spending_fen = draft.text.strip(), draft.percent, draft.spending_fen
    row.problems, row.help = draft.problems.strip(), draft.help.strip()
    told = []
    for milestone in find_milestones(session, project.id):
        if milestone.id not in draft.reached or draft.reached[milestone.id] == milestone.actual:
            continue
        was, on = milestone.actual, draft.reached[milestone.id]
        milestone.actual = on
        session.flush()
        before, after = {"actual": was.isoformat() if was else None}, {"actual": on.isoformat() if on else None}
        actor = actor_of(step.viewer)
        record(session, actor=actor, verb="reach", noun=MILESTONE, noun_id=milestone.id, before=before, after=after, at=step.at)
        told.append({"milestone": milestone.public_id, "title": milestone.title, "on": on.isoformat() if on else ""})
    row.reached = told


def send_back(database: Database, project_id: int, month: str, step: WatchStep, *, why: str) -> MonthlyReport:
    """An office wants to know more; how late it was stays as it was."""
    must_hold(step.viewer, "supervise", "project")
    for _field, refused in check_text("why", _("要补充什么"), why, most=2_000, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        project = locked(session, project_id, replace(step, seen=None))
        row = find_report(session, project.id, month)
        if row is None:
            raise RefusedError(Refused("month_not_wanted", _("{month} 不用报进度。"), {"month": month}))
        refuse_if_moved(session, REPORT, row.id, seen=step.seen, at=step.at, harmless=HARMLESS)
        row.why = why.strip()
        row.due = term(step.today, step.supervision.answer_days, find_calendar(session)).due
        transition.apply(
            session, row, TABLE, "send_back", actor=actor_of(step.viewer), roles=step.viewer.roles, at=step.at, why=why.strip()
        )
        _ask(session, project, row, Lateness.IN_TIME, step)
        tell_applicant(session, project, _("{number} {title}：{month} 的月报退回补充，请看意见。"), step.at, month=month)
        measure(session, project, step)
        return row
