"""What ranking reads by statements of its own is what the records say, on both databases."""

from __future__ import annotations

from sqlalchemy import select, update

from marketplace.actions.demonstration_set import load_demonstration
from marketplace.domain.access import Role
from marketplace.domain.solutions import SolutionState
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.records.solutions import Solution
from recommender.records import find_traits
from tests.conftest import DEMO, NOW


def test_traits_are_those_of_what_is_published(database: Database, pilot: Pilot, role_names: dict[Role, str]) -> None:
    load_demonstration(database, pilot, DEMO, names=role_names, at=NOW)
    with database.writing() as session:
        first = session.scalars(select(Solution.id).order_by(Solution.id)).first()
        session.execute(update(Solution).where(Solution.id == first).values(state=SolutionState.WITHDRAWN))
    with database.reading() as session:
        rows = session.scalars(select(Solution)).all()
        found = find_traits(session, [row.id for row in rows] + [10**9])
        said = {
            row.id: (tuple(row.sectors), tuple(row.stages), tuple(row.orientations)) for row in rows if row.state == SolutionState.PUBLISHED
        }
        assert find_traits(session, []) == {}
    assert len(said) > 100
    assert first not in found
    assert {key: (one.sectors, one.stages, one.orientations) for key, one in found.items()} == said
