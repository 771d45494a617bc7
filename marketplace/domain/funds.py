"""The ledger of the funds: accounts, postings that sum to nothing, and the rules that no posting may break. All in fen.

The chain of money for each source and year is budget → available → committed to a project → paid → to be recovered → recovered. `budget` is its
counterpart and therefore negative, `expected` that of what has been received from above. Whatever the chain says, it sums to 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import StrEnum

from marketplace.domain.fund_rules import FundingRules, FundSource
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.money import exact_text


class LedgerAccount(StrEnum):
    BUDGET = "budget"
    AVAILABLE = "available"
    COMMITTED = "committed"
    PAID = "paid"
    TO_RECOVER = "to_recover"
    RECOVERED = "recovered"
    EXPECTED = "expected"
    RECEIVED = "received"


class EntryKind(StrEnum):
    """Why money moved."""

    BUDGET = "budget"
    COMMITMENT = "commitment"
    RELEASE = "release"
    PAYMENT = "payment"
    RECLAIM = "reclaim"
    RECOVERY = "recovery"
    RECEIPT = "receipt"
    REVERSAL = "reversal"


_A = LedgerAccount
# Counterparts: they are negative, every other account never is.
COUNTERPARTS = frozenset({_A.BUDGET, _A.EXPECTED})
# The accounts that belong to one project.
OF_PROJECTS = frozenset({_A.COMMITTED, _A.PAID, _A.TO_RECOVER, _A.RECOVERED})
CHAIN = (_A.BUDGET, _A.AVAILABLE, _A.COMMITTED, _A.PAID, _A.TO_RECOVER, _A.RECOVERED)
RECEIPTS = (_A.EXPECTED, _A.RECEIVED)
# Account → what people call it.
ACCOUNTS: dict[LedgerAccount, str] = {
    LedgerAccount.BUDGET: _("预算来源"),
    LedgerAccount.AVAILABLE: _("可安排"),
    LedgerAccount.COMMITTED: _("已安排未拨付"),
    LedgerAccount.PAID: _("已拨付"),
    LedgerAccount.TO_RECOVER: _("待追回"),
    LedgerAccount.RECOVERED: _("已收回"),
    LedgerAccount.EXPECTED: _("应到账"),
    LedgerAccount.RECEIVED: _("上级资金到账"),
}
# Kind → where money comes from and where it goes.
WAYS: Mapping[EntryKind, tuple[LedgerAccount, LedgerAccount]] = {
    EntryKind.BUDGET: (_A.BUDGET, _A.AVAILABLE),
    EntryKind.COMMITMENT: (_A.AVAILABLE, _A.COMMITTED),
    EntryKind.RELEASE: (_A.COMMITTED, _A.AVAILABLE),
    EntryKind.PAYMENT: (_A.COMMITTED, _A.PAID),
    EntryKind.RECLAIM: (_A.PAID, _A.TO_RECOVER),
    EntryKind.RECOVERY: (_A.TO_RECOVER, _A.RECOVERED),
    EntryKind.RECEIPT: (_A.EXPECTED, _A.RECEIVED),
}


@dataclass(frozen=True)
class Posting:
    """One line of an entry. `project_id`: of the accounts of projects only."""

    account: LedgerAccount
    source: str
    year: int
    fen: int
    project_id: int | None = None


@dataclass(frozen=True)
class Amount:
    """Money of one source and year, as it is asked for."""

    source: str
    year: int
    fen: int


def postings(kind: EntryKind, amounts: Iterable[Amount], project_id: int | None = None) -> tuple[Posting, ...]:
    """The two lines for each amount. A budget may be lowered, so that its amount may be negative."""
    out, into = WAYS[kind]
    lines: list[Posting] = []
    for one in amounts:
        for account, fen in ((out, -one.fen), (into, one.fen)):
            lines.append(Posting(account, one.source, one.year, fen, project_id if account in OF_PROJECTS else None))
    return tuple(lines)


def reversed_lines(lines: Iterable[Posting]) -> tuple[Posting, ...]:
    """The same lines the other way round."""
    return tuple(Posting(line.account, line.source, line.year, -line.fen, line.project_id) for line in lines)


def check_lines(lines: Sequence[Posting]) -> Refused | None:
    """What no entry may be: empty, without sum 0 in each source and year, with lines of nothing, or a project's money without its project."""
    if not lines:
        return Refused("no_lines", _("记账没有分录。"))
    sums: dict[tuple[str, int, bool], int] = {}
    for line in lines:
        if line.fen == 0:
            return Refused("empty_line", _("分录的金额不能是 0。"))
        if (line.account in OF_PROJECTS) != (line.project_id is not None):
            return Refused("no_project", _("项目的资金要写明项目，其他科目不写项目。"))
        key = (line.source, line.year, line.account in RECEIPTS)
        sums[key] = sums.get(key, 0) + line.fen
    uneven = next((total for total in sums.values() if total), 0)
    return Refused("unbalanced", _("分录不平，差 {amount} 万元。"), {"amount": exact_text(uneven)}) if uneven else None


