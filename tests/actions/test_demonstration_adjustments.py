"""The demonstration set shows dynamic adjustment in every state."""

from __future__ import annotations

from sqlalchemy import select

from marketplace.actions.demonstration_adjustments import seed_adjustments
from marketplace.domain.adjustments import AdjustmentKind, AdjustmentState
from marketplace.domain.appeals import AppealState
from marketplace.domain.providers import ProviderState
from marketplace.pilot import Pilot
from marketplace.records.adjustments import Adjustment, Appeal
from marketplace.records.database import Database
from marketplace.records.history import find_broken_link
from marketplace.records.providers import Provider
from marketplace.records.tasks import Task
from tests.conftest import NOW


def test_every_state_occurs_and_once_only(demonstration: Database, pilot: Pilot) -> None:
    assert seed_adjustments(demonstration, pilot.adjustment, at=NOW, today=NOW.date()) is True
    assert seed_adjustments(demonstration, pilot.adjustment, at=NOW, today=NOW.date()) is False
    with demonstration.reading() as session:
        cases = session.scalars(select(Adjustment)).all()
        assert {case.state for case in cases} == set(AdjustmentState)
        assert {case.kind for case in cases} == set(AdjustmentKind) - {AdjustmentKind.REINSTATE}
        filed = session.scalars(select(Appeal)).all()
        assert {appeal.state for appeal in filed} == set(AppealState)
        assert [appeal.suspends for appeal in filed].count(True) == 1
        assert {state for (state,) in session.execute(select(Provider.state))} == set(ProviderState)
        assert session.scalars(select(Provider).where(Provider.no_orders_until.is_not(None))).all()
        kinds = {task.kind for task in session.scalars(select(Task).where(Task.done_at.is_(None)))}
        assert {"decide_adjustment", "confirm_adjustment", "answer_extension", "review_rectification", "decide_appeal"} <= kinds
        assert find_broken_link(session) is None


def test_an_empty_site_has_no_stories(sqlite_database: Database, pilot: Pilot) -> None:
    assert seed_adjustments(sqlite_database, pilot.adjustment, at=NOW, today=NOW.date()) is False
