"""The demonstration shows every state of the catalogue, once, and what everybody finds stays as the set has it."""

from __future__ import annotations

from sqlalchemy import func, select

from marketplace.actions.demonstration_catalogue import seed_catalogue
from marketplace.domain.calls import CallState
from marketplace.domain.listings import ListingState
from marketplace.domain.solution_versions import VersionState
from marketplace.domain.solutions import SolutionState
from marketplace.pilot import Pilot
from marketplace.records.calls import SolutionCall
from marketplace.records.database import Database
from marketplace.records.history import find_broken_link
from marketplace.records.listings import ProductListing
from marketplace.records.solution_versions import SolutionVersion
from marketplace.records.solutions import Solution
from marketplace.records.tasks import Task
from tests.conftest import NOW


def test_every_state_occurs_and_a_second_time_changes_nothing(demonstration: Database, pilot: Pilot) -> None:
    with demonstration.writing() as session:
        # Whatever the set itself plays already is not counted here.
        already = session.scalar(select(func.count()).select_from(SolutionVersion))
        published = set(session.scalars(select(Solution.id).where(Solution.state == SolutionState.PUBLISHED)))
    done = seed_catalogue(demonstration, pilot.catalogue, at=NOW, today=NOW.date())
    assert done is not bool(already)
    assert seed_catalogue(demonstration, pilot.catalogue, at=NOW, today=NOW.date()) is False
    with demonstration.reading() as session:
        assert set(session.scalars(select(SolutionVersion.state))) == set(VersionState)
        assert set(session.scalars(select(SolutionCall.state))) == set(CallState)
        assert set(session.scalars(select(ProductListing.state))) == set(ListingState)
        assert set(session.scalars(select(Solution.state))) == set(SolutionState)
        assert set(session.scalars(select(Solution.id).where(Solution.state == SolutionState.PUBLISHED))) == published
        waiting = {(row.kind, row.role) for row in session.scalars(select(Task).where(Task.done_at.is_(None)))}
        assert {("solution_review", "manager"), ("solution_revise", ""), ("listing_confirm", "bureau")} <= waiting
        assert find_broken_link(session) is None


def test_without_its_people_nothing_is_played(sqlite_database: Database, pilot: Pilot) -> None:
    assert seed_catalogue(sqlite_database, pilot.catalogue, at=NOW, today=NOW.date()) is False