def check_amounts(amounts: Sequence[Amount], total_fen: int) -> Refused | None:
    """Parts by source must be positive and add up."""
    if not amounts or any(one.fen <= 0 for one in amounts):
        return Refused("no_amount", _("每个来源的金额都要大于 0。"))
    found = sum(one.fen for one in amounts)
    if found != total_fen:
        values = {"parts": exact_text(found), "total": exact_text(total_fen)}
        return Refused("parts_differ", _("各来源合计 {parts} 万元，与支持金额 {total} 万元不符。"), values)
    return None


def check_source(source: FundSource | None, project_class: str, class_name: str) -> Refused | None:
    """Central money goes to the central class only."""
    if source is None:
        return Refused("unknown_source", _("没有这个资金来源。"))
    if project_class not in source.classes:
        return Refused("wrong_source", _("{class_name}不能用{source}。"), {"class_name": class_name, "source": source.name})
    return None


def check_available(source: FundSource, year: int, wanted_fen: int, available_fen: int) -> Refused | None:
    if wanted_fen <= available_fen:
        return None
    values = {"year": year, "source": source.name, "left": exact_text(max(0, available_fen)), "wanted": exact_text(wanted_fen)}
    return Refused("over_budget", _("{year} 年{source}预算还剩 {left} 万元，不够安排 {wanted} 万元。"), values)


def most_central(total_fen: int, share: float) -> int:
    """The most central money of one investment, never a fen above the share."""
    return int((Decimal(str(share)) * total_fen).to_integral_value(ROUND_FLOOR))


def check_share(central_fen: int, total_fen: int | None, share: float) -> Refused | None:
    """`central_fen`: what the project has already with what is added."""
    if total_fen is None:
        return Refused("no_total", _("项目没有写总投资，不能安排中央资金。"))
    most = most_central(total_fen, share)
    if central_fen <= most:
        return None
    values = {"wanted": exact_text(central_fen), "share": f"{share * 100:g}", "total": exact_text(total_fen), "most": exact_text(most)}
    return Refused("above_share", _("中央资金共 {wanted} 万元，超过总投资 {total} 万元的 {share} %（{most} 万元）。"), values)


def check_ratio(central_fen: int, local_fen: int, least: float) -> Refused | None:
    """Local budgets over the pilot beside the central money committed; both as they would be."""
    wanted = int((Decimal(str(least)) * central_fen).to_integral_value(ROUND_CEILING))
    if local_fen >= wanted:
        return None
    values = {
        "central": exact_text(central_fen),
        "local": exact_text(local_fen),
        "least": f"{least:g}",
        "lacking": exact_text(wanted - local_fen),
    }
    message = _("地方配套资金预算共 {local} 万元，中央资金将安排 {central} 万元，达不到 {least}:1，还差地方资金 {lacking} 万元。")
    return Refused("below_ratio", message, values)


def split_parts(fen: int, share: float) -> tuple[int, int]:
    """First part and rest; the first one is rounded to the fen, the rest is what remains, so that nothing is lost."""
    first = int((Decimal(str(share)) * fen).to_integral_value(ROUND_HALF_UP))
    return first, fen - first


@dataclass(frozen=True)
class Balance:
    """What one account of a source, year and project holds, by the lines."""

    account: LedgerAccount
    source: str
    year: int
    project_id: int | None
    fen: int


def check_balances(rows: Iterable[Balance], rules: FundingRules) -> Iterator[Refused]:
    """What the balances may never be, whoever wrote them: below zero, not summing to 0, or with too little local money."""
    sums: dict[tuple[str, int, bool], int] = {}
    central = local = 0
    for row in rows:
        if (row.fen < 0) != (row.account in COUNTERPARTS) and row.fen:
            values = {
                "account": ACCOUNTS[row.account],
                "source": rules.name_of(row.source),
                "year": row.year,
                "amount": exact_text(row.fen),
            }
            yield Refused("negative_balance", _("{year} 年{source}的科目 {account} 余额为 {amount} 万元，不应如此。"), values)
        key = (row.source, row.year, row.account in RECEIPTS)
        sums[key] = sums.get(key, 0) + row.fen
        if row.account == LedgerAccount.BUDGET and row.source in rules.local_keys:
            local -= row.fen
        if row.account in OF_PROJECTS and row.source in rules.central_keys:
            central += row.fen
    for (source, year, _receipts), total in sums.items():
        if total:
            values = {"source": rules.name_of(source), "year": year, "amount": exact_text(total)}
            yield Refused("unbalanced_source", _("{year} 年{source}的账不平，差 {amount} 万元。"), values)
    if refused := check_ratio(central, local, rules.local_to_central_min):
        yield refused
