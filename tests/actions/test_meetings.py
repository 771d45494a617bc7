"""Meetings: from the choice of talks to the results in their brokerings; what each step writes, refuses, and tells to whom."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import NoResultFound

from marketplace.actions import meetings
from marketplace.actions import meetings_invitations as invitations
from marketplace.actions import meetings_results as results
from marketplace.actions import meetings_talks as talks
from marketplace.actions.brokering_steps import CLOCK, Act, Step
from marketplace.actions.meetings_talks import Pairing
from marketplace.domain.access import Viewer
from marketplace.domain.introductions import AnswerDraft, IntroductionState
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.meetings import MeetingDraft, MeetingState, ResultDraft
from marketplace.domain.problems import ProblemState
from marketplace.records.brokerings import Brokering, BrokeringProblem
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.introductions import Introduction, IntroductionMessage
from marketplace.records.match_events import MatchEvent
from marketplace.records.meetings import Meeting, MeetingParty, MeetingTalk, find_meeting, find_parties, find_talks, find_wanted
from marketplace.records.notices import Notice
from marketplace.records.problems import Disclosure, Problem
from marketplace.records.tasks import Task
from tests.actions.brokering import PERSONS, PILOT, SECRET, open_world, refused
from tests.conftest import NOW

M = MeetingState
YES, NO = AnswerDraft("", True), AnswerDraft("", False, "timing")
ZONE = ZoneInfo(PILOT.city.zone)


class Hall:
    """A world with a meeting in a week: its enterprise talks to the first two providers, the stranger to the second."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.world = open_world(database, folder)
        self.database = database
        with database.writing() as session:
            other = next(iter(self.world.people["stranger"].enterprise_ids))
            foreign = Problem(enterprise_id=other, text="反应釜温度压不住", source="t", source_ref="p9")
            session.add(foreign)
            session.flush()
            self.foreign = foreign.id
        self.allowed: set[tuple[int, int]] = set()
        self.day = self.world.day + timedelta(7)
        self.number = meetings.draft(database, self.typed(), self.world.step("centre")).id

    def typed(self, **changed: object) -> MeetingDraft:
        draft = MeetingDraft("供需对接会", "auto", "", "三号厅", self.day, 840, 960, 20, 5, 2, [], self.day - timedelta(2), "带图纸")
        return MeetingDraft(**{**vars(draft), **changed})

    def step(self, person: str, *, clock: str = "", seen: int | None = None) -> Step:
        found = self.world.step(person, seen=seen)
        if not clock:
            return found
        at = datetime.fromisoformat(f"{self.world.day}T{clock}:00").replace(tzinfo=ZONE)
        return Step(found.viewer, at, found.today, found.rules, found.rating, seen)

    def add(self) -> None:
        offered, problems = self.world.solutions, self.world.problems
        pairs = [Pairing(problems[0], offered["first"], 0.9, 4, 1, "m1", {"text": 0.5}), Pairing(problems[1], offered["second"], 0.7, 3, 1)]
        talks.add(self.database, self.number, [*pairs, Pairing(self.foreign, offered["second"], 0.6, 3, 1)], self.step("centre"))

    def invited(self) -> None:
        self.add()
        invitations.invite(self.database, self.number, self.step("centre"))

    def party(self, name: str) -> int:
        viewer = self.world.people[name]
        with self.database.reading() as session:
            found = find_parties(session, self.number)
            return next(one.id for one in found if one.enterprise_id in viewer.enterprise_ids or one.provider_id in viewer.provider_ids)

    def answer(self, name: str, draft: AnswerDraft = YES, person: str = "") -> None:
        invitations.answer(self.database, self.party(name), draft, self.step(person or name), people="张工")

    def held(self) -> None:
        self.invited()
        for name in ("enterprise", "stranger", "first", "second"):
            self.answer(name)
        talks.plan(self.database, self.number, self.step("centre"), coming_only=True)
        self.world.later(7)
        meetings.begin(self.database, self.number, self.step("centre"))

    def came(self, *names: str, clock: str = "13:50") -> None:
        results.sign_in(self.database, self.number, self.step("centre", clock=clock), party_ids=[self.party(name) for name in names])

    def talk(self, enterprise: str, provider: str) -> int:
        with self.database.reading() as session:
            pair = self.party(enterprise), self.party(provider)
            query = select(MeetingTalk.id).where(MeetingTalk.enterprise_party_id == pair[0], MeetingTalk.provider_party_id == pair[1])
            return session.scalars(query).one()

    def record(self, enterprise: str, provider: str, draft: ResultDraft, **values: object) -> MeetingTalk:
        return results.record_result(self.database, self.talk(enterprise, provider), draft, self.step("centre", **values))  # type: ignore[arg-type]

    def state(self) -> MeetingState:
        with self.database.reading() as session:
            return session.get_one(Meeting, self.number).state

    def told(self, name: str) -> str:
        """All that this person can read of notices and tasks."""
        viewer = self.world.people[name]
        with self.database.reading() as session:
            notices = session.scalars(select(Notice).where(Notice.account_id == viewer.account_id))
            tasks = session.scalars(select(Task).where(Task.organisation_id.in_(viewer.organisation_ids)))
            return " ".join(f"{row.message} {row.values}" for row in (*notices, *tasks))

    def disclosed(self) -> set[tuple[int, int]]:
        with self.database.reading() as session:
            return {(row.problem_id, row.provider_id) for row in session.scalars(select(Disclosure))}


