"""Money under pressure, on both stores: `python -m bench.funds [--url postgresql+psycopg://…] [--rounds 200] [--out FILE]`.

64 threads ask at once, round after round, for 1 万元 of central money each. Every round brings budgets of 10 central and 7 local, so that
7 may be granted and no more: the ratio over the pilot is the tightest cap, the budget the next one. After the last round every invariant
of the ledger is asked. With `--without-lock` the lock is taken out and two looks at the same balance are pulled apart by a few
milliseconds: that is how one sees that the figures can be wrong. Then the ledger is filled to 100,000 lines, and the pages that read it
are timed. Without `--url`, SQLite in a temporary folder is used.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError

from marketplace.actions import funds
from marketplace.actions.funds_audit import audit_ledger, look_at_balances
from marketplace.actions.project_steps import Step, locked
from marketplace.domain.access import Role, Viewer
from marketplace.domain.funds import Amount, EntryKind, LedgerAccount, check_ratio, postings
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.pilot import load_pilot
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.funds import LedgerEntry, LedgerLine, balance_of, statement_sums, total_of
from marketplace.records.organisations import Organisation
from marketplace.records.projects import Project

THREADS, ROUNDS, CENTRAL, LOCAL, WAN = 64, 200, 10, 7, 1_000_000
LINES, YEAR = 100_000, 2026
AT = datetime(2026, 11, 25, 2, 30, tzinfo=UTC)
RULES = load_pilot().project
STEP = Step(Viewer(name="bench", roles=frozenset({Role.ADMIN})), AT, AT.date(), RULES)
# Connections a database of its own may hold; the server of the tests has room for 80.
DATABASES = 5
BAR_SECONDS = 1.0


@dataclass(frozen=True)
class Race:
    """What the threads were told, and what the ledger says afterwards."""

    told: Counter[str]
    seconds: float
    granted_fen: int
    most_fen: int
    faults: list[str]


def open_projects(database: Database) -> list[int]:
    """A project for each thread, large enough for all that it may ask for."""
    with database.writing() as session:
        unit = Organisation(name=f"单位 {uuid.uuid4()}")
        session.add(unit)
        session.flush()
        enterprise = Enterprise(organisation=unit, sector="chem", source="bench", source_ref=str(unit.id))
        session.add(enterprise)
        session.flush()
        rows = [
            Project(
                number=f"B-{unit.id}-{number}", project_class=ProjectClass.CENTRAL, organisation_id=unit.id, enterprise_id=enterprise.id,
                title="项目", state=ProjectState.AGREED, total_fen=10**6 * WAN, created=AT,
            )
            for number in range(THREADS)
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def bring_money(database: Database) -> None:
    with database.writing() as session:
        for source, wan in (("central", CENTRAL), ("city", LOCAL)):
            lines = postings(EntryKind.BUDGET, [Amount(source, YEAR, wan * WAN)])
            funds.post(session, EntryKind.BUDGET, lines, STEP, key=f"bench:{uuid.uuid4()}")


def ask(database: Database, project: int) -> str:
    try:
        with database.writing() as session:
            funds.commit(session, locked(session, project, STEP), WAN, {"central": WAN}, STEP, year=YEAR)
    except RefusedError as error:
        return error.refused.code
    except DBAPIError as error:
        return type(error.orig).__name__
    return "ok"


def race(databases: list[Database], rounds: int) -> Race:
    projects = open_projects(databases[0])
    told: Counter[str] = Counter()
    began = time.perf_counter()
    barrier = threading.Barrier(THREADS)

    def one(number: int) -> str:
        barrier.wait()
        return ask(databases[number % len(databases)], projects[number])

    with ThreadPoolExecutor(THREADS) as pool:
        for _round in range(rounds):
            bring_money(databases[0])
            told.update(pool.map(one, range(THREADS)))
    seconds = time.perf_counter() - began
    with databases[0].reading() as session:
        granted = total_of(session, (LedgerAccount.COMMITTED,), sources=["central"])
        faults = [found.sentence() for found in audit_ledger(session, RULES.fund)]
    return Race(told, seconds, granted, rounds * LOCAL * WAN, faults)


def take_the_lock_out() -> None:
    """Two who look at the same ratio look a few milliseconds before they write."""
    asked = check_ratio

    def slowly(*arguments: Any) -> Any:
        found = asked(*arguments)
        time.sleep(0.005)
        return found

    for name, stand_in in (("lock_ledger", lambda session: None), ("check_ratio", slowly)):
        setattr(funds, name, stand_in)


def fill(database: Database, project: int) -> int:
    """Balanced entries of two lines over three years, until the ledger holds LINES."""
    with database.reading() as session:
        have = session.scalar(select(func.count()).select_from(LedgerLine)) or 0
        first = (session.scalar(select(func.max(LedgerEntry.id))) or 0) + 1
    missing = max(0, LINES - have) // 2
    start = date(2024, 1, 1)
    entries, lines = [], []
    for number in range(missing):
        day, source = start + timedelta(days=number % 1060), ("central", "city", "district", "policy")[number % 4]
        values = {
            "number": f"F-{first + number}",
            "key": f"fill:{first + number}",
            "kind": EntryKind.COMMITMENT,
            "day": day,
            "project_id": project,
            "at": AT,
        }
        entries.append({"id": first + number, "public_id": str(uuid.uuid4()), "noun": "", "why": "", **values})
        for account, fen, owner in ((LedgerAccount.AVAILABLE, -100, None), (LedgerAccount.COMMITTED, 100, project)):
            lines.append(
                {
                    "entry_id": first + number,
                    "account": account,
                    "source": source,
                    "year": day.year,
                    "project_id": owner,
                    "fen": fen,
                    "day": day,
                }
            )
    with database.writing() as session:
        for table, rows in ((LedgerEntry, entries), (LedgerLine, lines)):
            for at in range(0, len(rows), 5000):
                session.execute(insert(table), rows[at : at + 5000])
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(LedgerLine)) or 0


def timed(act: Callable[[], object], times: int = 5) -> float:
    """The slowest of some."""
    worst = 0.0
    for _time in range(times):
        began = time.perf_counter()
        act()
        worst = max(worst, time.perf_counter() - began)
    return worst


def read_times(database: Database) -> dict[str, float]:
    with database.reading() as session:
        project = session.scalars(select(Project.id).limit(1)).one()
        return {
            "statement of a month": timed(lambda: statement_sums(session, date(2026, 11, 1), date(2026, 12, 1))),
            "statement of a month, early": timed(lambda: statement_sums(session, date(2024, 2, 1), date(2024, 3, 1))),
            "first page of the ledger": timed(lambda: session.execute(select(LedgerLine).order_by(LedgerLine.id.desc()).limit(50)).all()),
            "count of a source": timed(
                lambda: session.scalar(select(func.count()).select_from(LedgerLine).where(LedgerLine.source == "city"))
            ),
            "one balance": timed(lambda: balance_of(session, LedgerAccount.COMMITTED, "central", YEAR, project)),
            "quick audit": timed(lambda: look_at_balances(session, RULES.fund)),
            "whole audit": timed(lambda: audit_ledger(session, RULES.fund), 2),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--without-lock", action="store_true")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = asked.url or f"sqlite:///{folder}/jigai.db"
        databases = [Database(url) for _number in range(DATABASES)]
        databases[0].migrate()
        if asked.without_lock:
            take_the_lock_out()
        found = race(databases, asked.rounds)
        store = databases[0].engine.dialect.name
        print(f"| {store} | {THREADS} × {asked.rounds} | {found.seconds:.0f} s | {dict(found.told)} |", flush=True)
        print(
            f"granted {found.granted_fen / WAN:g} of at most {found.most_fen / WAN:g} 万元; {len(found.faults)} faults {found.faults[:3]}"
        )
        held = found.granted_fen <= found.most_fen and not found.faults
        result: dict[str, Any] = {"store": store, "rounds": asked.rounds, "told": found.told, "seconds": found.seconds, "held": held}
        if not asked.without_lock:
            with databases[0].reading() as session:
                project = session.scalars(select(Project.id).limit(1)).one()
            lines = fill(databases[0], project)
            times = read_times(databases[0])
            result |= {"lines": lines, "seconds_of": times}
            print(f"| {lines:,} lines | " + " | ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in times.items()) + " |")
            held = held and all(seconds <= BAR_SECONDS for name, seconds in times.items() if name.startswith("statement"))
        for database in databases:
            database.close()
    if asked.out:
        asked.out.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
