"""The demonstration's lists: every state occurs, nothing that everybody finds is lost, a second time changes nothing."""

from __future__ import annotations

from sqlalchemy import func, select

from marketplace.actions.demonstration_lists import seed_lists
from marketplace.domain.report_imports import ReportImportState
from marketplace.domain.scenario_lists import ScenarioListState
from marketplace.domain.scenarios import ScenarioState
from marketplace.records.database import Database
from marketplace.records.groups import EnterpriseGroup, GroupMember, OrientationWish
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.report_imports import ReportImport
from marketplace.records.scenario_lists import ScenarioList
from marketplace.records.scenarios import Scenario
from tests.conftest import NOW


def test_it_is_played_once_and_takes_nothing_away(demonstration: Database) -> None:
    with demonstration.reading() as session:
        before = session.scalar(select(func.count()).select_from(Scenario).where(Scenario.state == ScenarioState.PUBLISHED))
    assert seed_lists(demonstration, city="某市", at=NOW, today=NOW.date())
    with demonstration.reading() as session:
        assert set(session.scalars(select(ScenarioList.state))) == set(ScenarioListState)
        assert session.scalar(select(func.count()).select_from(Scenario).where(Scenario.state == ScenarioState.PUBLISHED)) == before
        assert session.scalars(select(ReportImport.state)).all() == [ReportImportState.READY]
        assert len(session.scalars(select(EnterpriseGroup)).all()) == 2
        assert len(session.scalars(select(GroupMember)).all()) > 6
        assert len(session.scalars(select(OrientationWish)).all()) == 2
        assert find_broken_link(session) is None
        count = session.scalar(select(func.count()).select_from(HistoryEntry))
    assert not seed_lists(demonstration, city="某市", at=NOW, today=NOW.date())
    with demonstration.reading() as session:
        assert session.scalar(select(func.count()).select_from(HistoryEntry)) == count