INTENT = ResultDraft("intent", 48_000_000, True, "谈了改造范围", "下周看现场")


@pytest.fixture
def hall(database: Database, tmp_path: Path) -> Hall:
    return Hall(database, tmp_path / "files")


def test_the_whole_way(hall: Hall) -> None:
    hall.held()
    assert hall.state() == M.HELD
    hall.came("enterprise", "first")
    hall.came("second", clock="14:40")
    done = hall.record("enterprise", "first", INTENT)
    hall.record("enterprise", "second", ResultDraft("none", note="暂不考虑"))
    world = hall.world
    with hall.database.reading() as session:
        row = session.get_one(Introduction, done.introduction_id)
        assert (row.state, row.place, row.brokering.place, row.brokering.state) == (IntroductionState.TALKING, "meeting", "meeting", "open")
        assert (row.position, row.model, row.features) == (1, "m1", {"text": 0.5})
        assert {(one.side, str(one.answer), one.way, one.account_id) for one in row.answers} == {
            (side, "accepted", "site", world.people["centre"].account_id) for side in ("enterprise", "provider")
        }
        # One need each: what the enterprise talked of with another provider is not this one's to read.
        assert session.scalars(select(BrokeringProblem.problem_id)).all() == [world.problems[0]]
        said = session.scalars(select(IntroductionMessage)).one()
        assert "48 万元" in said.text
        assert "下周看现场" in said.text
        assert said.met_on == hall.day
        assert [str(one.kind) for one in session.scalars(select(MatchEvent).order_by(MatchEvent.id))] == ["sent", "accepted", "accepted"]
        late = {party.code: party.late for party in find_parties(session, hall.number) if party.came_at}
        assert late == {"E01": False, "P01": False, "P02": True}
    assert refused(meetings.close, hall.database, hall.number, hall.step("centre")) == "unresolved"
    meetings.close(hall.database, hall.number, hall.step("centre"), rest_absent=True)
    assert hall.state() == M.CLOSED
    assert {kind for kind, _whose in world.tasks()} == {"quote"}
    with hall.database.reading() as session:
        assert {talk.result for talk in find_talks(session, hall.number)} == {"intent", "none", "absent"}
        assert find_broken_link(session) is None


def test_nobody_outside_hears_of_a_draft(hall: Hall) -> None:
    hall.add()
    talks.plan(hall.database, hall.number, hall.step("centre"))
    with hall.database.reading() as session:
        assert session.scalars(select(Notice)).all() == []
        assert session.scalars(select(Task)).all() == []
        public = session.get_one(Meeting, hall.number).public_id
        assert [bool(find_meeting(session, public, hall.world.people[name])) for name in ("bureau", "enterprise", "first")] == [
            True,
            False,
            False,
        ]


