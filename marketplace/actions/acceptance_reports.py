"""Acceptance by the general manager: experts without a stake in it, what was measured against the targets, verdict and report."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.acceptances import ACCEPTANCE, apply, locked, running
from marketplace.actions.history import record
from marketplace.actions.project_health import WatchStep, measure
from marketplace.actions.project_panel import ties_of
from marketplace.actions.project_steps import Step, move, must_be, refuse_first, tell_applicant, tell_roles
from marketplace.actions.reviews_standing import units_of
from marketplace.actions.roles import actor_of
from marketplace.domain.acceptances import AcceptanceState, Measure, ReportDraft, ReportRules, attained, attainment, check_report, conflict
from marketplace.domain.access import Role
from marketplace.domain.experts import ExpertState, unit_key
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.acceptances import Acceptance, find_targets
from marketplace.records.database import Database
from marketplace.records.experts import ReviewExpert
from marketplace.records.projects import Project


def refuse_conflicts(session: Session, project: Project, experts: Sequence[ReviewExpert]) -> None:
    """As their employers, and the project's suppliers, are now."""
    units, own = units_of(session, experts), ties_of(session, project).units
    for expert in experts:
        avoided = {unit_key(word) for word in expert.avoid}
        if refused := conflict(expert.name, units[expert.id] | avoided, own):
            raise RefusedError(refused)


def name_experts(database: Database, project_id: int, expert_ids: Collection[int], step: Step) -> Acceptance:
    """Who takes part in the acceptance; named anew, the former ones are replaced."""
    with database.writing() as session:
        project, found = locked(session, project_id, step)
        must_be(step.viewer, project, Role.MANAGER)
        row = running(found, AcceptanceState.ACCEPTING)
        experts = _experts(session, expert_ids)
        if len(experts) != len(set(expert_ids)) or any(one.state != ExpertState.ACTIVE for one in experts):
            raise RefusedError(Refused("unknown_expert", _("有专家没有找到或已暂停，请重新选。")))
        refuse_conflicts(session, project, experts)
        before = {"experts": [one["name"] for one in row.experts]}
        row.experts = [{"expert": one.public_id, "name": one.name, "unit": one.unit} for one in experts]
        session.flush()
        after = {"experts": [one.name for one in experts]}
        record(
            session, actor=actor_of(step.viewer), verb="name_experts", noun=ACCEPTANCE, noun_id=row.id, before=before, after=after, at=step.at
        )  # fmt: skip
        return row


def _experts(session: Session, ids: Collection[int]) -> Sequence[ReviewExpert]:
    return session.scalars(select(ReviewExpert).where(ReviewExpert.id.in_(ids)).order_by(ReviewExpert.id)).all()


def report(database: Database, project_id: int, draft: ReportDraft, step: WatchStep) -> Acceptance:
    """What was measured, how much of the targets that is, and the verdict; the bureau decides."""
    with database.writing() as session:
        project, found = locked(session, project_id, step)
        must_be(step.viewer, project, Role.MANAGER)
        row = running(found, AcceptanceState.ACCEPTING)
        targets = find_targets(session, project.id)
        rules = ReportRules(step.rules.accept_experts, step.rules.accept_share)
        refuse_first(check_report(draft, targets, experts=len(row.experts), today=step.today, finished=row.finished_on, rules=rules))
        named = [one["expert"] for one in row.experts]
        refuse_conflicts(session, project, session.scalars(select(ReviewExpert).where(ReviewExpert.public_id.in_(named))).all())
        measured = {one.key: draft.measures.get(one.key, Measure()) for one in targets}
        values = {key: one.value for key, one in measured.items() if one.value is not None}
        row.measures = [
            {
                "indicator": one.key, "name": one.name, "unit": one.unit, "direction": one.direction, "baseline": one.baseline,
                "target": one.target, "weight": one.weight, "measured": values[one.key],
                "attained": attainment(one.direction, one.baseline, one.target, values[one.key]), "note": measured[one.key].note.strip(),
            }
            for one in targets
        ]  # fmt: skip
        row.attained, row.verdict, row.report, row.held_on = attained(targets, values), draft.verdict, draft.text.strip(), draft.held_on
        row.reported_by, row.reported_at = step.viewer.account_id, step.at
        session.flush()
        move(session, project, "report_acceptance", replace(step, seen=None))
        apply(session, row, "report_acceptance", step)
        tell_applicant(session, project, _("{number} {title}：验收报告已提交，等区工信局审定。"), step.at)
        tell_roles(session, project, _("{number} {title}：验收报告已提交，请审定。"), step.at, Role.BUREAU)
        measure(session, project, step)
        return row
