"""The bureau decides on an acceptance, or ends a project, by two persons; what follows happens in the transaction of the second one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from marketplace.actions import decisions, funds
from marketplace.actions.acceptance_outcomes import write_outcomes
from marketplace.actions.acceptances import apply, locked
from marketplace.actions.meanwhile import refuse_if_moved, told
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.project_changes import lapse_all
from marketplace.actions.project_health import WatchStep, measure
from marketplace.actions.project_selections import CONFIRM
from marketplace.actions.project_selections_effect import recount
from marketplace.actions.project_steps import (
    HARMLESS,
    PROJECT,
    STEP,
    Step,
    move,
    must_be,
    refuse_first,
    roles_on_project,
    standing_of,
    tell_applicant,
    tell_roles,
)
from marketplace.actions.roles import refuse_unless
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.acceptances import EVENT_WORDS, EVENTS, RUNNING, AcceptanceState, DecisionDraft, check_decision
from marketplace.domain.access import Role
from marketplace.domain.decisions import DecisionState
from marketplace.domain.lifecycle import Refused, RefusedError, _, decide
from marketplace.domain.projects import TABLES, ProjectState
from marketplace.records.acceptances import Acceptance
from marketplace.records.database import Database
from marketplace.records.decisions import Decision
from marketplace.records.history import find_entries_since
from marketplace.records.projects import Project, find_suppliers
from marketplace.records.tasks import Task


def propose(database: Database, project_id: int, draft: DecisionDraft, step: Step) -> Decision:
    """The first person: passed, failed with a term, or ended, with reasons."""
    with database.writing() as session:
        project, _row = locked(session, project_id, replace(step, seen=None))
        must_be(step.viewer, project, Role.BUREAU)
        refuse_if_moved(session, PROJECT, project.id, seen=step.seen, at=step.at, harmless=HARMLESS)
        refuse_first(check_decision(draft, step.today))
        may_happen(session, project, draft.event, step)
        values: dict[str, Any] = {"due": draft.due.isoformat()} if draft.event == "fail" and draft.due is not None else {}
        decision = decisions.propose(
            session, noun=PROJECT, noun_id=project.id, event=draft.event, why=draft.why, viewer=step.viewer, at=step.at, values=values
        )
        open_task(
            session, CONFIRM, _("{number} {title}：复核决定（{what}）"), noun=PROJECT, noun_id=project.id, public_ref=project.public_id,
            at=step.at, values={"number": project.number, "title": project.title, "what": EVENT_WORDS[draft.event]}, roles=(Role.BUREAU,), due=project.waits_due,
        )  # fmt: skip
        return decision


def may_happen(session: Session, project: Project, event: str, step: Step) -> None:
    """By the project's table; asked at the proposal and, by the move itself, at its confirmation."""
    subject = standing_of(session, project, step)
    row = decide(TABLES[project.project_class], project.state, event, roles_on_project(step.viewer, project), subject)
    if isinstance(row, Refused):
        raise RefusedError(row)


def answer(database: Database, decision_id: int, event: str, step: WatchStep, *, why: str = "") -> None:
    """The second person confirms or rejects, or the first one takes back."""
    with database.writing() as session:
        decision = session.get_one(Decision, decision_id)
        refuse_unless(decision.noun == PROJECT and decision.event in EVENTS)
        plain = replace(step, seen=None)
        project, row = locked(session, decision.noun_id, plain)
        must_be(step.viewer, project, Role.BUREAU)
        session.refresh(decision)
        if decision.state != DecisionState.PROPOSED:
            entries = find_entries_since(session, "decision", decision.id, 0)
            gone = Refused("answered", _("这项决定已经有了结论。请刷新后再看。"))
            raise RefusedError(told(entries[-1], step.at) if entries else gone)
        decisions.answer(session, decision, event, viewer=step.viewer, at=step.at, why=why)
        close_tasks(session, PROJECT, project.id, at=step.at, kinds=(CONFIRM,))
        if event != "confirm":
            tell_roles(session, project, _("{number} {title}：决定没有通过复核，请再看"), step.at, Role.BUREAU)
            return
        _happen(session, project, row, decision, plain)
        measure(session, project, step)


def _happen(session: Session, project: Project, row: Acceptance | None, decision: Decision, step: WatchStep) -> None:
    if decision.event == "terminate":
        _terminate(session, project, row, decision, step)
        return
    if row is None or row.state != AcceptanceState.DECIDING:
        raise RefusedError(Refused("not_in_acceptance", _("项目现在不在这一步，请刷新后再看。")))
    row.decision, row.decided_at = decision.why, step.at
    if decision.event == "fail":
        row.rework_due = max(date.fromisoformat(str(decision.values["due"])), step.today)
    move(session, project, decision.event, step, why=decision.why)
    apply(session, row, decision.event, step, decision.why)
    if row.rework_due is not None:
        _say_when(session, project, row.rework_due)
    write_outcomes(session, project, row, step, step.rating)
    if decision.event == "pass":
        tell_applicant(session, project, _("{number} {title}：验收审定通过。"), step.at)
        _tell_suppliers(session, project, _("{number} {title}：验收审定通过，评价已更新。"), step)
    else:
        due = row.rework_due.isoformat() if row.rework_due is not None else ""
        message = _("{number} {title}：验收未通过，请在 {due} 前整改后再申请验收。理由：{why}")
        tell_applicant(session, project, message, step.at, due=due, why=decision.why)
        _tell_suppliers(session, project, _("{number} {title}：验收未通过，要整改后再验收，评价已更新。"), step)


def _say_when(session: Session, project: Project, due: date) -> None:
    """The term that the bureau set is the term of the project's step."""
    project.waits_due = due
    session.flush()
    mine = update(Task).where(Task.noun == PROJECT, Task.noun_id == project.id, Task.kind == STEP, Task.done_at.is_(None))
    session.execute(mine.values(due=due))


def _terminate(session: Session, project: Project, row: Acceptance | None, decision: Decision, step: WatchStep) -> None:
    """The project ends. Where its acceptance lay before the bureau, the suppliers' work has failed it; else nothing is said of them."""
    judged = project.state == ProjectState.DECIDING
    project.reason = decision.why
    # What was set aside for it and is not paid is free again; orders under way are taken back first, the refusal says so.
    funds.release(session, project, step, why=decision.why, noun=PROJECT, noun_id=project.id, made_by=decision.proposed_by)
    move(session, project, "terminate", step, why=decision.why)
    recount(session, project)
    lapse_all(session, project, step, why=decision.why)
    if row is not None and row.state in RUNNING:
        row.decision, row.decided_at = decision.why, step.at
        apply(session, row, "terminate", step, decision.why)
        if judged:
            write_outcomes(session, project, row, step, step.rating)
    tell_applicant(session, project, _("{number} {title}：项目已终止。理由：{why}"), step.at, why=decision.why)
    _tell_suppliers(session, project, _("{number} {title}：项目已终止。"), step)


def _tell_suppliers(session: Session, project: Project, message: str, step: Step) -> None:
    """Each supplier hears how it went; not the reasons, which speak of others too."""
    accounts = {
        account
        for row in find_suppliers(session, project.id)
        for account in accounts_of_organisation(session, row.provider.organisation_id)
    }
    values = {"number": project.number, "title": project.title}
    notify(session, accounts, PROJECT, message, at=step.at, values=values, noun=PROJECT, public_ref=project.public_id)
