"""The history against one who can write the database: 1,000 random attacks, and all of them are found."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from marketplace.actions import history
from marketplace.audit_anchors import NAME, AnchorError, anchor, read_anchors
from marketplace.records.database import Database
from marketplace.records.history import FIRST, HistoryEntry, digest, find_broken_link
from tests.conftest import NOW

ROWS = 40
COLUMNS = ("id", "at", "actor", "verb", "noun", "noun_id", "before", "after", "why", "digest")


def fill(database: Database, count: int = ROWS) -> None:
    with database.writing() as session:
        for number in range(count):
            before, after = {"值": number}, {"值": number + 1, "名": f"单位 {number}", "列": [1.5, None, True]}
            at = NOW + timedelta(seconds=number)
            history.record(
                session, actor=f"人 {number % 5}", verb="change", noun="thing", noun_id=number, before=before, after=after, at=at
            )


def broken(database: Database, folder: Path) -> int | None:
    with database.reading() as session:
        return find_broken_link(session, anchors={one.entry_id: one.digest for one in read_anchors(folder)})


def edit(execute: Callable[..., object], chance: random.Random) -> None:
    """One field of one entry says something else."""
    row = chance.randint(1, ROWS)
    column, value = chance.choice(
        [
            ("actor", "另一个人"),
            ("verb", "delete"),
            ("noun", "other"),
            ("noun_id", 99_999),
            ("why", "另一个理由"),
            ("before", json.dumps({"值": -1})),
            ("after", json.dumps({"值": -1})),
            ("before", "null"),
            ("before", "{"),
            ("after", ""),
            ("actor", b"\x00\xff"),
            ("noun_id", "x"),
            ("digest", "0" * 64),
            ("at", "2020-01-01 00:00:00.000000"),
            ("at", "2026-11-25T10:30:00.000000"),
            ("at", "gestern"),
            ("at", 0),
        ]
    )
    execute(f"UPDATE history SET {column} = :value WHERE id = :row", {"value": value, "row": row})


def delete(execute: Callable[..., object], chance: random.Random) -> None:
    """One entry, or a few in a row, are gone."""
    first = chance.randint(1, ROWS)
    execute("DELETE FROM history WHERE id BETWEEN :first AND :last", {"first": first, "last": first + chance.randint(0, 3)})


def swap(execute: Callable[..., object], chance: random.Random) -> None:
    """Two entries change places, numbers or contents."""
    one, other = chance.sample(range(1, ROWS + 1), 2)
    for old, new in ((one, -1), (other, one), (-1, other)):
        execute("UPDATE history SET id = :new WHERE id = :old", {"old": old, "new": new})


def truncate(execute: Callable[..., object], chance: random.Random) -> None:
    """The end is cut off: what is left is a whole chain."""
    execute("DELETE FROM history WHERE id > :last", {"last": chance.randint(0, ROWS - 1)})


def insert_between(execute: Callable[..., object], chance: random.Random) -> None:
    """An entry that never was, with a digest of somebody's making."""
    at = chance.randint(1, ROWS)
    execute("UPDATE history SET id = -id WHERE id > :at", {"at": at})
    execute(f"INSERT INTO history ({', '.join(COLUMNS)}) SELECT {at + 1}, {', '.join(COLUMNS[1:])} FROM history WHERE id = :at", {"at": at})
    execute("UPDATE history SET id = 1 - id WHERE id < 0", {})


@pytest.mark.parametrize("attack", [edit, delete, swap, truncate, insert_between])
def test_a_thousand_attacks_are_all_found(sqlite_database: Database, tmp_path: Path, attack: Callable[..., None]) -> None:
    """Two hundred of each of five kinds. Each is undone again by its transaction, so that each meets a whole chain."""
    fill(sqlite_database)
    assert anchor(sqlite_database, tmp_path, NOW)
    anchors = {one.entry_id: one.digest for one in read_anchors(tmp_path)}
    chance = random.Random(attack.__name__)
    found = 0
    with sqlite_database.reading() as session:
        for _attempt in range(200):
            assert find_broken_link(session, anchors=anchors) is None
            with session.begin_nested() as point:
                attack(lambda statement, values: session.execute(text(statement), values), chance)
                found += find_broken_link(session, anchors=anchors) is not None
                point.rollback()
    assert found == 200