def test_only_the_centre_runs_it(hall: Hall) -> None:
    hall.add()
    for person in PERSONS:
        if person in ("centre", "centre2", "admin"):
            continue
        step = hall.step(person)
        assert refused(meetings.draft, hall.database, hall.typed(), step) == "not_allowed"
        for act in (talks.plan, invitations.invite, meetings.begin, meetings.close, invitations.remind):
            assert refused(act, hall.database, hall.number, step) == "not_allowed", (person, act)
        assert refused(meetings.cancel, hall.database, hall.number, step, why="x") == "not_allowed"
        assert refused(results.sign_in, hall.database, hall.number, step, code="E01") == "not_allowed"
        assert refused(results.record_result, hall.database, hall.talk("enterprise", "first"), INTENT, step) == "not_allowed"
        assert refused(talks.remove, hall.database, hall.talk("enterprise", "first"), step) == "not_allowed"


def test_the_name_is_told_once_both_have_said_that_they_come(hall: Hall) -> None:
    hall.invited()
    world = hall.world
    assert world.tasks() == {("answer_meeting", name) for name in (SECRET, "天津旁观化工有限公司", "first 单位", "second 单位")}
    hall.answer("first")
    assert hall.disclosed() == set()
    hall.answer("enterprise")
    # The second provider has not answered: it knows nothing, and never of the problem that is the first one's.
    assert hall.disclosed() == {(world.problems[0], world.providers["first"])}
    assert not any(word in hall.told(name) for name in ("first", "second", "stranger") for word in ("秘名", "旁观"))
    hall.answer("second")
    assert hall.disclosed() == {(world.problems[0], world.providers["first"]), (world.problems[1], world.providers["second"])}
    with hall.database.reading() as session:
        assert len(session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "disclose")).all()) == 2


def test_who_declines_loses_its_places_and_the_others_keep_theirs(hall: Hall) -> None:
    hall.invited()
    for name in ("enterprise", "stranger", "first", "second"):
        hall.answer(name)
    talks.plan(hall.database, hall.number, hall.step("centre"), coming_only=True)
    places = {name: _place(hall, "enterprise", name) for name in ("first", "second")}
    hall.answer("stranger", NO)
    assert _place(hall, "stranger", "second") == (None, None, "declined")
    assert ("plan_meeting", "centre") in hall.world.tasks()
    talks.plan(hall.database, hall.number, hall.step("centre"), coming_only=True)
    assert {name: _place(hall, "enterprise", name) for name in ("first", "second")} == places
    assert _place(hall, "stranger", "second") == (None, None, "declined")
    # It may think better of it.
    hall.answer("stranger")
    talks.plan(hall.database, hall.number, hall.step("centre"), coming_only=True)
    assert _place(hall, "stranger", "second")[2] == ""


def _place(hall: Hall, enterprise: str, provider: str) -> tuple[int | None, int | None, str]:
    with hall.database.reading() as session:
        talk = session.get_one(MeetingTalk, hall.talk(enterprise, provider))
        return talk.round, talk.table, talk.left_out


def test_another_talk_asks_anew_and_tells_nothing_before_the_answer(hall: Hall) -> None:
    hall.invited()
    for name in ("enterprise", "first", "second"):
        hall.answer(name)
    before = hall.disclosed()
    talks.add(hall.database, hall.number, [Pairing(hall.world.problems[1], hall.world.solutions["third"])], hall.step("centre"))
    assert invitations.invite(hall.database, hall.number, hall.step("centre")) == 2
    hall.answer("third")
    assert hall.disclosed() == before
    hall.answer("enterprise")
    assert hall.disclosed() == before | {(hall.world.problems[1], hall.world.providers["third"])}
    assert refused(invitations.invite, hall.database, hall.number, hall.step("centre")) == "nobody_to_invite"


