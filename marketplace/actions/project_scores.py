"""An expert's part in the review of a project: declaring interests, scoring, confirming what all agree on."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.project_panel import ASSIGNMENT, ask_expert, move_assignment, standing_of, tell_organisers
from marketplace.actions.project_steps import Step, locked, refuse_first
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.actions.tasks import close_tasks
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_reviews import ProjectReviewRules
from marketplace.domain.reviews import (
    HAS_SCORED,
    LONGEST_OPINION,
    AssignmentState,
    ScoreSheet,
    check_draft,
    check_sheet,
    weighted_total,
)
from marketplace.domain.texts import check_text
from marketplace.records.database import Database
from marketplace.records.project_reviews import ProjectAssignment, ProjectReview


def _own(session: Session, assignment_id: int, step: Step) -> ProjectAssignment:
    """The expert's own part, under the lock of its project. Nobody acts for another expert."""
    assignment = session.get_one(ProjectAssignment, assignment_id)
    locked(session, assignment.review.project_id, step)
    session.refresh(assignment)
    session.refresh(assignment.review)
    account_id = step.viewer.account_id
    refuse_unless(account_id is not None and assignment.expert.account_id == account_id and Role.EXPERT in step.viewer.roles)
    return assignment


def declare_clear(database: Database, assignment_id: int, *, panel: ProjectReviewRules, step: Step) -> None:
    """声明无利害关系: only now the project opens to this expert."""
    with database.writing() as session:
        assignment = _own(session, assignment_id, step)
        move_assignment(session, assignment, "declare_clear", step)
        assignment.declared_at = step.at
        ask_expert(session, assignment, step, days=panel.scoring_days)


def recuse(database: Database, assignment_id: int, *, why: str, panel: ProjectReviewRules, step: Step) -> None:
    """有利害关系，回避: the expert leaves, and the manager draws another one."""
    refuse_first(check_text("why", _("回避理由"), why, most=500, required=True))
    with database.writing() as session:
        assignment = _own(session, assignment_id, step)
        move_assignment(session, assignment, "recuse", step, why.strip())
        assignment.declared_at, assignment.reason = step.at, why.strip()
        # What was written down before the tie was noticed counts for nothing.
        assignment.scores, assignment.remarks, assignment.answers, assignment.answer_remarks = {}, {}, {}, {}
        assignment.opinion = ""
        close_tasks(session, ASSIGNMENT, assignment.id, at=step.at)
        tell_organisers(session, assignment.review, panel, step)


def save_sheet(database: Database, assignment_id: int, sheet: ScoreSheet, *, panel: ProjectReviewRules, step: Step, version: int) -> int:
    """Keep a draft. `version`: the one that was on the page; the new one is returned."""
    refuse_first(check_draft(panel, sheet))
    with database.writing() as session:
        assignment = _own(session, assignment_id, step)
        _write(session, assignment, sheet, version)
        _note(session, assignment, "save_draft", step)
        return assignment.version


def hand_in_sheet(
    database: Database, assignment_id: int, sheet: ScoreSheet, *, panel: ProjectReviewRules, step: Step, version: int
) -> None:
    """提交评分: complete, and not to be changed afterwards."""
    refuse_first(check_sheet(panel, sheet))
    with database.writing() as session:
        assignment = _own(session, assignment_id, step)
        _write(session, assignment, sheet, version)
        assignment.total = weighted_total(panel.criteria, {key: score for key, score in sheet.scores.items() if score is not None})
        assignment.scored_at = step.at
        move_assignment(session, assignment, "score", step)
        close_tasks(session, ASSIGNMENT, assignment.id, at=step.at)
        tell_organisers(session, assignment.review, panel, step)


def _write(session: Session, assignment: ProjectAssignment, sheet: ScoreSheet, version: int) -> None:
    if not standing_of(session, assignment).runs or assignment.state != AssignmentState.DECLARED_CLEAR:
        raise RefusedError(Refused("not_scoring", _("评分已经提交，或这个项目不在评分阶段，不能再改。")))
    if version != assignment.version:
        raise RefusedError(
            Refused("changed_meanwhile", _("您在另一个页面保存过这份评分。请核对那里的内容后再保存。"), {"version": assignment.version})
        )
    for name, value in asdict(sheet).items():
        setattr(assignment, name, value)
    assignment.version += 1


def _note(session: Session, assignment: ProjectAssignment, verb: str, step: Step, why: str = "") -> None:
    after = {"version": assignment.version}
    actor = actor_of(step.viewer)
    record(session, actor=actor, verb=verb, noun=ASSIGNMENT, noun_id=assignment.id, before=None, after=after, why=why, at=step.at)


def confirm_joint(database: Database, assignment_id: int, *, revision: int, panel: ProjectReviewRules, step: Step) -> None:
    """确认联合意见, as it stood on the page: one that was rewritten meanwhile must be read first."""
    with database.writing() as session:
        assignment = _own(session, assignment_id, step)
        _refuse_if_rewritten(assignment.review, revision, step)
        move_assignment(session, assignment, "confirm", step)
        assignment.confirmed_at, assignment.dissent = step.at, ""
        close_tasks(session, ASSIGNMENT, assignment.id, at=step.at)
        tell_organisers(session, assignment.review, panel, step)


def dissent(database: Database, assignment_id: int, *, why: str, revision: int, panel: ProjectReviewRules, step: Step) -> None:
    """不同意联合意见: the manager reads why, and the experts discuss it again."""
    refuse_first(check_text("why", _("不同意的理由"), why, most=LONGEST_OPINION, required=True))
    with database.writing() as session:
        assignment = _own(session, assignment_id, step)
        _refuse_if_rewritten(assignment.review, revision, step)
        if assignment.state not in HAS_SCORED or not standing_of(session, assignment).runs or not assignment.review.joint_written:
            raise RefusedError(Refused("no_joint_opinion", _("联合意见还没有写，写好后再确认。")))
        if assignment.state == AssignmentState.CONFIRMED:
            raise RefusedError(Refused("confirmed_already", _("您已经确认了联合意见，不能再改。")))
        assignment.dissent = why.strip()
        _note(session, assignment, "dissent", step, why.strip())
        close_tasks(session, ASSIGNMENT, assignment.id, at=step.at)
        tell_organisers(session, assignment.review, panel, step)


def _refuse_if_rewritten(review: ProjectReview, revision: int, step: Step) -> None:
    if revision != review.joint_revision and review.joint_written:
        moment = review.joint_at.astimezone(step.at.tzinfo) if review.joint_at else step.at
        raise RefusedError(Refused("joint_changed", _("联合意见在 {at} 改过。请看了新的再确认。"), {"at": f"{moment:%Y-%m-%d %H:%M}"}))
