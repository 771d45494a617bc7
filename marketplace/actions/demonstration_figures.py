"""The demonstration's investment figures of the statistics bureau: month by month since the pilot began, seeded."""

from __future__ import annotations

import random
from datetime import date, datetime

from marketplace.actions.reported_investments import enter_investments
from marketplace.domain.access import Role, Viewer
from marketplace.records.database import Database
from marketplace.sheets.reported_investments import InvestmentRow

# 万元 a month, about.
USUAL = {"chem": 16_800, "auto": 11_200, "elec": 9_400}
_WAN = 1_000_000


def play_investments(database: Database, *, first: date, at: datetime, today: date) -> None:
    """Rising slowly, with a dip at the beginning of each year; the month under way has no figure yet."""
    chance = random.Random(20241101)
    rows: list[InvestmentRow] = []
    year, month = first.year, first.month
    while (year, month) < (today.year, today.month):
        grown = 1 + 0.012 * ((year - first.year) * 12 + month - first.month)
        for sector, usual in USUAL.items():
            wan = round(usual * grown * (0.72 if month <= 2 else 1.0) * chance.uniform(0.9, 1.1))
            rows.append(InvestmentRow(f"{year}-{month:02}", sector, "", wan * _WAN, "统计月报（示例）"))
        year, month = year + month // 12, month % 12 + 1
    viewer = Viewer(name="区工信局（示例）", roles=frozenset({Role.BUREAU}))
    enter_investments(database, rows, viewer=viewer, at=at)
