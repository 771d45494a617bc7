"""The sweep over the history of every write can fail."""

from __future__ import annotations

import pytest

from marketplace.actions import members
from marketplace.records.database import Database
from marketplace.records.organisations import Organisation
from tests.written import fault_of


def test_what_is_changed_needs_a_word_and_only_one() -> None:
    assert fault_of("save", {"solutions", "jobs"}, [("solution", 1, "change", "{}")]) == ""
    assert fault_of("save", {"jobs", "notices"}, []) == ""
    assert fault_of("save", {"solutions", "jobs"}, []) == "save changes solutions without a word in the history"
    assert fault_of("log_in", {"accounts"}, []) == ""
    assert fault_of("log_in", {"accounts", "memberships"}, []) == "log_in changes memberships without a word in the history"
    assert fault_of("save", {"solutions"}, [("solution", 1, "change", "{}")] * 2) == "save notes twice: change solution 1"


def test_a_silent_function_of_the_product_is_caught(sqlite_database: Database) -> None:
    """A function compiled as one of the product's files, which writes without a word."""
    source = "def quiet(database, row):\n    with database.writing() as session:\n        session.add(row)\n"
    space: dict[str, object] = {}
    exec(compile(source, members.__file__, "exec"), space)
    with pytest.raises(AssertionError, match="quiet changes organisations without a word"):
        space["quiet"](sqlite_database, Organisation(name="无声"))  # type: ignore[operator]
    with sqlite_database.reading() as session:
        assert not session.query(Organisation).count()
