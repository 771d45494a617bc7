"""Objections to the public notice of a project: raised by anybody, answered by the bureau. As for providers (actions/objections)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import told
from marketplace.actions.roles import actor_of, must_hold
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.objections import TABLE, ObjectionState, check, why_not_object
from marketplace.domain.project_reviews import ProjectReviewRules
from marketplace.domain.projects import ProjectState
from marketplace.domain.working_days import term
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.history import find_entries_since
from marketplace.records.project_selections import ProjectObjection, ProjectPublicity, count_recent_of_projects
from marketplace.records.projects import Project

NOUN = "project_objection"
WINDOW = timedelta(hours=24)
_ADVISORY_LOCK = 7_110_262


def raise_project_objection(
    database: Database, publicity_id: int, *, name: str, contact: str, words: str, address: str, panel: ProjectReviewRules, at: datetime
) -> ProjectObjection:
    """提出异议. Who it was stands in the objection alone: the history keeps the fact and not the person. `at`: in the pilot's zone."""
    for _field, refused in check(name, contact, words):
        raise RefusedError(refused)
    with database.writing() as session:
        publicity = session.get_one(ProjectPublicity, publicity_id)
        # Whoever decides about the project holds this lock too: no objection slips in beside its recognition.
        session.execute(select(Project.id).where(Project.id == publicity.project_id).with_for_update())
        session.refresh(publicity.project, attribute_names=["state"])
        shown = publicity.project.state == ProjectState.SHOWN
        if closed := why_not_object(publicity.until if shown else None, at.date()):
            raise RefusedError(closed)
        _refuse_if_throttled(session, address, panel, at)
        objection = ProjectObjection(
            publicity_id=publicity.id, name=name.strip(), contact=contact.strip(), text=words.strip(), address=address[:64], at=at
        )
        session.add(objection)
        session.flush()
        after = {"publicity": publicity.id}
        record(session, actor=_("公众"), verb="raise", noun=NOUN, noun_id=objection.id, before=None, after=after, at=at)
        project = publicity.project
        due = term(at.date(), panel.objection_days, find_calendar(session)).due
        open_task(
            session, "answer_objection", _("{number} {title}：处理公示异议"), noun=NOUN, noun_id=objection.id, public_ref=project.public_id,
            at=at, values={"number": project.number, "title": project.title}, roles=(Role.BUREAU,), due=due,
        )  # fmt: skip
        return objection


def _refuse_if_throttled(session: Session, address: str, panel: ProjectReviewRules, at: datetime) -> None:
    """So many a day from one address of the network; those at the same moment queue here, or each would count without the others."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    if count_recent_of_projects(session, address[:64], at - WINDOW) >= panel.objections_a_day:
        seconds = int(WINDOW.total_seconds())
        sentence = _("同一网络 24 小时内最多受理 {most} 条异议，请明天再提，或书面送交区工信局。")
        raise RefusedError(Refused("too_many_objections", sentence, {"most": panel.objections_a_day, "seconds": seconds}))


def answer_project_objection(database: Database, objection_id: int, event: str, *, why: str, viewer: Viewer, at: datetime) -> None:
    """异议成立 or 不成立, with the reason that whoever raised it is told."""
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    must_hold(viewer, "select", "project")
    with database.writing() as session:
        objection = session.get_one(ProjectObjection, objection_id, with_for_update=True)
        if objection.state != ObjectionState.OPEN:
            answered = [entry for entry in find_entries_since(session, NOUN, objection.id, 0) if entry.verb in ("uphold", "dismiss")]
            gone = Refused("answered", _("这项决定已经有了结论。请刷新后再看。"))
            raise RefusedError(told(answered[-1], at) if answered else gone)
        transition.apply(session, objection, TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at, why=why.strip())
        objection.reason, objection.answered_by, objection.answered_at = why.strip(), viewer.account_id, at
        close_tasks(session, NOUN, objection.id, at=at)
