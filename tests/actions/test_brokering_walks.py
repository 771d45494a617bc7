"""Random walks through everything that can happen to a brokering: whoever does whatever, some things always hold.

JIGAI_WALKS says how many; the number of the house is 10,000, of which each test run takes some.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from marketplace.actions import brokering_awards as awards
from marketplace.actions import brokering_ends as ends
from marketplace.actions import brokerings, implementations, introduction_links, introduction_talks, introductions
from marketplace.actions.brokering_steps import CLOCK, Step
from marketplace.domain.brokerings import BrokeringState, ContractDraft
from marketplace.domain.introductions import AnswerDraft, IntroductionState
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.providers import TAKES_NEW, ProviderState
from marketplace.jobs.brokerings import look_at
from marketplace.records.brokerings import Brokering
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.introductions import Introduction, find_introductions
from marketplace.records.matches import Outcome
from marketplace.records.notices import Notice
from marketplace.records.problems import Disclosure
from marketplace.records.providers import Provider
from marketplace.records.tasks import Task
from tests.actions.brokering import PERSONS, PILOT, World, open_world
from tests.conftest import NOW

WALKS = max(3, int(os.environ.get("JIGAI_WALKS", "60")) // 6)
STEPS = 30
B, S = BrokeringState, IntroductionState
NAMES = ("first", "second", "third")


def one_step(world: World, chance: random.Random, number: int, secrets: list[tuple[str, int]]) -> Callable[[], object] | None:
    """Something that somebody tries; more often than not somebody who may."""
    database = world.database
    present = [name for name in NAMES if world.of(number, name)]
    name = chance.choice(present if chance.random() < 0.9 else NAMES)
    one = world.of(number, name)
    right = chance.random() < 0.7

    def who(*those: str) -> Step:
        return world.step(chance.choice(those) if right else chance.choice(list(PERSONS)))

    side = chance.choice(("enterprise", "provider"))
    accepts = chance.random() < 0.8
    answer = AnswerDraft(side, accepts, "" if accepts else "budget")
    draw = chance.random()
    if draw < 0.06:
        world.later(chance.choice((1, 3, 12)))
        return lambda: look_at(database, Step(CLOCK, NOW + (world.day - NOW.date()), world.day, PILOT.brokering, PILOT.rating))
    if draw < 0.1:
        return lambda: world.move_provider(name, chance.choice(("order_rectification", "reinstate", "retire", "readmit")))
    if draw < 0.35:
        return lambda: introductions.answer(database, one, answer, who(name if side == "provider" else "enterprise"))
    if draw < 0.38:
        return lambda: secrets.append((introduction_links.make_answer_link(database, one, side, who("centre")), one))
    if draw < 0.42 and secrets:
        secret = chance.choice(secrets)[0]
        return lambda: introduction_links.answer_by_link(database, secret, answer, who("stranger"))
    if draw < 0.57:
        return lambda: world.quote(number, name, wan=chance.randint(20, 90), person=name if right else chance.choice(list(PERSONS)))
    contract = ContractDraft(1_000_000, world.day, world.day, world.day + timedelta(30))
    rest: list[Callable[[], object]] = [
        lambda: brokerings.send(database, number, who("centre")),
        lambda: brokerings.add(database, number, [brokerings.Line(world.solutions[name])], who("centre")),
        lambda: brokerings.compare(database, number, who("centre")),
        lambda: brokerings.reopen(database, number, who("centre"), why="x"),
        lambda: awards.award(database, one, who("enterprise", "centre"), why="x"),
        lambda: awards.award(database, one, who("enterprise", "centre"), why="x"),
        lambda: awards.feedback(database, one, who("centre"), text="x"),
        lambda: awards.record_contract(database, number, contract, who("enterprise"), scan=world.proof),
        lambda: awards.reserve(database, number, who("centre")),
        lambda: implementations.start(database, number, world.day, who("enterprise")),
        lambda: implementations.report_finish(database, number, implementations.FinishDraft(world.day, "x"), who(name, "centre")),
        lambda: implementations.confirm(database, number, implementations.ConfirmDraft("passed", 5), who("enterprise")),
        lambda: introductions.thaw(database, one, who("centre")),
        lambda: introductions.reconsider(database, one, who("centre")),
        lambda: introductions.step_back(database, one, AnswerDraft(side, False, "timing"), who(name)),
        lambda: introduction_talks.say(database, one, "x", who(name, "enterprise", "centre")),
        lambda: ends.take_out(database, one, who("centre"), why="x"),
    ]
    if draw > 0.99:
        rest = [lambda: ends.withdraw(database, number, who("enterprise"), why="x")]
    elif draw > 0.98:
        rest = [lambda: ends.none_suitable(database, number, who("enterprise"), why="x")]
    return chance.choice(rest)


def check(session: Session, world: World, number: int) -> None:
    brokering = session.get_one(Brokering, number)
    rows = find_introductions(session, number)
    states = [row.state for row in rows]
    # One at most is chosen, and exactly one where something was decided.
    bound = brokering.state in (B.AWARDED, B.CONTRACTED, B.RESERVE, B.IMPLEMENTING, B.FINISHED)
    assert states.count(S.AWARDED) == (1 if bound else 0), (brokering.state, states)
    for row in rows:
        # Nobody talks with a provider that takes no new work, unless it is signed.
        if row.state in (S.SENT, S.TALKING, S.QUOTED) or (row.state == S.AWARDED and brokering.state == B.AWARDED):
            assert row.provider.state in TAKES_NEW, (row.state, row.provider.state)
        if row.state in (S.TALKING, S.QUOTED, S.AWARDED, S.NOT_CHOSEN):
            assert row.is_mutual
        told = session.scalar(select(Disclosure.id).where(Disclosure.provider_id == row.provider_id))
        assert told is not None or not row.is_mutual
        outcome = session.get(Outcome, row.outcome_id) if row.outcome_id else None
        if row.state == S.AWARDED:
            assert outcome is not None
            assert outcome.decision == "accepted"
        elif outcome is not None:
            assert outcome.decision != "accepted"
    closed = brokering.state in (B.NONE_SUITABLE, B.WITHDRAWN)
    if closed:
        assert not {S.PROPOSED, S.SENT, S.TALKING, S.QUOTED, S.AWARDED, S.FROZEN} & set(states)
    numbers = [row.id for row in rows]
    about = ((Task.noun == "brokering") & (Task.noun_id == number)) | ((Task.noun == "introduction") & Task.noun_id.in_(numbers))
    tasks = session.scalars(select(Task).where(about, Task.done_at.is_(None))).all()
    # Whoever has the ball has a task, and nobody is asked for what is over.
    if brokering.waits_step and brokering.waits_step != "answer":
        assert any(task.kind in (brokering.waits_step, "quote", "replace", "finish") for task in tasks), brokering.waits_step
    if closed:
        assert {task.kind for task in tasks} <= {"feedback"}
    assert (brokering.lane == "") == (brokering.waits_step == "")


def secrets_kept(session: Session, world: World) -> None:
    """No provider reads the name before both accepted, by notice or task; and never another one's talks."""
    agreed = set(session.scalars(select(Disclosure.provider_id)))
    for name in NAMES:
        if world.providers[name] in agreed:
            continue
        viewer = world.people[name]
        notices = session.scalars(select(Notice).where(Notice.account_id == viewer.account_id)).all()
        tasks = session.scalars(select(Task).where(Task.organisation_id.in_(viewer.organisation_ids))).all()
        told = [f"{row.message}{row.values}" for row in notices] + [f"{row.message}{row.values}" for row in tasks]
        assert not any("秘名" in text for text in told)


