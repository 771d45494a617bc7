"""The one writer of the ledger, what is set aside for a project and given back, and the look that finds whatever does not add up.

For other steps: `commit` when a project is selected, `release` when it ends without its money or takes less; both inside the caller's
transaction, with the project under lock (`project_steps.locked`). The ledger's own lock is always the last one that is taken.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.numbers import next_number
from marketplace.actions.project_steps import Step
from marketplace.actions.roles import actor_of
from marketplace.domain.fund_rules import FundingRules
from marketplace.domain.funding_plans import FundingPlanState
from marketplace.domain.funds import (
    COUNTERPARTS,
    OF_PROJECTS,
    Amount,
    EntryKind,
    LedgerAccount,
    Posting,
    check_amounts,
    check_available,
    check_lines,
    check_ratio,
    check_share,
    check_source,
    postings,
)
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import exact_text
from marketplace.domain.payments import UNDER_WAY
from marketplace.records.funding_plans import find_lines_of_project
from marketplace.records.funds import (
    NO_PROJECT,
    LedgerBalance,
    LedgerEntry,
    LedgerLine,
    balance_of,
    find_balances,
    find_entry_by_key,
    total_of,
)
from marketplace.records.payments import find_payments_of_project
from marketplace.records.projects import Project

ENTRY, SERIES = "ledger_entry", "JZ"
_LEDGER_LOCK = 7_110_254


def lock_ledger(session: Session) -> None:
    """Whoever posts waits here until the one before has committed: caps over sources, projects and the whole pilot are asked behind it.
    SQLite has one writer at a time from the first statement on."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LEDGER_LOCK})


def post(
    session: Session, kind: EntryKind, lines: Sequence[Posting], step: Step, *,
    key: str, day: date | None = None, why: str = "", noun: str = "", noun_id: int | None = None,
    reverses_id: int | None = None, made_by: int | None = None,
) -> LedgerEntry:  # fmt: skip
    """The only way into the ledger. Posted a second time with the same key, it is there once. `made_by`: the first of the two persons; the one
    who acts is the second."""
    lock_ledger(session)
    found = find_entry_by_key(session, key)
    if found is not None:
        return found
    refused = check_lines(lines)
    if refused is None:
        refused = _too_little(session, lines)
    if refused is not None:
        raise RefusedError(refused)
    project_id = next((line.project_id for line in lines if line.project_id is not None), None)
    entry = LedgerEntry(number=next_number(session, SERIES, step.today.year, digits=6), key=key, kind=kind, day=day or step.today)
    entry.project_id, entry.noun, entry.noun_id, entry.reverses_id, entry.why = project_id, noun, noun_id, reverses_id, why
    entry.made_by, entry.confirmed_by, entry.at = made_by, step.viewer.account_id, step.at
    session.add(entry)
    session.flush()
    for line in lines:
        values = {"source": line.source, "year": line.year, "project_id": line.project_id, "fen": line.fen}
        session.add(LedgerLine(entry_id=entry.id, account=line.account, day=entry.day, **values))
        _move_balance(session, line)
    session.flush()
    after = {"number": entry.number, "kind": str(kind), "lines": [_plain(line) for line in lines]}
    record(session, actor=actor_of(step.viewer), verb="post", noun=ENTRY, noun_id=entry.id, before=None, after=after, why=why, at=step.at)
    return entry


def _plain(line: Posting) -> list[Any]:
    return [str(line.account), line.source, line.year, line.project_id, line.fen]


def _too_little(session: Session, lines: Iterable[Posting]) -> Refused | None:
    """An account from which more would go than it holds."""
    for line in lines:
        if line.fen < 0 and line.account not in COUNTERPARTS:
            held = balance_of(session, line.account, line.source, line.year, line.project_id)
            if held + line.fen < 0:
                values = {"held": exact_text(held), "wanted": exact_text(-line.fen)}
                return Refused("not_that_much", _("这里只有 {held} 万元，不够 {wanted} 万元。"), values)
    return None


def _move_balance(session: Session, line: Posting) -> None:
    """Added to in the database itself, so that its check sees every other posting."""
    key = (LedgerBalance.account == line.account, LedgerBalance.source == line.source, LedgerBalance.year == line.year)
    project_key = line.project_id or NO_PROJECT
    known = session.scalar(select(LedgerBalance.id).where(*key, LedgerBalance.project_key == project_key))
    if known is None:
        session.add(LedgerBalance(account=line.account, source=line.source, year=line.year, project_key=project_key, fen=line.fen))
        session.flush()
        return
    moved = update(LedgerBalance).where(LedgerBalance.id == known).values(fen=LedgerBalance.fen + line.fen)
    session.execute(moved.execution_options(synchronize_session=False))


def year_of(step: Step) -> int:
    """The year out of whose budget money is usually set aside: this one, or the nearest for which the pilot has budgets."""
    return min(max(step.today.year, step.rules.first_day.year), step.rules.last_day.year)


