"""What a decision does to its provider, and how it is taken back. Each step reaches the search index through all of its solutions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.actions import decisions, transition
from marketplace.actions.adjustments_told import ADJUSTMENT, ask_to_rectify, tell_decision
from marketplace.actions.brokering_freeze import freeze_introductions
from marketplace.actions.brokering_steps import Act
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.roles import actor_of, roles_on
from marketplace.actions.tasks import close_tasks
from marketplace.domain import rule_sentences as said
from marketplace.domain.access import Role, Viewer, may_act_for
from marketplace.domain.adjustment_proposals import reapply_from
from marketplace.domain.adjustment_rules import AdjustmentRules
from marketplace.domain.adjustments import (
    EVENTS,
    FLAGS,
    HARSH,
    LEADS_TO,
    REDO,
    RUNNING,
    TABLE,
    UNDO,
    AdjustmentKind,
    AdjustmentState,
    Situation,
    becomes,
    check_proposal,
    resumed_days,
)
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.providers import TABLE as PROVIDER_TABLE
from marketplace.domain.providers import ProviderState
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import term
from marketplace.records.adjustments import Adjustment, find_decision_before, find_effects, find_in_effect, find_open_of, find_rectification
from marketplace.records.calendar import find_calendar
from marketplace.records.decisions import find_waiting_decisions
from marketplace.records.matches import Decision, Outcome
from marketplace.records.providers import Provider

MOST_TEXT = 5_000
RULES = "规则"


@dataclass(frozen=True)
class Step:
    """Who acts, when and by which rules. `today`: the day in the pilot's zone; `seen`: the last entry of the history on the page."""

    viewer: Viewer
    at: datetime
    today: date
    rules: AdjustmentRules
    seen: int | None = None


def locked(session: Session, case_id: int, step: Step) -> Adjustment:
    """The case under lock, its provider before it, so that all that move one provider queue in one place."""
    provider_id = session.scalars(select(Adjustment.provider_id).where(Adjustment.id == case_id)).one()
    lock_provider(session, provider_id)
    session.execute(select(Adjustment.id).where(Adjustment.id == case_id).with_for_update())
    case = session.get_one(Adjustment, case_id, populate_existing=True)
    refuse_if_moved(session, ADJUSTMENT, case.id, seen=step.seen, at=step.at)
    return case


def lock_provider(session: Session, provider_id: int) -> Provider:
    session.execute(select(Provider.id).where(Provider.id == provider_id).with_for_update())
    return session.get_one(Provider, provider_id, populate_existing=True)


def given(text: str) -> str:
    """Whoever is treated worse is told why, and whoever answers says something."""
    if not text.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    for _field, refused in check_text("why", _("理由"), text, most=MOST_TEXT):
        raise RefusedError(refused)
    return text.strip()


def only_for(provider: Provider, step: Step, right: str) -> None:
    """A provider acts through those of its members who hold the right."""
    if provider.id not in step.viewer.provider_ids or not may_act_for(step.viewer, provider.organisation_id, right):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))


def move(session: Session, case: Adjustment, event: str, step: Step, why: str = "", roles: Iterable[Role] | None = None) -> None:
    """Move a case by an event of its table."""
    subject = Situation(
        kind=case.kind,
        today=step.today,
        due=case.due,
        extension_asked=case.extension_asked_at is not None,
        extension_answered=case.extension_answered_at is not None,
        first=case.decided_by,
        viewer=step.viewer.account_id,
    )
    held = roles if roles is not None else roles_on(step.viewer, provider_id=case.provider_id)
    transition.apply(session, case, TABLE, event, actor=actor_of(step.viewer), roles=held, at=step.at, why=why, subject=subject)


def move_provider(session: Session, provider: Provider, event: str, step: Step, why: str) -> None:
    roles = roles_on(step.viewer, provider_id=provider.id)
    transition.apply(session, provider, PROVIDER_TABLE, event, actor=actor_of(step.viewer), roles=roles, at=step.at, why=why)
    # What is under way with a provider that takes no new work is frozen in the same moment.
    freeze_introductions(session, provider, Act(step.viewer, step.at, step.today))


def refuse_if_impossible(session: Session, case: Adjustment) -> None:
    """The provider may have moved since this was proposed: what could not be proposed now is not decided either."""
    runs = find_rectification(session, case.provider_id, RUNNING) is not None
    refused = check_proposal(case.kind, case.provider.state, rule=case.rule, conduct=case.conduct, rectification_runs=runs)
    if refused is not None:
        raise RefusedError(refused)


def take_effect(session: Session, case: Adjustment, step: Step, *, days: int | None = None) -> None:
    """The decision has been made: the provider's state, terms and flags, and everybody concerned hears of it."""
    provider, calendar = case.provider, find_calendar(session)
    refuse_if_impossible(session, case)
    case.effects = find_effects(session, provider.id).stored()
    case.decided_at, case.state_before, case.step_by = step.at, provider.state, None
    if case.kind in HARSH:
        case.appeal_until = term(step.today, step.rules.appeal_days, calendar).due
    if case.kind == AdjustmentKind.RECTIFY:
        case.due = term(step.today, days or step.rules.rectify_days, calendar).due
    else:
        case.ended_at = step.at
    if case.kind == AdjustmentKind.RETIRE:
        case.reapply_from = reapply_from(step.today, "conduct" if case.conduct or case.rule == "conduct" else "failing", step.rules)
    close_tasks(session, ADJUSTMENT, case.id, at=step.at)
    enforce(session, case, step, said.FOLLOWS.format(number=case.number, reason=case.decision_reason))
    drop_what_cannot_be(session, provider, step, said.DECIDED.format(number=case.number))
    tell_decision(session, case, step.at)
    if case.kind == AdjustmentKind.RECTIFY:
        ask_to_rectify(session, case, step.at)


