"""The demonstration's projects and their money: every state and every step, something for everybody, all of it balanced, and once only."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from marketplace.actions.demonstration_funds import BUDGETS, seed_budgets, settle_funds
from marketplace.actions.demonstration_projects import seed_projects
from marketplace.actions.demonstration_selection import seed_selection
from marketplace.actions.funds_audit import audit_ledger
from marketplace.actions.project_submission import faults_of
from marketplace.commands.demonstration import play_projects
from marketplace.domain.projects import EDITABLE, ProjectClass, ProjectState, stage_of
from marketplace.files.store import BlobStore
from marketplace.pilot import Pilot
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.agreements import Agreement
from marketplace.records.database import Database
from marketplace.records.financing import FinancingApplication, FinancingOffer
from marketplace.records.fund_budgets import FundBudget
from marketplace.records.funds import LedgerEntry
from marketplace.records.guides import Guide
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.inspections import Inspection
from marketplace.records.payments import Payment, Reclaim
from marketplace.records.project_plans import find_costs
from marketplace.records.project_selections import GuideCommitment, ProjectObjection, committed_fen
from marketplace.records.projects import Project
from marketplace.records.tasks import find_tasks
from marketplace.records.vouchers import Voucher
from tests.conftest import NOW

S = ProjectState


@pytest.fixture(scope="module")
def played(pool_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("played") / "data"
    shutil.copytree(pool_folder, folder, symlinks=True)
    database = Database(f"sqlite:///{folder / 'jigai.db'}")
    yield database
    database.close()


def test_every_state_and_each_of_the_ten_steps(played: Database) -> None:
    with played.reading() as session:
        rows = session.scalars(select(Project)).all()
        assert {row.state for row in rows} == set(S)
        assert {stage_of(ProjectClass.CENTRAL, row.state) for row in rows if row.project_class == ProjectClass.CENTRAL} >= set(range(10))
        assert {row.project_class for row in rows} == set(ProjectClass)
        assert len({row.title for row in rows}) == len(rows)
        assert {row.level for row in rows} >= {"point", "chain", "cluster"}
        assert {row.state for row in session.scalars(select(Guide))} == {"published", "closed"}
        assert find_broken_link(session) is None


def test_what_is_asked_for_adds_up(played: Database, pilot: Pilot) -> None:
    with played.reading() as session:
        for row in session.scalars(select(Project).where(Project.guide_id.is_not(None))).all():
            costs = find_costs(session, row.id)
            assert sum(one.fiscal_fen for one in costs) == row.asked_fen
            if row.state in EDITABLE:
                assert sum(one.amount_fen for one in costs) == row.total_fen
                assert faults_of(session, row, pilot.project) == [], row.title
        for commitment in session.scalars(select(GuideCommitment)):
            guide = session.get_one(Guide, commitment.guide_id)
            assert commitment.committed_fen == committed_fen(session, guide.id)
            assert guide.budget_fen is None or commitment.committed_fen <= guide.budget_fen
        assert any(row.confirmed_at is None for row in session.scalars(select(Agreement)))
        assert {str(row.state) for row in session.scalars(select(ProjectObjection))} == {"open", "dismissed"}


def test_the_money_balances(played: Database, pilot: Pilot) -> None:
    with played.reading() as session:
        assert audit_ledger(session, pilot.project.fund) == []
        assert len(session.scalars(select(FundBudget)).all()) == 3 * len(BUDGETS) + 2
        payments = Counter(str(row.state) for row in session.scalars(select(Payment)).unique())
        assert {"paid", "checked"} <= set(payments)
        kinds = {str(row.kind) for row in session.scalars(select(LedgerEntry))}
        assert kinds >= {"budget", "commitment", "payment", "receipt", "reclaim", "recovery", "release"}
        assert {str(row.state) for row in session.scalars(select(Voucher))} == {"posted", "proposed"}
        assert "ordered" in {str(row.state) for row in session.scalars(select(Reclaim)).unique()}
        assert {str(row.state) for row in session.scalars(select(FinancingApplication)).unique()} == {"draft", "sent", "offered"}
        assert len(session.scalars(select(FinancingOffer)).all()) == 3


def test_some_are_in_trouble(played: Database) -> None:
    with played.reading() as session:
        assert len({str(row.state) for row in session.scalars(select(Inspection))}) >= 2
        health = Counter(session.scalars(select(Project.health)))
    assert len(health) >= 3


@pytest.mark.parametrize(
    ("login", "noun"),
    [("manager", "project"), ("bureau", "project"), ("finance", "project"), ("area", "project"), ("enterprise", "project"), ("provider", "project"),
     ("expert2", "project_assignment"), ("finance", "voucher")],
)  # fmt: skip
def test_something_waits_for_everybody(played: Database, login: str, noun: str) -> None:
    with played.reading() as session:
        account = find_account(session, login)
        assert account is not None
        viewer = find_viewer(session, account.id)
        assert viewer is not None
        assert find_tasks(session, viewer, nouns=(noun,))


def test_a_second_time_changes_nothing(played: Database, pilot: Pilot, tmp_path: Path) -> None:
    def counted() -> int | None:
        with played.reading() as session:
            return session.scalar(select(func.count()).select_from(HistoryEntry))

    before = counted()
    play_projects(played, pilot, BlobStore(tmp_path / "files"), at=NOW, today=NOW.date())
    assert counted() == before


def test_too_little_to_tell(sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "files")
    assert seed_projects(sqlite_database, pilot.project, files=store, at=NOW, today=NOW.date()) is None
    play_projects(sqlite_database, pilot, store, at=NOW, today=NOW.date())


def test_nobody_to_review(demonstration: Database, pilot: Pilot, tmp_path: Path) -> None:
    stage = seed_projects(demonstration, pilot.project, files=BlobStore(tmp_path / "files"), at=NOW, today=NOW.date())
    assert stage is not None
    assert seed_selection(stage, pilot.project_review) == {}


def test_without_projects_there_is_only_a_budget(demonstration: Database, pilot: Pilot) -> None:
    rules = pilot.project
    assert seed_budgets(demonstration, rules, at=NOW, today=NOW.date())
    assert not seed_budgets(demonstration, rules, at=NOW, today=NOW.date())
    settle_funds(demonstration, rules, at=NOW, today=NOW.date())
    with demonstration.reading() as session:
        assert audit_ledger(session, rules.fund) == []
        assert session.scalars(select(Payment)).unique().all() == []
