"""A project that must put something right until a day: ordered by the bureau, reported by the enterprise, checked by the bureau."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.project_health import WatchStep, measure
from marketplace.actions.project_steps import Step, move, must_be, roles_on_project, settle, tell_applicant
from marketplace.actions.project_steps import locked as locked_project
from marketplace.actions.roles import actor_of
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role
from marketplace.domain.inspections import OPEN_RECTIFICATION, RECTIFICATION_TABLE, RectificationState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.projects import UNDER_WAY, ProjectState
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import term
from marketplace.files.store import StoredBlob
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.inspections import Rectification, find_rectifications
from marketplace.records.projects import Project

RECTIFICATION = "rectification"
RECTIFY, CHECK = "rectify_project", "check_rectification"
MOST_DAYS = 180


def facts_of(session: Session, project: Project, step: Step) -> dict[str, Any]:
    """Whether anything is left to be put right, and whether all of that was reported."""
    left = select(Rectification.state).where(Rectification.project_id == project.id, Rectification.state.in_(OPEN_RECTIFICATION))
    states = set(session.scalars(left.distinct()))
    return {"rectified": not states, "rectification_reported": states == {RectificationState.HANDED_IN}}


def order(database: Database, project_id: int, demand: str, due: date | None, step: WatchStep) -> Rectification:
    """The bureau orders something to be put right without an inspection."""
    for _field, refused in check_text("demand", _("整改要求"), demand, most=5_000, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        project = locked_project(session, project_id, replace(step, seen=None))
        must_be(step.viewer, project, Role.BUREAU)
        row = order_in(session, project, demand.strip(), step, due=_good(due, step))
        measure(session, project, step)
        return row


def _good(due: date | None, step: WatchStep) -> date | None:
    if due is not None and not step.today < due <= step.today + timedelta(days=MOST_DAYS):
        raise RefusedError(Refused("due_out_of_range", _("整改期限要晚于今天，最多 {most} 天。"), {"most": MOST_DAYS}))
    return due


def order_in(
    session: Session, project: Project, demand: str, step: WatchStep, *, due: date | None = None, inspection_id: int | None = None
) -> Rectification:
    """The same inside a transaction; a project that is in work stops and puts things right first."""
    if project.state not in UNDER_WAY:
        raise RefusedError(Refused("not_under_way", _("项目不在实施中，不能责令整改。")))
    row = Rectification(project=project, inspection_id=inspection_id, demand=demand, ordered_at=step.at)
    row.due = due or step.today + timedelta(days=step.rules.rectification_days)
    session.add(row)
    session.flush()
    after = {"project": project.id, "due": row.due.isoformat(), "inspection": inspection_id}
    record(
        session,
        actor=actor_of(step.viewer),
        verb="order",
        noun=RECTIFICATION,
        noun_id=row.id,
        before=None,
        after=after,
        why=demand,
        at=step.at,
    )
    if project.state == ProjectState.IMPLEMENTING:
        move(session, project, "order_rectification", replace(step, seen=None), why=demand)
    _ask(session, row, step)
    _say_when(session, project, row.due, step)
    due_word = row.due.isoformat()
    tell_applicant(session, project, _("{number} {title}：请在 {due} 前整改并报告。"), step.at, due=due_word)
    return row


def _say_when(session: Session, project: Project, due: date, step: WatchStep) -> None:
    """While a project puts things right, the term of that is the project's, and who has the ball is told by what was reported."""
    if project.state == ProjectState.RECTIFYING:
        settle(session, project, replace(step, seen=None), due=due)


def _ask(session: Session, row: Rectification, step: WatchStep) -> None:
    project = row.project
    values = {"number": project.number, "title": project.title}
    open_task(
        session, RECTIFY, _("{number} {title}：整改并提交报告"), noun=RECTIFICATION, noun_id=row.id, public_ref=project.public_id, at=step.at,
        values=values, organisation_id=project.organisation_id, due=row.due,
    )  # fmt: skip


