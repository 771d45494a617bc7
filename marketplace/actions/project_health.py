"""How a project is doing, computed anew at each step of its progress and once a day; it is noted when it changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.project_steps import PROJECT, Step, tell_applicant, tell_roles
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Role
from marketplace.domain.adjustment_rules import AdjustmentRules
from marketplace.domain.inspection_rules import InspectionRules, SupervisionRules
from marketplace.domain.lifecycle import _
from marketplace.domain.progress import lateness
from marketplace.domain.project_health import EffectFact, Facts, Health, MilestoneFact, health_of
from marketplace.domain.projects import UNDER_WAY, ProjectState
from marketplace.domain.rating_rules import RatingRules
from marketplace.records.acceptances import find_acceptance
from marketplace.records.calendar import find_calendar
from marketplace.records.evidence import count_findings, find_evidence_of, sums_by_cost
from marketplace.records.inspections import find_open_rectifications
from marketplace.records.progress import find_open_reports, find_reports
from marketplace.records.project_plans import find_costs, find_milestones
from marketplace.records.projects import Project
from marketplace.records.supervision import count_late_orders

VERB = "measure_health"
# What a person must look at is a fault of the papers; a seller outside the pool is not one by itself.
_HARMLESS_DOUBTS = frozenset({"other_seller"})


@dataclass(frozen=True, kw_only=True)
class WatchStep(Step):
    """A step of progress or supervision: with the rules of inspections, of supervision, and of part 3's rating and adjustment."""

    inspection: InspectionRules
    supervision: SupervisionRules
    rating: RatingRules
    adjustment: AdjustmentRules


def facts_of_health(session: Session, project: Project, step: WatchStep) -> Facts:
    """What the records say today."""
    calendar, very_late = find_calendar(session), step.rules.report_very_late_days
    wanted = find_open_reports(session, [project.id]).get(project.id, [])
    told = next((row.spending_fen for row in find_reports(session, project.id) if row.handed_in_at is not None), None)
    found = count_findings(session, [project.id]).get(project.id, {})
    evidence = find_evidence_of(session, project.id)
    rectification = find_open_rectifications(session, [project.id]).get(project.id)
    acceptance = find_acceptance(session, project.id)
    return Facts(
        today=step.today,
        milestones=tuple(MilestoneFact(row.title, row.planned, row.actual) for row in find_milestones(session, project.id)),
        reports=tuple((row.month, lateness(row.due, None, step.today, calendar, very_late_days=very_late)) for row in wanted),
        planned_fen=planned_until(session, project.id, step.today),
        total_fen=project.total_fen,
        spent_fen=sum(sums_by_cost(session, project.id).values()),
        reported_fen=told,
        findings_open=found.get("open", 0),
        findings_upheld=found.get("upheld", 0),
        doubts=sum(any(one["code"] not in _HARMLESS_DOUBTS for one in row.doubts) for row in evidence),
        effects=tuple(EffectFact(one["name"], one["attained"]) for one in (acceptance.measures if acceptance is not None else ())),
        ends=project.ends if project.state in (ProjectState.IMPLEMENTING, ProjectState.RECTIFYING) else None,
        is_rectifying=project.state == ProjectState.RECTIFYING,
        rectifying_due=rectification.due if rectification is not None else None,
        is_reworking=project.state == ProjectState.REWORKING,
        orders_late=count_late_orders(session, [project.id], step.today).get(project.id, 0),
    )


def planned_until(session: Session, project_id: int, today: date) -> int | None:
    """What the fund-use plan has for the quarters that are over; None where there is no such plan."""
    costs = find_costs(session, project_id)
    return sum(row.amount_fen for row in costs if _end(row.year, row.quarter) < today) if costs else None


def _end(year: int, quarter: int) -> date:
    after = date(year + 1, 1, 1) if quarter == 4 else date(year, 3 * quarter + 1, 1)
    return after - timedelta(days=1)


def measure(session: Session, project: Project, step: WatchStep) -> bool:
    """Compute it and note it where it is another one; whether it is. A project that is not under way has none."""
    session.flush()
    was, reasons_were = project.health, list(project.health_reasons or [])
    if project.state in UNDER_WAY:
        level, reasons = health_of(facts_of_health(session, project, step), step.supervision)
        now, rows = str(level), [one.as_json() for one in reasons]
    else:
        now, rows = "", []
    if now == was and rows == reasons_were:
        return False
    project.health, project.health_reasons, project.health_at = now, rows, step.at
    session.flush()
    before, after = {"health": was}, {"health": now, "reasons": [row["code"] for row in rows]}
    record(session, actor=actor_of(step.viewer), verb=VERB, noun=PROJECT, noun_id=project.id, before=before, after=after, at=step.at)
    if now == Health.TROUBLE and was != Health.TROUBLE:
        tell_roles(session, project, _("{number} {title}：出现问题，请看原因。"), step.at, Role.MANAGER, Role.BUREAU, Role.AREA)
        tell_applicant(session, project, _("{number} {title}：出现问题，请看原因并处理。"), step.at)
    return now != was
