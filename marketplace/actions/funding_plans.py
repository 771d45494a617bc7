"""Funding plans: drawn up from what is set aside, proposed after the party group's meeting, issued by a second person; then the projects move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from marketplace.actions import project_steps
from marketplace.actions.funds import lock_ledger
from marketplace.actions.funds_steps import ask, move, must_act, must_say_why, refuse_first
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.numbers import next_number
from marketplace.actions.project_steps import Step, locked, tell_applicant
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Role
from marketplace.domain.funding_plans import TABLE, FundingPlanState, LineDraft, PlanDraft, check, may_be_proposed, within_commitment
from marketplace.domain.funds import LedgerAccount, split_parts
from marketplace.domain.lifecycle import Refused, RefusedError, _, allowed_events
from marketplace.domain.money import exact_text
from marketplace.domain.projects import FUNDED, TABLES, ProjectState
from marketplace.records.database import Database
from marketplace.records.funding_plans import FundingLine, FundingPlan, find_planned, planned_fen
from marketplace.records.funds import LedgerBalance, balance_of
from marketplace.records.projects import Project

NOUN, SERIES = "funding_plan", "ZJ"
_OF_COMMITMENT = (LedgerAccount.COMMITTED, LedgerAccount.PAID)
# For these a plan may still give more, though their step is behind them.
_LATER = FUNDED - {ProjectState.FINISHED}


def create_plan(database: Database, draft: PlanDraft, step: Step) -> FundingPlan:
    account = must_act(step.viewer, "plan")
    refuse_first(check(draft, today=step.today))
    with database.writing() as session:
        plan = FundingPlan(number=next_number(session, SERIES, step.today.year), created_by=account, created=step.at)
        _fill(session, plan, draft, step)
        session.add(plan)
        session.flush()
        record(session, actor=actor_of(step.viewer), verb="create", noun=NOUN, noun_id=plan.id, before=None, after=_plain(plan), at=step.at)
        return plan


def edit_plan(database: Database, plan_id: int, draft: PlanDraft, step: Step) -> FundingPlan:
    must_act(step.viewer, "plan")
    refuse_first(check(draft, today=step.today))
    with database.writing() as session:
        plan = session.get_one(FundingPlan, plan_id, with_for_update=True)
        if plan.state != FundingPlanState.DRAFT:
            raise RefusedError(Refused("plan_stands", _("资金计划已经报请复核或下达，不能再改。")))
        refuse_if_moved(session, NOUN, plan.id, seen=step.seen, at=step.at)
        before = _plain(plan)
        plan.lines.clear()
        session.flush()
        _fill(session, plan, draft, step)
        session.flush()
        record(session, actor=actor_of(step.viewer), verb="edit", noun=NOUN, noun_id=plan.id, before=before, after=_plain(plan), at=step.at)
        return plan


def move_plan(database: Database, plan_id: int, event: str, step: Step, *, why: str = "") -> FundingPlan:
    """Propose, issue (then every project in it takes its step), return, take back, drop."""
    account = must_act(step.viewer, "plan")
    must_say_why(event, why)
    with database.writing() as session:
        projects = _locked_projects(session, plan_id, step)
        plan = session.get_one(FundingPlan, plan_id, with_for_update=True, populate_existing=True)
        if event == "propose":
            plan.proposed_by = account
            if refused := may_be_proposed(plan.minutes, plan.held, len(plan.lines)):
                raise RefusedError(refused)
        else:
            plan.second_person, plan.answer = account, why.strip()
        move(session, plan, TABLE, event, step, why=why.strip())
        if event in ("propose", "issue"):
            _refuse_over(session, plan)
        if event == "propose":
            total = exact_text(sum(line.fen for line in plan.lines))
            ask(session, plan, _("{number} 资金计划 {amount} 万元待复核"), step, roles=(Role.BUREAU,), number=plan.number, amount=total)
        if event == "issue":
            plan.issued_at = step.at
            _issue(session, plan, projects, step)
        session.flush()
        return plan


def _locked_projects(session: Session, plan_id: int, step: Step) -> list[Project]:
    """Always in the same order, and before the plan itself."""
    ids = session.scalars(select(FundingLine.project_id).where(FundingLine.plan_id == plan_id).distinct().order_by(FundingLine.project_id))
    return [locked(session, number, replace(step, seen=None)) for number in ids.all()]


def _issue(session: Session, plan: FundingPlan, projects: Sequence[Project], step: Step) -> None:
    session.flush()
    for project in projects:
        waits = any(row.event == "fund" for row in allowed_events(TABLES[project.project_class], project.state, (Role.BUREAU,)))
        if not waits and project.state not in _LATER:
            raise RefusedError(
                Refused("project_not_ready", _("{number} 现在不能下达资金计划，请从计划里去掉。"), {"number": project.number})
            )
        if waits:
            project_steps.move(session, project, "fund", replace(step, seen=None), plan.number)
        total = exact_text(sum(line.fen for line in plan.lines if line.project_id == project.id))
        message = _("{number} {title} 的资金计划已下达，共 {amount} 万元。")
        tell_applicant(session, project, message, step.at, amount=total)


def _refuse_over(session: Session, plan: FundingPlan) -> None:
    lock_ledger(session)
    for line in plan.lines:
        held = sum(balance_of(session, account, line.source, line.year, line.project_id) for account in _OF_COMMITMENT)
        planned = planned_fen(session, line.project_id, line.source, line.year)
        if refused := within_commitment(line.project.number, planned, held):
            raise RefusedError(refused)


def open_lines(session: Session, step: Step) -> list[LineDraft]:
    """What a new plan usually holds: for every project that waits for one, what is set aside for it and stands in no plan, in the parts of its class."""
    waits = or_(*(
        and_(Project.project_class == kind, Project.state.in_([state for row in table if row.event == "fund" for state in row.states]))
        for kind, table in TABLES.items()
        if any(row.event == "fund" for row in table)
    ))  # fmt: skip
    query = select(Project.id, Project.project_class, LedgerBalance.source, LedgerBalance.year, LedgerBalance.fen)
    query = query.join(Project, Project.id == LedgerBalance.project_key)
    query = query.where(LedgerBalance.account == LedgerAccount.COMMITTED, LedgerBalance.fen > 0, waits).order_by(
        Project.id, LedgerBalance.id
    )
    planned, lines = find_planned(session, select(Project.id).where(waits)), list[LineDraft]()
    for project_id, kind, source, year, fen in session.execute(query):
        rest = fen - planned.get((project_id, source, year), 0)
        if rest > 0:
            first, later = split_parts(rest, step.rules.of(kind).first_share)
            lines.append(LineDraft(project_id, source, year, first, later))
    return lines


def _fill(session: Session, plan: FundingPlan, draft: PlanDraft, step: Step) -> None:
    plan.title, plan.minutes, plan.held = draft.title.strip(), draft.minutes.strip(), draft.held
    for line in draft.lines:
        if session.get(Project, line.project_id) is None or step.rules.fund.find(line.source) is None:
            raise RefusedError(Refused("unknown_line", _("计划里有一行的项目或来源不存在。")))
        values = {"project_id": line.project_id, "source": line.source, "year": line.year}
        plan.lines.append(FundingLine(first_fen=line.first_fen, rest_fen=line.rest_fen, **values))


def _plain(plan: FundingPlan) -> dict[str, Any]:
    lines = [[line.project_id, line.source, line.year, line.first_fen, line.rest_fen] for line in plan.lines]
    return {"title": plan.title, "minutes": plan.minutes, "held": plan.held.isoformat() if plan.held else None, "lines": lines}