def test_two_texts_that_are_whole_only_together_are_found(sqlite_database: Database) -> None:
    with sqlite_database.writing() as session:
        history.record(session, actor="人", verb="v", noun="n", noun_id=1, before={"甲": 1}, after={"乙": ","}, at=NOW)
    with sqlite_database.engine.begin() as connection:
        connection.execute(text("UPDATE history SET before = :one, after = :other"), {"one": '{"甲": 1}, {"乙": "', "other": '"}'})
    with sqlite_database.reading() as session:
        assert find_broken_link(session) == 1


def rewrite(database: Database, *, keep: Callable[[HistoryEntry], bool]) -> None:
    """What one can do who knows how: write the whole chain anew without some entries."""
    with database.engine.begin() as connection:
        rows = connection.execute(HistoryEntry.__table__.select().order_by(HistoryEntry.id)).all()
        connection.execute(text("DELETE FROM history"))
        previous = FIRST
        for row in rows:
            if keep(row):  # type: ignore[arg-type]
                previous = digest(previous, row)
                connection.execute(insert(HistoryEntry).values({**row._mapping, "digest": previous}))


@pytest.mark.parametrize("gone", [1, 7, ROWS - 1, ROWS])
def test_a_chain_written_anew_does_not_fit_the_anchor(database: Database, tmp_path: Path, gone: int) -> None:
    fill(database)
    anchor(database, tmp_path, NOW)
    rewrite(database, keep=lambda row: row.id != gone)
    assert broken(database, tmp_path / "nowhere") is None
    assert broken(database, tmp_path) == ROWS


def test_an_end_cut_off_and_grown_again_does_not_fit(database: Database, tmp_path: Path) -> None:
    fill(database)
    anchor(database, tmp_path, NOW)
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM history WHERE id > 30"))
    assert broken(database, tmp_path) == 31
    fill(database, 20)
    assert broken(database, tmp_path) == ROWS


def test_everything_gone_is_found(database: Database, tmp_path: Path) -> None:
    fill(database)
    anchor(database, tmp_path, NOW)
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM history"))
    assert broken(database, tmp_path) == 1


def test_anchors_are_lines_and_only_what_is_new_makes_one(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert anchor(database, folder, NOW) is None
    fill(database, 3)
    made = anchor(database, folder, NOW)
    assert made is not None
    assert anchor(database, folder, NOW) is None
    fill(database, 2)
    assert anchor(database, folder, NOW) is not None
    assert [one.entry_id for one in read_anchors(folder)] == [3, 5]
    assert (folder / NAME).read_text().startswith(f"2026-11-25T10:30:00+00:00 3 {made.digest}\n")
    assert broken(database, folder) is None


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("2026-11-25 one two\n")
    with pytest.raises(AnchorError, match="第 1 行"):
        read_anchors(tmp_path)


def test_reading_is_told_as_it_goes_on(sqlite_database: Database) -> None:
    fill(sqlite_database, 2500)
    heard: list[int] = []
    with sqlite_database.reading() as session:
        started = time.process_time()
        assert find_broken_link(session, step=heard.append) is None
        took = time.process_time() - started
    assert heard == [1000, 2000, 2500]
    # A fifth of what a core does, so that a busy one passes and a slow way of reading fails.
    assert 2500 / took > 40_000


@pytest.mark.parametrize(
    "after",
    [
        {"数": 1e16, "小": 1e-7, "负": -0.0, "大": 2**70, "整": 1.0},
        {"字": "\x00\x1f\x7f\u2028\U0001f600", "引": '"\\/', "空": "", "列": [], "无": None},
        {"乙": {"b": 1, "a": [True, False, {"z": 0, "y": 1}]}, "é": "e\u0301"},
        None,
        {},
    ],
)
def test_whatever_json_holds_verifies(sqlite_database: Database, after: dict[str, object] | None) -> None:
    """The fast reader and the slow one agree on numbers, characters and order that encoders write differently."""
    with sqlite_database.writing() as session:
        history.record(session, actor="人", verb="v", noun="n", noun_id=1, before=after, after=after, at=NOW)
    with sqlite_database.reading() as session:
        assert find_broken_link(session) is None
