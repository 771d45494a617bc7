"""Decisions about an application, each by two persons: public notice, entry into the pool, or refusal."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions import decisions, transition
from marketplace.actions.admission_entry import enter_pool
from marketplace.actions.application_steps import locked
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved, told
from marketplace.actions.reviews import send_letter
from marketplace.actions.reviews_tasks import APPLICATION, ask_deciders, close_review_tasks, tell_applicant
from marketplace.actions.roles import actor_of, must_hold, refuse_unless
from marketplace.actions.tasks import close_tasks
from marketplace.domain.access import Viewer
from marketplace.domain.applications import ENDED, TABLE, ApplicationState
from marketplace.domain.decisions import DecisionState
from marketplace.domain.lifecycle import Refused, RefusedError, _, decide
from marketplace.domain.objections import ObjectionState
from marketplace.domain.review_rules import ReviewRules
from marketplace.domain.reviews import Findings, why_not_decide
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import Term, term
from marketplace.records.applications import ProviderApplication
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.decisions import Decision
from marketplace.records.history import find_entries_since
from marketplace.records.objections import count_objections
from marketplace.records.reviews import Review, find_review
from marketplace.records.windows import ApplicationWindow

EVENTS = ("publish", "admit", "refuse")


def findings(session: Session, application: ProviderApplication, review: Review) -> Findings:
    """What a decision rests on, as it stands."""
    return Findings(
        total=review.joint_total,
        publicity_until=application.publicity_until,
        open_objections=count_objections(session, review.id, ObjectionState.OPEN),
        upheld_objections=count_objections(session, review.id, ObjectionState.UPHELD),
    )


def propose_decision(
    database: Database,
    application_id: int,
    event: str,
    *,
    why: str,
    rules: ReviewRules,
    viewer: Viewer,
    at: datetime,
    seen: int | None = None,
) -> Decision:
    """The first person: what is to happen, and why. Nothing happens before another person confirms."""
    if event not in EVENTS:
        raise RefusedError(Refused("unknown_event", _("没有这种决定。")))
    for _field, refused in check_text("why", _("理由"), why, most=2000, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        application = locked(session, application_id)
        refuse_if_moved(session, APPLICATION, application.id, seen=seen, at=at)
        review = _may_happen(session, application, event, rules, viewer, at)
        decision = decisions.propose(session, noun=APPLICATION, noun_id=application.id, event=event, why=why, viewer=viewer, at=at)
        close_review_tasks(session, review, at=at)
        ask_deciders(session, review, "confirm_decision", _("{name}：复核评审决定"), at=at)
        return decision


def _may_happen(session: Session, application: ProviderApplication, event: str, rules: ReviewRules, viewer: Viewer, at: datetime) -> Review:
    """The table first, then what stands in the way; asked at the proposal and again at its confirmation, for days lie between."""
    row = decide(TABLE, application.state, event, viewer.roles, application)
    if isinstance(row, Refused):
        raise RefusedError(row)
    review = find_review(session, application.id)
    assert review is not None
    if refused := why_not_decide(event, findings(session, application, review), rules, at.date()):
        raise RefusedError(refused)
    return review


def answer_decision(
    database: Database, decision_id: int, event: str, *, why: str, rules: ReviewRules, viewer: Viewer, at: datetime
) -> None:
    """The second person confirms or rejects, or the first one takes back; what is confirmed happens in this transaction."""
    with database.writing() as session:
        decision = session.get_one(Decision, decision_id)
        refuse_unless(decision.noun == APPLICATION)
        application = locked(session, decision.noun_id)
        session.refresh(decision)
        if decision.state != DecisionState.PROPOSED:
            raise RefusedError(_answered(session, decision, at))
        review = find_review(session, application.id)
        assert review is not None
        decisions.answer(session, decision, event, viewer=viewer, at=at, why=why)
        close_tasks(session, "review", review.id, at=at)
        if event == "confirm":
            _may_happen(session, application, decision.event, rules, viewer, at)
            _happen(session, application, review, decision, viewer, at)
        else:
            ask_deciders(session, review, "propose_decision", _("{name}：提出评审决定"), at=at)


def _answered(session: Session, decision: Decision, at: datetime) -> Refused:
    """Somebody was faster: who, when, and what."""
    entries = find_entries_since(session, "decision", decision.id, 0)
    return told(entries[-1], at) if entries else Refused("answered", _("这项决定已经有了结论。请刷新后再看。"))


def _happen(session: Session, application: ProviderApplication, review: Review, decision: Decision, viewer: Viewer, at: datetime) -> None:
    event = decision.event
    if event == "publish":
        counted = publicity_term(session, application, at)
        application.publicity_until = review.publicity_until = counted.due
        review.publicity_from = at.date()
    else:
        application.decided_at, application.decision_reason = at, decision.why
    transition.apply(session, application, TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at, why=decision.why)
    values: dict[str, object] = {"number": application.number}
    if event == "publish":
        assert application.publicity_until is not None
        until = application.publicity_until
        message = _("{name}：公示期满（{until} 24:00）并处理异议后，提出入库决定")
        ask_deciders(session, review, "propose_decision", message, at=at, until=until)
        tell_applicant(
            session, application, _("申报 {number} 通过评审，公示至 {until} 24:00。"), at=at, values={**values, "until": until.isoformat()}
        )
        return
    close_tasks(session, APPLICATION, application.id, at=at)
    if event == "admit":
        enter_pool(session, application, viewer=viewer, at=at)
        notice = f"{review.publicity_from} 至 {review.publicity_until}" if review.publicity_until is not None else ""
        send_letter(
            session, application, "admission", viewer, at, {"publicity": notice, "no_publicity": not notice, "reason": decision.why}
        )
        tell_applicant(session, application, _("申报 {number} 已同意入库，现在可以发布方案。"), at=at, values=values)
    else:
        send_letter(session, application, "refusal", viewer, at, {"reason": decision.why})
        tell_applicant(session, application, _("申报 {number} 未予入库，理由见通知书。"), at=at, values=values)


def publicity_term(session: Session, application: ProviderApplication, at: datetime) -> Term:
    """The working days of the public notice, as its window asks for them."""
    return term(at.date(), application.window.publicity_days, find_calendar(session))


def publish_results(database: Database, window_id: int, *, viewer: Viewer, at: datetime) -> ApplicationWindow:
    """公布结果: a window is closed and everything in it is decided; from now on everybody sees who was admitted."""
    must_hold(viewer, "decide", "review")
    with database.writing() as session:
        window = session.get_one(ApplicationWindow, window_id, with_for_update=True)
        if window.results_published_at is not None:
            raise RefusedError(Refused("results_published", _("这一批的结果已经公布。")))
        if at.date() <= window.closes:
            values = {"closes": window.closes.isoformat()}
            raise RefusedError(Refused("window_open", _("这一批到 {closes} 24:00 才截止，截止后才能公布结果。"), values))
        decided = (*ENDED, ApplicationState.DRAFT)
        running = select(func.count()).where(ProviderApplication.window_id == window.id, ProviderApplication.state.not_in(decided))
        if count := session.scalar(running):
            raise RefusedError(Refused("undecided", _("这一批还有 {count} 份申报没有结论，都有结论后再公布。"), {"count": count}))
        window.results_published_at = at
        session.flush()
        record(session, actor=actor_of(viewer), verb="publish_results", noun="window", noun_id=window.id, before=None, after={}, at=at)
        return window