def test_an_answer_is_its_own_or_has_a_way_and_a_proof(hall: Hall) -> None:
    hall.invited()
    act, own = invitations.answer, hall.party("enterprise")
    for person in ("stranger", "first", "bureau", "manager"):
        assert refused(act, hall.database, own, AnswerDraft("", True), hall.step(person)) == "not_allowed", person
    assert refused(act, hall.database, own, AnswerDraft("", False), hall.step("enterprise")) == "no_reason_chosen"
    assert refused(act, hall.database, own, AnswerDraft("", True), hall.step("centre")) == "no_way"
    by_phone = AnswerDraft("", True, way="phone")
    assert refused(act, hall.database, own, by_phone, hall.step("centre")) == "no_proof"
    act(hall.database, own, by_phone, hall.step("centre"), proof=hall.world.proof)
    with hall.database.reading() as session:
        assert session.get_one(MeetingParty, own).way == "phone"
    assert refused(act, hall.database, own, AnswerDraft("", True), hall.step("enterprise", seen=0)) == "changed_meanwhile"


def test_a_provider_that_takes_no_new_work_is_not_invited_and_learns_nothing(hall: Hall) -> None:
    hall.add()
    hall.world.move_provider("second", "order_rectification")
    assert refused(invitations.invite, hall.database, hall.number, hall.step("centre")) == "provider_takes_no_new"
    hall.world.move_provider("second", "reinstate")
    invitations.invite(hall.database, hall.number, hall.step("centre"))
    hall.answer("second")
    hall.world.move_provider("second", "order_rectification")
    hall.answer("stranger")
    assert hall.disclosed() == set()


def test_an_intention_joins_the_brokering_that_there_is(hall: Hall) -> None:
    world = hall.world
    number = world.sent("first", "second")
    hall.held()
    hall.came("enterprise", "first", "second", "stranger")
    done = hall.record("enterprise", "first", INTENT)
    other = hall.record("stranger", "second", ResultDraft("intent"))
    with hall.database.reading() as session:
        joined = session.get_one(Introduction, done.introduction_id)
        assert (joined.brokering_id, joined.state, joined.place) == (number, "talking", "plan")
        opened = session.get_one(Introduction, other.introduction_id)
        assert opened.brokering_id != number
        assert len(session.scalars(select(Brokering)).all()) == 2


def test_two_intentions_about_one_problem_share_a_brokering(hall: Hall) -> None:
    hall.add()
    gone = hall.talk("enterprise", "second")
    talks.remove(hall.database, gone, hall.step("centre"))
    # Whoever still has it on the page is told so.
    assert refused(talks.remove, hall.database, gone, hall.step("centre")) == "gone"
    talks.add(hall.database, hall.number, [Pairing(hall.world.problems[0], hall.world.solutions["second"])], hall.step("centre"))
    invitations.invite(hall.database, hall.number, hall.step("centre"))
    for name in ("enterprise", "stranger", "first", "second"):
        hall.answer(name)
    talks.plan(hall.database, hall.number, hall.step("centre"))
    hall.world.later(7)
    meetings.begin(hall.database, hall.number, hall.step("centre"))
    hall.came("enterprise", "first", "second")
    for name in ("first", "second"):
        hall.record("enterprise", name, INTENT)
    with hall.database.reading() as session:
        rows = session.scalars(select(Introduction)).all()
        assert len({row.brokering_id for row in rows}) == 1
        assert [str(row.state) for row in rows] == ["talking", "talking"]


