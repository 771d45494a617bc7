"""Budgets of the funds: written by one person, approved by another, posted in that same step; and what the targets came to."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.funds import lock_ledger, post, ratio_broken
from marketplace.actions.funds_steps import ask, move, must_act, must_say_why, refuse_first
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.project_steps import Step
from marketplace.actions.roles import actor_of
from marketplace.domain.fund_budgets import LONGEST_NOTE, TABLE, BudgetDraft, BudgetState, check
from marketplace.domain.funds import Amount, EntryKind, LedgerAccount, check_available, postings
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import exact_text
from marketplace.domain.texts import check_text
from marketplace.records.database import Database
from marketplace.records.fund_budgets import FundBudget, FundTarget
from marketplace.records.funds import balance_of

NOUN, TARGET = "fund_budget", "fund_target"


def create_budget(database: Database, draft: BudgetDraft, step: Step) -> FundBudget:
    """A budget that counts for nothing yet."""
    account = must_act(step.viewer, "budget")
    _check(draft, step)
    with database.writing() as session:
        budget = FundBudget(created_by=account, created=step.at)
        _fill(budget, draft)
        session.add(budget)
        session.flush()
        _note(session, budget, "create", step, None, _plain(budget))
        return budget


def edit_budget(database: Database, budget_id: int, draft: BudgetDraft, step: Step) -> FundBudget:
    """Change a draft; what another person looks at, or has approved, stays as it is."""
    must_act(step.viewer, "budget")
    _check(draft, step)
    with database.writing() as session:
        budget = session.get_one(FundBudget, budget_id, with_for_update=True)
        if budget.state != BudgetState.DRAFT:
            raise RefusedError(Refused("budget_stands", _("预算已经报请复核或下达，不能再改。要调整，请另写一笔追加或调减。")))
        refuse_if_moved(session, NOUN, budget.id, seen=step.seen, at=step.at)
        before = _plain(budget)
        budget.targets.clear()
        session.flush()
        _fill(budget, draft)
        session.flush()
        _note(session, budget, "edit", step, before, _plain(budget))
        return budget


def move_budget(database: Database, budget_id: int, event: str, step: Step, *, why: str = "") -> FundBudget:
    """Propose, approve (then it is posted), return, take back, drop."""
    account = must_act(step.viewer, "budget")
    must_say_why(event, why)
    with database.writing() as session:
        budget = session.get_one(FundBudget, budget_id, with_for_update=True)
        if event == "propose":
            budget.proposed_by = account
        else:
            budget.second_person, budget.second_at, budget.answer = account, step.at, why.strip()
        move(session, budget, TABLE, event, step, why=why.strip())
        if event == "propose":
            message = _("{year} 年{source}预算 {amount} 万元待复核")
            ask(session, budget, message, step, year=budget.year, source=_source(budget, step), amount=exact_text(budget.fen))
        if event == "approve":
            _take_effect(session, budget, step)
        session.flush()
        return budget


def _take_effect(session: Session, budget: FundBudget, step: Step) -> None:
    lock_ledger(session)
    rules = step.rules.fund
    if budget.fen < 0:
        available = balance_of(session, LedgerAccount.AVAILABLE, budget.source, budget.year)
        local = budget.source in rules.local_keys
        refused = check_available(rules.of(budget.source), budget.year, -budget.fen, available)
        if refused is None and local:
            refused = ratio_broken(session, rules, local_fen=budget.fen)
        if refused is not None:
            raise RefusedError(refused)
    lines = postings(EntryKind.BUDGET, [Amount(budget.source, budget.year, budget.fen)])
    post(
        session,
        EntryKind.BUDGET,
        lines,
        step,
        key=f"budget:{budget.id}",
        why=budget.document,
        noun=NOUN,
        noun_id=budget.id,
        made_by=budget.proposed_by,
    )


def evaluate(database: Database, target_id: int, actual: float | None, note: str, step: Step) -> FundTarget:
    """What the key performance evaluation found about one target. Found anew, the history keeps what was there before."""
    account = must_act(step.viewer, "budget")
    refuse_first(check_text("note", _("评价说明"), note, most=LONGEST_NOTE, required=True))
    if actual is None or actual < 0:
        raise RefusedError(Refused("no_actual", _("实际值没有填，或者不是数。")))
    with database.writing() as session:
        target = session.get_one(FundTarget, target_id, with_for_update=True)
        budget = session.get_one(FundBudget, target.budget_id)
        if budget.state != BudgetState.EFFECTIVE:
            raise RefusedError(Refused("budget_not_effective", _("预算还没有下达，不能评价它的目标。")))
        refuse_if_moved(session, TARGET, target.id, seen=step.seen, at=step.at)
        before = {"actual": target.actual, "note": target.note}
        target.actual, target.note, target.evaluated_by, target.evaluated_at = actual, note.strip(), account, step.at
        session.flush()
        after = {"actual": actual, "note": target.note}
        record(
            session, actor=actor_of(step.viewer), verb="evaluate", noun=TARGET, noun_id=target.id, before=before, after=after, at=step.at
        )
        return target


def _check(draft: BudgetDraft, step: Step) -> None:
    refuse_first(check(draft, first_year=step.rules.first_day.year, last_year=step.rules.last_day.year + 1))
    if step.rules.fund.find(draft.source) is None:
        raise RefusedError(Refused("unknown_source", _("没有这个资金来源。")))


def _fill(budget: FundBudget, draft: BudgetDraft) -> None:
    budget.source, budget.year, budget.fen = draft.source, draft.year, draft.fen or 0
    budget.document, budget.note = draft.document.strip(), draft.note.strip()
    budget.targets.extend(FundTarget(name=row.name.strip(), unit=row.unit.strip(), target=row.target) for row in draft.targets)


def _source(budget: FundBudget, step: Step) -> str:
    return step.rules.fund.of(budget.source).name


def _plain(budget: FundBudget) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(budget, name) for name in ("source", "year", "fen", "document", "note")}
    return found | {"targets": [[row.name, row.unit, row.target] for row in budget.targets]}


def _note(session: Session, budget: FundBudget, verb: str, step: Step, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
    record(session, actor=actor_of(step.viewer), verb=verb, noun=NOUN, noun_id=budget.id, before=before, after=after, at=step.at)
