"""The funds at a glance, the ledger, the monthly statement, the money of one project, and the workbooks of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions.funds import ENTRY
from marketplace.actions.funds_audit import audit_ledger, look_at_balances
from marketplace.actions.vouchers import REVERSIBLE
from marketplace.domain.funds import ACCOUNTS, COUNTERPARTS, EntryKind, LedgerAccount
from marketplace.domain.lifecycle import Refused, _
from marketplace.guard import not_found, permission
from marketplace.records.fund_budgets import find_targets
from marketplace.records.funds import LedgerEntry, LedgerLine, find_entry, find_reversal, statement_sums
from marketplace.records.projects import Project
from marketplace.records.tables import metadata
from marketplace.records.vouchers import find_waiting_vouchers
from marketplace.sheets.lists_out import list_workbook
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES, address_of
from marketplace.web.downloads import workbook
from marketplace.web.funds_shown import (
    KINDS,
    account_word,
    entry_word,
    names_of,
    next_month,
    read_overview,
    rules,
    source_word,
    typed_month,
)
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import today
from marketplace.web.typed import typed_day

pages = Blueprint("funds", __name__)
ADDRESSES[ENTRY] = lambda ref: url_for("funds.entry", public_id=ref)
SIZE = 50
YUAN = 100
# Contradictions that a page shows; the rest is a number.
MOST_FAULTS = 20


@pages.get("/funds")
@permission("read", "fund")
def index() -> str:
    with current_site().database.reading() as session:
        faults = look_at_balances(session, rules())
        return render_template(
            "funds/index.html",
            found=read_overview(session),
            faults=[sentence_of(fault) for fault in faults[:MOST_FAULTS]],
            more=len(faults) - MOST_FAULTS,
            least=rules().local_to_central_min,
            vouchers=find_waiting_vouchers(session)[:MOST_FAULTS],
        )


@pages.get("/funds/audit")
@permission("read", "fund")
def audit() -> str:
    """Every line is added up; that takes a moment, so it is asked for."""
    with current_site().database.reading() as session:
        faults = audit_ledger(session, rules())
        lines = session.scalar(select(func.count()).select_from(LedgerLine)) or 0
        told = [sentence_of(fault) for fault in faults[:MOST_FAULTS]]
        return render_template("funds/audit.html", faults=told, more=len(faults) - MOST_FAULTS, lines=lines)


@dataclass(frozen=True)
class Wanted:
    """The filters of the ledger, as they were asked for."""

    source: str
    account: str
    kind: str
    year: str
    project: str
    since: str
    until: str

    def values(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value}


@dataclass(frozen=True)
class LedgerPage:
    rows: Sequence[tuple[LedgerLine, LedgerEntry, Project | None]]
    paging: Paging
    wanted: Wanted


def _wanted() -> Wanted:
    found = {name: request.args.get(name, "").strip()[:64] for name in ("source", "account", "kind", "year", "project", "since", "until")}
    known = {"source": {row.key for row in rules().sources}, "account": {str(one) for one in ACCOUNTS}, "kind": {str(one) for one in KINDS}}
    for name, values in known.items():
        if found[name] not in values:
            found[name] = ""
    if not (found["year"].isascii() and found["year"].isdigit() and len(found["year"]) == 4):
        found["year"] = ""
    for name in ("since", "until"):
        found[name] = found[name] if typed_day(found[name]) else ""
    return Wanted(**found)


def _filtered(query: Select[int], wanted: Wanted) -> Select[int]:
    if wanted.source:
        query = query.where(LedgerLine.source == wanted.source)
    if wanted.account:
        query = query.where(LedgerLine.account == LedgerAccount(wanted.account))
    if wanted.kind:
        query = query.where(LedgerLine.entry_id.in_(select(LedgerEntry.id).where(LedgerEntry.kind == EntryKind(wanted.kind))))
    if wanted.year:
        query = query.where(LedgerLine.year == int(wanted.year))
    if wanted.project:
        query = query.where(LedgerLine.project_id.in_(select(Project.id).where(Project.number == wanted.project)))
    if since := typed_day(wanted.since):
        query = query.where(LedgerLine.day >= since)
    if until := typed_day(wanted.until):
        query = query.where(LedgerLine.day <= until)
    return query


@pages.get("/funds/ledger")
@permission("read", "fund")
def ledger() -> str:
    with current_site().database.reading() as session:
        page = read_ledger(session, _wanted())
        return render_template("funds/ledger.html", page=page, sources=rules().sources, accounts=ACCOUNTS, kinds=KINDS)


def read_ledger(session: Session, wanted: Wanted) -> LedgerPage:
    """The newest first. Ids of one page are found first, so that only they are joined."""
    total = session.scalar(_filtered(select(func.count()).select_from(LedgerLine), wanted)) or 0
    paging = paged(total, SIZE, "funds.ledger", **wanted.values())
    ids = session.scalars(_filtered(select(LedgerLine.id), wanted).order_by(LedgerLine.id.desc()).limit(SIZE).offset(paging.offset)).all()
    query = select(LedgerLine, LedgerEntry, Project).join(LedgerEntry, LedgerEntry.id == LedgerLine.entry_id)
    query = query.outerjoin(Project, Project.id == LedgerLine.project_id).where(LedgerLine.id.in_(ids)).order_by(LedgerLine.id.desc())
    return LedgerPage([(line, entry, project) for line, entry, project in session.execute(query)], paging, wanted)


@pages.get("/funds/ledger/<public_id>")
@permission("read", "fund")
def entry(public_id: str) -> str:
    return entry_page(public_id)


def entry_page(public_id: str, refused: Refused | None = None, why: str = "") -> str:
    with current_site().database.reading() as session:
        found = find_entry(session, public_id) or not_found()
        reversal = find_reversal(session, found.id)
        undone = session.get(LedgerEntry, found.reverses_id) if found.reverses_id else None
        return render_template(
            "funds/entry.html",
            entry=found,
            names=names_of(session, (found.made_by, found.confirmed_by)),
            reversal=reversal,
            undone=undone,
            reversible=found.kind in REVERSIBLE and reversal is None and undone is None,
            project=session.get(Project, found.project_id) if found.project_id else None,
            paper=address_of(found.noun, _ref(session, found)),
            sentence=sentence_of(refused),
            why=why,
        )


def _ref(session: Session, found: LedgerEntry) -> str:
    """The public id of the paper behind an entry."""
    table = metadata.tables.get(f"{found.noun}s")
    if table is None or found.noun_id is None:
        return ""
    return session.scalar(select(table.c.public_id).where(table.c.id == found.noun_id)) or ""


@dataclass(frozen=True)
class StatementRow:
    """One account of one source in a month. `into`, `out`: what came and went; counterparts are shown as what they stand for."""

    source: str
    account: LedgerAccount
    opening: int
    into: int
    out: int

    @property
    def closing(self) -> int:
        return self.opening + self.into - self.out


def read_statement(session: Session, first: date) -> list[StatementRow]:
    """All accounts of all sources in one month, in the pilot's order."""
    sums = statement_sums(session, first, next_month(first))
    return [
        StatementRow(source.key, account, *sums[source.key, account])
        for source in rules().sources
        for account in ACCOUNTS
        if (source.key, account) in sums and account not in COUNTERPARTS
    ]