def locked(session: Session, project_id: int, rectification_id: int, step: WatchStep) -> tuple[Project, Rectification]:
    project = locked_project(session, project_id, replace(step, seen=None))
    row = session.get_one(Rectification, rectification_id, populate_existing=True)
    if row.project_id != project.id:
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
    refuse_if_moved(session, RECTIFICATION, row.id, seen=step.seen, at=step.at, harmless=("attach",))
    return project, row


def hand_in(
    database: Database, project_id: int, rectification_id: int, text: str, files: Sequence[StoredBlob], step: WatchStep
) -> Rectification:
    """What was done, with evidence."""
    for _field, refused in check_text("report", _("整改情况"), text, most=5_000, required=True):
        raise RefusedError(refused)
    if not files:
        raise RefusedError(Refused("no_proof", _("请附上整改的证明材料（照片、单据等）。")))
    with database.writing() as session:
        project, row = locked(session, project_id, rectification_id, step)
        must_be(step.viewer, project, Role.ENTERPRISE)
        row.report, row.handed_in_at = text.strip(), step.at
        held = roles_on_project(step.viewer, project)
        transition.apply(session, row, RECTIFICATION_TABLE, "hand_in", actor=actor_of(step.viewer), roles=held, at=step.at)
        for file in files:
            attach(
                session, file, noun=RECTIFICATION, noun_id=row.id, kind="proof", organisation_id=project.organisation_id, viewer=step.viewer,
                at=step.at,
            )  # fmt: skip
        close_tasks(session, RECTIFICATION, row.id, at=step.at)
        values = {"number": project.number, "title": project.title}
        # The bureau looks within the time that it has for deciding on an acceptance.
        due = term(step.today, step.rules.days(ProjectState.DECIDING) or 0, find_calendar(session)).due
        open_task(
            session, CHECK, _("{number} {title}：核查整改情况"), noun=RECTIFICATION, noun_id=row.id, public_ref=project.public_id, at=step.at,
            values=values, roles=(Role.BUREAU,), due=due,
        )  # fmt: skip
        _say_when(session, project, due if facts_of(session, project, step)["rectification_reported"] else row.due, step)
        return row


def judge(
    database: Database, project_id: int, rectification_id: int, event: str, step: WatchStep, *, why: str, due: date | None = None
) -> Rectification:
    """Passed, or ordered again with a new term. Once nothing is left to be put right, the project goes on."""
    for _field, refused in check_text("why", _("核查意见"), why, most=2_000, required=True):
        raise RefusedError(refused)
    if event == "reject" and _good(due, step) is None:
        raise RefusedError(Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": _("新的期限")}))
    with database.writing() as session:
        project, row = locked(session, project_id, rectification_id, step)
        row.judgement, row.judged_by, row.judged_at = why.strip(), step.viewer.account_id, step.at
        if event == "reject" and due is not None:
            row.due, row.rejected = due, row.rejected + 1
        held = roles_on_project(step.viewer, project)
        transition.apply(session, row, RECTIFICATION_TABLE, event, actor=actor_of(step.viewer), roles=held, at=step.at, why=why.strip())
        close_tasks(session, RECTIFICATION, row.id, at=step.at)
        if event == "reject":
            _ask(session, row, step)
            _say_when(session, project, row.due, step)
            tell_applicant(session, project, _("{number} {title}：整改不到位，请在 {due} 前再改。"), step.at, due=row.due.isoformat())
        else:
            tell_applicant(session, project, _("{number} {title}：整改通过。"), step.at)
            open_left = any(one.state in OPEN_RECTIFICATION for one in find_rectifications(session, project.id))
            if project.state == ProjectState.RECTIFYING and not open_left:
                move(session, project, "rectified", replace(step, seen=None), why=why.strip())
        measure(session, project, step)
        return row
