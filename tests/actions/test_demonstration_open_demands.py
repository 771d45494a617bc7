"""The demonstration holds an open demand in every state, and something waits for everybody concerned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from marketplace.actions.demonstration_open_demands import seed_open_demands
from marketplace.domain.open_answers import OpenAnswerState
from marketplace.domain.open_demands import OpenDemandState
from marketplace.files.store import BlobStore
from marketplace.pilot import Pilot
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.history import find_broken_link
from marketplace.records.open_demands import OpenAnswer, OpenDemand
from marketplace.records.tasks import find_tasks
from tests.conftest import NOW


def test_every_state_and_something_for_everybody(demonstration: Database, sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> None:
    rules = (pilot.brokering, pilot.rating, pilot.open_demand, pilot.catalogue)
    values: dict[str, Any] = {"files": BlobStore(tmp_path / "files"), "at": NOW, "today": NOW.date()}
    assert seed_open_demands(demonstration, *rules, **values) is True
    assert seed_open_demands(demonstration, *rules, **values) is False
    with demonstration.reading() as session:
        assert set(session.scalars(select(OpenDemand.state))) == set(OpenDemandState)
        assert {OpenAnswerState.GIVEN, OpenAnswerState.CHOSEN, OpenAnswerState.NOT_CHOSEN} <= set(session.scalars(select(OpenAnswer.state)))
        assert find_broken_link(session) is None
        kinds = {}
        for login in ("centre", "enterprise", "provider"):
            account = find_account(session, login)
            assert account is not None
            viewer = find_viewer(session, account.id)
            assert viewer is not None
            kinds[login] = {task.kind for task in find_tasks(session, viewer, nouns=("open_demand",))}
        assert kinds["centre"] == {"check"}
        assert kinds["enterprise"] == {"revise", "reply", "conclude"}
    # Nothing happens where there is nobody.
    assert seed_open_demands(sqlite_database, *rules, **values) is False
