"""An expert's part in a review: declaring interests, scoring, confirming what all agree on; and the joint opinion itself."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.actions.application_steps import locked
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.reviews import move_assignment
from marketplace.actions.reviews_standing import standing_of
from marketplace.actions.reviews_tasks import ASSIGNMENT, REVIEW, ask_expert, ask_for_confirmation, ask_organisers
from marketplace.actions.roles import actor_of, must_hold
from marketplace.actions.tasks import close_tasks
from marketplace.domain.access import Role, Viewer
from marketplace.domain.applications import ApplicationState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.review_rules import ReviewRules
from marketplace.domain.reviews import (
    HAS_SCORED,
    LONGEST_OPINION,
    AssignmentState,
    JointDraft,
    ScoreSheet,
    check_draft,
    check_joint,
    check_sheet,
    side_by_side,
    weighted_total,
    why_not_joint,
)
from marketplace.domain.texts import check_text
from marketplace.records.database import Database
from marketplace.records.reviews import Review, ReviewAssignment


def _own(session: Session, assignment_id: int, viewer: Viewer) -> ReviewAssignment:
    """The expert's own part, under the lock of its application. Nobody acts for another expert."""
    assignment = session.get_one(ReviewAssignment, assignment_id)
    locked(session, assignment.review.application_id)
    session.refresh(assignment)
    session.refresh(assignment.review)
    if viewer.account_id is None or assignment.expert.account_id != viewer.account_id or Role.EXPERT not in viewer.roles:
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。"), {"event": "review"}))
    return assignment


def declare_clear(database: Database, assignment_id: int, *, rules: ReviewRules, viewer: Viewer, at: datetime) -> None:
    """声明无利害关系: only now the application opens to this expert."""
    with database.writing() as session:
        assignment = _own(session, assignment_id, viewer)
        move_assignment(session, assignment, "declare_clear", viewer, at)
        assignment.declared_at = at
        ask_expert(session, assignment, days=rules.scoring_days, at=at)


