"""Decisions by two persons, the public notice with its objections, and entry into the pool."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import select

from marketplace.actions.admission import EVENTS, answer_decision, propose_decision
from marketplace.actions.objections import answer_objection, raise_objection
from marketplace.domain.access import Role
from marketplace.domain.applications import ApplicationState
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.objections import ObjectionState
from marketplace.domain.providers import ProviderState
from marketplace.records.accounts import Membership
from marketplace.records.applications import ProviderApplication
from marketplace.records.calendar import CalendarDay
from marketplace.records.cases import Case
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link, find_last_entry
from marketplace.records.index_queue import QueuedThing
from marketplace.records.jobs import Job
from marketplace.records.objections import Objection
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider
from marketplace.records.reviews import Review, find_review
from tests.actions.review_world import AT, LATER, RULES, World, decided, open_world, reviewed, state_of, waiting
from tests.actions.test_reviews import refusal, tasks_of


def propose(database: Database, world: World, event: str, person: str = "manager", at: datetime = AT, why: str = "符合条件") -> None:
    propose_decision(database, world.application, event, why=why, rules=RULES, viewer=world.people[person], at=at)


def answer(database: Database, world: World, event: str, person: str, at: datetime = AT, why: str = "材料不实") -> None:
    decision = waiting(database, world).id
    answer_decision(database, decision, event, why=why, rules=RULES, viewer=world.people[person], at=at)


def objection(
    database: Database, world: World, *, at: datetime = AT, address: str = "192.0.2.1", text: str = "第二个案例并非该单位实施。"
) -> int:
    with database.reading() as session:
        review = find_review(session, world.application)
        assert review is not None
        number = review.id
    return raise_objection(database, number, name="李某", contact="13800000000", text=text, address=address, rules=RULES, at=at).id


def entries(database: Database) -> int:
    with database.reading() as session:
        return len(session.scalars(select(HistoryEntry.id)).all())


# ---------------------------------------------------------------- two persons


def test_nobody_decides_alone(database: Database) -> None:
    world = open_world(database, publicity_days=0)
    reviewed(database, world)
    propose(database, world, "admit")
    assert state_of(database, world) == "reviewed"
    assert tasks_of(database, world, "bureau") == ["confirm_decision"]
    assert refusal(lambda: answer(database, world, "confirm", "manager")) == "same_person"
    assert state_of(database, world) == "reviewed"
    answer(database, world, "confirm", "manager2")
    assert state_of(database, world) == "admitted"
    assert tasks_of(database, world, "manager") == tasks_of(database, world, "bureau") == []


@pytest.mark.parametrize("person", ["applicant", "rival", "centre", "expert0"])
def test_who_may_neither_propose_nor_confirm(sqlite_database: Database, person: str) -> None:
    world = open_world(sqlite_database, publicity_days=0)
    reviewed(sqlite_database, world)
    assert refusal(lambda: propose(sqlite_database, world, "admit", person)) == "not_allowed"
    propose(sqlite_database, world, "admit")
    assert refusal(lambda: answer(sqlite_database, world, "confirm", person)) == "not_allowed"
    assert state_of(sqlite_database, world) == "reviewed"


def test_a_decision_that_is_not_confirmed_leaves_everything_as_it_was(database: Database) -> None:
    world = open_world(database, publicity_days=0)
    reviewed(database, world)
    propose(database, world, "refuse")
    answer(database, world, "reject", "bureau", why="理由不充分")
    assert state_of(database, world) == "reviewed"
    assert tasks_of(database, world, "manager") == ["propose_decision"]
    propose(database, world, "admit")
    assert refusal(lambda: answer(database, world, "take_back", "bureau")) == "not_own"
    answer(database, world, "take_back", "manager")
    assert state_of(database, world) == "reviewed"
    decided(database, world, "admit")
    assert state_of(database, world) == "admitted"


ALLOWED = {
    ("reviewed", "publish"): "publicity",
    ("reviewed", "refuse"): "refused",
    ("publicity", "admit"): "admitted",
    ("publicity", "refuse"): "refused",
}


@pytest.mark.parametrize("state", ApplicationState)
def test_every_state_event_and_role(sqlite_database: Database, state: ApplicationState) -> None:
    """With a public notice asked for; whatever is refused leaves no trace."""
    world = open_world(sqlite_database)
    reviewed(sqlite_database, world)
    with sqlite_database.writing() as session:
        session.execute(
            ProviderApplication.__table__.update().values(
                state=state, publicity_until=date(2026, 11, 20) if state == ApplicationState.PUBLICITY else None
            )
        )
    people = {"manager": True, "bureau": True, "admin": True, "centre": False, "applicant": False, "rival": False, "expert0": False}
    for event, (person, may) in product(EVENTS, people.items()):
        before = entries(sqlite_database)
        if (state, event) in ALLOWED and may:
            propose(sqlite_database, world, event, person)
            decision = waiting(sqlite_database, world)
            assert decision.event == event
            answer_decision(sqlite_database, decision.id, "take_back", why="", rules=RULES, viewer=world.people[person], at=AT)
            continue
        code = refusal(lambda event=event, person=person: propose(sqlite_database, world, event, person))  # type: ignore[misc]
        assert code in ("wrong_state", "not_allowed", "publicity_first"), (state, event, person, code)
        assert (code == "not_allowed") == ((state, event) in {*ALLOWED, ("reviewed", "admit")} and not may)
        assert entries(sqlite_database) == before
    assert state_of(sqlite_database, world) == state


def test_below_the_mark_there_is_only_refusal(sqlite_database: Database) -> None:
    world = open_world(sqlite_database, publicity_days=0)
    reviewed(sqlite_database, world, score=59)
    assert refusal(lambda: propose(sqlite_database, world, "admit")) == "below_mark"
    assert refusal(lambda: propose(sqlite_database, world, "refuse", why=" ")) == "required"
    decided(sqlite_database, world, "refuse", why="联合评分 59 分，低于 60 分")
    assert state_of(sqlite_database, world) == "refused"
    with sqlite_database.reading() as session:
        application = session.get_one(ProviderApplication, world.application)
        assert application.decision_reason == "联合评分 59 分，低于 60 分"
        assert application.decided_at == AT
        letters = [job.payload["letter"] for job in session.scalars(select(Job).where(Job.kind == "letter").order_by(Job.id))]
        assert letters == ["acceptance", "refusal"]
        assert session.scalars(select(Provider)).all() == []


def test_what_is_decided_stays_decided(sqlite_database: Database) -> None:
    world = open_world(sqlite_database, publicity_days=0)
    reviewed(sqlite_database, world)
    decided(sqlite_database, world, "admit")
    for event in EVENTS:
        assert refusal(lambda event=event: propose(sqlite_database, world, event)) == "wrong_state"  # type: ignore[misc]


# ---------------------------------------------------------------- two at once


def test_two_confirm_at_the_same_moment(database: Database) -> None:
    world = open_world(database, publicity_days=0)
    reviewed(database, world)
    propose(database, world, "admit")
    decision = waiting(database, world).id
    said: list[str] = []
    barrier = threading.Barrier(2)

    def work(person: str, event: str) -> None:
        barrier.wait()
        try:
            answer_decision(database, decision, event, why="不同意", rules=RULES, viewer=world.people[person], at=AT)
            said.append("done")
        except RefusedError as error:
            said.append(error.refused.sentence())

    threads = [threading.Thread(target=work, args=pair) for pair in (("manager2", "confirm"), ("bureau", "reject"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said.remove("done")
    [sentence] = said
    assert sentence in {
        "您打开后，manager2已在 2026-11-25 10:30 复核同意了这项决定。",
        "您打开后，bureau已在 2026-11-25 10:30 复核不同意这项决定。请看他的理由。",
    }
    with database.reading() as session:
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "decision")).all()
        assert len(verbs) == 1
        assert find_broken_link(session) is None


def test_two_propose_from_the_same_page(database: Database) -> None:
    world = open_world(database, publicity_days=0)
    reviewed(database, world)
    with database.reading() as session:
        seen = find_last_entry(session, "application", world.application)
    propose(database, world, "admit", "manager2")
    with pytest.raises(RefusedError) as raised:
        propose_decision(database, world.application, "refuse", why="不行", rules=RULES, viewer=world.people["bureau"], at=AT, seen=seen)
    assert raised.value.refused.sentence() == "您打开后，manager2已在 2026-11-25 10:30 提出决定，等另一人复核。请看他的理由。"
    # One who has no page, a program for instance, is refused all the same.
    assert refusal(lambda: propose(database, world, "refuse", "bureau")) == "decision_waiting"


# ---------------------------------------------------------------- the public notice


def test_the_term_of_a_notice_counts_working_days(database: Database) -> None:
    world = open_world(database)
    reviewed(database, world)
    with database.writing() as session:
        session.add(CalendarDay(day=date(2026, 11, 27), works=False, name="休"))
        session.add(CalendarDay(day=date(2026, 11, 28), works=True, name="调休"))
    decided(database, world, "publish")
    assert state_of(database, world) == "publicity"
    with database.reading() as session:
        review = find_review(session, world.application)
        assert review is not None
        # Thursday, (Friday off), Saturday made up, Monday, Tuesday, Wednesday.
        assert (review.publicity_from, review.publicity_until) == (date(2026, 11, 25), date(2026, 12, 2))
        assert session.get_one(ProviderApplication, world.application).publicity_until == date(2026, 12, 2)
    last_moment = AT.replace(month=12, day=2, hour=23, minute=59)
    assert refusal(lambda: propose(database, world, "admit", at=last_moment)) == "publicity_runs"
    decided(database, world, "admit", at=last_moment + timedelta(minutes=1))
    assert state_of(database, world) == "admitted"


def test_an_open_objection_keeps_everybody_waiting(database: Database) -> None:
    world = open_world(database)
    reviewed(database, world)
    decided(database, world, "publish")
    number = objection(database, world)
    assert "answer_objection" in tasks_of(database, world, "bureau")
    assert refusal(lambda: propose(database, world, "admit", at=LATER)) == "objection_open"
    bureau = world.people["bureau"]
    assert refusal(lambda: answer_objection(database, number, "dismiss", why=" ", viewer=bureau, at=LATER)) == "reason_missing"
    applicant = world.people["applicant"]
    assert refusal(lambda: answer_objection(database, number, "dismiss", why="无", viewer=applicant, at=LATER)) == "not_allowed"
    answer_objection(database, number, "dismiss", why="合同与验收报告已核对，属实", viewer=bureau, at=LATER)
    with pytest.raises(RefusedError) as raised:
        answer_objection(database, number, "uphold", why="再看", viewer=world.people["manager"], at=LATER)
    assert raised.value.refused.sentence() == "您打开后，bureau已在 2026-12-09 10:30 认定这条异议不成立。请看他的理由。"
    assert "answer_objection" not in tasks_of(database, world, "bureau")
    decided(database, world, "admit", at=LATER)
    assert state_of(database, world) == "admitted"


def test_an_objection_that_arrives_between_proposal_and_confirmation_counts(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    reviewed(sqlite_database, world)
    decided(sqlite_database, world, "publish")
    propose(sqlite_database, world, "admit", at=LATER)
    with sqlite_database.writing() as session:
        review = session.scalars(select(Review)).one()
        session.add(Objection(review_id=review.id, name="李某", contact="1", text="x", address="a", at=AT))
    assert refusal(lambda: answer(sqlite_database, world, "confirm", "bureau", at=LATER)) == "objection_open"
    assert state_of(sqlite_database, world) == "publicity"
    assert waiting(sqlite_database, world).state == "proposed"


def test_an_objection_that_holds_leaves_only_refusal(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    reviewed(sqlite_database, world)
    decided(sqlite_database, world, "publish")
    number = objection(sqlite_database, world)
    answer_objection(sqlite_database, number, "uphold", why="案例合同系伪造", viewer=world.people["bureau"], at=LATER)
    assert refusal(lambda: propose(sqlite_database, world, "admit", at=LATER)) == "objection_upheld"
    decided(sqlite_database, world, "refuse", at=LATER)
    assert state_of(sqlite_database, world) == "refused"


@pytest.mark.parametrize("state", ObjectionState)
@pytest.mark.parametrize("event", ["uphold", "dismiss"])
@pytest.mark.parametrize("person", ["manager", "bureau", "admin", "centre", "applicant", "rival", "expert0"])
def test_objections_state_event_and_role(sqlite_database: Database, state: ObjectionState, event: str, person: str) -> None:
    world = open_world(sqlite_database, state=ApplicationState.PUBLICITY)
    with sqlite_database.writing() as session:
        review = Review(application_id=world.application)
        session.add(review)
        session.flush()
        row = Objection(review_id=review.id, name="李某", contact="1", text="x", address="a", at=AT, state=state)
        session.add(row)
        session.flush()
        number = row.id
    before = entries(sqlite_database)
    call = lambda: answer_objection(sqlite_database, number, event, why="已核实", viewer=world.people[person], at=AT)  # noqa: E731
    if state != ObjectionState.OPEN:
        assert refusal(call) == "wrong_state"
    elif person in ("centre", "applicant", "rival", "expert0"):
        assert refusal(call) == "not_allowed"
    else:
        call()
    with sqlite_database.reading() as session:
        found = session.get_one(Objection, number)
        moved = state == ObjectionState.OPEN and person in ("manager", "bureau", "admin")
        assert found.state == ({"uphold": "upheld", "dismiss": "dismissed"}[event] if moved else state)
        assert entries(sqlite_database) == before + moved


def test_objections_are_limited_by_address_and_by_the_term(database: Database) -> None:
    world = open_world(database)
    reviewed(database, world)
    assert refusal(lambda: objection(database, world)) == "publicity_over"
    decided(database, world, "publish")
    for _number in range(RULES.objections_a_day):
        objection(database, world)
    assert refusal(lambda: objection(database, world)) == "too_many_objections"
    objection(database, world, address="192.0.2.2")
    objection(database, world, at=AT + timedelta(hours=24, seconds=1))
    assert refusal(lambda: objection(database, world, at=LATER)) == "publicity_over"
    assert refusal(lambda: objection(database, world, text="不行")) == "too_short"


def test_parallel_objections_are_counted_exactly(database: Database) -> None:
    world = open_world(database)
    reviewed(database, world)
    decided(database, world, "publish")
    said: list[str] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        try:
            objection(database, world)
            said.append("done")
        except RefusedError as error:
            said.append(error.refused.code)

    threads = [threading.Thread(target=work) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["done"] * 5 + ["too_many_objections"] * 3


def test_the_history_does_not_say_who_objected(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    reviewed(sqlite_database, world)
    decided(sqlite_database, world, "publish")
    objection(sqlite_database, world)
    with sqlite_database.reading() as session:
        entry = session.scalars(select(HistoryEntry).where(HistoryEntry.noun == "objection")).one()
        assert "李某" not in f"{entry.actor}{entry.before}{entry.after}{entry.why}"


# ---------------------------------------------------------------- entry into the pool


def test_admission_makes_a_provider_of_the_answers(database: Database) -> None:
    world = open_world(database, publicity_days=0)
    reviewed(database, world)
    decided(database, world, "admit")
    with database.reading() as session:
        provider = session.scalars(select(Provider)).one()
        assert (provider.organisation_id, provider.state) == (world.organisation, ProviderState.ADMITTED)
        assert (provider.admitted_on, provider.admission_basis) == (date(2026, 11, 25), "第一批（申报 SQ-2026-0001）")
        assert (provider.kind, provider.region, provider.founded, provider.staff) == ("software", "某市某区", 2011, 138)
        assert (provider.local_office, provider.local_commitment, provider.sectors) == (False, True, ["chem"])
        assert provider.qualifications == ["ISO 9001"]
        newest = {"year": 2025, "revenue_fen": 8620_000_000, "profit_fen": 764_000_000, "debt_ratio": 0.38}
        assert provider.financials[0] == newest
        # The pool shows what its experts can do, not who they are.
        assert provider.experts == [{"title": "首席顾问", "years": 18, "expertise": "制造执行"}]
        first, second = session.scalars(select(Case).where(Case.provider_id == provider.id).order_by(Case.id)).all()
        assert [row["indicator"] for row in first.effects] == ["投料差错", "一次合格率"]
        assert (first.signed, first.completed, first.cost_fen, first.client_sector) == ("2022-03", "2022-09", 126_000_000, "chem")
        assert second.effects == []
        assert "账实一致" in second.process
        queued = {(row.kind, row.thing_id) for row in session.scalars(select(QueuedThing))}
        assert ("provider", provider.id) in queued
        letters = [job.payload["letter"] for job in session.scalars(select(Job).where(Job.kind == "letter").order_by(Job.id))]
        assert letters == ["acceptance", "admission"]
        role = select(Membership.role).where(Membership.organisation_id == world.organisation)
        assert session.scalars(role).all() == [Role.PROVIDER]


@pytest.mark.parametrize(
    ("state", "after"),
    [
        (ProviderState.RETIRED, ProviderState.ADMITTED),
        (ProviderState.LEFT, ProviderState.ADMITTED),
        (ProviderState.ADMITTED, ProviderState.ADMITTED),
        (ProviderState.WARNED, ProviderState.WARNED),
        (ProviderState.RECTIFYING, ProviderState.RECTIFYING),
        (ProviderState.SUSPENDED, ProviderState.SUSPENDED),
    ],
)
def test_one_that_had_left_comes_back_and_a_running_measure_stays(
    sqlite_database: Database, state: ProviderState, after: ProviderState
) -> None:
    world = open_world(sqlite_database, publicity_days=0)
    with sqlite_database.writing() as session:
        organisation = session.get_one(Organisation, world.organisation)
        session.add(Provider(organisation=organisation, state=state, source="t", source_ref="1", reapply_from=date(2026, 1, 1)))
    reviewed(sqlite_database, world)
    decided(sqlite_database, world, "admit")
    with sqlite_database.reading() as session:
        provider = session.scalars(select(Provider)).one()
        assert provider.state == after
        assert provider.source == "t"
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "provider").order_by(HistoryEntry.id)).all()
        assert verbs == (["readmit", "admit"] if state != after else ["admit"])


def test_a_member_without_the_role_gets_it_with_no_more_rights_than_before(sqlite_database: Database) -> None:
    world = open_world(sqlite_database, publicity_days=0)
    with sqlite_database.writing() as session:
        [row] = session.scalars(select(Membership).where(Membership.organisation_id == world.organisation)).all()
        row.role, row.rights = Role.ENTERPRISE, ["edit"]
    reviewed(sqlite_database, world)
    decided(sqlite_database, world, "admit")
    with sqlite_database.reading() as session:
        rows = session.scalars(select(Membership).where(Membership.organisation_id == world.organisation)).all()
        assert {(row.role, *row.rights) for row in rows} == {(Role.ENTERPRISE, "edit"), (Role.PROVIDER, "edit")}


def test_if_the_entry_fails_nothing_is_decided(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    world = open_world(sqlite_database, publicity_days=0)
    reviewed(sqlite_database, world)
    propose(sqlite_database, world, "admit")

    def broken(*_arguments: object, **_values: object) -> None:
        raise RuntimeError("disk")

    monkeypatch.setattr("marketplace.actions.admission.enter_pool", broken)
    call: Callable[[], None] = lambda: answer(sqlite_database, world, "confirm", "bureau")  # noqa: E731
    with pytest.raises(RuntimeError):
        call()
    assert state_of(sqlite_database, world) == "reviewed"
    assert waiting(sqlite_database, world).state == "proposed"
