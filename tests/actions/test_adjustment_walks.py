"""Random walks through everything that can happen to a provider: whoever does whatever, some things always hold.

JIGAI_WALKS says how many; the number of the house is 10,000, of which each test run takes some.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from marketplace.actions import adjustments, appeals, providers, transition
from marketplace.actions import adjustments_rectification as rectification
from marketplace.domain.access import Role
from marketplace.domain.adjustments import RUNNING, AdjustmentKind, AdjustmentState, possible_kinds
from marketplace.domain.adjustments import TABLE as ADJUSTMENTS
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.providers import TABLE, ProviderState
from marketplace.records.adjustments import Adjustment, Appeal
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.providers import Provider, find_hidden_provider_ids, find_unmatchable_provider_ids
from tests.actions.adjusting import PERSONS, Pool, open_pool
from tests.conftest import NOW

WALKS = int(os.environ.get("JIGAI_WALKS", "60"))
STEPS = 30
K, P, S = AdjustmentKind, ProviderState, AdjustmentState
PEOPLE = [name for name in PERSONS if name not in ("centre", "stranger", "enterprise")]


def readmit(pool: Pool) -> None:
    """As the review does it at the end of a new application."""
    with pool.database.writing() as session:
        provider = session.get_one(Provider, pool.provider)
        transition.apply(session, provider, TABLE, "readmit", actor="评审", roles={Role.MANAGER}, at=NOW)
        provider.reapply_from = provider.rectify_until = None


def one_step(pool: Pool, chance: random.Random, cases: dict[int, str], filed: list[int]) -> Callable[[], object] | None:
    """Something that somebody tries; more often than not something that the case's state has a row for."""
    database, step = pool.database, pool.step(chance.choice(PEOPLE))
    case = chance.choice(list(cases)[-3:]) if cases else 0
    appeal = chance.choice(filed) if filed else 0
    conduct = chance.choice(("", "bribery"))
    about_case: dict[str, Callable[[], object]] = {
        "decide": lambda: adjustments.decide(database, case, step, why="x"),
        "put_forward": lambda: adjustments.put_forward(database, case, step, why="x"),
        "confirm": lambda: adjustments.confirm(database, case, step),
        "reject": lambda: adjustments.reject(database, case, step, why="x"),
        "take_back": lambda: adjustments.take_back(database, case, step),
        "drop": lambda: adjustments.drop(database, case, step, why="x"),
        "ask_extension": lambda: rectification.ask_extension(database, case, step, why="x"),
        "extend": lambda: rectification.extend(database, case, step),
        "refuse_extension": lambda: rectification.refuse_extension(database, case, step, why="x"),
        "hand_in": lambda: rectification.hand_in(database, case, step, text="x"),
        "accept": lambda: rectification.accept(database, case, step, why="x"),
        "fail": lambda: rectification.fail(database, case, step, why="x"),
        "file": lambda: appeals.file(database, case, step, text="x"),
    }
    about_appeal: list[Callable[[], object]] = [
        lambda: appeals.stay(database, appeal, step, why="x"),
        lambda: appeals.uphold(database, appeal, step, why="x"),
        lambda: appeals.dismiss(database, appeal, step, why="x"),
        lambda: appeals.withdraw(database, appeal, step),
    ]
    draw = chance.random()
    if draw < 0.1:
        pool.later(chance.choice((1, 3, 20, 60)))
        return None
    if draw < 0.15:
        rarely: list[Callable[[], object]] = [
            lambda: providers.leave(database, pool.provider, step),
            lambda: readmit(pool),
            lambda: adjustments.run_rules(database, pool.step("manager")),
            lambda: providers.set_no_orders_until(database, pool.provider, step, until=pool.day),
        ]
        return chance.choice(rarely)
    if draw < 0.35 or not case:
        kind = chance.choice(possible_kinds(pool.state()) or tuple(K))
        return lambda: adjustments.propose(database, pool.provider, kind, pool.step("bureau"), why="x", evidence="x", conduct=conduct)
    if draw < 0.5 and appeal:
        return chance.choice(about_appeal)
    rows = [row for row in ADJUSTMENTS if cases[case] in row.states and row.event in about_case]
    if draw < 0.85 and rows:
        row = chance.choice(rows)
        step = pool.step("provider" if Role.PROVIDER in row.roles else chance.choice(("bureau", "bureau2", "admin")))
        return about_case[row.event]
    if draw < 0.9:
        step = pool.step("provider")
        return about_case["file"]
    return chance.choice(list(about_case.values()))