def enforce(session: Session, case: Adjustment, step: Step, why: str) -> None:
    """Let a decision hold: at first, and again when an appeal that had stayed it comes to nothing."""
    provider = case.provider
    move_provider(session, provider, EVENTS[case.kind], step, why)
    provider.rectify_until = case.due if case.kind == AdjustmentKind.RECTIFY else None
    provider.reapply_from = case.reapply_from
    if case.kind in (AdjustmentKind.SUSPEND, AdjustmentKind.RETIRE):
        rest_rectification(session, provider.id, step, case.number)
    if case.kind in FLAGS:
        flag_running(session, provider.id, case.number)
    elif case.kind == AdjustmentKind.REINSTATE:
        unflag(session, provider.id)


def lift(session: Session, case: Adjustment, step: Step, why: str) -> bool:
    """Take a decision's effect back: the provider is where it was before. False where its state follows from another decision."""
    provider = case.provider
    if not is_in_effect(session, case):
        return False
    move_provider(session, provider, UNDO[case.kind], step, why)
    provider.rectify_until = provider.reapply_from = None
    unflag(session, provider.id)
    before = _place_before(session, case)
    earlier = find_rectification(session, provider.id, (AdjustmentState.PAUSED, AdjustmentState.FAILED))
    if before == ProviderState.RECTIFYING and (earlier is None or earlier.id == case.id):
        before = ProviderState.ADMITTED
    for event in REDO[before]:
        move_provider(session, provider, event, step, why)
    if before == ProviderState.RECTIFYING and earlier is not None:
        resume(session, earlier, step, why)
    elif before == ProviderState.SUSPENDED:
        suspended = find_in_effect(session, provider.id, without=case.id)
        flag_running(session, provider.id, suspended.number if suspended else case.number)
    return True


def _place_before(session: Session, case: Adjustment) -> ProviderState:
    """Where the provider was before this decision; in the pool, if what had brought it there was taken back meanwhile."""
    before = case.state_before or ProviderState.ADMITTED
    brought = find_decision_before(session, case, [kind for kind in HARSH if LEADS_TO[kind] == before])
    return ProviderState.ADMITTED if brought is not None and brought.state == AdjustmentState.REVOKED else before


def is_in_effect(session: Session, case: Adjustment) -> bool:
    """Whether the provider's state follows from this decision."""
    latest = find_in_effect(session, case.provider_id)
    return latest is not None and latest.id == case.id and case.provider.state == LEADS_TO[case.kind]


def rest_rectification(session: Session, provider_id: int, step: Step, because: str) -> None:
    """A rectification that runs rests; how much of its term is left is known from the day."""
    running = find_rectification(session, provider_id, RUNNING)
    if running is not None:
        running.paused_on = step.today
        move(session, running, "pause", step, because)
        close_tasks(session, ADJUSTMENT, running.id, at=step.at)


def resume(session: Session, case: Adjustment, step: Step, why: str) -> None:
    """The rectification goes on with what was left of its term."""
    move(session, case, "resume", step, why)
    calendar = find_calendar(session)
    stopped = case.paused_on or step.today
    case.due = term(step.today, resumed_days(case.due, stopped, calendar, least=step.rules.least_days), calendar).due
    case.paused_on, case.ended_at = None, None
    case.provider.rectify_until = case.due
    flag_running(session, case.provider_id, case.number)
    ask_to_rectify(session, case, step.at)


def flag_running(session: Session, provider_id: int, flag: str) -> None:
    """Running projects of the provider are marked for whoever looks after them."""
    running = (Outcome.decision == Decision.ACCEPTED) & Outcome.acceptance.is_(None)
    session.execute(update(Outcome).where(Outcome.provider_id == provider_id, running).values(flag=flag))


def unflag(session: Session, provider_id: int) -> None:
    session.execute(update(Outcome).where(Outcome.provider_id == provider_id, Outcome.flag.is_not(None)).values(flag=None))


def drop_what_cannot_be(session: Session, provider: Provider, step: Step, why: str) -> None:
    """Proposals that make no sense any more are closed, those that wait for a second person as well."""
    for other in find_open_of(session, provider.id):
        if becomes(other.kind, provider.state) is not None:
            continue
        if other.state == AdjustmentState.CONFIRMING:
            event = "take_back" if other.decided_by == step.viewer.account_id else "reject"
            for decision in find_waiting_decisions(session, ADJUSTMENT, other.id):
                decisions.answer(session, decision, event, viewer=step.viewer, at=step.at, why=why)
            move(session, other, event, step, why)
        drop_case(session, other, step, why)


def drop_case(session: Session, case: Adjustment, step: Step, why: str, roles: Iterable[Role] | None = None) -> None:
    case.decision_reason, case.step_by, case.ended_at = why, None, step.at
    move(session, case, "drop", step, why, roles)
    close_tasks(session, ADJUSTMENT, case.id, at=step.at)
