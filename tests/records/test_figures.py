"""The facts behind the figures, as both databases give them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from marketplace.actions import reported_investments
from marketplace.actions.history import record
from marketplace.domain.access import Role, Viewer
from marketplace.domain.figure_facts import Scope
from marketplace.domain.figures import FIGURES
from marketplace.domain.funds import EntryKind, LedgerAccount
from marketplace.domain.lifecycle import RefusedError
from marketplace.pilot import load_pilot
from marketplace.records.database import Database
from marketplace.records.figures import find_facts, find_figures
from marketplace.records.funds import LedgerEntry, LedgerLine
from marketplace.records.history import HistoryEntry
from marketplace.records.progress import MonthlyReport
from marketplace.records.projects import Project
from marketplace.records.reported_investments import ReportedInvestment, last_day
from marketplace.sheets.reported_investments import InvestmentRow
from tests.actions.accepting import Accepted, open_accepted
from tests.conftest import NOW

RULES = load_pilot().figure
WAN = 1_000_000
BUREAU = Viewer(name="局", roles=frozenset({Role.BUREAU}))


@pytest.fixture
def case(database: Database, tmp_path: Path) -> Accepted:
    return open_accepted(database, tmp_path / "files")


def test_a_project_that_passed(case: Accepted) -> None:
    """One project is decided, begun, reported of, paid and accepted; and every statement runs on this database."""
    begun = datetime.combine(case.world.day - timedelta(100), NOW.time(), ZoneInfo("UTC"))
    with case.database.writing() as session:
        for verb, at in (("approve", begun - timedelta(20)), ("fund", begun), ("fund", begun + timedelta(5))):
            record(session, actor="局", verb=verb, noun="project", noun_id=case.project, at=at, before=None, after={"state": "x"})
        # The same verb on another noun is no step of a project.
        record(session, actor="局", verb="approve", noun="guide", noun_id=case.project, at=begun - timedelta(90), before=None, after=None)
        project = session.get_one(Project, case.project)
        project.total_fen, project.submitted_at = 300 * WAN, begun - timedelta(40)
        for month, spent in (("2026-05", 100 * WAN), ("2026-06", 250 * WAN)):
            session.add(
                MonthlyReport(
                    project_id=case.project, month=month, due=case.world.day, spending_fen=spent, created=NOW, handed_in_on=case.world.day
                )
            )
        session.add(MonthlyReport(project_id=case.project, month="2026-07", due=case.world.day, spending_fen=999 * WAN, created=NOW))
        entry = LedgerEntry(number="JZ-1", key="k", kind=EntryKind.PAYMENT, day=case.world.day, project_id=case.project, at=NOW)
        common = {"source": "central", "year": 2026, "day": case.world.day}
        entry.lines = [
            LedgerLine(account=LedgerAccount.COMMITTED, project_id=case.project, fen=-40 * WAN, **common),
            LedgerLine(account=LedgerAccount.PAID, project_id=case.project, fen=40 * WAN, **common),
        ]
        session.add(entry)
    case.to_decision(up=104, down=6)
    case.answered(case.proposed())
    with case.database.reading() as session:
        facts = find_facts(session, RULES, case.world.day, money_over_time=True)
    found = next(row for row in facts.projects if row.id == case.project)
    assert (found.decided, found.started, found.finished) == ((begun - timedelta(20)).date(), begun.date(), case.world.day)
    assert [spent for _day, spent in found.spent] == [100 * WAN, 250 * WAN]
    assert sorted((row.family, row.baseline, row.measured) for row in facts.effects) == [
        ("defects", 10.0, 6.0),
        ("productivity", 80.0, 104.0),
    ]
    assert [round(row.stars, 2) for row in facts.marks] == [4.33]
    assert sorted((row.account, row.local, row.fen) for row in facts.money) == [("committed", False, -40 * WAN), ("paid", False, 40 * WAN)]
    [own] = [row for row in facts.enterprises if row.finished]
    assert (own.started, own.finished) == (begun.date(), case.world.day)
    with case.database.reading() as session:
        now = find_figures(session, FIGURES, Scope(case.world.day), RULES)
        before = find_figures(session, ["projects_running", "projects_accepted", "funds_paid"], Scope(case.world.day - timedelta(1)), RULES)
    assert (now["projects_accepted"].value, now["projects_running"].value, now["funds_paid"].value) == (1, 0, 40 * WAN)
    assert now["effect_productivity"].value == pytest.approx(0.3)
    assert (before["projects_accepted"].value, before["projects_running"].value, before["funds_paid"].value) == (0, 1, 0)


def test_what_the_statistics_bureau_reports(database: Database) -> None:
    rows = [InvestmentRow("2026-09", "chem", "", 500 * WAN, "月报 9"), InvestmentRow("2026-09", "auto", "", 300 * WAN, "月报 9")]
    with pytest.raises(RefusedError):
        reported_investments.enter_investments(database, rows, viewer=Viewer(roles=frozenset({Role.CENTRE})), at=NOW)
    first = reported_investments.enter_investments(database, rows, viewer=BUREAU, at=NOW)
    more = [rows[0], InvestmentRow("2026-09", "auto", "", 310 * WAN, "更正"), InvestmentRow("2026-10", "auto", "", 5 * WAN, "")]
    second = reported_investments.enter_investments(database, more, viewer=BUREAU, at=NOW)
    assert ((first.new, first.changed), (second.new, second.changed)) == ((2, 0), (1, 1))
    with database.reading() as session:
        assert session.query(ReportedInvestment).count() == 3
        told = session.query(HistoryEntry).filter_by(noun="reported_investment").order_by(HistoryEntry.id).all()
        assert [row.before for row in told] == [None, None, {"fen": 300 * WAN, "source": "月报 9"}, None]
        found = find_figures(session, ["investment_reported"], Scope(last_day("2026-09")), RULES)
    assert found["investment_reported"].value == 810 * WAN


def test_the_last_day_of_a_month() -> None:
    assert [last_day(month).isoformat() for month in ("2026-02", "2026-12", "2028-02")] == ["2026-02-28", "2026-12-31", "2028-02-29"]
