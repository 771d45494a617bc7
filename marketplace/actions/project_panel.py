"""How an expert stands to a project, what the guards of its review look at, and who is asked for what in it."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.notices import notify
from marketplace.actions.project_steps import Step, tell_roles
from marketplace.actions.reviews_standing import CurrentStanding, keys_of, units_of
from marketplace.actions.roles import actor_of
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_reviews import ProjectReviewRules, Ties
from marketplace.domain.projects import ProjectState
from marketplace.domain.reviews import ACTIVE, OWES_SCORES, TABLE, AssignmentState, why_not_close
from marketplace.domain.working_days import term
from marketplace.records.calendar import find_calendar
from marketplace.records.project_reviews import ProjectAssignment, ProjectReview, find_project_review
from marketplace.records.projects import Project, find_project_members, find_suppliers

REVIEW, ASSIGNMENT = "project_review", "project_assignment"
# Expert's state → kind of task and what is asked.
_ASKED = {
    AssignmentState.ASSIGNED: ("declare", _("{name}：声明有无利害关系")),
    AssignmentState.DECLARED_CLEAR: ("score", _("{name}：评分")),
    AssignmentState.SCORED: ("confirm_joint", _("{name}：确认联合意见")),
}


def ties_of(session: Session, project: Project) -> Ties:
    """The organisations of a project as they are now, those of suppliers that were replaced included: an expert of either has an interest."""
    members = {key for row in find_project_members(session, project.id) for key in keys_of(row.enterprise.organisation)}
    suppliers = {key for row in find_suppliers(session, project.id, ended=True) for key in keys_of(row.provider.organisation)}
    return Ties(keys_of(project.organisation), frozenset(members), frozenset(suppliers))


def names_of(session: Session, project: Project) -> dict[str, list[str]]:
    """What an expert must know to declare: who applies, who takes part, who supplies."""
    return {
        "applicant": [project.organisation.name],
        "members": [row.enterprise.organisation.name for row in find_project_members(session, project.id)],
        "suppliers": [row.provider.organisation.name for row in find_suppliers(session, project.id)],
    }


def standing_of(session: Session, assignment: ProjectAssignment, *, complete: bool = True) -> CurrentStanding:
    """Read now, not when the expert was drawn: people change their employers, projects their suppliers."""
    project = assignment.review.project
    own = units_of(session, [assignment.expert])[assignment.expert_id] & ties_of(session, project).units
    return CurrentStanding(
        runs=project.state == ProjectState.REVIEWING,
        own_organisation=bool(own),
        complete=complete,
        joint_written=assignment.review.joint_written,
    )


def refuse_unless_reviewing(project: Project, *states: ProjectState) -> None:
    if project.state not in (states or (ProjectState.REVIEWING,)):
        raise RefusedError(Refused("review_not_running", _("这个项目现在不在评审中，不能再办理。")))


def move_assignment(session: Session, assignment: ProjectAssignment, event: str, step: Step, why: str = "") -> None:
    """Move an expert's part by the table of all reviews; the guards look at how the expert stands to the project right now."""
    standing, viewer = standing_of(session, assignment), step.viewer
    transition.apply(
        session, assignment, TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=step.at, why=why, subject=standing
    )  # fmt: skip


def states_of(review: ProjectReview | None) -> list[AssignmentState]:
    return [one.state for one in review.assignments] if review is not None else []


def ask_expert(session: Session, assignment: ProjectAssignment, step: Step, *, days: int) -> None:
    """What the expert has to do in this state, and until when; what was asked before is done."""
    close_tasks(session, ASSIGNMENT, assignment.id, at=step.at)
    asked, account_id = _ASKED.get(assignment.state), assignment.expert.account_id
    if asked is None or account_id is None:
        return
    kind, message = asked
    values = {"name": assignment.review.project.organisation.name}
    due = term(step.today, days, find_calendar(session)).due
    shared: dict[str, Any] = {"noun": ASSIGNMENT, "public_ref": assignment.public_id, "at": step.at, "values": values}
    open_task(session, kind, message, noun_id=assignment.id, account_id=account_id, due=due, **shared)
    notify(session, [account_id], "review", message, **shared)


def tell_organisers(session: Session, review: ProjectReview, panel: ProjectReviewRules, step: Step) -> None:
    """The manager hears when the panel is short of experts, when all have scored, when somebody dissents, and when the review can end."""
    states = [state for state in states_of(review) if state in ACTIVE]
    if len(states) < panel.least_experts:
        message = _("{number} {title}：评审专家不足，请再抽取")
    elif any(one.dissent for one in review.assignments):
        message = _("{number} {title}：有专家不同意联合意见，请再讨论")
    elif not any(state in OWES_SCORES for state in states) and not review.joint_written:
        message = _("{number} {title}：专家评分已交齐，请写联合意见")
    elif why_not_close(states_of(review), panel, joint_written=review.joint_written) is None:
        message = _("{number} {title}：专家已全部确认，可以结束评审")
    else:
        return
    tell_roles(session, review.project, message, step.at, Role.MANAGER)


def close_expert_tasks(session: Session, review: ProjectReview | None, step: Step) -> None:
    """The project has left the review: nobody owes anything in it."""
    for assignment in review.assignments if review is not None else ():
        close_tasks(session, ASSIGNMENT, assignment.id, at=step.at)


def due_of(session: Session, panel: ProjectReviewRules, today: date) -> date:
    return term(today, panel.declaration_days + panel.scoring_days, find_calendar(session)).due


def facts_of(session: Session, project: Project, step: Step) -> dict[str, Any]:
    """For the guards of the project's table: `experts` counts those who are in the review."""
    review = find_project_review(session, project.id)
    states = [state for state in states_of(review) if state in ACTIVE]
    return {
        "experts": len(states) if len(states) >= step.rules.experts_least else 0,
        "scores_missing": sum(state in OWES_SCORES for state in states),
        "joint_written": review is not None and review.joint_written,
    }
