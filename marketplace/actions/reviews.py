"""The manager's part in a review: accept, send back, end the review. Each is one transaction, told to the applicant by letter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.application_steps import locked
from marketplace.actions.history import record
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.reviews_standing import standing_of
from marketplace.actions.reviews_tasks import (
    APPLICATION,
    REVIEW,
    ask_deciders,
    ask_expert,
    ask_organisers,
    close_review_tasks,
    tell_applicant,
)
from marketplace.actions.roles import actor_of
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Viewer
from marketplace.domain.application_sections import find_section, section_of
from marketplace.domain.applications import TABLE
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.review_rules import ReviewRules
from marketplace.domain.reviews import ACTIVE, HAS_SCORED, NO, check_answers, why_not_close
from marketplace.domain.reviews import TABLE as ASSIGNMENT_TABLE
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import term
from marketplace.records.applications import ProviderApplication, SectionRemark
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.reviews import Review, ReviewAssignment, find_review

LONGEST_REASON = 2000


def accept(
    database: Database,
    application_id: int,
    *,
    answers: Mapping[str, str],
    remarks: Mapping[str, str],
    rules: ReviewRules,
    viewer: Viewer,
    at: datetime,
    seen: int | None = None,
) -> Review:
    """受理: the form check is passed, the experts' review begins, or goes on after a correction."""
    for _field, refused in check_answers(rules.form_checks, answers, remarks):
        raise RefusedError(refused)
    failed = [check for check in rules.form_checks if answers[check.key] == NO]
    if failed:
        sentence = _("形式审查有 {count} 项选了否，不能受理。请退回补正，写明要补什么。")
        raise RefusedError(Refused("form_check_failed", sentence, {"count": len(failed)}))
    with database.writing() as session:
        application = locked(session, application_id)
        refuse_if_moved(session, APPLICATION, application.id, seen=seen, at=at)
        _step(session, application, "accept", viewer, at)
        review = find_review(session, application.id)
        if review is None:
            review = Review(application=application)
            session.add(review)
        review.form_check = [
            {"key": check.key, "answer": answers[check.key], "remark": remarks.get(check.key, "").strip()} for check in rules.form_checks
        ]
        review.form_checked_by, review.form_checked_at = viewer.account_id, at
        session.flush()
        close_tasks(session, APPLICATION, application.id, at=at)
        _begin_again(session, review, rules, viewer, at)
        ask_organisers(session, review, rules, at=at)
        send_letter(session, application, "acceptance", viewer, at)
        tell_applicant(session, application, _("申报 {number} 已受理，进入专家评审。"), at=at, values={"number": application.number})
        return review


def _begin_again(session: Session, review: Review, rules: ReviewRules, viewer: Viewer, at: datetime) -> None:
    """After a correction the experts who are in the review look at it again; a joint opinion of the old application is void."""
    if review.joint_opinion:
        void = {"scores": review.joint_scores, "opinion": review.joint_opinion, "discussion": review.joint_discussion}
        record(session, actor=actor_of(viewer), verb="void_joint", noun=REVIEW, noun_id=review.id, before=void, after=None, at=at)
    review.joint_scores, review.joint_total, review.joint_opinion, review.joint_discussion = {}, None, "", ""
    for assignment in review.assignments:
        if assignment.state in HAS_SCORED:
            move_assignment(session, assignment, "score_again", viewer, at)
            assignment.confirmed_at, assignment.dissent = None, ""
        if assignment.state in ACTIVE:
            assignment.due = term(at.date(), rules.declaration_days + rules.scoring_days, find_calendar(session)).due
            ask_expert(session, assignment, days=rules.scoring_days, at=at)


def send_back(
    database: Database, application_id: int, *, reasons: Mapping[str, str], days: int, viewer: Viewer, at: datetime, seen: int | None = None
) -> None:
    """退回补正: why, section by section; the applicant has `days` working days."""
    given = {section: reason.strip() for section, reason in reasons.items() if reason.strip()}
    for section, reason in given.items():
        if find_section(section) is None:
            raise RefusedError(Refused("unknown_section", _("没有“{section}”这个部分。"), {"section": section}))
        for _field, refused in check_text("reason", _("退回意见"), reason, most=LONGEST_REASON):
            raise RefusedError(refused)
    with database.writing() as session:
        application = locked(session, application_id)
        refuse_if_moved(session, APPLICATION, application.id, seen=seen, at=at)
        application.remarks += [SectionRemark(section=key, reason=reason, by=viewer.account_id, at=at) for key, reason in given.items()]
        session.flush()
        due = term(at.date(), days, find_calendar(session)).due
        application.supplement_until = due
        _step(session, application, "send_back", viewer, at, why="\n".join(given.values()))
        close_tasks(session, APPLICATION, application.id, at=at)
        review = find_review(session, application.id)
        if review is not None:
            close_review_tasks(session, review, at=at)
        values: dict[str, object] = {"number": application.number, "count": len(given), "until": due.isoformat()}
        open_task(
            session,
            "supplement",
            _("申报 {number}：按 {count} 条意见补正"),
            noun=APPLICATION,
            noun_id=application.id,
            public_ref=application.public_id,
            at=at,
            values=values,
            organisation_id=application.organisation_id,
            due=due,
        )
        listed = [f"{section_of(section).title}：{reason}" for section, reason in given.items()]
        send_letter(session, application, "correction", viewer, at, {"reasons": listed, "until": due.isoformat()})
        tell_applicant(session, application, _("申报 {number} 退回补正，请在 {until} 24:00 前按意见修改后重新提交。"), at=at, values=values)


def close_review(
    database: Database, application_id: int, *, rules: ReviewRules, viewer: Viewer, at: datetime, seen: int | None = None
) -> None:
    """评审结束: everybody has confirmed; what follows is a decision by two persons."""
    with database.writing() as session:
        application = locked(session, application_id)
        refuse_if_moved(session, APPLICATION, application.id, seen=seen, at=at)
        review = find_review(session, application.id)
        states = [assignment.state for assignment in review.assignments] if review else []
        refused = why_not_close(states, rules, joint_written=review is not None and review.joint_written)
        # Whether the application is in review at all is the table's question, and is answered first.
        _step(session, application, "close_review", viewer, at)
        if refused is not None:
            raise RefusedError(refused)
        assert review is not None
        close_review_tasks(session, review, at=at)
        ask_deciders(session, review, "propose_decision", _("{name}：提出评审决定"), at=at)


def move_assignment(session: Session, assignment: ReviewAssignment, event: str, viewer: Viewer, at: datetime, why: str = "") -> None:
    """Move an expert's part; the guards look at how the expert stands to the applicant right now."""
    standing = standing_of(session, assignment)
    transition.apply(
        session, assignment, ASSIGNMENT_TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at, why=why, subject=standing
    )


def _step(session: Session, application: ProviderApplication, event: str, viewer: Viewer, at: datetime, why: str = "") -> None:
    transition.apply(session, application, TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at, why=why)


def send_letter(
    session: Session, application: ProviderApplication, letter: str, viewer: Viewer, at: datetime, values: Mapping[str, Any] | None = None
) -> None:
    """Have a letter written once this is committed; it is attached to the application. `values`: what it says, as it is decided now."""
    payload = {"letter": letter, "noun": APPLICATION, "id": application.id, "values": dict(values or {})}
    enqueue_job(session, "letter", payload, at=at, account_id=viewer.account_id)
