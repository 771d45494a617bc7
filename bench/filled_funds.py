"""The money of the projects: budgets, a ledger whose every entry sums to nothing, plans, payment orders, vouchers, and financing.

Balances are summed from the lines, so that the audits of the site find nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from bench.filled import Row
from marketplace.domain.funds import OF_PROJECTS, WAYS, EntryKind, LedgerAccount
from marketplace.domain.projects import FUNDED
from marketplace.records.funds import NO_PROJECT

if TYPE_CHECKING:
    from bench.filled import Filler

SOURCES = ("central", "city", "district", "policy")
YEARS = (2024, 2025, 2026)
BUDGET_FEN = 50_000_000_000
SET_ASIDE, PAID = 2_000, 1_000
Key = tuple[str, str, int, int]


def fill_funds(filler: Filler, projects: list[Row]) -> None:
    funded = [row["id"] for row in projects if row["state"] in FUNDED]
    _budgets(filler)
    _ledger(filler, funded)
    _plans(filler, funded)
    _financing(filler)


def _budgets(filler: Filler) -> None:
    """One a source and year."""
    budget = {"fen": BUDGET_FEN, "document": "预算〔2026〕1 号（示例）", "state": "effective", "created": filler.at}
    pairs = [(source, year) for year in YEARS for source in SOURCES]
    filler.put("fund_budgets", ({"id": n, "source": source, "year": year, **budget} for n, (source, year) in enumerate(pairs, 1)))
    filler.put("fund_targets", ({"budget_id": n, "name": "支持项目", "unit": "个", "target": 10.0} for n in range(1, len(pairs) + 1)))


def _entries(filler: Filler, funded: list[int]) -> Iterator[tuple[EntryKind, str, int, int, int]]:
    """Kind, source, year, project and sum: first the budgets; then something is set aside for a project and half of it paid."""
    for year in YEARS:
        for source in SOURCES:
            yield EntryKind.BUDGET, source, year, NO_PROJECT, BUDGET_FEN
    for n in range(max(0, filler.sizes.ledger // 4 - len(YEARS) * len(SOURCES) // 2) if funded else 0):
        source, year, project = SOURCES[n % len(SOURCES)], YEARS[n // len(SOURCES) % len(YEARS)], funded[n % len(funded)]
        yield EntryKind.COMMITMENT, source, year, project, SET_ASIDE
        yield EntryKind.PAYMENT, source, year, project, PAID


def _ledger(filler: Filler, funded: list[int]) -> None:
    balances: Counter[Key] = Counter()
    entries: list[Row] = []
    lines: list[Row] = []
    for n, (kind, source, year, project, fen) in enumerate(_entries(filler, funded), 1):
        # Over the days of its year that are past.
        day = min(date(year, 1, 1) + timedelta(days=n * 7 % 360), filler.today)
        entries.append(
            {
                "id": n,
                "number": f"ZJ-{n:06d}",
                "key": f"bench:{n}",
                "kind": kind,
                "day": day,
                "project_id": project or None,
                "at": filler.at,
            }
        )
        for account, signed in zip(WAYS[kind], (-fen, fen), strict=True):
            owner = project if account in OF_PROJECTS else NO_PROJECT
            balances[account, source, year, owner] += signed
            lines.append(_line(n, account, (source, year, owner), signed, day))
    filler.put("ledger_entries", entries)
    filler.put("ledger_lines", lines)
    filler.put("ledger_balances", _balances(balances))


def _line(entry: int, account: LedgerAccount, place: tuple[str, int, int], fen: int, day: date) -> Row:
    source, year, project = place
    return {"entry_id": entry, "account": account, "source": source, "year": year, "project_id": project or None, "fen": fen, "day": day}


def _balances(held: Mapping[Key, int]) -> Iterator[Row]:
    for (account, source, year, project), fen in held.items():
        yield {"account": account, "source": source, "year": year, "project_key": project, "fen": fen}


def _plans(filler: Filler, funded: list[int]) -> None:
    """A line for each project and an order for each line, of which those of late are under way; vouchers and reclaims of some."""
    at, today = filler.at, filler.today
    states = ("issued", "issued", "issued", "proposed", "draft")
    count = filler.sizes.guides
    plan = {"minutes": "党组会纪要〔2026〕3 号（示例）", "held": today, "created": at}
    filler.put(
        "funding_plans",
        ({"id": n, "number": f"JH-{n:04d}", "title": f"第 {n} 批资金计划", "state": states[n % 5], **plan} for n in range(1, count + 1)),
    )
    line = {"source": "central", "year": 2026, "first_fen": 50_000_000, "rest_fen": 30_000_000}
    lines = list(enumerate(funded, 1))
    filler.put("funding_lines", ({"id": n, "plan_id": n % count + 1, "project_id": project, **line} for n, project in lines))
    waiting = ("prepared", "checked", "released")
    order = {"part": "first", "fen": 50_000_000, "payee": "某公司 6222（示例）", "proposed_at": at}
    rows = (
        {
            "number": f"BK-{n:05d}", "key": f"bench:{n}", "line_id": n, "project_id": project, "state": waiting[n % 3] if n % 4 == 0 else "paid",
            "paid_on": None if n % 4 == 0 else today, **order,
        }
        for n, project in lines
    )  # fmt: skip
    filler.put("payments", rows)
    reclaim = {"source": "central", "year": 2026, "fen": 1_000, "due": today + timedelta(days=30), "why": "项目终止", "proposed_at": at}
    owed = (
        {"number": f"ZH-{n:05d}", "project_id": project, "state": ("proposed", "recovered")[n // 20 % 2], **reclaim}
        for n, project in lines
        if n % 20 == 0
    )
    filler.put("reclaims", owed)
    voucher = {"kind": "receipt", "source": "central", "year": 2026, "fen": 1_000, "day": today, "why": "上级资金到账", "proposed_at": at}
    filler.put("vouchers", ({"state": "proposed" if n % 9 == 0 else "rejected", **voucher} for n in range(filler.sizes.guides)))


def _financing(filler: Filler) -> None:
    sizes, states = filler.sizes, ("published", "published", "draft", "withdrawn")
    offer = {
        "product": "技改贷",
        "kind": "loan",
        "high_fen": 5_000_000_000,
        "rate": "3.2 %",
        "conditions": "……",
        "contact": "022",
        "created": filler.at,
    }
    offers = range(1, sizes.guides + 1)
    filler.put("financing_offers", ({"id": n, "institution": f"第 {n} 银行（示例）", "state": states[n % 4], **offer} for n in offers))
    stages = ("draft", "sent", "offered", "declined", "taken")
    wish = {"fen": 100_000_000, "purpose": "买设备", "papers": [], "created": filler.at}
    rows = (
        {
            "offer_id": filler.some(sizes.guides), "enterprise_id": 1 if n < sizes.own else filler.some(sizes.enterprises),
            "state": stages[n % 5], "sent_at": filler.at if n % 5 else None, **wish,
        }
        for n in range(sizes.projects // 4)
    )  # fmt: skip
    filler.put("financing_applications", rows)
