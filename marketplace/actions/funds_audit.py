"""The look that finds whatever does not add up in the ledger: all of it, or what a page can ask each time."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.domain.fund_rules import NO_FUNDS, FundingRules
from marketplace.domain.funds import ACCOUNTS, OF_PROJECTS, Balance, LedgerAccount, check_balances
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.money import exact_text
from marketplace.domain.payments import PaymentState
from marketplace.records.funds import NO_PROJECT, LedgerBalance, find_balances, summed_lines, uneven_entries
from marketplace.records.payments import Payment
from marketplace.records.projects import Project

# What the orders say was paid.
_PAID = OF_PROJECTS - {LedgerAccount.COMMITTED}


def audit_ledger(session: Session, rules: FundingRules = NO_FUNDS) -> list[Refused]:
    """Everything that does not add up, as sentences; nothing where all is well. The lines are believed, whatever else says otherwise is told."""
    found = [Refused("uneven_entry", _("第 {entry} 笔记账不平。"), {"entry": number}) for number in uneven_entries(session)]
    sums = summed_lines(session)
    kept = {(row.account, row.source, row.year, row.project_key): row.fen for row in find_balances(session)}
    told = {(row.account, row.source, row.year, row.project_id or NO_PROJECT): row.fen for row in sums}
    for key in sorted(kept.keys() | told.keys()):
        if kept.get(key, 0) != told.get(key, 0):
            values = {
                "account": ACCOUNTS[key[0]],
                "source": rules.name_of(key[1]),
                "year": key[2],
                "kept": exact_text(kept.get(key, 0)),
                "sum": exact_text(told.get(key, 0)),
            }
            found.append(
                Refused("balance_differs", _("{year} 年{source}的科目 {account} 余额记为 {kept} 万元，分录合计 {sum} 万元。"), values)
            )
    found += check_balances(sums, rules)
    of_ledger: dict[int, int] = {}
    for row in sums:
        if row.account in _PAID and row.project_id is not None:
            of_ledger[row.project_id] = of_ledger.get(row.project_id, 0) + row.fen
    return found + _paid_otherwise(session, of_ledger)


def look_at_balances(session: Session, rules: FundingRules = NO_FUNDS) -> list[Refused]:
    """The same from the balances alone, in a few grouped queries: quick enough for a page that is opened often."""
    columns = (LedgerBalance.account, LedgerBalance.source, LedgerBalance.year)
    grouped = session.execute(select(*columns, func.sum(LedgerBalance.fen)).group_by(*columns))
    found = list(check_balances([Balance(account, source, year, None, int(fen)) for account, source, year, fen in grouped], rules))
    query = select(LedgerBalance.project_key, func.sum(LedgerBalance.fen)).where(LedgerBalance.account.in_(_PAID))
    of_ledger = {project: int(fen) for project, fen in session.execute(query.group_by(LedgerBalance.project_key))}
    return found + _paid_otherwise(session, of_ledger)


def _paid_otherwise(session: Session, of_ledger: Mapping[int, int]) -> list[Refused]:
    """Projects whose payments and ledger differ: what the orders say was paid is paid, to be recovered or recovered."""
    query = select(Payment.project_id, func.sum(Payment.fen)).where(Payment.state == PaymentState.PAID).group_by(Payment.project_id)
    of_orders = {project: int(fen) for project, fen in session.execute(query)}
    uneven = [key for key in sorted(of_ledger.keys() | of_orders.keys()) if of_ledger.get(key, 0) != of_orders.get(key, 0)]
    rows = session.execute(select(Project.id, Project.number).where(Project.id.in_(uneven))).all() if uneven else ()
    names = dict(rows)
    message = _("{number} 的拨付单合计 {orders} 万元，账上已拨付 {ledger} 万元。")
    return [
        Refused(
            "paid_differs",
            message,
            {"number": names.get(key, str(key)), "orders": exact_text(of_orders.get(key, 0)), "ledger": exact_text(of_ledger.get(key, 0))},
        )
        for key in uneven
    ]
