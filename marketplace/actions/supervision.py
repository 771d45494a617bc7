"""Supervision: orders about projects, answered and closed, escalated when late; and the daily look at every project under way."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.numbers import next_number
from marketplace.actions.progress import ask_for_reports
from marketplace.actions.project_health import WatchStep, measure
from marketplace.actions.project_steps import locked as locked_project
from marketplace.actions.project_steps import must_be, refuse_first, roles_on_project, tell_applicant, tell_roles
from marketplace.actions.roles import actor_of, must_hold
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.projects import UNDER_WAY
from marketplace.domain.supervision import LEVELS, TABLE, OrderDraft, OrderState, check, level_of
from marketplace.domain.texts import check_text
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.projects import Project
from marketplace.records.supervision import SupervisionOrder, find_orders_of

ORDER, SERIES = "supervision_order", "DB"
ANSWER, JUDGE, LATE = "answer_order", "judge_order", "late_order"


def issue(database: Database, project_id: int, draft: OrderDraft, step: WatchStep) -> SupervisionOrder:
    """An office orders something about a project; the enterprise answers within the term."""
    must_hold(step.viewer, "supervise", "project")
    refuse_first(check(draft, step.today))
    assert draft.due is not None
    with database.writing() as session:
        project = locked_project(session, project_id, replace(step, seen=None))
        if project.state not in UNDER_WAY:
            raise RefusedError(Refused("not_under_way", _("项目不在实施中，不能督办。")))
        row = SupervisionOrder(number=next_number(session, SERIES, step.today.year), project=project, text=draft.text.strip())
        row.due, row.issued_by, row.issued_at = draft.due, step.viewer.account_id, step.at
        session.add(row)
        session.flush()
        after = {"number": row.number, "project": project.id, "due": row.due.isoformat()}
        record(
            session,
            actor=actor_of(step.viewer),
            verb="issue",
            noun=ORDER,
            noun_id=row.id,
            before=None,
            after=after,
            why=row.text,
            at=step.at,
        )
        _ask(session, row, step)
        tell_applicant(session, project, _("{number} {title}：收到督办单 {order}，请在 {due} 前答复。"), step.at, **_values(row))
        measure(session, project, step)
        return row


def _values(row: SupervisionOrder) -> dict[str, str]:
    return {"order": row.number, "due": row.due.isoformat()}


def _ask(session: Session, row: SupervisionOrder, step: WatchStep) -> None:
    values = {"number": row.project.number, "title": row.project.title} | _values(row)
    open_task(
        session, ANSWER, _("{number} {title}：答复督办单 {order}"), noun=ORDER, noun_id=row.id, public_ref=row.public_id, at=step.at,
        values=values, organisation_id=row.project.organisation_id, due=row.due,
    )  # fmt: skip


def locked(session: Session, order_id: int, step: WatchStep) -> SupervisionOrder:
    project_id = session.scalars(select(SupervisionOrder.project_id).where(SupervisionOrder.id == order_id)).one()
    locked_project(session, project_id, replace(step, seen=None))
    row = session.get_one(SupervisionOrder, order_id, populate_existing=True)
    refuse_if_moved(session, ORDER, row.id, seen=step.seen, at=step.at, harmless=("escalate",))
    return row


def answer(database: Database, order_id: int, text: str, step: WatchStep) -> SupervisionOrder:
    for _field, refused in check_text("answer", _("答复"), text, most=5_000, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        row = locked(session, order_id, step)
        must_be(step.viewer, row.project, Role.ENTERPRISE)
        row.answer, row.answered_at = text.strip(), step.at
        held = roles_on_project(step.viewer, row.project)
        transition.apply(session, row, TABLE, "answer", actor=actor_of(step.viewer), roles=held, at=step.at, why=text.strip())
        close_tasks(session, ORDER, row.id, at=step.at)
        values = {"number": row.project.number, "title": row.project.title} | _values(row)
        # Who was told that it is late hears the answer too.
        roles = {Role.MANAGER, LEVELS[row.level] or Role.MANAGER}
        open_task(
            session, JUDGE, _("{number} {title}：督办单 {order} 已答复，请核实"), noun=ORDER, noun_id=row.id, public_ref=row.public_id,
            at=step.at, values=values, roles=roles,
        )  # fmt: skip
        measure(session, row.project, step)
        return row


def judge(database: Database, order_id: int, event: str, step: WatchStep, *, why: str, due: OrderDraft | None = None) -> SupervisionOrder:
    """Closed, sent back with a new term, or withdrawn."""
    must_hold(step.viewer, "supervise", "project")
    for _field, refused in check_text("why", _("意见"), why, most=2_000, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        row = locked(session, order_id, step)
        row.judgement = why.strip()
        if event == "send_back":
            again = OrderDraft(row.text, due.due if due is not None else None)
            refuse_first(check(again, step.today))
            assert again.due is not None
            row.due, row.level = again.due, 0
        else:
            row.closed_at = step.at
        transition.apply(session, row, TABLE, event, actor=actor_of(step.viewer), roles=step.viewer.roles, at=step.at, why=why.strip())
        close_tasks(session, ORDER, row.id, at=step.at)
        if event == "send_back":
            _ask(session, row, step)
            tell_applicant(
                session, row.project, _("{number} {title}：督办单 {order} 的答复不够，请在 {due} 前再答复。"), step.at, **_values(row)
            )
        else:
            tell_applicant(session, row.project, _("{number} {title}：督办单 {order} 已办结。"), step.at, **_values(row))
        measure(session, row.project, step)
        return row


def escalate(session: Session, project: Project, step: WatchStep) -> int:
    """Late orders of a project go to the manager, and after some more days to the bureau. How many rose."""
    rose = 0
    for row in find_orders_of(session, project.id):
        if row.state != OrderState.ISSUED:
            continue
        level = level_of(row.due, step.today, find_calendar(session), escalate_days=step.supervision.escalate_days)
        if level <= row.level:
            continue
        before, row.level = {"level": row.level}, level
        session.flush()
        actor, after = actor_of(step.viewer), {"level": level}
        record(session, actor=actor, verb="escalate", noun=ORDER, noun_id=row.id, before=before, after=after, at=step.at)
        role = LEVELS[level]
        assert role is not None
        values = {"number": project.number, "title": project.title} | _values(row)
        open_task(
            session, LATE, _("{number} {title}：督办单 {order} 超期没有答复"), noun=ORDER, noun_id=row.id, public_ref=row.public_id, at=step.at,
            values=values, roles=(role,), due=row.due,
        )  # fmt: skip
        tell_roles(session, project, _("{number} {title}：督办单 {order} 超期没有答复。"), step.at, role, **_values(row))
        rose += 1
    return rose


def look_at(database: Database, step: WatchStep) -> dict[str, int]:
    """Every project under way in a transaction of its own: its reports are asked for, its late orders rise, its health is computed.
    Two nights' work is as good as one."""
    with database.reading() as session:
        numbers = session.scalars(select(Project.id).where(Project.state.in_(UNDER_WAY)).order_by(Project.id)).all()
    counts = {"projects": len(numbers), "reports": 0, "escalated": 0, "changed": 0}
    for number in numbers:
        with database.writing() as session:
            project = locked_project(session, number, step)
            counts["reports"] += ask_for_reports(session, project, step)
            counts["escalated"] += escalate(session, project, step)
            counts["changed"] += measure(session, project, step)
    return counts