def test_a_result_needs_both_and_stays_once_it_is_in_a_brokering(hall: Hall) -> None:
    hall.held()
    hall.came("enterprise")
    talk, act = hall.talk("enterprise", "first"), results.record_result
    assert refused(act, hall.database, talk, INTENT, hall.step("centre")) == "not_signed_in"
    act(hall.database, talk, ResultDraft("absent"), hall.step("centre"))
    hall.came("first")
    assert refused(act, hall.database, talk, INTENT, hall.step("centre", seen=0)) == "changed_meanwhile"
    act(hall.database, talk, INTENT, hall.step("centre"))
    assert refused(act, hall.database, talk, ResultDraft("none"), hall.step("centre")) == "in_case"
    assert refused(results.sign_out, hall.database, hall.party("first"), hall.step("centre")) == "talked_already"
    results.sign_in(hall.database, hall.number, hall.step("centre"), code=" p02 ")
    assert refused(results.sign_in, hall.database, hall.number, hall.step("centre"), code="P02") == "came_already"
    assert refused(results.sign_in, hall.database, hall.number, hall.step("centre"), code="X") == "nobody_came"
    results.sign_out(hall.database, hall.party("second"), hall.step("centre"))


def test_another_time_is_told_and_planned_anew(hall: Hall) -> None:
    hall.invited()
    hall.answer("enterprise")
    talks.plan(hall.database, hall.number, hall.step("centre"))
    assert _place(hall, "enterprise", "first")[0] is not None
    meetings.change(hall.database, hall.number, hall.typed(starts=900, ends=1000), hall.step("centre"))
    assert _place(hall, "enterprise", "first")[0] is None
    assert "安排有变动" in hall.told("first")
    assert (
        refused(meetings.change, hall.database, hall.number, hall.typed(title="另一名称"), hall.step("centre", seen=0))
        == "changed_meanwhile"
    )
    meetings.cancel(hall.database, hall.number, hall.step("centre"), why="场地检修")
    assert "场地检修" in hall.told("enterprise")
    assert hall.world.tasks() == set()


def test_whose_problems_are_proposed(hall: Hall) -> None:
    with hall.database.writing() as session:
        session.get_one(Problem, hall.world.problems[1]).scenario_code = "AUTO-02"
        session.execute(delete(Notice))
    with hall.database.reading() as session:
        assert {problem.id for problem, _takers, _best in find_wanted(session, "auto", "", most=9)} == set(hall.world.problems)
        assert [problem.id for problem, _takers, _best in find_wanted(session, "", "AUTO-02", most=9)] == [hall.world.problems[1]]
    with hall.database.writing() as session:
        setattr(session.get_one(Problem, hall.world.problems[1]), "state", ProblemState.SOLVED)  # noqa: B010
    with hall.database.reading() as session:
        assert find_wanted(session, "", "AUTO-02", most=9) == []
    closed = [Pairing(hall.world.problems[1], hall.world.solutions["first"])]
    assert refused(talks.add, hall.database, hall.number, closed, hall.step("centre")) == "problem_closed"


def _some_act(hall: Hall, chance: random.Random) -> None:
    """Something that somebody tries; more often than not somebody who may."""
    database, names = hall.database, ("enterprise", "stranger", "first", "second", "third")

    def who(person: str) -> Step:
        return hall.step(person if chance.random() < 0.85 else chance.choice(list(PERSONS)))

    with database.reading() as session:
        parties, rows = find_parties(session, hall.number), find_talks(session, hall.number)
        party, talk = (chance.choice(parties).id if parties else 0), (chance.choice(rows).id if rows else 0)
    name = chance.choice(names)
    pairing = Pairing(chance.choice([*hall.world.problems, hall.foreign]), chance.choice(list(hall.world.solutions.values())))
    draft = ResultDraft(chance.choice(("intent", "none", "absent", "")), chance.choice((None, 5_000_000)))
    acts: list[Callable[[], object]] = [
        lambda: talks.add(database, hall.number, [pairing], who("centre")),
        lambda: talks.plan(database, hall.number, who("centre"), keep=chance.random() < 0.7, coming_only=chance.random() < 0.5),
        lambda: invitations.invite(database, hall.number, who("centre")),
        lambda: hall.answer(name, chance.choice((AnswerDraft("", True), AnswerDraft("", True), AnswerDraft("", False, "timing")))),
        lambda: hall.answer(name, AnswerDraft("", True)),
        lambda: meetings.begin(database, hall.number, who("centre")),
        lambda: results.sign_in(database, hall.number, who("centre"), party_ids=[party]),
        lambda: results.record_result(database, talk, draft, who("centre")),
        lambda: results.record_result(database, talk, draft, who("centre")),
        lambda: meetings.close(database, hall.number, who("centre"), rest_absent=chance.random() < 0.3),
        lambda: meetings.reopen(database, hall.number, who("centre"), why="补记"),
        lambda: talks.remove(database, talk, who("centre")),
        lambda: hall.world.later(1),
        lambda: hall.world.move_provider(chance.choice(("first", "second")), chance.choice(("order_rectification", "reinstate"))),
    ]
    chance.choice(acts)()


