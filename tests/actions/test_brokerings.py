"""Brokering from the first draft to the enterprise's stars: what each step writes, and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions import brokering_awards as awards
from marketplace.actions import brokering_ends as ends
from marketplace.actions import brokerings, implementations, inquiries, introduction_links, introduction_talks, introductions
from marketplace.actions.brokering_steps import CLOCK, Step
from marketplace.actions.implementations import ConfirmDraft
from marketplace.actions.inquiries import InquiryDraft
from marketplace.domain.access import ANYONE
from marketplace.domain.brokerings import BrokeringState, ContractDraft, CriterionDraft
from marketplace.domain.introductions import AnswerDraft, IntroductionState
from marketplace.jobs.brokerings import look_at
from marketplace.records.adjustments import find_effects
from marketplace.records.brokerings import Brokering, find_brokering_problems
from marketplace.records.database import Database
from marketplace.records.files import find_attachments
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.introductions import AnswerLink, Introduction, find_latest_proposals, find_proposals
from marketplace.records.match_events import MatchEvent
from marketplace.records.matches import Outcome
from marketplace.records.notices import Notice
from marketplace.records.problems import Disclosure
from marketplace.records.ratings import RatingEvent
from marketplace.records.solutions import Solution
from marketplace.records.tasks import Task
from tests.actions.brokering import CRITERIA, PILOT, SECRET, World, open_world, refused
from tests.conftest import NOW

B, S = BrokeringState, IntroductionState


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return open_world(database, tmp_path / "files")


def events(world: World) -> list[tuple[str, str]]:
    with world.database.reading() as session:
        return [(str(row.kind), row.side) for row in session.scalars(select(MatchEvent).order_by(MatchEvent.id))]


def outcomes(world: World) -> list[tuple[str, str | None]]:
    with world.database.reading() as session:
        rows = session.scalars(select(Outcome).order_by(Outcome.id))
        return [(str(row.decision), str(row.acceptance) if row.acceptance else None) for row in rows]


def ratings(world: World) -> list[tuple[str, dict[str, object]]]:
    with world.database.reading() as session:
        return [(str(row.kind), row.payload) for row in session.scalars(select(RatingEvent).order_by(RatingEvent.id))]


def test_the_whole_way(world: World) -> None:
    number = world.finished("first", "second")
    assert world.state(number) == B.FINISHED
    assert world.states(number) == [S.AWARDED, S.NOT_CHOSEN]
    found = world.brokering(number)
    # The one that was not chosen is still owed a word.
    assert (found.number, found.lane, found.waits_step) == ("DJ-2026-0001", "decided", "feedback")
    assert ("feedback", "centre") in world.tasks()
    lost, centre = world.of(number, "second"), world.step("centre")
    assert refused(awards.feedback, world.database, lost, centre, text="选了first 单位，它便宜一成。") == "names_another"
    awards.feedback(world.database, world.of(number, "second"), world.step("centre"), text="报价高出一成，其余相当。")
    assert world.brokering(number).lane == ""
    assert world.tasks() == set()
    kinds = [kind for kind, _side in events(world)]
    assert kinds.count("sent") == 2
    assert kinds.count("accepted") == 4
    assert kinds[-3:] == ["not_chosen", "awarded", "finished"]
    assert sorted(outcomes(world)) == [("accepted", "passed"), ("declined", None)]
    assert [kind for kind, _payload in ratings(world)] == ["response", "response", "on_time", "acceptance", "enterprise_rating", "effect"]
    with world.database.reading() as session:
        finished = session.scalars(select(MatchEvent).where(MatchEvent.kind == "finished")).one()
        assert (finished.position, finished.model, finished.features) == (1, "m1", {"text": 0.5})
        assert finished.value == pytest.approx(0.875)
        assert find_broken_link(session) is None


def test_a_late_end_is_told_to_the_rating_in_working_days(world: World) -> None:
    world.finished("first", late=True)
    on_time = dict(ratings(world))["on_time"]
    assert on_time["on_time"] is False
    assert on_time["days_late"] == 11


def test_criteria_are_fixed_once_sent_and_weigh_a_hundred(world: World) -> None:
    number = world.draft("first", criteria=False)
    act = brokerings.set_criteria
    assert refused(act, world.database, number, [CriterionDraft("快", "nice", 90)], world.step("centre")) == "weights"
    assert refused(act, world.database, number, CRITERIA, world.step("enterprise")) == "not_allowed"
    act(world.database, number, CRITERIA, world.step("centre"))
    brokerings.send(world.database, number, world.step("centre"))
    assert refused(act, world.database, number, CRITERIA, world.step("centre")) == "criteria_fixed"


def test_terms_are_working_days_and_stay_with_the_brokering(world: World) -> None:
    number = world.sent("first")
    with world.database.reading() as session:
        row = session.get_one(Introduction, world.of(number, "first"))
        # 2026-11-25 is a Wednesday.
        assert {one.side: one.due.isoformat() for one in row.answers} == {"enterprise": "2026-12-02", "provider": "2026-11-30"}
    assert world.tasks() == {("answer", "first 单位"), ("answer", SECRET)}
    assert world.brokering(number).waits_for == "both"


def test_nobody_hears_of_a_draft(world: World) -> None:
    world.draft("first")
    with world.database.reading() as session:
        assert session.scalars(select(Notice)).all() == []
    assert world.tasks() == {("send", "centre")}


def test_a_provider_never_reads_whose_need_it_is_before_both_accepted(world: World) -> None:
    number = world.sent("first")
    one = world.of(number, "first")

    def told() -> str:
        with world.database.reading() as session:
            of_provider = {viewer.account_id for name, viewer in world.people.items() if name == "first"}
            notices = session.scalars(select(Notice).where(Notice.account_id.in_(of_provider)))
            tasks = session.scalars(select(Task).where(Task.organisation_id.in_(world.people["first"].organisation_ids)))
            return " ".join(f"{row.message} {row.values}" for row in (*notices, *tasks))

    world.answer(one, "enterprise")
    with world.database.reading() as session:
        assert session.scalars(select(Disclosure)).all() == []
    world.answer(one, "provider")
    assert "秘名" not in told()
    with world.database.reading() as session:
        agreed = session.scalars(select(Disclosure)).one()
        assert (agreed.problem_id, agreed.provider_id) == (world.problems[0], world.providers["first"])


def test_an_answer_is_given_once_by_its_own_side(world: World) -> None:
    number = world.sent("first", "second")
    one = world.of(number, "first")
    act, step = introductions.answer, world.step
    yes = AnswerDraft("provider", True)
    assert refused(act, world.database, one, yes, step("second")) == "not_allowed"
    assert refused(act, world.database, one, yes, step("enterprise")) == "not_allowed"
    assert refused(act, world.database, one, AnswerDraft("enterprise", True), step("stranger")) == "not_allowed"
    assert refused(act, world.database, one, AnswerDraft("provider", False), step("first")) == "no_reason_chosen"
    assert refused(act, world.database, one, AnswerDraft("provider", False, "delivery"), step("first")) == "no_reason_chosen"
    assert refused(act, world.database, one, AnswerDraft("provider"), step("first")) == "no_choice"
    act(world.database, one, yes, step("first"))
    assert refused(act, world.database, one, yes, step("first")) == "answered_already"


def test_an_answer_on_behalf_needs_a_way_and_a_proof(world: World) -> None:
    number = world.sent("first")
    one = world.of(number, "first")
    act = introductions.answer
    draft = AnswerDraft("enterprise", True)
    assert refused(act, world.database, one, draft, world.step("centre"), proof=world.proof) == "no_way"
    draft.way = "phone"
    assert refused(act, world.database, one, draft, world.step("centre")) == "no_proof"
    assert refused(act, world.database, one, draft, world.step("bureau"), proof=world.proof) == "not_allowed"
    act(world.database, one, draft, world.step("centre"), proof=world.proof)
    with world.database.reading() as session:
        given = session.get_one(Introduction, one).answer_of("enterprise")
        assert given is not None
        assert (given.way, given.account_id) == ("phone", world.people["centre"].account_id)
        assert [row.kind for row in find_attachments(session, "introduction", one)] == ["behalf_enterprise"]


def test_a_decline_ends_it_and_teaches(world: World) -> None:
    number = world.sent("first")
    world.answer(world.of(number, "first"), "enterprise", accepts=False)
    assert world.states(number) == [S.DECLINED]
    assert outcomes(world) == [("declined", None)]
    assert events(world)[-1] == ("declined", "enterprise")
    # Nobody is left: the centre finds another.
    assert world.brokering(number).waits_step == "replace"
    assert world.tasks() == {("replace", "centre")}
    brokerings.add(world.database, number, [brokerings.Line(world.solutions["second"])], world.step("centre"))
    brokerings.send(world.database, number, world.step("centre"))
    assert world.states(number) == [S.DECLINED, S.SENT]


def test_stepping_back_from_talks(world: World) -> None:
    number = world.talking("first")
    introductions.step_back(world.database, world.of(number, "first"), AnswerDraft("provider", False, "capacity"), world.step("first"))
    assert world.states(number) == [S.DECLINED]


def test_reminders_then_silence(world: World) -> None:
    number = world.sent("first")

    def night() -> dict[str, Any]:
        return look_at(world.database, Step(CLOCK, NOW + (world.day - NOW.date()), world.day, PILOT.brokering, PILOT.rating))

    assert night() == {"reminded": 0, "lapsed": 0}
    world.later(2)  # Friday, the provider's term ends on Monday
    assert night() == {"reminded": 1, "lapsed": 0}
    assert night() == {"reminded": 0, "lapsed": 0}
    world.later(5)  # Wednesday: the provider is late, the centre rings it up; the enterprise's last day
    assert night()["reminded"] == 1
    assert ("chase", "centre") in world.tasks()
    assert refused(introductions.lapse, world.database, world.of(number, "first"), world.step("centre")) == "term_runs"
    world.later(6)
    assert night()["lapsed"] == 1
    assert world.states(number) == [S.LAPSED]
    assert outcomes(world) == [("no_response", None)]
    assert ratings(world) == [("response", {"answered": False})]
    assert events(world)[-1] == ("lapsed", "provider")


def test_response_days_reach_the_rating(world: World) -> None:
    number = world.sent("first")
    world.later(5)
    world.answer(world.of(number, "first"), "provider")
    assert ratings(world) == [("response", {"answered": True, "days": 3})]


def test_versions_of_a_proposal_are_kept(world: World) -> None:
    number = world.talking("first")
    world.quote(number, "first", wan=60)
    world.quote(number, "first", wan=55)
    with world.database.reading() as session:
        rows = find_proposals(session, world.of(number, "first"))
        assert [(row.version, row.price_fen) for row in rows] == [(2, 55_000_000), (1, 60_000_000)]
    brokerings.compare(world.database, number, world.step("centre"))
    assert refused(world.quote, number, "first") == "quoting_over"


def test_a_quote_on_behalf_says_how_it_came(world: World) -> None:
    number = world.talking("first")
    assert refused(world.quote, number, "first", person="centre") == "no_way"
    assert refused(world.quote, number, "first", person="enterprise", way="mail") == "not_allowed"
    world.quote(number, "first", person="centre", way="mail")
    assert world.states(number) == [S.QUOTED]


def test_scores_are_the_enterprises_or_the_centres(world: World) -> None:
    number = world.talking("first")
    world.quote(number, "first")
    one = world.of(number, "first")
    with world.database.reading() as session:
        criteria = [row.criterion_id for row in find_latest_proposals(session, [one])[one].answers]
    scores = dict.fromkeys(criteria, 8)
    assert refused(introduction_talks.score, world.database, one, scores, world.step("first")) == "not_allowed"
    assert refused(introduction_talks.score, world.database, one, dict.fromkeys(criteria, 11), world.step("centre")) == "score_range"
    introduction_talks.score(world.database, one, scores, world.step("enterprise"))
    with world.database.reading() as session:
        assert [row.score for row in find_latest_proposals(session, [one])[one].answers] == [8, 8]


def test_one_is_awarded_and_the_others_end(world: World) -> None:
    number = world.sent("first", "second", "third")
    for name in ("first", "second"):
        for side in ("enterprise", "provider"):
            world.answer(world.of(number, name), side)
        world.quote(number, name)
    assert refused(awards.award, world.database, world.of(number, "first"), world.step("enterprise"), why="好") == "not_comparing"
    brokerings.compare(world.database, number, world.step("centre"))
    assert refused(awards.award, world.database, world.of(number, "first"), world.step("first"), why="好") == "not_allowed"
    assert refused(awards.award, world.database, world.of(number, "first"), world.step("enterprise"), why=" ") == "required"
    awards.award(world.database, world.of(number, "first"), world.step("enterprise"), why="价格合适")
    assert world.states(number) == [S.AWARDED, S.NOT_CHOSEN, S.WITHDRAWN]
    assert refused(awards.award, world.database, world.of(number, "second"), world.step("enterprise"), why="好") == "not_comparing"


def test_two_brokers_on_one_brokering(world: World) -> None:
    number = world.draft("first")
    seen = last_entry(world, number)
    brokerings.assign(world.database, number, world.people["centre2"].account_id or 0, world.step("centre", seen=seen))
    assert refused(brokerings.send, world.database, number, world.step("centre2", seen=seen)) == "changed_meanwhile"
    brokerings.send(world.database, number, world.step("centre2", seen=last_entry(world, number)))
    assert ("answer", SECRET) in world.tasks()


def last_entry(world: World, number: int) -> int:
    from marketplace.records.history import find_last_entry

    with world.database.reading() as session:
        return find_last_entry(session, "brokering", number)


def test_none_suitable_and_feedback(world: World) -> None:
    number = world.comparing("first")
    assert refused(ends.none_suitable, world.database, number, world.step("manager"), why="都不合适") == "not_allowed"
    ends.none_suitable(world.database, number, world.step("enterprise"), why="都超预算")
    assert (world.state(number), world.states(number)) == (B.NONE_SUITABLE, [S.NOT_CHOSEN])
    assert world.tasks() == {("feedback", "centre")}


def test_an_enterprise_withdraws_any_time_before_a_contract(world: World, database: Database) -> None:
    number = world.awarded("first", "second")
    ends.withdraw(database, number, world.step("enterprise"), why="今年不改了")
    assert world.state(number) == B.WITHDRAWN
    assert world.states(number)[0] == S.WITHDRAWN
    assert sorted(outcomes(world)) == [("declined", None), ("declined", None)]
    again = world.contracted("third")
    assert refused(ends.withdraw, database, again, world.step("enterprise"), why="不改了") == "wrong_state"


def test_a_contract_needs_its_scan_and_sound_dates(world: World) -> None:
    number = world.awarded("first")
    act, day = awards.record_contract, world.day
    good = ContractDraft(1_000_000, day, day, day + timedelta(9))
    assert refused(act, world.database, number, good, world.step("enterprise"), scan=None) == "no_scan"
    bad = ContractDraft(1_000_000, day, day, day - timedelta(1))
    assert refused(act, world.database, number, bad, world.step("enterprise"), scan=world.proof) == "ends_before"
    assert refused(act, world.database, number, good, world.step("first"), scan=world.proof) == "not_allowed"
    act(world.database, number, good, world.step("centre"), scan=world.proof)
    awards.reserve(world.database, number, world.step("centre"))
    assert (world.state(number), world.brokering(number).lane) == (B.RESERVE, "")


def test_only_what_is_finished_is_confirmed(world: World) -> None:
    number = world.contracted("first")
    implementations.start(world.database, number, world.day, world.step("first"))
    draft = ConfirmDraft("passed", 5)
    assert refused(implementations.confirm, world.database, number, draft, world.step("enterprise")) == "not_finished"
    assert refused(implementations.confirm, world.database, number, draft, world.step("first")) == "not_allowed"


@pytest.mark.parametrize("event", ["order_rectification", "retire"])
def test_a_provider_that_falls_away_freezes_what_is_under_way(world: World, event: str) -> None:
    number = world.talking("first", "second")
    world.move_provider("first", event)
    assert world.states(number) == [S.FROZEN, S.TALKING]
    assert ("replace", "centre") in world.tasks()
    assert ("quote", "first 单位") not in world.tasks()
    with world.database.reading() as session:
        said = [(row.account_id, row.message) for row in session.scalars(select(Notice)) if "冻结" in row.message]
    accounts = {viewer.account_id: name for name, viewer in world.people.items()}
    assert {accounts[one] for one, _message in said} == {"first", "enterprise", "centre"}
    # In its place another one; the frozen one is taken out.
    brokerings.add(world.database, number, [brokerings.Line(world.solutions["third"])], world.step("centre"))
    ends.take_out(world.database, world.of(number, "first"), world.step("centre"), why="换一家")
    brokerings.send(world.database, number, world.step("centre"))
    assert world.states(number) == [S.WITHDRAWN, S.TALKING, S.SENT]
    # Whoever decides on the third sees that somebody waits for its answer.
    with world.database.reading() as session:
        third = session.get_one(Solution, world.solutions["third"])
        assert [row["solution"] for row in find_effects(session, third.provider_id).open] == [third.title]


def test_the_chosen_one_falls_away_before_the_contract(world: World) -> None:
    number = world.awarded("first", "second")
    world.move_provider("first", "order_rectification")
    assert (world.state(number), world.states(number)) == (B.OPEN, [S.FROZEN, S.NOT_CHOSEN])
    assert sorted(outcomes(world)) == [("declined", None), ("declined", None)]
    introductions.reconsider(world.database, world.of(number, "second"), world.step("centre"))
    brokerings.compare(world.database, number, world.step("centre"))
    awards.award(world.database, world.of(number, "second"), world.step("centre"), why="次优")
    assert world.states(number) == [S.WITHDRAWN, S.AWARDED]


def test_signed_work_goes_on(world: World) -> None:
    number = world.contracted("first")
    world.move_provider("first", "retire")
    assert (world.state(number), world.states(number)) == (B.CONTRACTED, [S.AWARDED])


def test_a_provider_that_is_back_goes_on(world: World) -> None:
    number = world.talking("first")
    world.quote(number, "first")
    world.move_provider("first", "order_rectification")
    assert refused(introductions.thaw, world.database, world.of(number, "first"), world.step("centre")) == "provider_takes_no_new"
    world.move_provider("first", "reinstate")
    introductions.thaw(world.database, world.of(number, "first"), world.step("centre"))
    assert world.states(number) == [S.QUOTED]


def test_a_provider_on_a_break_is_not_introduced(world: World) -> None:
    number = world.draft("first")
    world.move_provider("second", "order_rectification")
    line = [brokerings.Line(world.solutions["second"])]
    assert refused(brokerings.add, world.database, number, line, world.step("centre")) == "provider_takes_no_new"
    world.move_provider("first", "retire")
    assert refused(brokerings.send, world.database, number, world.step("centre")) == "no_introduction"


def test_a_link_answers_once(world: World) -> None:
    number = world.sent("first")
    one = world.of(number, "first")
    make, use = introduction_links.make_answer_link, introduction_links.answer_by_link
    assert refused(make, world.database, one, "enterprise", world.step("enterprise")) == "not_allowed"
    first = make(world.database, one, "enterprise", world.step("centre"))
    secret = make(world.database, one, "enterprise", world.step("centre"))
    with world.database.reading() as session:
        assert all(secret not in row.secret_hash for row in session.scalars(select(AnswerLink)))
        assert introduction_links.find_living_link(session, first, NOW) is None
        assert introduction_links.find_living_link(session, secret, NOW) is not None
    anyone = Step(ANYONE, NOW, world.day, PILOT.brokering, PILOT.rating)
    # What was refused for what was typed can be tried again.
    assert refused(use, world.database, secret, AnswerDraft(accepts=False), anyone) == "no_reason_chosen"
    use(world.database, secret, AnswerDraft(accepts=True), anyone)
    assert refused(use, world.database, secret, AnswerDraft(accepts=True), anyone) == "answer_link_dead"
    assert refused(use, world.database, "made up", AnswerDraft(accepts=True), anyone) == "answer_link_dead"
    with world.database.reading() as session:
        given = session.get_one(Introduction, one).answer_of("enterprise")
        assert given is not None
        assert given.by_link
        assert session.scalars(select(Disclosure)).all() == []


def test_a_link_ends_with_its_days_and_with_an_answer_by_another_way(world: World) -> None:
    number = world.sent("first")
    one = world.of(number, "first")
    secret = introduction_links.make_answer_link(world.database, one, "provider", world.step("centre"))
    with world.database.reading() as session:
        assert introduction_links.find_living_link(session, secret, NOW + timedelta(days=8)) is None
    world.answer(one, "provider")
    with world.database.reading() as session:
        assert introduction_links.find_living_link(session, secret, NOW) is None
    assert refused(introduction_links.make_answer_link, world.database, one, "provider", world.step("centre")) == "not_asked"


def test_confirming_by_link(world: World) -> None:
    number = world.contracted("first")
    implementations.start(world.database, number, world.day, world.step("centre"))
    figures = implementations.FinishDraft(world.day, "好了")
    implementations.report_finish(world.database, number, figures, world.step("centre"))
    one = world.of(number, "first")
    secret = introduction_links.make_answer_link(world.database, one, "enterprise", world.step("centre"))
    anyone = Step(ANYONE, NOW, world.day, PILOT.brokering, PILOT.rating)
    assert refused(introduction_links.answer_by_link, world.database, secret, AnswerDraft(accepts=True), anyone) == "answer_link_dead"
    introduction_links.confirm_by_link(world.database, secret, ConfirmDraft("rectified", 3), anyone)
    assert world.state(number) == B.FINISHED
    assert outcomes(world) == [("accepted", "rectified")]


def test_messages_are_for_those_who_talk(world: World) -> None:
    number = world.sent("first", "second")
    one = world.of(number, "first")
    say = introduction_talks.say
    assert refused(say, world.database, one, "您好", world.step("enterprise")) == "not_talking_yet"
    for side in ("enterprise", "provider"):
        world.answer(one, side)
    for person in ("enterprise", "first", "centre"):
        say(world.database, one, f"{person} 说", world.step(person), files=[world.proof])
    say(world.database, one, "现场看过", world.step("centre"), met_on=world.day)
    for person in ("second", "stranger", "bureau"):
        assert refused(say, world.database, one, "让我看看", world.step(person)) == "not_allowed"
    assert refused(say, world.database, one, "明天见", world.step("centre"), met_on=world.day + timedelta(1)) == "future"


def test_an_inquiry_opens_a_brokering_with_the_centre_in_copy(world: World) -> None:
    draft = InquiryDraft(world.problems[0], "能接 2005 年的压床吗", world.day + timedelta(30))
    act = inquiries.inquire
    assert refused(act, world.database, world.enterprise, world.solutions["first"], draft, world.step("stranger")) == "not_allowed"
    assert (
        refused(act, world.database, world.enterprise, world.solutions["first"], InquiryDraft(), world.step("enterprise")) == "no_problem"
    )
    inquiry = act(world.database, world.enterprise, world.solutions["first"], draft, world.step("enterprise"))
    with world.database.reading() as session:
        brokering = session.get_one(Brokering, inquiry.brokering_id)
        assert (brokering.state, brokering.place, brokering.waits_for) == (B.OPEN, "inquiry", "provider")
        told = {row.account_id for row in session.scalars(select(Notice))}
    assert {world.people[name].account_id for name in ("centre", "centre2", "first")} == told
    one = world.of(inquiry.brokering_id, "first")
    world.answer(one, "provider")
    assert world.states(inquiry.brokering_id) == [S.TALKING]


def test_a_problem_of_another_or_closed_is_not_brokered(world: World) -> None:
    act = brokerings.draft
    step = world.step("centre")
    assert refused(act, world.database, world.enterprise, [], [], step) == "no_problem"
    assert refused(act, world.database, world.enterprise + 1, world.problems[:1], [], step) == "problem_closed"
    assert refused(act, world.database, world.enterprise, world.problems[:1], [], world.step("manager")) == "not_allowed"
    empty = act(world.database, world.enterprise, world.problems[:1], [], step)
    assert refused(brokerings.send, world.database, empty.id, step) == "no_introduction"


@pytest.mark.parametrize(("result", "state"), [("passed", "solved"), ("rectified", "solved"), ("failed", "open")])
def test_what_is_finished_well_needs_no_more_matches(world: World, result: str, state: str) -> None:
    number = world.contracted("first")
    implementations.start(world.database, number, world.day, world.step("centre"))
    implementations.report_finish(world.database, number, implementations.FinishDraft(world.day, "好了"), world.step("centre"))
    implementations.confirm(world.database, number, ConfirmDraft(result, 3), world.step("enterprise"))
    with world.database.reading() as session:
        assert {str(one.state) for one in find_brokering_problems(session, number)} == {state}
        told = session.scalars(select(HistoryEntry.why).where(HistoryEntry.noun == "problem", HistoryEntry.verb == "solve")).all()
    assert told == (["DJ-2026-0001"] if state == "solved" else [])
