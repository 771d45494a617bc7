"""What every step of a project shares: the lock, who may act, the facts that the guards look at, and who is next once it is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_organisation, accounts_of_roles, notify
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer, may_act_for
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _
from marketplace.domain.project_rules import ProjectRules
from marketplace.domain.projects import ENDED, TABLES, Ball, ProjectState, Standing, ball_of, is_passed_on
from marketplace.domain.working_days import term
from marketplace.records.accounts import Account, Membership
from marketplace.records.calendar import find_calendar
from marketplace.records.guides import Guide
from marketplace.records.projects import Project

PROJECT = "project"
# The task of whoever has the ball; there is one a project.
STEP = "project_step"
# Verbs of the history that change nothing of what another one's form holds.
HARMLESS = ("attach", "remind", "measure_health")


@dataclass(frozen=True)
class Step:
    """Who acts, when, and by which rules. `today`: the day in the pilot's zone; `seen`: the last entry of the history on the page."""

    viewer: Viewer
    at: datetime
    today: date
    rules: ProjectRules
    seen: int | None = None


def locked(session: Session, project_id: int, step: Step) -> Project:
    """The project under lock: all that move it, or anything that hangs on it, queue here."""
    session.execute(select(Project.id).where(Project.id == project_id).with_for_update())
    project = session.get_one(Project, project_id, populate_existing=True)
    refuse_if_moved(session, PROJECT, project.id, seen=step.seen, at=step.at, harmless=HARMLESS)
    return project


def roles_on_project(viewer: Viewer, project: Project, right: str = "submit") -> frozenset[Role]:
    """The applicant acts on its own as `enterprise` (a service institution too), a park's or street's officer within its areas; a supplier
    as `provider` has no step of the project's own."""
    held = set(viewer.roles) - {Role.ENTERPRISE, Role.PROVIDER, Role.AREA}
    if project.organisation_id in viewer.organisation_ids and may_act_for(viewer, project.organisation_id, right):
        held.add(Role.ENTERPRISE)
    if Role.AREA in viewer.roles and project.area in viewer.areas:
        held.add(Role.AREA)
    return frozenset(held)


def must_be(viewer: Viewer, project: Project, *roles: Role, right: str = "submit") -> None:
    """Refused unless the viewer stands in one of these roles towards this project."""
    refuse_unless(bool(roles_on_project(viewer, project, right) & {*roles, Role.ADMIN}))


def move(session: Session, project: Project, event: str, step: Step, why: str = "", roles: Iterable[Role] | None = None) -> Transition:
    """Move a project by an event of its class's table, and say who is next."""
    held = roles if roles is not None else roles_on_project(step.viewer, project)
    subject = standing_of(session, project, step)
    done = transition.apply(
        session, project, TABLES[project.project_class], event,
        actor=actor_of(step.viewer), roles=held, at=step.at, why=why, subject=subject,
    )  # fmt: skip
    if project.state in ENDED:
        project.ended_at = step.at
    settle(session, project, step)
    return done


def standing_of(session: Session, project: Project, step: Step) -> Standing:
    """The facts of all steps, each from the records of its own noun."""
    # Each noun's facts come from its own module, which builds on this one.
    from marketplace.actions import acceptances, funds, project_selections, project_submission, rectifications

    session.flush()
    facts: dict[str, Any] = {}
    guide = session.get(Guide, project.guide_id) if project.guide_id else None
    if guide is not None:
        facts |= {"window_open": guide.opens <= step.today <= guide.closes, "closes": guide.closes}
    facts |= project_submission.facts_of(session, project, step)
    facts |= project_selections.facts_of(session, project, step)
    facts |= rectifications.facts_of(session, project, step)
    facts |= funds.facts_of(session, project, step)
    facts |= acceptances.facts_of(session, project, step)
    return Standing(project_class=project.project_class, amount_fen=project.amount_fen, today=step.today, **facts)


def settle(session: Session, project: Project, step: Step, *, due: date | None = None) -> None:
    """After every step, in its transaction: who has the ball, until when; the task of the one before is closed. `due`: a term that was
    set, in place of the one that the state has."""
    session.flush()
    passed_on = is_passed_on(standing_of(session, project, step), project.state)
    ball = ball_of(project.project_class, project.state, passed_on=passed_on)
    project.waits_role = str(ball.role) if ball.role else ""
    project.waits_since = step.today if ball.role else None
    days = step.rules.days(project.state)
    usual = term(step.today, days, find_calendar(session)).due if ball.role and days else None
    project.waits_due = due or usual
    if project.state == ProjectState.DRAFT and project.guide_id is not None:
        project.waits_due = session.get_one(Guide, project.guide_id).closes
    close_tasks(session, PROJECT, project.id, at=step.at, kinds=(STEP,))
    # What is to be put right has tasks of its own.
    if ball.role is None or project.state == ProjectState.RECTIFYING:
        return
    values: dict[str, Any] = {"number": project.number, "title": project.title, "step": ball.step}
    shared: dict[str, Any] = {
        "noun": PROJECT, "noun_id": project.id, "public_ref": project.public_id, "at": step.at, "due": project.waits_due,
        "values": values,
    }  # fmt: skip
    message = _("{number} {title}：{step}")
    if ball.role == Role.ENTERPRISE:
        open_task(session, STEP, message, organisation_id=project.organisation_id, **shared)
    elif ball.role == Role.AREA:
        for account_id in sorted(accounts_of_area(session, project.area)):
            open_task(session, STEP, message, account_id=account_id, **shared)
    else:
        open_task(session, STEP, message, roles=(ball.role,), **shared)


def held_by(project: Project) -> Ball:
    """Who has the ball, as it was settled last."""
    return ball_of(project.project_class, project.state, passed_on=project.waits_role == Role.BUREAU)


def accounts_of_area(session: Session, area: str) -> set[int]:
    """The officers of a park or street."""
    query = select(Membership.account_id, Membership.areas).join(Account).where(Membership.role == Role.AREA, Account.disabled.is_(False))
    return {account_id for account_id, areas in session.execute(query) if area in areas}


def tell_applicant(session: Session, project: Project, message: str, at: datetime, **values: Any) -> None:
    _tell(session, accounts_of_organisation(session, project.organisation_id), project, message, at, values)


def tell_roles(session: Session, project: Project, message: str, at: datetime, *roles: Role, **values: Any) -> None:
    """Everybody of these roles; of a park's or street's officers those of its area."""
    accounts = accounts_of_roles(session, set(roles) - {Role.AREA})
    if Role.AREA in roles:
        accounts |= accounts_of_area(session, project.area)
    _tell(session, accounts, project, message, at, values)


def _tell(session: Session, accounts: Iterable[int], project: Project, message: str, at: datetime, values: dict[str, Any]) -> None:
    whole = {"number": project.number, "title": project.title} | values
    notify(session, accounts, PROJECT, message, at=at, values=whole, noun=PROJECT, public_ref=project.public_id)


def refuse_first(faults: Iterable[tuple[str, Refused]]) -> None:
    for _field, refused in faults:
        raise RefusedError(refused)