def assert_sound(hall: Hall) -> None:
    with hall.database.reading() as session:
        rows = find_talks(session, hall.number)
        placed = [(talk.round, talk.table) for talk in rows if talk.round is not None]
        assert len(set(placed)) == len(placed)
        for side in ("enterprise_party_id", "provider_party_id"):
            assert len({(getattr(talk, side), talk.round) for talk in rows if talk.round is not None}) == len(placed)
        # What was told stays told, also where somebody thought better of it or the talk was taken out.
        hall.allowed |= {(talk.problem_id, talk.provider_party.provider_id or 0) for talk in rows if talk.is_mutual or talk.introduction_id}
        assert hall.disclosed() <= hall.allowed
        for talk in rows:
            assert (talk.introduction_id is not None) <= (talk.result == "intent")


def test_random_walks(sqlite_database: Database, tmp_path: Path) -> None:
    for seed in range(2):
        chance = random.Random(seed)
        with sqlite_database.reading() as session:
            first = session.scalar(select(Meeting.id).limit(1)) is None
        if first:
            hall = Hall(sqlite_database, tmp_path / "files")
        else:
            for name in ("first", "second"):
                with suppress(RefusedError):
                    hall.world.move_provider(name, "reinstate")
            hall.world.day = NOW.date()
            hall.day = NOW.date() + timedelta(7)
            hall.number = meetings.draft(sqlite_database, hall.typed(), hall.step("centre")).id
        hall.add()
        done = 0
        for _step in range(40):
            try:
                _some_act(hall, chance)
                done += 1
            except (RefusedError, NoResultFound, StopIteration):
                pass
            assert_sound(hall)
        assert done > 10, seed
    with sqlite_database.reading() as session:
        assert find_broken_link(session) is None


def test_viewers_without_a_unit_read_nothing(hall: Hall) -> None:
    hall.invited()
    with hall.database.reading() as session:
        public = session.get_one(Meeting, hall.number).public_id
        assert find_meeting(session, public, Viewer()) is None
        assert find_meeting(session, public, hall.world.people["third"]) is None
        assert find_meeting(session, public, hall.world.people["first"]) is not None


def test_who_is_silent_is_reminded_before_the_term(hall: Hall) -> None:
    hall.invited()
    hall.answer("first")

    def reminded(days: int) -> set[str]:
        """Whom the night reminds so many days later."""
        hall.world.later(days)
        act, asked = hall.step("centre"), "请答复是否参加"
        before = {name: hall.told(name).count(asked) for name in ("enterprise", "stranger", "first", "second")}
        with hall.database.writing() as session:
            count = invitations.remind_before_term(session, Act(CLOCK, act.at, act.today), PILOT.brokering.remind_days)
        found = {name for name, told in before.items() if hall.told(name).count(asked) > told}
        assert count == len(found)
        return found

    # From a Wednesday on; answers are due on Monday, and on Friday one working day is left.
    assert reminded(1) == set()
    assert reminded(1) == {"enterprise", "stranger", "second"}
    hall.answer("second", NO)
    assert reminded(1) == set()
    assert reminded(1) == set()
    assert reminded(1) == {"enterprise", "stranger"}
    assert reminded(1) == set()
    with hall.database.reading() as session:
        query = select(HistoryEntry.actor).where(HistoryEntry.noun == "meeting", HistoryEntry.verb == "remind")
        assert set(session.scalars(query)) == {CLOCK.name}