def _months() -> list[str]:
    """The months that a statement can be chosen for, the newest first."""
    first, found = today().replace(day=1), []
    for _number in range(rules().statement_months):
        found.append(f"{first:%Y-%m}")
        first = first.replace(year=first.year - (first.month == 1), month=(first.month - 2) % 12 + 1)
    return found


@pages.get("/funds/statement")
@permission("read", "fund")
def statement() -> str:
    first = typed_month(request.args.get("month", ""))
    with current_site().database.reading() as session:
        return render_template("funds/statement.html", rows=read_statement(session, first), month=f"{first:%Y-%m}", months=_months())


@pages.get("/funds/statement/sheet")
@permission("read", "fund")
def statement_sheet() -> Response:
    first = typed_month(request.args.get("month", ""))
    heads = (
        (_("资金来源"), 30),
        (_("科目"), 18),
        (_("月初（元）"), 18),
        (_("本月增加（元）"), 18),
        (_("本月减少（元）"), 18),
        (_("月末（元）"), 18),
    )
    with current_site().database.reading() as session:
        rows = [
            (
                source_word(row.source), account_word(row.account),
                row.opening / YUAN, row.into / YUAN, row.out / YUAN, row.closing / YUAN,
            )
            for row in read_statement(session, first)
        ]  # fmt: skip
    data = list_workbook(say("月报表"), [(say(word), width) for word, width in heads], rows)
    return workbook(data, f"{say('资金月报表')}-{first:%Y-%m}")


