"""Appeals of providers against decisions: filed in time, decided with reasons by somebody else, and what then becomes of the decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.adjustments import attach_all
from marketplace.actions.adjustments_effect import (
    Step,
    drop_what_cannot_be,
    enforce,
    given,
    is_in_effect,
    lift,
    lock_provider,
    locked,
    move,
    only_for,
    rest_rectification,
    resume,
)
from marketplace.actions.adjustments_told import (
    ADJUSTMENT,
    APPEAL,
    ask_about_appeal,
    send_letter,
    tell_clients,
    tell_provider,
    tell_staff,
    tell_unflagged,
)
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.roles import actor_of, roles_on
from marketplace.actions.tasks import close_tasks
from marketplace.domain import rule_sentences
from marketplace.domain.access import Role
from marketplace.domain.adjustments import FLAGS, TOLD, AdjustmentKind, AdjustmentState, becomes
from marketplace.domain.appeals import TABLE, Hearing, check_filing
from marketplace.domain.lifecycle import RefusedError, _
from marketplace.domain.working_days import term
from marketplace.files.store import StoredBlob
from marketplace.records.adjustments import Adjustment, Appeal
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database


def file(database: Database, case_id: int, step: Step, *, text: str, files: Sequence[StoredBlob] = ()) -> Appeal:
    """The provider appeals; the decision holds meanwhile."""
    said = given(text)
    with database.writing() as session:
        case = locked(session, case_id, step)
        only_for(case.provider, step, "submit")
        refused = check_filing(
            case.kind, decided=case.state in TOLD, until=case.appeal_until, today=step.today, appealed=bool(case.appeals)
        )
        if refused is not None:
            raise RefusedError(refused)
        assert step.viewer.account_id is not None
        due = term(step.today, step.rules.appeal_decision_days, find_calendar(session)).due
        appeal = Appeal(adjustment=case, text=said, filed_by=step.viewer.account_id, filed_at=step.at, decide_by=due)
        session.add(appeal)
        session.flush()
        after = {"state": str(appeal.state), "adjustment": case.number}
        record(
            session,
            actor=actor_of(step.viewer),
            verb="file",
            noun=APPEAL,
            noun_id=appeal.id,
            before=None,
            after=after,
            why=said,
            at=step.at,
        )
        attach_all(session, case, files, "appeal", case.provider.organisation_id, step.viewer, step.at)
        ask_about_appeal(session, appeal, step.at)
        return appeal


def stay(database: Database, appeal_id: int, step: Step, *, why: str) -> Appeal:
    """The bureau lets the decision rest until the appeal is answered: the provider is where it was before."""
    reason = given(why)
    with database.writing() as session:
        appeal = _locked(session, appeal_id, step)
        case = appeal.adjustment
        _move(session, appeal, "stay", step, reason)
        appeal.suspends = True
        if case.kind == AdjustmentKind.RECTIFY:
            rest_rectification(session, case.provider_id, step, case.number)
        lift(session, case, step, rule_sentences.STAYED.format(number=case.number, reason=reason))
        tell_provider(session, case, _("申诉期间，{number} 暂停执行。"), step.at)
        tell_staff(session, case, _("{provider}申诉期间，{number} 暂停执行。"), step.at, (Role.CENTRE, Role.MANAGER))
        tell_unflagged(session, case, step.at)
        return appeal


def uphold(database: Database, appeal_id: int, step: Step, *, why: str) -> Appeal:
    """The appeal is right: the decision falls, and what it did is undone."""
    reason = given(why)
    with database.writing() as session:
        appeal = _locked(session, appeal_id, step)
        case = appeal.adjustment
        _decided(session, appeal, "uphold", step, reason)
        because = rule_sentences.UPHELD.format(number=case.number, reason=reason)
        lifted = not appeal.suspends and lift(session, case, step, because)
        move(session, case, "revoke", step, because)
        case.ended_at, case.step_by = step.at, None
        close_tasks(session, ADJUSTMENT, case.id, at=step.at)
        tell_provider(session, case, _("申诉成立：{number} 已撤销。"), step.at)
        tell_staff(session, case, _("{provider}申诉成立：{number} 已撤销。"), step.at, (Role.CENTRE, Role.MANAGER))
        if lifted:
            drop_what_cannot_be(session, case.provider, step, rule_sentences.REVOKED.format(number=case.number))
            tell_unflagged(session, case, step.at)
        return appeal


def dismiss(database: Database, appeal_id: int, step: Step, *, why: str) -> Appeal:
    """The decision stands; if it rested, it takes effect again."""
    reason = given(why)
    with database.writing() as session:
        appeal = _locked(session, appeal_id, step)
        _decided(session, appeal, "dismiss", step, reason)
        _let_it_hold_again(session, appeal, step, rule_sentences.HOLDS_AFTER_DISMISSAL.format(number=appeal.adjustment.number))
        tell_provider(session, appeal.adjustment, _("申诉不成立，维持 {number} 的决定。"), step.at)
        return appeal


def withdraw(database: Database, appeal_id: int, step: Step, *, why: str = "") -> Appeal:
    """The provider takes its appeal back."""
    with database.writing() as session:
        appeal = _locked(session, appeal_id, step)
        only_for(appeal.adjustment.provider, step, "submit")
        _move(session, appeal, "withdraw", step, why)
        close_tasks(session, APPEAL, appeal.id, at=step.at)
        _let_it_hold_again(session, appeal, step, rule_sentences.HOLDS_AFTER_WITHDRAWAL.format(number=appeal.adjustment.number))
        tell_staff(session, appeal.adjustment, _("{provider}撤回了对 {number} 的申诉。"), step.at)
        return appeal


def _locked(session: Session, appeal_id: int, step: Step) -> Appeal:
    """The appeal under lock, after its provider and its case."""
    query = select(Adjustment.id, Adjustment.provider_id).join(Appeal, Appeal.adjustment_id == Adjustment.id).where(Appeal.id == appeal_id)
    case_id, provider_id = session.execute(query).one()
    lock_provider(session, provider_id)
    session.execute(select(Adjustment.id).where(Adjustment.id == case_id).with_for_update())
    session.execute(select(Appeal.id).where(Appeal.id == appeal_id).with_for_update())
    appeal = session.get_one(Appeal, appeal_id, populate_existing=True)
    refuse_if_moved(session, APPEAL, appeal.id, seen=step.seen, at=step.at)
    return appeal


def _move(session: Session, appeal: Appeal, event: str, step: Step, why: str) -> None:
    case, viewer = appeal.adjustment, step.viewer
    in_effect = is_in_effect(session, case)
    subject = Hearing(decider=case.decided_by, viewer=viewer.account_id, suspends=appeal.suspends, in_effect=in_effect)
    roles = roles_on(viewer, provider_id=case.provider_id)
    transition.apply(session, appeal, TABLE, event, actor=actor_of(viewer), roles=roles, at=step.at, why=why, subject=subject)


def _decided(session: Session, appeal: Appeal, event: str, step: Step, reason: str) -> None:
    _move(session, appeal, event, step, reason)
    appeal.decided_by, appeal.decided_at, appeal.reasons = step.viewer.account_id, step.at, reason
    close_tasks(session, APPEAL, appeal.id, at=step.at)
    send_letter(session, "appeal", APPEAL, appeal.id, step.at)


def _let_it_hold_again(session: Session, appeal: Appeal, step: Step, why: str) -> None:
    """After a stay: what was decided is done again, unless the provider has been moved by another decision meanwhile."""
    case = appeal.adjustment
    if not appeal.suspends or becomes(case.kind, case.provider.state) is None:
        return
    # Whoever ends the appeal, it is the bureau's decision that takes effect.
    bureau = replace(step, viewer=replace(step.viewer, roles=frozenset({Role.BUREAU})))
    if case.state == AdjustmentState.PAUSED:
        resume(session, case, bureau, why)
    case.state_before = case.provider.state
    enforce(session, case, bureau, why)
    if case.kind in FLAGS:
        tell_clients(session, case, step.at)
