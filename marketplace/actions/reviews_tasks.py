"""Who is next in a review: the tasks and notices of experts, of the manager and of the applicant."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import _
from marketplace.domain.review_rules import ReviewRules
from marketplace.domain.reviews import ACTIVE, AssignmentState, joint_is_open, why_not_close
from marketplace.domain.working_days import term
from marketplace.records.applications import ProviderApplication
from marketplace.records.calendar import find_calendar
from marketplace.records.reviews import Review, ReviewAssignment, find_review

APPLICATION, REVIEW, ASSIGNMENT = "application", "review", "review_assignment"
ORGANISERS = (Role.MANAGER,)
DECIDERS = (Role.MANAGER, Role.BUREAU)
# Expert's state → kind of task and what is asked.
_ASKED = {
    AssignmentState.ASSIGNED: ("declare", _("{name}：声明有无利害关系")),
    AssignmentState.DECLARED_CLEAR: ("score", _("{name}：评分")),
    AssignmentState.SCORED: ("confirm_joint", _("{name}：确认联合意见")),
}


def ask_organisers(session: Session, review: Review, rules: ReviewRules, *, at: datetime) -> None:
    """What the manager has to do now in a running review; nothing while it waits for the experts."""
    close_tasks(session, REVIEW, review.id, at=at, kinds=("draw", "write_joint", "close_review"))
    application = review.application
    states = [assignment.state for assignment in review.assignments]
    active = [state for state in states if state in ACTIVE]
    asked: tuple[str, str] | None = None
    if len(active) < rules.least_experts:
        asked = ("draw", _("{name}：抽取评审专家（还差 {count} 名）"))
    elif joint_is_open(states, rules.least_experts) and not review.joint_written:
        asked = ("write_joint", _("{name}：组织联合评审，填写联合意见"))
    elif any(assignment.dissent for assignment in review.assignments):
        asked = ("write_joint", _("{name}：有专家不同意联合意见，再讨论并改写"))
    elif why_not_close(states, rules, joint_written=review.joint_written) is None:
        asked = ("close_review", _("{name}：结束评审"))
    if asked is None:
        return
    values = {"name": application.organisation.name, "count": max(0, rules.least_experts - len(active))}
    _open(session, review, asked[0], asked[1], at=at, values=values, roles=ORGANISERS)


def _open(
    session: Session, review: Review, kind: str, message: str, *, at: datetime, values: dict[str, object], roles: tuple[Role, ...]
) -> None:
    ref = review.application.public_id
    open_task(session, kind, message, noun=REVIEW, noun_id=review.id, public_ref=ref, at=at, values=values, roles=roles)


def ask_deciders(session: Session, review: Review, kind: str, message: str, *, at: datetime, until: date | None = None) -> None:
    """A decision that waits for its first or its second person."""
    values: dict[str, object] = {"name": review.application.organisation.name}
    if until is not None:
        values["until"] = until.isoformat()
    _open(session, review, kind, message, at=at, values=values, roles=DECIDERS)


def ask_expert(session: Session, assignment: ReviewAssignment, *, days: int, at: datetime) -> None:
    """What the expert has to do in this state, and until when; what was asked before is done."""
    close_tasks(session, ASSIGNMENT, assignment.id, at=at)
    asked = _ASKED.get(assignment.state)
    account_id = assignment.expert.account_id
    if asked is None or account_id is None:
        return
    values = {"name": assignment.review.application.organisation.name}
    due = term(at.date(), days, find_calendar(session)).due
    ref = assignment.public_id
    kind, message = asked
    open_task(
        session, kind, message, noun=ASSIGNMENT, noun_id=assignment.id, public_ref=ref, at=at, values=values, account_id=account_id, due=due
    )
    notify(session, [account_id], "review", message, at=at, values=values, noun=ASSIGNMENT, public_ref=ref)


def ask_for_confirmation(session: Session, review: Review, rules: ReviewRules, *, at: datetime) -> None:
    """Each expert who has scored is asked to confirm the joint opinion as it stands now."""
    for assignment in review.assignments:
        if assignment.state == AssignmentState.SCORED:
            ask_expert(session, assignment, days=rules.declaration_days, at=at)


def close_review_tasks(session: Session, review: Review, *, at: datetime) -> None:
    """The application has left the review, for good or for now: nobody owes anything in it."""
    close_tasks(session, REVIEW, review.id, at=at)
    for assignment in review.assignments:
        close_tasks(session, ASSIGNMENT, assignment.id, at=at)


def leave_review(session: Session, application_id: int, *, at: datetime) -> None:
    """The applicant has taken its application back: those who review it are told, and owe nothing any more."""
    review = find_review(session, application_id)
    if review is None:
        return
    close_review_tasks(session, review, at=at)
    accounts = [one.expert.account_id for one in review.assignments if one.state in ACTIVE and one.expert.account_id is not None]
    values = {"name": review.application.organisation.name}
    notify(session, accounts, "review", _("{name} 撤回了申报，不必再评审。"), at=at, values=values)


def tell_applicant(session: Session, application: ProviderApplication, message: str, *, at: datetime, values: dict[str, object]) -> None:
    """A notice to everybody of the organisation."""
    accounts = accounts_of_organisation(session, application.organisation_id)
    notify(session, accounts, "application", message, at=at, values=values, noun=APPLICATION, public_ref=application.public_id)