def check(session: Session, pool: Pool) -> None:
    provider = session.get_one(Provider, pool.provider)
    cases = session.scalars(select(Adjustment).where(Adjustment.provider_id == pool.provider)).all()
    running = [case for case in cases if case.state in RUNNING]
    # Whoever is out gets no match and is not found, whoever rectifies gets no match.
    assert (provider.id in find_hidden_provider_ids(session)) == (provider.state in (P.SUSPENDED, P.RETIRED, P.LEFT))
    if provider.state not in (P.ADMITTED, P.WARNED):
        assert provider.id in find_unmatchable_provider_ids(session, pool.day)
    # Nobody is put out by one person.
    for state, kind in ((P.RETIRED, K.RETIRE), (P.SUSPENDED, K.SUSPEND)):
        if provider.state == state:
            by_two = [case for case in cases if case.kind == kind and case.state == S.DECIDED]
            assert by_two
    for case in cases:
        if case.kind in (K.RETIRE, K.SUSPEND) and case.decided_at is not None:
            assert case.decided_by is not None
            assert case.confirmed_by is not None
            assert case.decided_by != case.confirmed_by
    # One extension each, one rectification at a time, and its term is the provider's.
    verbs = select(HistoryEntry.noun_id, func.count()).where(HistoryEntry.noun == "adjustment", HistoryEntry.verb == "extend")
    assert all(count == 1 for _number, count in session.execute(verbs.group_by(HistoryEntry.noun_id)))
    assert len(running) <= 1
    if running:
        assert provider.state == P.RECTIFYING
        assert provider.rectify_until == running[0].due
    if provider.state == P.RECTIFYING:
        assert [case for case in cases if case.kind == K.RECTIFY and case.state in RUNNING | {S.FAILED}]
    if provider.state == P.WARNED:
        assert [case for case in cases if case.kind == K.WARN and case.state == S.DECIDED]
    # Whoever is out of the pool knows when it may come back, whoever is in has no such day.
    assert (provider.reapply_from is not None) == (provider.state in (P.RETIRED, P.LEFT))
    # One appeal a decision, and nobody decided about their own.
    for appeal in session.scalars(select(Appeal)):
        assert appeal.decided_by is None or appeal.decided_by != appeal.adjustment.decided_by


def entries(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(HistoryEntry)) or 0


def test_random_walks_keep_what_must_hold(migrated_file: Path, tmp_path: Path) -> None:
    shutil.copyfile(migrated_file, tmp_path / "pool.db")
    database = Database(f"sqlite:///{tmp_path / 'pool.db'}")
    # Nobody pulls the plug here.
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA synchronous=OFF")
        connection.exec_driver_sql("BEGIN")
    pool = open_pool(database)
    start = pool.day
    states: set[ProviderState] = set()
    done = refused = 0
    for seed in range(WALKS):
        chance = random.Random(seed)
        clear(database, pool)
        pool.day = start
        for _ in range(STEPS):
            with database.reading() as session:
                cases = {
                    number: str(state) for number, state in session.execute(select(Adjustment.id, Adjustment.state).order_by(Adjustment.id))
                }
                filed = list(session.scalars(select(Appeal.id)))
                before = entries(session)
            action = one_step(pool, chance, cases, filed)
            if action is None:
                continue
            try:
                action()
                done += 1
            except RefusedError:
                refused += 1
                with database.reading() as session:
                    assert entries(session) == before, seed
            with database.reading() as session:
                try:
                    check(session, pool)
                except AssertionError as error:
                    raise AssertionError(f"walk {seed}") from error
                states.add(session.get_one(Provider, pool.provider).state)
    with database.reading() as session:
        assert find_broken_link(session) is None
    database.close()
    # The walks go everywhere, and most of what they try is not allowed.
    assert states == set(P)
    assert done > 3 * WALKS
    assert refused > 3 * WALKS


def clear(database: Database, pool: Pool) -> None:
    """Back to the beginning: an admitted provider about which nothing is known."""
    with database.writing() as session:
        for table in ("appeals", "adjustments", "decisions", "tasks", "notices", "jobs", "index_queue", "history"):
            session.execute(text(f"DELETE FROM {table}"))
        session.execute(Provider.__table__.update().values(state="admitted", rectify_until=None, reapply_from=None, no_orders_until=None))
    assert pool.state() == P.ADMITTED
