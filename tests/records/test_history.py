"""The history is one chain: whatever is changed, taken out or put in afterwards is found."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from marketplace.actions import history
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.organisations import Organisation
from tests.conftest import NOW


def write(database: Database, number: int, at: datetime = NOW) -> None:
    """One change with its entry."""
    with database.writing() as session:
        session.add(Organisation(name=f"单位 {number}"))
        history.record(
            session, actor="人", verb="change", noun="thing", noun_id=number, before=None, after={"值": number, "比例": 0.1}, at=at
        )


def broken(database: Database) -> int | None:
    with database.reading() as session:
        return find_broken_link(session)


def test_a_whole_chain_verifies(database: Database) -> None:
    for number in range(5):
        write(database, number)
    assert broken(database) is None


def test_a_moment_of_another_zone_verifies(database: Database) -> None:
    write(database, 1, NOW.astimezone(timezone(timedelta(hours=8))))
    assert broken(database) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE history SET actor = 'x' WHERE id = 3",
        "UPDATE history SET noun_id = 4 WHERE id = 3",
        "UPDATE history SET why = '另一个理由' WHERE id = 3",
        "UPDATE history SET digest = (SELECT digest FROM history WHERE id = 2) WHERE id = 3",
        "DELETE FROM history WHERE id = 2",
    ],
)
def test_a_changed_row_is_found(database: Database, change: str) -> None:
    for number in range(5):
        write(database, number)
    with database.engine.begin() as connection:
        connection.execute(text(change))
    assert broken(database) == 3


def test_random_edits_are_found(sqlite_database: Database) -> None:
    for number in range(30):
        write(sqlite_database, number)
    chance = random.Random(7)
    for _attempt in range(60):
        row, column = chance.randint(1, 30), chance.choice(["actor", "verb", "noun", "why"])
        with sqlite_database.engine.begin() as connection:
            old = connection.execute(text(f"SELECT {column} FROM history WHERE id = :row"), {"row": row}).scalar_one()
            connection.execute(text(f"UPDATE history SET {column} = :new WHERE id = :row"), {"row": row, "new": old + "."})
        assert broken(sqlite_database) == row
        with sqlite_database.engine.begin() as connection:
            connection.execute(text(f"UPDATE history SET {column} = :old WHERE id = :row"), {"row": row, "old": old})
    assert broken(sqlite_database) is None


def test_an_error_takes_change_and_entry_back(database: Database) -> None:
    def fail() -> None:
        with database.writing() as session:
            session.add(Organisation(name="单位"))
            history.record(session, actor="人", verb="change", noun="thing", noun_id=1, before=None, after=None, at=NOW)
            session.flush()
            raise ValueError("something went wrong")

    with pytest.raises(ValueError, match="went wrong"):
        fail()
    with database.reading() as session:
        assert session.query(Organisation).count() == 0
        assert session.query(HistoryEntry).count() == 0


def test_eight_threads_write_one_chain(database: Database) -> None:
    errors: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for number in range(10):
                write(database, thread * 100 + number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.reading() as session:
        assert session.query(HistoryEntry).count() == 80
        assert session.query(Organisation).count() == 80
    assert broken(database) is None


def test_reading_changes_nothing(database: Database) -> None:
    with database.reading() as session:
        session.add(Organisation(name="不该留下"))
        session.flush()
    with database.reading() as session:
        assert session.query(Organisation).count() == 0
