"""States change in one place: what the table allows happens, with history and queue; anything else leaves no trace."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sqlalchemy import delete, select

from marketplace.actions import problems, scenarios, solutions, transition
from marketplace.actions.roles import actor_of
from marketplace.domain import diagnoses
from marketplace.domain import problems as problem_rules
from marketplace.domain import providers as provider_rules
from marketplace.domain import scenarios as scenario_rules
from marketplace.domain import solutions as solution_rules
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, Table, Transition, decide
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.index_queue import QueuedThing
from marketplace.records.problems import Disclosure, Problem
from marketplace.records.providers import Provider
from marketplace.records.scenario_lists import ScenarioConsent
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from tests.actions.people import Market, open_market
from tests.conftest import NOW

NOUNS: dict[str, tuple[Any, Table, Any]] = {
    "provider": (Provider, provider_rules.TABLE, provider_rules.ProviderState),
    "solution": (Solution, solution_rules.TABLE, solution_rules.SolutionState),
    "scenario": (Scenario, scenario_rules.TABLE, scenario_rules.ScenarioState),
    "problem": (Problem, problem_rules.TABLE, problem_rules.ProblemState),
    "diagnosis": (Diagnosis, diagnoses.TABLE, diagnoses.DiagnosisState),
}


def queued(database: Database) -> set[tuple[str, int]]:
    with database.reading() as session:
        return {(row.kind, row.thing_id) for row in session.scalars(select(QueuedThing))}


@pytest.mark.parametrize("noun", NOUNS)
def test_every_state_event_and_role(sqlite_database: Database, noun: str) -> None:
    record, table, states = NOUNS[noun]
    for state, event in product(states, sorted({row.event for row in table})):
        market = open_market(sqlite_database, **{noun: state})
        with sqlite_database.writing() as session:
            thing = session.get_one(record, getattr(market, noun))
            for role in Role:
                session.execute(delete(QueuedThing))
                thing.state = state
                session.flush()
                before = len(session.info["history"])
                expected = decide(table, state, event, {role})
                if isinstance(expected, Refused):
                    with pytest.raises(RefusedError) as refusal:
                        transition.apply(session, thing, table, event, actor="人", roles={role}, at=NOW)
                    assert refusal.value.refused == expected
                    assert thing.state == state
                    assert len(session.info["history"]) == before
                    assert session.scalars(select(QueuedThing)).all() == []
                    continue
                transition.apply(session, thing, table, event, actor="人", roles={role}, at=NOW, why="理由")
                assert thing.state == expected.to
                [entry] = session.info["history"][before:]
                assert (entry.noun, entry.noun_id, entry.verb, entry.why) == (noun, thing.id, event, "理由")
                assert (entry.before, entry.after) == ({"state": state}, {"state": expected.to})
                kinds = {row.kind for row in session.scalars(select(QueuedThing))}
                assert noun == "diagnosis" or noun in kinds


def move_provider(database: Database, market: Market, event: str, why: str = "") -> Transition:
    with database.writing() as session:
        provider = session.get_one(Provider, market.provider)
        bureau = market.person(Role.BUREAU)
        return transition.apply(session, provider, provider_rules.TABLE, event, actor=actor_of(bureau), roles=bureau.roles, at=NOW, why=why)


def test_the_step_is_stored_with_its_history(database: Database) -> None:
    market = open_market(database)
    move_provider(database, market, "warn", "两次延期")
    with database.reading() as session:
        assert session.get_one(Provider, market.provider).state is provider_rules.ProviderState.WARNED
        [entry] = session.scalars(select(HistoryEntry))
        assert (entry.actor, entry.verb, entry.why) == ("bureau（5）", "warn", "两次延期")
        assert find_broken_link(session) is None


def test_a_provider_takes_all_its_solutions_along(database: Database) -> None:
    market = open_market(database)
    move_provider(database, market, "retire", "三次未通过")
    with database.reading() as session:
        own = set(session.scalars(select(Solution.id).where(Solution.provider_id == market.provider)))
    assert len(own) == 2
    assert queued(database) == {("provider", market.provider), *(("solution", number) for number in own)}


Verb = Callable[..., Any]


@pytest.mark.parametrize(
    ("verb", "thing", "owner", "stranger"),
    [
        (solutions.withdraw, "solution", Role.PROVIDER, "rival_person"),
        (problems.withdraw, "problem", Role.ENTERPRISE, "other_enterprise_person"),
    ],
)
def test_one_acts_on_ones_own_only(database: Database, verb: Verb, thing: str, owner: Role, stranger: str) -> None:
    market = open_market(database)
    number = getattr(market, thing)
    with pytest.raises(RefusedError, match="没有办理这一步的权限"):
        verb(database, number, viewer=getattr(market, stranger), at=NOW)
    assert queued(database) == set()
    verb(database, number, viewer=market.person(owner), at=NOW)
    assert (thing, number) in queued(database)


def test_verbs_lead_where_their_names_say(sqlite_database: Database) -> None:
    market = open_market(sqlite_database)
    admin = market.person(Role.ADMIN)

    def do(verb: Verb, number: int, **more: str) -> str:
        return str(verb(sqlite_database, number, viewer=admin, at=NOW, **more).to)

    assert do(solutions.withdraw, market.solution) == "withdrawn"
    assert do(solutions.publish, market.solution) == "published"
    assert do(solutions.block, market.solution, why="举报属实") == "blocked"
    assert do(solutions.unblock, market.solution) == "published"
    assert do(scenarios.withdraw, market.scenario) == "withdrawn"
    assert do(scenarios.publish, market.scenario) == "published"
    assert do(problems.solve, market.problem) == "solved"
    assert do(problems.reopen, market.problem) == "open"


def test_of_two_who_press_at_once_one_is_told(database: Database) -> None:
    market = open_market(database)
    barrier = threading.Barrier(8)
    answers: list[str] = []

    def press() -> None:
        barrier.wait()
        try:
            answers.append(move_provider(database, market, "retire", "三次未通过").to)
        except RefusedError as error:
            answers.append(error.refused.code)

    threads = [threading.Thread(target=press) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["retired", *["wrong_state"] * 7]
    with database.reading() as session:
        assert session.query(HistoryEntry).count() == 1


def test_only_the_enterprise_agrees_and_once(database: Database) -> None:
    market = open_market(database)

    def agree(person: str | Role, provider: int = market.provider) -> bool:
        viewer = getattr(market, person) if isinstance(person, str) and not isinstance(person, Role) else market.person(Role(person))
        return problems.disclose(database, market.problem, provider, viewer=viewer, at=NOW)

    for stranger in ("other_enterprise_person", "rival_person", Role.ADMIN, Role.CENTRE, Role.PROVIDER):
        with pytest.raises(RefusedError, match="没有办理这一步的权限"):
            agree(stranger)
    assert agree(Role.ENTERPRISE) is True
    assert agree(Role.ENTERPRISE) is False
    with database.reading() as session:
        [row] = session.scalars(select(Disclosure))
        assert (row.problem_id, row.provider_id, row.agreed) == (market.problem, market.provider, NOW)
        assert [entry.verb for entry in session.scalars(select(HistoryEntry))] == ["disclose"]


def test_nothing_is_disclosed_to_whoever_takes_no_new_matches(database: Database) -> None:
    market = open_market(database, provider=provider_rules.ProviderState.RECTIFYING)
    with pytest.raises(RefusedError, match="目前不接新单"):
        problems.disclose(database, market.problem, market.provider, viewer=market.person(Role.ENTERPRISE), at=NOW)


def test_a_market_has_people() -> None:
    market = Market(1, 2, 3, 4, 5, 6, 7, 8)
    assert market.person(Role.PROVIDER).provider_ids == {1}
    assert market.rival_person.provider_ids == {2}


def test_an_enterprises_own_scenario_is_published_with_its_consent_only(database: Database) -> None:
    market = open_market(database, scenario=ScenarioState.DRAFT)
    admin = market.person(Role.ADMIN)
    with database.writing() as session:
        own = session.get_one(Scenario, market.scenario)
        own.kind, own.enterprise_id = ScenarioKind.INDIVIDUAL, market.enterprise
    with pytest.raises(RefusedError) as refused:
        scenarios.publish(database, market.scenario, viewer=admin, at=NOW)
    assert refused.value.refused.code == "no_consent"
    with database.writing() as session:
        session.add(ScenarioConsent(scenario_id=market.scenario, agreed=NOW))
    assert scenarios.publish(database, market.scenario, viewer=admin, at=NOW).to == "published"
