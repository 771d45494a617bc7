"""The demonstration has a registration in every state, and what waits for somebody."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from marketplace.actions.demonstration_accounts import seed_accounts
from marketplace.domain.registrations import RegistrationState
from marketplace.files.store import BlobStore
from marketplace.records.database import Database
from marketplace.records.history import find_broken_link
from marketplace.records.links import Invitation
from marketplace.records.organisations import Organisation
from marketplace.records.registrations import Registration
from marketplace.records.tasks import find_tasks
from tests.actions.test_registrations import viewer_of
from tests.conftest import NOW


def test_every_state_is_there_once_and_something_waits(demonstration: Database, tmp_path: Path) -> None:
    with demonstration.reading() as session:
        before = len(session.scalars(select(Registration)).all())
    at = NOW + timedelta(days=1)
    for _time in range(2):
        seed_accounts(demonstration, BlobStore(tmp_path / "files"), at=at)
    with demonstration.reading() as session:
        rows = session.scalars(select(Registration)).all()
        assert {row.state for row in rows} == set(RegistrationState)
        assert len(rows) == before or len(rows) == 7
        assert all(row.name.endswith("（示例）") for row in rows)
        kinds = {task.kind for task in find_tasks(session, viewer_of(demonstration, "manager"))}
        assert "registration" in kinds
        assert [task.kind for task in find_tasks(session, viewer_of(demonstration, "claimant4"))] == ["authorisation"]
        assert {row.accepted_at is None for row in session.scalars(select(Invitation))} == {True, False}
        codes = session.scalars(select(Organisation.credit_code).where(Organisation.credit_code.is_not(None))).all()
        assert len(codes) == len(set(codes))
        assert find_broken_link(session) is None
