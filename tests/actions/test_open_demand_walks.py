"""Random walks through everything that can happen to an open demand: whoever does whatever, some things always hold.

JIGAI_WALKS says how many; each test run takes some.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from marketplace.actions import open_answers, open_demand_choices, open_demands, open_questions
from marketplace.actions.brokering_steps import CLOCK, Act
from marketplace.actions.open_demand_choices import Choice
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.open_demands import UNDER_WAY, OpenDemandState
from marketplace.domain.providers import ProviderState
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.introductions import find_introductions
from marketplace.records.notices import Notice
from marketplace.records.open_demands import OpenAnswer, OpenDemand, OpenQuestion
from marketplace.records.problems import Disclosure
from marketplace.records.providers import Provider
from marketplace.records.tasks import Task
from tests.actions.brokering import PERSONS
from tests.actions.open_demanding import Market, open_market

WALKS = max(3, int(os.environ.get("JIGAI_WALKS", "60")) // 15)
STEPS = 28
NAMES = ("first", "second", "third")
TASKS = {"submitted": {"check"}, "returned": {"revise"}, "published": {"reply"}, "closed": {"conclude"}}


def one_step(market: Market, chance: random.Random, number: int) -> Callable[[], object]:
    """Something that somebody tries; more often than not somebody who may."""
    database, name, right = market.database, chance.choice(NAMES), chance.random() < 0.75

    def who(*those: str) -> str:
        return chance.choice(those) if right else chance.choice(list(PERSONS))

    enterprise, centre, provider = who("enterprise", "centre"), who("centre", "admin"), name if right else who(*PERSONS)
    with database.reading() as session:
        question = session.scalars(select(OpenQuestion.id).order_by(OpenQuestion.id.desc())).first()
        answers = session.scalars(select(OpenAnswer.id).where(OpenAnswer.demand_id == number)).all()
    picked = {one: None for one in answers if chance.random() < 0.5}
    choice = Choice(picked, feedback="这次没有选上", way="phone", proof=market.world.proof)
    acts: list[tuple[int, Callable[[], object]]] = [
        (5, lambda: open_demands.submit(database, number, market.step(enterprise))),
        (5, lambda: open_demands.publish(database, number, market.step(centre))),
        (1, lambda: open_demands.send_back(database, number, market.step(centre), why="再写清楚")),
        (1, lambda: open_demands.change(database, number, market.draft(title="改了"), market.step(enterprise))),
        (5, lambda: market.ask(number, name)),
        (3 if question else 0, lambda: open_questions.reply(database, question or 0, "可以", market.step(enterprise))),
        (8, lambda: market.answer(number, name, person=provider, weeks=chance.randint(1, 30))),
        (1, lambda: open_answers.take_back(database, number, market.world.providers[name], market.step(provider))),
        (1, lambda: open_demands.extend(database, number, None, market.day + timedelta(30), market.step(enterprise))),
        (9, lambda: open_demand_choices.conclude(database, number, choice, market.step(enterprise))),
        (1, lambda: open_demand_choices.none_suitable(database, number, choice, market.step(enterprise), why="都不合适")),
        (1, lambda: market.world.move_provider(name, chance.choice(("order_rectification", "reinstate")))),
        (8, lambda: later(market, chance.choice((1, 9, 22)))),
    ]
    if chance.random() < 0.01:
        return lambda: open_demands.withdraw(database, number, market.step(enterprise), why="不改了")
    return chance.choices([act for _weight, act in acts], [weight for weight, _act in acts])[0]


def later(market: Market, days: int) -> None:
    market.world.later(days)
    with market.database.writing() as session:
        open_demands.close_over(session, Act(CLOCK, market.step("centre").at, market.day))


def check(market: Market, number: int) -> str:
    with market.database.reading() as session:
        demand = session.get_one(OpenDemand, number)
        answers = session.scalars(select(OpenAnswer).where(OpenAnswer.demand_id == number)).all()
        states = {str(row.state) for row in answers}
        concluded = demand.state == OpenDemandState.CONCLUDED
        assert (demand.brokering_id is not None) == concluded == ("chosen" in states)
        if demand.state not in UNDER_WAY and demand.state != OpenDemandState.WITHDRAWN:
            assert "given" not in states
        # Whose demand it is was told to those who were chosen, and to nobody else.
        chosen = {row.provider_id for row in answers if row.state == "chosen"}
        assert set(session.scalars(select(Disclosure.provider_id))) == chosen
        for row in answers:
            assert [one.version for one in row.versions] == list(range(len(row.versions), 0, -1))
            assert bool(row.feedback) == (row.state == "not_chosen")
        if demand.brokering_id is not None:
            assert all(row.is_mutual for row in find_introductions(session, demand.brokering_id))
        tasks = {
            task.kind
            for task in session.scalars(select(Task).where(Task.noun == "open_demand", Task.noun_id == number, Task.done_at.is_(None)))
        }
        assert tasks <= TASKS.get(str(demand.state), set()), (demand.state, tasks)
        if demand.state in ("submitted", "returned", "closed"):
            assert tasks == TASKS[str(demand.state)]
        for name in NAMES:
            told = session.scalars(select(Notice).where(Notice.account_id == market.world.people[name].account_id)).all()
            others = [other for other in NAMES if other != name]
            assert not any("秘名" in str(row.values) or any(other in str(row.values) for other in others) for row in told)
        return str(demand.state)


def test_whoever_does_whatever(sqlite_database: Database, tmp_path: Path) -> None:
    seen, done, refused = set[str](), 0, 0
    market = open_market(sqlite_database, tmp_path / "files")
    for seed in range(WALKS):
        chance = random.Random(seed)
        with market.database.writing() as session:
            session.execute(update(Provider).values(state=ProviderState.ADMITTED))
            session.query(Disclosure).delete()
        # Every other one is out already, so that short walks come to an end as well.
        number = market.published() if seed % 2 else market.written()
        for _step in range(STEPS):
            with market.database.reading() as session:
                before = session.scalar(select(func.max(HistoryEntry.id)))
            try:
                one_step(market, chance, number)()
                done += 1
            except RefusedError:
                refused += 1
                with market.database.reading() as session:
                    assert session.scalar(select(func.max(HistoryEntry.id))) == before, seed
            seen.add(check(market, number))
        with market.database.writing() as session:
            session.execute(update(Task).values(done_at=market.step("centre").at))
    with market.database.reading() as session:
        assert find_broken_link(session) is None
    assert done > WALKS
    assert refused > WALKS
    if WALKS >= 40:
        assert {"submitted", "published", "closed", "concluded"} <= seen, seen
