"""Every transaction of the product, in whatever test it happens, writes the history of what it changed: a sweep by listening.

Tests that arrange rows of their own are not looked at; what a function of the product commits is.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from types import FrameType

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.orm.session import SessionTransaction

from marketplace.records.history import HistoryEntry

PRODUCT = f"{Path(__file__).parents[1]}/marketplace/"
TESTS = str(Path(__file__).parent)
# Rows that say nothing about what anybody did: queues, what is counted or computed, what is only on its way to a person, and
# by which way a person wants to hear of things.
TECHNICAL = frozenset(
    {
        "account_sessions", "blobs", "coverage_cells", "demand_matches", "downloads", "embeddings", "exposure_days", "exposures", "history", "index_queue", "jobs",
        "login_failures", "match_events", "notice_preferences", "notices", "number_series", "one_time_links", "problem_coverages", "rating_means", "schedules", "solution_demands", "tasks",
    }
)  # fmt: skip
# Function → tables that it changes without a word, and why that is right.
SILENT = {
    # A password that was right is packed anew, by the rules of today: it stays the same password.
    "log_in": {"accounts"},
    # What was told already, and on which day one looked: the notice says it.
    "look_at": {"saved_searches"},
    # A seed counts for nothing before its first code is typed; that is noted.
    "begin": {"second_factors"},
    # Which reminder has gone out; the notice says it. Organisations are what the trial jobs of the tests write.
    "finishing": {"certificates", "demand_alerts", "organisations", "saved_searches"},
    "run": {"organisations"},
    # Made-up rows are given the numbers that the documentation names.
    "_name": {"application_windows", "provider_applications"},
    "_fill_pool": {"review_experts"},
    "_certificates": {"certificates"},
}


# Noun, its id, verb, what it is afterwards.
Entry = tuple[str, int | None, str, str]


def fault_of(function: str, tables: Collection[str], entries: Iterable[Entry]) -> str:
    """What is wrong with a transaction: `tables` that it changed, `entries` of its history. "" for nothing."""
    said = Counter(entries)
    changed = set(tables) - TECHNICAL - SILENT.get(function, set())
    if changed and not said:
        return f"{function} changes {', '.join(sorted(changed))} without a word in the history"
    if twice := [f"{verb} {noun} {number}" for (noun, number, verb, _after), count in said.items() if count > 1]:
        return f"{function} notes twice: {', '.join(twice)}"
    return ""


def _function_of(frame: FrameType | None) -> str:
    """The function of the product that commits; "" where a test does."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(TESTS):
            return ""
        if name.startswith(PRODUCT) and not name.endswith("/records/database.py"):
            return frame.f_code.co_name
        frame = frame.f_back
    return ""


def _flushed(session: Session, _context: object) -> None:
    changed = session.info.setdefault("changed tables", set())
    changed |= {row.__tablename__ for row in (*session.new, *session.deleted)}
    changed |= {row.__tablename__ for row in session.dirty if session.is_modified(row)}


def _executed(state: ORMExecuteState) -> None:
    if state.is_update or state.is_delete or state.is_insert:
        state.session.info.setdefault("changed tables", set()).add(state.statement.table.name)  # type: ignore[attr-defined]


def _ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested or transaction.parent is not None:
        return
    session.info.pop("changed tables", None)


def _committing(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    entries: list[HistoryEntry] = session.info.get("history", [])
    function = _function_of(sys._getframe().f_back)
    said = [(entry.noun, entry.noun_id, entry.verb, str(entry.after)) for entry in entries]
    if function and (fault := fault_of(function, session.info.get("changed tables", set()), said)):
        raise AssertionError(fault)


def listen() -> None:
    """From now on, for every session of this process."""
    event.listen(Session, "after_flush", _flushed)
    event.listen(Session, "do_orm_execute", _executed)
    event.listen(Session, "after_transaction_end", _ended)
    event.listen(Session, "before_commit", _committing)