def entries(session: Session) -> int:
    return session.scalar(select(func.max(HistoryEntry.id))) or 0


def walk(world: World, seed: int, seen: set[tuple[str, str]]) -> tuple[int, int]:
    chance, done, refused = random.Random(seed), 0, 0
    with world.database.writing() as session:
        session.execute(update(Provider).values(state=ProviderState.ADMITTED))
    number = world.draft(*chance.sample(NAMES, chance.randint(1, 3)))
    brokerings.send(world.database, number, world.step("centre"))
    secrets: list[tuple[str, int]] = []
    for _ in range(STEPS):
        action = one_step(world, chance, number, secrets)
        with world.database.reading() as session:
            before = entries(session)
        try:
            if action is not None:
                action()
            done += 1
        except RefusedError:
            refused += 1
            with world.database.reading() as session:
                assert entries(session) == before, seed
        # Nobody of this provider is on the brokering.
        except NoResultFound:
            continue
        with world.database.reading() as session:
            try:
                check(session, world, number)
                secrets_kept(session, world)
            except AssertionError as error:
                raise AssertionError(f"walk {seed}: {error}") from error
            seen.update(("introduction", str(row.state)) for row in find_introductions(session, number))
            seen.add(("brokering", str(session.get_one(Brokering, number).state)))
            # A link is dead as soon as its side has answered.
            for secret, one in secrets:
                link = introduction_links.find_living_link(session, secret, NOW)
                if link is not None:
                    given = session.get_one(Introduction, one).answer_of(link.side)
                    assert given is not None
                    assert given.answer == "pending"
    return done, refused


def test_whoever_does_whatever(database: Database, tmp_path: Path) -> None:
    world = open_world(database, tmp_path / "files")
    done = refused = 0
    seen: set[tuple[str, str]] = set()
    for seed in range(WALKS):
        one, two = walk(world, seed, seen)
        done, refused = done + one, refused + two
    with database.reading() as session:
        assert find_broken_link(session) is None
    assert done > WALKS
    assert refused > WALKS
    # A few walks do not go everywhere.
    if WALKS >= 10:
        assert {("introduction", "talking"), ("introduction", "declined"), ("brokering", "open")} <= seen
