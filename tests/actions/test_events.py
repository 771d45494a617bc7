"""Events on both kinds of database: seats are never given twice, whoever waits moves up, and what is over stays as it was."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from marketplace.actions import events, sign_ups
from marketplace.actions.events import close_ended_sign_ups
from marketplace.domain.events import EventState
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.sign_ups import HAS_SEAT
from marketplace.records.database import Database
from marketplace.records.events import Event, SignUp, summarise
from tests.actions.brokering import refused
from tests.actions.centre import PILOT, Centre, open_centre

SEATS, CROWD = 5, 14


@pytest.fixture
def centre(database: Database) -> Centre:
    return open_centre(database)


def join(centre: Centre, number: int, person: str, unit: str = "enterprise") -> SignUp:
    return sign_ups.sign_up(centre.database, number, centre.units[unit], centre.step(person))


def press(work: list[object]) -> list[str]:
    """All at once; what each was told."""
    told: list[str] = []
    start = threading.Barrier(len(work))

    def run(act) -> None:  # type: ignore[no-untyped-def]
        start.wait()
        try:
            act()
            told.append("done")
        except RefusedError as error:
            told.append(error.refused.code)

    threads = [threading.Thread(target=run, args=(act,)) for act in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(told) == len(work)
    return sorted(told)


def test_a_crowd_never_gets_more_seats_than_there_are(centre: Centre) -> None:
    number, names = centre.opened(seats=SEATS), centre.many(CROWD)
    assert press([lambda name=name: join(centre, number, name) for name in names]) == ["done"] * CROWD
    states = list(centre.states(number).values())
    assert (states.count("seated"), states.count("waiting"), centre.event(number).taken) == (SEATS, CROWD - SEATS, SEATS)


def test_seats_that_are_given_back_at_once_all_go_to_who_waits(centre: Centre) -> None:
    number, names = centre.opened(seats=SEATS), centre.many(CROWD)
    for name in names:
        centre.later(seconds=1)
        join(centre, number, name)
    out = names[:4]
    assert press([lambda name=name: sign_ups.cancel(centre.database, number, centre.step(name)) for name in out]) == ["done"] * 4
    states = centre.states(number)
    # Whoever has waited longest moved up.
    assert [name for name in names if states[name] == "seated"] == names[4 : 4 + SEATS]
    with centre.database.reading() as session:
        counted = session.scalar(select(func.count()).select_from(SignUp).where(SignUp.state.in_(HAS_SEAT)))
    assert counted == centre.event(number).taken == SEATS
    assert centre.told(names[5]) == ["您候补的“{title}”有了名额，已为您报上。不能参加请取消，名额会给下一位。"]


def test_one_person_at_two_windows_signs_up_once(centre: Centre) -> None:
    number = centre.opened()
    assert press([lambda: join(centre, number, "enterprise")] * 4) == ["done"] + ["signed_up_already"] * 3
    assert centre.event(number).taken == 1


def test_the_database_itself_refuses_one_too_many(centre: Centre) -> None:
    number = centre.opened(seats=1)
    join(centre, number, "enterprise")
    with pytest.raises(IntegrityError), centre.database.writing() as session:
        session.execute(update(Event).where(Event.id == number).values(taken=2))


def test_signing_up_again_after_taking_it_back_is_at_the_end(centre: Centre) -> None:
    number = centre.opened(seats=1)
    join(centre, number, "enterprise")
    join(centre, number, "provider", "provider")
    sign_ups.cancel(centre.database, number, centre.step("enterprise"))
    centre.later(minutes=1)
    again = join(centre, number, "enterprise")
    assert (centre.states(number), again.state) == ({"provider": "seated", "enterprise": "waiting"}, "waiting")
    assert centre.history("sign_up", again.id) == ["create", "cancel", "queue"]
    assert refused(sign_ups.cancel, centre.database, number, centre.step("area")) == "not_signed_up"


def test_who_may_and_when(centre: Centre) -> None:
    step = centre.step("centre")
    draft = events.create(centre.database, centre.draft(), step, PILOT.centre).id
    assert refused(join, centre, draft, "enterprise") == "sign_up_closed"
    for person in ("enterprise", "provider", "bureau", "area"):
        before = centre.entries()
        assert refused(events.create, centre.database, centre.draft(), centre.step(person), PILOT.centre) == "not_allowed"
        assert refused(events.advance, centre.database, draft, "publish", centre.step(person)) == "not_allowed"
        assert centre.entries() == before
    number = centre.opened()
    # For a foreign organisation nobody signs up.
    assert refused(join, centre, number, "enterprise", "provider") == "not_allowed"
    centre.later(days=5)
    assert refused(join, centre, number, "enterprise") == "sign_up_closed"
    with centre.database.writing() as session:
        close_ended_sign_ups(session, centre.today, centre.now)
    assert centre.event(number).state == EventState.CLOSED
    assert refused(events.advance, centre.database, number, "reopen", centre.step("centre")) == "sign_up_over"


def test_more_seats_go_to_who_waits_and_fewer_than_given_are_refused(centre: Centre) -> None:
    number = centre.opened(seats=1)
    for person, unit in (("enterprise", "enterprise"), ("provider", "provider"), ("area", "area")):
        centre.later(seconds=1)
        join(centre, number, person, unit)
    values = {"starts": centre.event(number).starts, "ends": centre.event(number).ends, "sign_up_until": centre.event(number).sign_up_until}
    events.change(centre.database, number, centre.draft(seats=2, **values), centre.step("centre"), PILOT.centre)
    assert centre.states(number) == {"enterprise": "seated", "provider": "seated", "area": "waiting"}
    fewer = centre.draft(seats=1, **values)
    assert refused(events.change, centre.database, number, fewer, centre.step("centre"), PILOT.centre) == "seats_taken"
    moved = centre.draft(seats=2, place="别处", **values)
    events.change(centre.database, number, moved, centre.step("centre"), PILOT.centre)
    assert "您报名的“{title}”改了时间或地点，请看活动页。" in centre.told("area")
    assert centre.history("event", number) == ["create", "publish", "change", "change"]


def test_from_the_day_itself_to_what_was_thought_of_it(centre: Centre) -> None:
    number = centre.opened()
    own, other = join(centre, number, "enterprise"), join(centre, number, "provider", "provider")
    database = centre.database
    assert refused(sign_ups.mark, database, number, own.id, centre.step("centre"), came=True) == "not_the_day"
    assert refused(events.advance, database, number, "hold", centre.step("centre")) == "not_begun"
    centre.later(days=7, hours=1)
    assert refused(sign_ups.cancel, database, number, centre.step("enterprise")) == "begun"
    assert refused(sign_ups.mark, database, number, own.id, centre.step("enterprise"), came=True) == "not_allowed"
    sign_ups.mark(database, number, own.id, centre.step("centre"), came=True)
    sign_ups.mark(database, number, other.id, centre.step("centre"), came=False)
    assert refused(sign_ups.rate, database, number, 5, "", centre.step("enterprise")) == "no_feedback"
    assert refused(events.sum_up, database, number, "好", centre.step("centre")) == "not_held"
    events.advance(database, number, "hold", centre.step("centre"))
    assert refused(sign_ups.rate, database, number, 6, "", centre.step("enterprise")) == "bad_score"
    assert refused(sign_ups.rate, database, number, 5, "", centre.step("provider")) == "no_feedback"
    seen = centre.entries()
    sign_ups.rate(database, number, 4, "例子多", centre.step("enterprise", seen=seen))
    assert refused(sign_ups.rate, database, number, 1, "", centre.step("enterprise", seen=seen)) == "changed_meanwhile"
    events.sum_up(database, number, "来了一家。", centre.step("centre"))
    with database.reading() as session:
        found = summarise(session, number)
    assert (found.seated, found.attended, found.absent, found.scores, found.average) == (2, 1, 1, (0, 0, 0, 1, 0), 4.0)
    with pytest.raises(IntegrityError), database.writing() as session:
        session.execute(update(SignUp).where(SignUp.id == own.id).values(score=6))


def test_calling_off_says_why_and_tells(centre: Centre) -> None:
    number = centre.opened()
    join(centre, number, "enterprise")
    assert refused(events.advance, centre.database, number, "cancel", centre.step("centre"), why=" ") == "no_reason"
    events.advance(centre.database, number, "cancel", centre.step("centre"), why="讲师生病")
    assert "您报名的“{title}”已取消：{why}" in centre.told("enterprise")
    assert refused(join, centre, number, "provider", "provider") == "event_cancelled"


def test_two_at_one_event(centre: Centre) -> None:
    number, seen = centre.opened(), centre.entries()
    later = centre.now + timedelta(days=8)
    draft = centre.draft(starts=later, ends=later + timedelta(hours=1))
    events.change(centre.database, number, draft, centre.step("centre", seen=seen), PILOT.centre)
    other = centre.draft(title="另一个题目")
    assert refused(events.change, centre.database, number, other, centre.step("admin", seen=seen), PILOT.centre) == "changed_meanwhile"
    # A sign-up meanwhile is nothing that the form shows.
    seen = centre.entries()
    join(centre, number, "enterprise")
    events.change(centre.database, number, other, centre.step("admin", seen=seen), PILOT.centre)
