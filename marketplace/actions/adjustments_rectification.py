"""What happens between an order to rectify and its end: one extension, what the provider hands in, how the bureau judges it."""

from __future__ import annotations

from collections.abc import Sequence

from marketplace.actions.adjustments import attach_all, open_after_failure
from marketplace.actions.adjustments_effect import Step, given, locked, move, move_provider, only_for, unflag
from marketplace.actions.adjustments_told import ask, ask_to_rectify, send_letter, tell_provider, tell_staff, tell_unflagged
from marketplace.actions.tasks import close_tasks
from marketplace.domain.access import Role
from marketplace.domain.adjustments import AdjustmentState
from marketplace.domain.lifecycle import _
from marketplace.domain.rule_sentences import FOLLOWS, NOT_HANDED_IN, NOT_RECTIFIED
from marketplace.domain.working_days import term
from marketplace.files.store import StoredBlob
from marketplace.records.adjustments import Adjustment
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database


def ask_extension(database: Database, case_id: int, step: Step, *, why: str) -> Adjustment:
    """The provider asks for more time, once."""
    reason = given(why)
    with database.writing() as session:
        case = locked(session, case_id, step)
        only_for(case.provider, step, "submit")
        move(session, case, "ask_extension", step, reason)
        case.extension_asked_at, case.extension_reason = step.at, reason
        ask(session, case, "answer_extension", _("{provider}申请整改延期：请答复（{number}）"), at=step.at, due=case.due)
        tell_staff(session, case, _("{provider}申请整改延期：请答复（{number}）"), step.at)
        return case


def extend(database: Database, case_id: int, step: Step, *, why: str = "") -> Adjustment:
    """The bureau agrees: the rules' extension is added to the term."""
    with database.writing() as session:
        case = locked(session, case_id, step)
        move(session, case, "extend", step, why)
        assert case.due is not None
        case.extended_from, case.extension_answered_at, case.extension_answer = case.due, step.at, why.strip()
        case.due = term(case.due, step.rules.extension_days, find_calendar(session)).due
        case.provider.rectify_until = case.due
        ask_to_rectify(session, case, step.at)
        tell_provider(session, case, _("整改延期已同意（{number}），新的期限是 {due} 24:00。"), step.at)
        return case


def refuse_extension(database: Database, case_id: int, step: Step, *, why: str) -> Adjustment:
    """The term stays as it was."""
    reason = given(why)
    with database.writing() as session:
        case = locked(session, case_id, step)
        move(session, case, "refuse_extension", step, reason)
        case.extension_answered_at, case.extension_answer = step.at, reason
        ask_to_rectify(session, case, step.at)
        tell_provider(session, case, _("整改延期没有同意（{number}），期限仍是 {due} 24:00。"), step.at)
        return case


def hand_in(database: Database, case_id: int, step: Step, *, text: str, files: Sequence[StoredBlob] = ()) -> Adjustment:
    """The provider says what it has done, with proof."""
    said = given(text)
    with database.writing() as session:
        case = locked(session, case_id, step)
        only_for(case.provider, step, "submit")
        move(session, case, "hand_in", step)
        case.rectification, case.handed_in_at = said, step.at
        case.step_by = term(step.today, step.rules.review_days, find_calendar(session)).due
        attach_all(session, case, files, "rectification", case.provider.organisation_id, step.viewer, step.at)
        ask(session, case, "review_rectification", _("验收{provider}的整改材料（{number}）"), at=step.at, due=case.step_by)
        tell_staff(session, case, _("{provider}已提交整改材料：请验收（{number}）"), step.at, (Role.BUREAU, Role.MANAGER))
        return case


def accept(database: Database, case_id: int, step: Step, *, why: str) -> Adjustment:
    """Rectified: the provider takes new orders again."""
    reason = given(why)
    with database.writing() as session:
        case = locked(session, case_id, step)
        move(session, case, "accept", step, reason)
        _judged(case, step, reason)
        move_provider(session, case.provider, "reinstate", step, FOLLOWS.format(number=case.number, reason=reason))
        case.provider.rectify_until = None
        unflag(session, case.provider_id)
        close_tasks(session, "adjustment", case.id, at=step.at)
        tell_provider(session, case, _("整改已通过（{number}），贵单位已恢复，可以接新单。"), step.at)
        tell_unflagged(session, case, step.at)
        send_letter(session, "rectification_result", "adjustment", case.id, step.at)
        return case


def fail(database: Database, case_id: int, step: Step, *, why: str) -> Adjustment:
    """Not rectified, or nothing handed in until the term was over: what follows is proposed, and decided by two persons."""
    reason = given(why)
    with database.writing() as session:
        case = locked(session, case_id, step)
        was = case.state
        move(session, case, "fail", step, reason)
        _judged(case, step, reason)
        case.paused_on = step.today
        close_tasks(session, "adjustment", case.id, at=step.at)
        form = NOT_RECTIFIED if was == AdjustmentState.HANDED_IN else NOT_HANDED_IN
        why_suspend = form.format(number=case.number, reason=reason)
        open_after_failure(session, case, step, why_suspend)
        tell_provider(session, case, _("整改没有通过（{number}）：其间仍不接新单，区工信局将决定进一步处理。"), step.at)
        send_letter(session, "rectification_result", "adjustment", case.id, step.at)
        return case


def _judged(case: Adjustment, step: Step, reason: str) -> None:
    case.judgement, case.judged_by, case.ended_at, case.step_by = reason, step.viewer.account_id, step.at, None