@pages.get("/funds/ledger/sheet")
@permission("read", "fund")
def ledger_sheet() -> Response:
    """What the filters find, line by line."""
    wanted = _wanted()
    heads = (
        (_("编号"), 18), (_("日期"), 12), (_("事项"), 12), (_("科目"), 18), (_("资金来源"), 30), (_("年度"), 8), (_("项目"), 18), (_("金额（元）"), 18), (_("摘要"), 40),
    )  # fmt: skip
    with current_site().database.reading() as session:
        data = list_workbook(say("账簿"), [(say(word), width) for word, width in heads], ledger_rows(session, wanted))
    return workbook(data, f"{say('账簿')}-{today().isoformat()}")


def ledger_rows(session: Session, wanted: Wanted) -> Iterator[list[str | int | float]]:
    """The lines as they are entered: plain columns, read by the thousand, for there may be a hundred thousand of them."""
    entry, line = LedgerEntry, LedgerLine
    query = select(entry.number, entry.day, entry.kind, line.account, line.source, line.year, Project.number, line.fen, entry.why)
    query = query.join_from(line, entry, entry.id == line.entry_id).outerjoin(Project, Project.id == line.project_id)
    query = query.where(line.id.in_(_filtered(select(line.id), wanted))) if wanted.values() else query
    kinds, accounts, sources = cache(entry_word), cache(account_word), cache(source_word)
    for number, day, kind, account, source, year, project, fen, why in session.execute(
        query.order_by(line.id).execution_options(yield_per=1000)
    ):
        yield [number, day.isoformat(), kinds(kind), accounts(account), sources(source), year, project or "", fen / YUAN, why]


@pages.get("/funds/budgets/sheet")
@permission("read", "fund")
def budget_sheet() -> Response:
    """Budget, what became of it, and the targets."""
    heads = (
        (_("年度"), 8), (_("资金来源"), 30), (_("预算（元）"), 18), (_("已安排（元）"), 18), (_("已列计划（元）"), 18), (_("已拨付（元）"), 18), (_("可安排（元）"), 18),
        (_("绩效目标"), 40), (_("目标值"), 12), (_("实际值"), 12), (_("评价说明"), 40),
    )  # fmt: skip
    with current_site().database.reading() as session:
        targets: dict[tuple[int, str], list[list[str | float | None]]] = {}
        for target, budget in find_targets(session):
            named = f"{target.name}（{target.unit}）" if target.unit else target.name
            targets.setdefault((budget.year, budget.source), []).append([named, target.target, target.actual, target.note])
        rows: list[list[str | int | float | None]] = []
        for row in read_overview(session).rows:
            money = [fen / YUAN for fen in (row.budget, row.committed, row.planned, row.paid, row.available)]
            found: list[list[str | float | None]] = targets.get((row.year, row.source)) or [["", None, None, ""]]
            for number, told in enumerate(found):
                figures: list[float | None] = [*money] if number == 0 else [None] * len(money)
                rows.append([row.year, source_word(row.source), *figures, *told])
    return workbook(
        list_workbook(say("预算"), [(say(word), width) for word, width in heads], rows), say("专项资金预算") + f"-{today().isoformat()}"
    )
