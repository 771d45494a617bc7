"""The demonstration holds a brokering in every state, and something waits for everybody concerned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from marketplace.actions.demonstration_adjustments import seed_adjustments
from marketplace.actions.demonstration_brokerings import seed_brokerings
from marketplace.domain.brokerings import BrokeringState
from marketplace.domain.introductions import IntroductionState
from marketplace.files.store import BlobStore
from marketplace.pilot import Pilot
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.brokerings import Brokering
from marketplace.records.database import Database
from marketplace.records.history import find_broken_link
from marketplace.records.introductions import Introduction
from marketplace.records.tasks import find_tasks
from tests.conftest import NOW


def test_every_state_and_something_for_everybody(demonstration: Database, pilot: Pilot, tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "files")
    values: dict[str, Any] = {"files": store, "at": NOW, "today": NOW.date()}
    assert seed_brokerings(demonstration, pilot.brokering, pilot.rating, **values) is True
    assert seed_brokerings(demonstration, pilot.brokering, pilot.rating, **values) is False
    seed_adjustments(demonstration, pilot.adjustment, at=NOW, today=NOW.date())
    with demonstration.reading() as session:
        assert set(session.scalars(select(Brokering.state))) == set(BrokeringState)
        assert set(session.scalars(select(Introduction.state))) == set(IntroductionState)
        assert find_broken_link(session) is None
        for login in ("centre", "enterprise", "provider", "provider2"):
            account = find_account(session, login)
            assert account is not None
            viewer = find_viewer(session, account.id)
            assert viewer is not None
            tasks = [*find_tasks(session, viewer, nouns=("brokering",)), *find_tasks(session, viewer, nouns=("introduction",))]
            assert tasks, login


def test_nothing_where_there_is_nobody(sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> None:
    values: dict[str, Any] = {"files": BlobStore(tmp_path), "at": NOW, "today": NOW.date()}
    assert seed_brokerings(sqlite_database, pilot.brokering, pilot.rating, **values) is False