def commit(
    session: Session, project: Project, amount_fen: int, by_source: Mapping[str, int], step: Step, *,
    year: int | None = None, why: str = "", key: str = "", noun: str = "", noun_id: int | None = None, made_by: int | None = None,
) -> LedgerEntry:  # fmt: skip
    """Set money aside for a project: source → fen, out of a year's budget (`year_of` unless said). Refused with figures where a source has
    too little left, central money passes its share of the investment, or local budgets would no longer stand 1 : 1 beside it."""
    amounts = [Amount(source, year or year_of(step), fen) for source, fen in by_source.items()]
    # Behind the lock nothing moves any more.
    lock_ledger(session)
    if refused := check_amounts(amounts, amount_fen) or _may_be_committed(session, project, amounts, step):
        raise RefusedError(refused)
    lines = postings(EntryKind.COMMITMENT, amounts, project.id)
    key = key or f"commitment:{project.id}:{uuid.uuid4()}"
    return post(session, EntryKind.COMMITMENT, lines, step, key=key, why=why, noun=noun, noun_id=noun_id, made_by=made_by)


def _may_be_committed(session: Session, project: Project, amounts: Iterable[Amount], step: Step) -> Refused | None:
    rules, own = step.rules.fund, step.rules.of(project.project_class)
    central = 0
    for one in amounts:
        source = rules.find(one.source)
        if refused := check_source(source, project.project_class, own.name):
            return refused
        assert source is not None
        available = balance_of(session, LedgerAccount.AVAILABLE, one.source, one.year)
        if refused := check_available(source, one.year, one.fen, available):
            return refused
        central += 0 if source.local else one.fen
    if not central:
        return None
    share = min(own.subsidy_share or 1.0, rules.central_cap)
    held = total_of(session, OF_PROJECTS, sources=rules.central_keys, project_id=project.id)
    return check_share(held + central, project.total_fen, share) or ratio_broken(session, rules, central_fen=central)


def ratio_broken(session: Session, rules: FundingRules, *, central_fen: int = 0, local_fen: int = 0) -> Refused | None:
    """Whether so much more central money, or so much less local budget (negative), would break the ratio over the pilot."""
    central = total_of(session, OF_PROJECTS, sources=rules.central_keys)
    local = -total_of(session, (LedgerAccount.BUDGET,), sources=rules.local_keys)
    return check_ratio(central + central_fen, local + local_fen, rules.local_to_central_min)


def usual_split(session: Session, project: Project, amount_fen: int, step: Step, *, year: int | None = None) -> dict[str, int]:
    """By which sources an amount is usually paid: those of the class in the pilot's order, each as far as this year's budget reaches. What no
    budget reaches stays with the first one, so that the refusal of `commit` says what is lacking."""
    rest, split = amount_fen, dict[str, int]()
    sources = [row for row in step.rules.fund.sources if project.project_class in row.classes]
    for row in sources:
        part = min(rest, balance_of(session, LedgerAccount.AVAILABLE, row.key, year or year_of(step)))
        if part > 0:
            split[row.key], rest = part, rest - part
    if rest and sources:
        split[sources[0].key] = split.get(sources[0].key, 0) + rest
    return split


def release(
    session: Session, project: Project, step: Step, *,
    amounts: Sequence[Amount] | None = None, why: str = "", key: str = "", noun: str = "", noun_id: int | None = None, made_by: int | None = None,
) -> LedgerEntry | None:  # fmt: skip
    """Give back to the budgets what is set aside for a project and not paid: all of it, or these amounts. None where there is nothing."""
    lock_ledger(session)
    under_way: dict[tuple[str, int], int] = {}
    for payment in find_payments_of_project(session, project.id):
        if payment.state in UNDER_WAY:
            where = (payment.line.source, payment.line.year)
            under_way[where] = under_way.get(where, 0) + payment.fen
    held = {
        (row.source, row.year): row.fen for row in find_balances(session, project.id) if row.account == LedgerAccount.COMMITTED and row.fen
    }
    given = list(amounts) if amounts is not None else [Amount(source, year, fen) for (source, year), fen in held.items()]
    if not given:
        return None
    for one in given:
        if one.fen > held.get((one.source, one.year), 0) - under_way.get((one.source, one.year), 0):
            values = {
                "held": exact_text(held.get((one.source, one.year), 0)),
                "ordered": exact_text(under_way.get((one.source, one.year), 0)),
            }
            raise RefusedError(
                Refused(
                    "not_that_much_committed",
                    _("为这个项目安排、还没有拨付的是 {held} 万元，其中在办拨付 {ordered} 万元，不够退回。"),
                    values,
                )
            )
    key = key or f"release:{project.id}:{uuid.uuid4()}"
    lines = postings(EntryKind.RELEASE, given, project.id)
    return post(session, EntryKind.RELEASE, lines, step, key=key, why=why, noun=noun, noun_id=noun_id, made_by=made_by)


def facts_of(session: Session, project: Project, step: Step) -> dict[str, Any]:
    """What the guards look at: an issued plan with its minutes, and the money. `due_fen`: what was paid and what is still set aside, so that a
    project is finished when nothing is set aside any more."""
    facts: dict[str, Any] = {}
    lines = find_lines_of_project(session, project.id, (FundingPlanState.ISSUED,))
    if lines:
        facts |= {"funding_plan": True, "minutes": lines[-1].plan.minutes}
    paid = total_of(session, (LedgerAccount.PAID,), project_id=project.id)
    facts["paid_fen"] = paid
    facts["due_fen"] = paid + total_of(session, (LedgerAccount.COMMITTED,), project_id=project.id)
    facts["recover_fen"] = total_of(session, (LedgerAccount.TO_RECOVER,), project_id=project.id)
    return facts
