"""What pages about money share: words for accounts and sources, the names of the persons, the step of this request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from marketplace.actions.project_steps import Step
from marketplace.domain.fund_rules import FundingRules
from marketplace.domain.funding_plans import FundingPlanState
from marketplace.domain.funds import ACCOUNTS, OF_PROJECTS, EntryKind, LedgerAccount
from marketplace.domain.lifecycle import Refused, Table, Transition, _, allowed_events
from marketplace.guard import current_viewer
from marketplace.records.accounts import Account
from marketplace.records.funding_plans import FundingLine, FundingPlan
from marketplace.records.funds import LedgerBalance
from marketplace.records.projects import Project
from marketplace.site import current_site
from marketplace.web.language import language, say
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now, today
from marketplace.web.typed import seen

KINDS: dict[EntryKind, str] = {
    EntryKind.BUDGET: _("预算"),
    EntryKind.COMMITMENT: _("安排"),
    EntryKind.RELEASE: _("退回安排"),
    EntryKind.PAYMENT: _("拨付"),
    EntryKind.RECLAIM: _("追回"),
    EntryKind.RECOVERY: _("收回"),
    EntryKind.RECEIPT: _("到账"),
    EntryKind.REVERSAL: _("冲销"),
}
# Buttons that end something are plain.
PLAIN = frozenset({"return", "reject", "take_back", "drop", "refuse", "bounce", "withdraw", "decline"})
WIDTH, BAR, GAP = 560, 16, 14


def here_step() -> Step:
    """Who acts now, with what the form of this request has seen."""
    return Step(current_viewer(), here_now(), today(), current_site().pilot.project, seen())


def rules() -> FundingRules:
    return current_site().pilot.fund


def source_word(key: str) -> str:
    found = rules().find(key)
    return (found.en if language() == "en" else found.name) if found else key


def account_word(account: LedgerAccount) -> str:
    return say(ACCOUNTS[account])


def entry_word(kind: str) -> str:
    """Of an entry, or of a voucher for one: they share their names."""
    return say(KINDS[EntryKind(kind)])


def names_of(session: Session, numbers: Iterable[int | None]) -> dict[int, str]:
    """Account → the name of its person."""
    wanted = {number for number in numbers if number is not None}
    return dict(session.execute(select(Account.id, Account.name).where(Account.id.in_(wanted))).all()) if wanted else {}


def steps_of(table: Table, state: str) -> tuple[Transition, ...]:
    return allowed_events(table, state, current_viewer().roles)


def sentences(faults: Iterable[tuple[str, Refused]]) -> dict[str, str]:
    """Field → sentence; the first of a field speaks."""
    found: dict[str, str] = {}
    for name, refused in faults:
        found.setdefault(name, sentence_of(refused))
    return found


@dataclass(frozen=True)
class SourceRow:
    """One source in one year, or several of them summed. `committed`: all that was ever set aside and not given back."""

    year: int
    source: str
    budget: int
    available: int
    committed: int
    planned: int
    paid: int
    to_recover: int
    recovered: int
    received: int


@dataclass(frozen=True)
class Bar:
    """A line of the chart: budget, committed and paid as widths."""

    word: str
    y: int
    widths: tuple[float, float, float]
    row: SourceRow


@dataclass(frozen=True)
class Overview:
    rows: Sequence[SourceRow]
    sums: Sequence[SourceRow]
    bars: Sequence[Bar]
    height: int
    central: int
    local: int
    central_committed: int
    local_committed: int
    investment: int

    @property
    def ratio(self) -> float | None:
        return self.local / self.central if self.central else None

    @property
    def leverage(self) -> float | None:
        money = self.central_committed + self.local_committed
        return self.investment / money if money else None


def read_overview(session: Session) -> Overview:
    """By source and year, from the balances in one pass."""
    held: dict[tuple[int, str], dict[LedgerAccount, int]] = {}
    query = select(LedgerBalance.year, LedgerBalance.source, LedgerBalance.account, func.sum(LedgerBalance.fen))
    for year, source, account, fen in session.execute(query.group_by(LedgerBalance.year, LedgerBalance.source, LedgerBalance.account)):
        held.setdefault((year, source), {})[account] = int(fen)
    planned: dict[tuple[int, str], int] = {}
    lines = select(FundingLine.year, FundingLine.source, func.sum(FundingLine.first_fen + FundingLine.rest_fen)).join(FundingLine.plan)
    lines = lines.where(FundingPlan.state == FundingPlanState.ISSUED).group_by(FundingLine.year, FundingLine.source)
    for year, source, fen in session.execute(lines):
        planned[year, source] = int(fen)
    order = {row.key: place for place, row in enumerate(rules().sources)}
    keys = sorted(held, key=lambda key: (-key[0], order.get(key[1], 99), key[1]))
    rows = [_row(key, held[key], planned.get(key, 0)) for key in keys]
    sums = [_sum(source, [row for row in rows if row.source == source]) for source in order if any(row.source == source for row in rows)]
    invested = select(func.coalesce(func.sum(Project.total_fen), 0)).where(Project.id.in_(_funded_ids()))
    central = [row for row in sums if row.source in rules().central_keys]
    local = [row for row in sums if row.source in rules().local_keys]
    return Overview(
        rows, sums, bars_of(sums), len(sums) * (2 * BAR + GAP),
        sum(row.budget for row in central), sum(row.budget for row in local),
        sum(row.committed for row in central), sum(row.committed for row in local),
        int(session.scalar(invested) or 0),
    )  # fmt: skip


def _funded_ids() -> Select[int]:
    return select(LedgerBalance.project_key).where(LedgerBalance.account.in_(OF_PROJECTS), LedgerBalance.fen > 0)


def _row(key: tuple[int, str], held: Mapping[LedgerAccount, int], planned: int) -> SourceRow:
    account = LedgerAccount
    return SourceRow(
        key[0], key[1], -held.get(account.BUDGET, 0), held.get(account.AVAILABLE, 0), sum(held.get(one, 0) for one in OF_PROJECTS), planned,
        held.get(account.PAID, 0), held.get(account.TO_RECOVER, 0), held.get(account.RECOVERED, 0), held.get(account.RECEIVED, 0),
    )  # fmt: skip


def _sum(source: str, rows: Sequence[SourceRow]) -> SourceRow:
    names = ("budget", "available", "committed", "planned", "paid", "to_recover", "recovered", "received")
    return SourceRow(0, source, *(sum(getattr(row, name) for row in rows) for name in names))


def bars_of(rows: Sequence[SourceRow]) -> list[Bar]:
    most = max((max(row.budget, row.committed, row.paid) for row in rows), default=0) or 1

    def wide(fen: int) -> float:
        return round(WIDTH * fen / most, 1)

    return [
        Bar(source_word(row.source), place * (2 * BAR + GAP), (wide(row.budget), wide(row.committed), wide(row.paid)), row)
        for place, row in enumerate(rows)
    ]


def typed_month(text: str) -> date:
    """The first day of a month as YYYY-MM; this month for what is none."""
    try:
        return date.fromisoformat(f"{text.strip()}-01")
    except ValueError:
        return today().replace(day=1)


def next_month(first: date) -> date:
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


WORDS = (source_word, account_word, entry_word)
