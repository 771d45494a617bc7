"""Dynamic adjustment: rules or people propose, the bureau decides, a second person confirms where a provider is put out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions import decisions
from marketplace.actions.adjustments_effect import (
    RULES,
    Step,
    drop_case,
    given,
    lock_provider,
    locked,
    move,
    refuse_if_impossible,
    take_effect,
)
from marketplace.actions.adjustments_told import ADJUSTMENT, TO_CONFIRM, ask, ask_for_decision, tell_staff
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.numbers import next_number
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Viewer, may
from marketplace.domain.adjustment_proposals import Evidence, proposals
from marketplace.domain.adjustment_rules import AdjustmentRules
from marketplace.domain.adjustments import EVENTS, HARSH, RUNNING, AdjustmentKind, AdjustmentState, check_proposal
from marketplace.domain.decisions import DecisionState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.rule_sentences import FAILED_RECTIFICATION
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import term
from marketplace.files.store import StoredBlob
from marketplace.records.adjustments import Adjustment, find_open_of, find_rectification
from marketplace.records.adjustments_standing import find_standings
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.decisions import Decision, find_waiting_decisions
from marketplace.records.providers import Provider

SERIES = "TZ"
MOST_RECTIFY_DAYS = 120
MOST_EVIDENCE = 500


def propose(
    database: Database,
    provider_id: int,
    kind: AdjustmentKind,
    step: Step,
    *,
    why: str,
    evidence: str = "",
    conduct: str = "",
    files: Sequence[StoredBlob] = (),
) -> Adjustment:
    """Somebody proposes a case, with reasons and evidence: in words (which document, of when), as files, or both."""
    viewer = step.viewer
    if not may(viewer, "propose", "adjustment"):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
    if conduct and step.rules.conduct_of(conduct) is None:
        raise RefusedError(Refused("unknown_conduct", _("没有“{key}”这种一票否决情形。"), {"key": conduct}))
    reason = given(why)
    for _field, too_long in check_text("evidence", _("佐证"), evidence, most=MOST_EVIDENCE):
        raise RefusedError(too_long)
    if kind in HARSH and not (evidence.strip() or files):
        raise RefusedError(Refused("evidence_missing", _("还没有佐证。请写明是哪份材料，或上传一份，例如检查记录、验收意见、投诉材料。")))
    with database.writing() as session:
        case = propose_in(session, provider_id, kind, step, reason=reason, evidence=evidence, conduct=conduct)
        attach_all(session, case, files, "evidence", None, viewer, step.at)
        return case


def propose_in(
    session: Session, provider_id: int, kind: AdjustmentKind, step: Step, *, reason: str, evidence: str = "", conduct: str = ""
) -> Adjustment:
    """The same inside a transaction that is open already, for what follows from another step; the caller has checked the words."""
    if not may(step.viewer, "propose", "adjustment"):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
    provider = lock_provider(session, provider_id)
    runs = find_rectification(session, provider.id, RUNNING) is not None
    refused = check_proposal(kind, provider.state, rule="", conduct=conduct, rectification_runs=runs)
    if refused is not None:
        raise RefusedError(refused)
    if any(case.kind == kind for case in find_open_of(session, provider.id)):
        raise RefusedError(Refused("proposed_already", _("这样的处理已经有一项在等决定，请在那一项里办理。")))
    case = _open(session, provider, kind, reason, step.rules, step.at, step.today, viewer=step.viewer)
    case.conduct = conduct
    if evidence.strip():
        case.evidence = [{"ref": f"said:{case.number}", "text": evidence.strip(), "noun": "", "public_ref": ""}]
    return case


def propose_by_rules(session: Session, rules: AdjustmentRules, today: date, at: datetime, viewer: Viewer | None = None) -> int:
    """What the rules find in all providers, as cases that wait for the bureau; how many are new. A second run finds nothing new."""
    opened = 0
    for standing in find_standings(session):
        found = proposals(standing, rules, today)
        if not found:
            continue
        first = found[0]
        provider = lock_provider(session, standing.provider_id)
        # Somebody may have moved it meanwhile; the next run looks again.
        if provider.state != standing.state or any(case.kind == first.kind for case in find_open_of(session, provider.id)):
            continue
        _open(session, provider, first.kind, first.why, rules, at, today, rule=first.rule, evidence=first.evidence, viewer=viewer)
        opened += 1
    return opened


def run_rules(database: Database, step: Step) -> int:
    """The same at the press of a button."""
    if not may(step.viewer, "propose", "adjustment"):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
    with database.writing() as session:
        return propose_by_rules(session, step.rules, step.today, step.at, step.viewer)


def _open(
    session: Session,
    provider: Provider,
    kind: AdjustmentKind,
    reason: str,
    rules: AdjustmentRules,
    at: datetime,
    today: date,
    *,
    rule: str = "",
    evidence: Sequence[Evidence] = (),
    viewer: Viewer | None = None,
) -> Adjustment:
    case = Adjustment(number=next_number(session, SERIES, today.year), provider=provider, kind=kind, reason=reason, rule=rule)
    case.evidence = [{"ref": row.ref, "text": row.text, "noun": row.noun, "public_ref": row.public_ref} for row in evidence]
    # What a rule found is nobody's own proposal, even if somebody let the rules run.
    case.proposed_by = viewer.account_id if viewer is not None and not rule else None
    case.proposed_at, case.step_by = at, term(today, rules.decide_days, find_calendar(session)).due
    session.add(case)
    session.flush()
    after: dict[str, Any] = {"state": str(case.state), "kind": str(kind), "provider": provider.id, "number": case.number, "rule": rule}
    actor = actor_of(viewer) if viewer is not None else RULES
    record(session, actor=actor, verb="propose", noun=ADJUSTMENT, noun_id=case.id, before=None, after=after, why=reason, at=at)
    ask_for_decision(session, case, at)
    return case


def open_after_failure(session: Session, failed: Adjustment, step: Step, why: str) -> Adjustment | None:
    """A rectification that was not accepted: the next step is proposed at once, and decided by people like any other."""
    if any(case.kind == AdjustmentKind.SUSPEND for case in find_open_of(session, failed.provider_id)):
        return None
    evidence = (Evidence(f"failed:{failed.number}", FAILED_RECTIFICATION.format(number=failed.number), ADJUSTMENT, failed.public_id),)
    return _open(
        session,
        failed.provider,
        AdjustmentKind.SUSPEND,
        why,
        step.rules,
        step.at,
        step.today,
        rule="rectification_failed",
        evidence=evidence,
    )


def attach_all(
    session: Session, case: Adjustment, files: Sequence[StoredBlob], kind: str, organisation_id: int | None, viewer: Viewer, at: datetime
) -> None:
    for stored in files:
        attach(session, stored, noun=ADJUSTMENT, noun_id=case.id, kind=kind, organisation_id=organisation_id, viewer=viewer, at=at)


def decide(
    database: Database, case_id: int, step: Step, *, why: str, days: int | None = None, files: Sequence[StoredBlob] = ()
) -> Adjustment:
    """One person of the bureau decides; it takes effect at once. `days`: the term of a rectification, in working days."""
    reason = given(why)
    if days is not None and not 1 <= days <= MOST_RECTIFY_DAYS:
        raise RefusedError(
            Refused("days_out_of_range", _("整改期限为 1 至 {most} 个工作日，现在是 {days}。"), {"most": MOST_RECTIFY_DAYS, "days": days})
        )
    with database.writing() as session:
        case = locked(session, case_id, step)
        move(session, case, "decide", step, reason)
        case.decided_by, case.decision_reason = step.viewer.account_id, reason
        attach_all(session, case, files, "evidence", None, step.viewer, step.at)
        take_effect(session, case, step, days=days)
        return case


def drop(database: Database, case_id: int, step: Step, *, why: str) -> Adjustment:
    """The bureau does nothing about it, and says why."""
    reason = given(why)
    with database.writing() as session:
        case = locked(session, case_id, step)
        drop_case(session, case, step, reason)
        return case


def put_forward(database: Database, case_id: int, step: Step, *, why: str, files: Sequence[StoredBlob] = ()) -> Adjustment:
    """The first of two persons decides; nothing happens to the provider before the second one agrees."""
    reason = given(why)
    with database.writing() as session:
        case = locked(session, case_id, step)
        move(session, case, "put_forward", step, reason)
        refuse_if_impossible(session, case)
        case.decided_by, case.decision_reason = step.viewer.account_id, reason
        case.step_by = term(step.today, step.rules.confirm_days, find_calendar(session)).due
        decisions.propose(session, noun=ADJUSTMENT, noun_id=case.id, event=EVENTS[case.kind], why=reason, viewer=step.viewer, at=step.at)
        attach_all(session, case, files, "evidence", None, step.viewer, step.at)
        ask(session, case, "confirm_adjustment", TO_CONFIRM[case.kind], at=step.at, due=case.step_by)
        tell_staff(session, case, TO_CONFIRM[case.kind], step.at)
        return case


def confirm(database: Database, case_id: int, step: Step, *, why: str = "") -> Adjustment:
    """The second person agrees: now it takes effect."""
    with database.writing() as session:
        case = locked(session, case_id, step)
        move(session, case, "confirm", step, why)
        decisions.answer(session, _waiting(session, case), "confirm", viewer=step.viewer, at=step.at, why=why)
        case.confirmed_by = step.viewer.account_id
        take_effect(session, case, step)
        return case


def reject(database: Database, case_id: int, step: Step, *, why: str) -> Adjustment:
    """The second person does not agree: the case is open again."""
    return _undecide(database, case_id, "reject", step, given(why))


def take_back(database: Database, case_id: int, step: Step, *, why: str = "") -> Adjustment:
    """The first person takes it back before anybody agreed."""
    return _undecide(database, case_id, "take_back", step, why)


def _undecide(database: Database, case_id: int, event: str, step: Step, why: str) -> Adjustment:
    with database.writing() as session:
        case = locked(session, case_id, step)
        move(session, case, event, step, why)
        decisions.answer(session, _waiting(session, case), event, viewer=step.viewer, at=step.at, why=why)
        case.decided_by, case.step_by = None, term(step.today, step.rules.decide_days, find_calendar(session)).due
        ask_for_decision(session, case, step.at)
        return case


def _waiting(session: Session, case: Adjustment) -> Decision:
    """The first person's decision; where the case waits for a second one, there is exactly one."""
    [decision] = find_waiting_decisions(session, ADJUSTMENT, case.id)
    assert decision.state == DecisionState.PROPOSED
    assert case.state == AdjustmentState.DECIDED or case.decided_by == decision.proposed_by
    return decision
