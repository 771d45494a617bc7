"""The queue holds one row per thing, whose wanted version grows with every change."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from marketplace.records.database import Database
from marketplace.records.index_queue import QueuedThing, count_pending, enqueue


def test_a_thing_stands_in_the_queue_once(database: Database) -> None:
    for _change in range(3):
        with database.writing() as session:
            enqueue(session, "solution", [1, 2, 2])
    with database.reading() as session:
        rows = session.scalars(select(QueuedThing).order_by(QueuedThing.thing_id)).all()
        assert [(row.kind, row.thing_id, row.wanted, row.indexed) for row in rows] == [("solution", 1, 3, 0), ("solution", 2, 3, 0)]
        assert count_pending(session) == 2


def test_more_things_than_one_statement_takes(database: Database) -> None:
    with database.writing() as session:
        enqueue(session, "problem", range(1, 1201))
    with database.reading() as session:
        assert count_pending(session) == 1200


def test_a_change_that_fails_leaves_nothing_in_the_queue(database: Database) -> None:
    def fail() -> None:
        with database.writing() as session:
            enqueue(session, "solution", [1])
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    with database.reading() as session:
        assert count_pending(session) == 0