def recuse(database: Database, assignment_id: int, *, why: str, rules: ReviewRules, viewer: Viewer, at: datetime) -> None:
    """有利害关系，回避: the expert leaves, and the manager is asked for another one."""
    for _field, refused in check_text("why", _("回避理由"), why, most=500, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        assignment = _own(session, assignment_id, viewer)
        move_assignment(session, assignment, "recuse", viewer, at, why.strip())
        assignment.declared_at, assignment.reason = at, why.strip()
        # What was written down before the tie was noticed counts for nothing.
        assignment.scores, assignment.remarks, assignment.answers, assignment.answer_remarks = {}, {}, {}, {}
        assignment.opinion = ""
        close_tasks(session, ASSIGNMENT, assignment.id, at=at)
        ask_organisers(session, assignment.review, rules, at=at)


def save_sheet(
    database: Database, assignment_id: int, sheet: ScoreSheet, *, rules: ReviewRules, viewer: Viewer, at: datetime, version: int
) -> int:
    """Keep a draft. `version`: the one that was on the page; the new one is returned."""
    for _field, refused in check_draft(rules, sheet):
        raise RefusedError(refused)
    with database.writing() as session:
        assignment = _own(session, assignment_id, viewer)
        _write(session, assignment, sheet, version, at)
        _note(session, assignment, "save_draft", viewer, at)
        return assignment.version


def hand_in_sheet(
    database: Database, assignment_id: int, sheet: ScoreSheet, *, rules: ReviewRules, viewer: Viewer, at: datetime, version: int
) -> None:
    """提交评分: complete, and not to be changed afterwards."""
    for _field, refused in check_sheet(rules, sheet):
        raise RefusedError(refused)
    with database.writing() as session:
        assignment = _own(session, assignment_id, viewer)
        _write(session, assignment, sheet, version, at)
        assignment.total = weighted_total(rules.criteria, {key: score for key, score in sheet.scores.items() if score is not None})
        assignment.scored_at = at
        move_assignment(session, assignment, "score", viewer, at)
        # The next thing asked of this expert is to confirm, which waits for the others.
        close_tasks(session, ASSIGNMENT, assignment.id, at=at)
        ask_organisers(session, assignment.review, rules, at=at)


def _write(session: Session, assignment: ReviewAssignment, sheet: ScoreSheet, version: int, at: datetime) -> None:
    standing = standing_of(session, assignment)
    if not standing.runs or assignment.state != AssignmentState.DECLARED_CLEAR:
        raise RefusedError(Refused("not_scoring", _("评分已经提交，或这份申报不在评分阶段，不能再改。")))
    if version != assignment.version:
        raise RefusedError(
            Refused("changed_meanwhile", _("您在另一个页面保存过这份评分。请核对那里的内容后再保存。"), {"version": assignment.version})
        )
    for name, value in asdict(sheet).items():
        setattr(assignment, name, value)
    assignment.version += 1


def _note(session: Session, assignment: ReviewAssignment, verb: str, viewer: Viewer, at: datetime, why: str = "") -> None:
    after = {"version": assignment.version}
    record(session, actor=actor_of(viewer), verb=verb, noun=ASSIGNMENT, noun_id=assignment.id, before=None, after=after, why=why, at=at)


def confirm_joint(database: Database, assignment_id: int, *, revision: int, rules: ReviewRules, viewer: Viewer, at: datetime) -> None:
    """确认联合意见, as it stood on the page: one that was rewritten meanwhile must be read first."""
    with database.writing() as session:
        assignment = _own(session, assignment_id, viewer)
        _refuse_if_rewritten(session, assignment.review, revision, at)
        move_assignment(session, assignment, "confirm", viewer, at)
        assignment.confirmed_at, assignment.dissent = at, ""
        close_tasks(session, ASSIGNMENT, assignment.id, at=at)
        ask_organisers(session, assignment.review, rules, at=at)


def dissent(database: Database, assignment_id: int, *, why: str, revision: int, rules: ReviewRules, viewer: Viewer, at: datetime) -> None:
    """不同意联合意见: the manager reads why, and the experts discuss it again."""
    for _field, refused in check_text("why", _("不同意的理由"), why, most=LONGEST_OPINION, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        assignment = _own(session, assignment_id, viewer)
        _refuse_if_rewritten(session, assignment.review, revision, at)
        if assignment.state not in HAS_SCORED or not standing_of(session, assignment).runs or not assignment.review.joint_written:
            raise RefusedError(Refused("no_joint_opinion", _("联合意见还没有写，写好后再确认。")))
        if assignment.state == AssignmentState.CONFIRMED:
            raise RefusedError(Refused("confirmed_already", _("您已经确认了联合意见，不能再改。")))
        assignment.dissent = why.strip()
        _note(session, assignment, "dissent", viewer, at, why.strip())
        close_tasks(session, ASSIGNMENT, assignment.id, at=at)
        ask_organisers(session, assignment.review, rules, at=at)


def _refuse_if_rewritten(session: Session, review: Review, revision: int, at: datetime) -> None:
    if revision != review.joint_revision and review.joint_written:
        moment = review.joint_at.astimezone(at.tzinfo) if review.joint_at else at
        raise RefusedError(Refused("joint_changed", _("联合意见在 {at} 改过。请看了新的再确认。"), {"at": f"{moment:%Y-%m-%d %H:%M}"}))


def write_joint(
    database: Database, application_id: int, draft: JointDraft, *, rules: ReviewRules, viewer: Viewer, at: datetime, seen: int | None = None
) -> Review:
    """填写联合意见: what the experts agreed on. Whoever confirmed an earlier one is asked again."""
    must_hold(viewer, "organise", "review")
    with database.writing() as session:
        application = locked(session, application_id)
        review = session.query(Review).filter_by(application_id=application.id).one_or_none()
        if review is None or application.state != ApplicationState.UNDER_REVIEW:
            raise RefusedError(Refused("review_not_running", _("这份申报现在不在评审中，不能再办理。")))
        refuse_if_moved(session, REVIEW, review.id, seen=seen, at=at)
        if refused := why_not_joint([one.state for one in review.assignments], rules):
            raise RefusedError(refused)
        sheets = [one.scores for one in review.assignments if one.state in HAS_SCORED]
        for _field, problem in check_joint(rules, draft, side_by_side(rules.criteria, sheets)):
            raise RefusedError(problem)
        before = {"total": review.joint_total, "revision": review.joint_revision}
        scores = {key: score for key, score in draft.scores.items() if score is not None}
        review.joint_scores, review.joint_total = scores, weighted_total(rules.criteria, scores)
        review.joint_opinion, review.joint_discussion = draft.opinion.strip(), draft.discussion.strip()
        review.joint_revision += 1
        review.joint_by, review.joint_at = viewer.account_id, at
        session.flush()
        after = {"total": review.joint_total, "revision": review.joint_revision, "scores": scores, "opinion": review.joint_opinion}
        record(session, actor=actor_of(viewer), verb="write_joint", noun=REVIEW, noun_id=review.id, before=before, after=after, at=at)
        for assignment in review.assignments:
            assignment.dissent = ""
            if assignment.state == AssignmentState.CONFIRMED:
                move_assignment(session, assignment, "ask_again", viewer, at)
                assignment.confirmed_at = None
        ask_for_confirmation(session, review, rules, at=at)
        ask_organisers(session, review, rules, at=at)
        return review
