"""Open demands from the draft to the brokering: who may, what follows, what is told to whom, and the edges of the days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions import open_answers, open_demand_choices, open_demands, open_questions
from marketplace.actions.brokering_steps import CLOCK, Act
from marketplace.actions.open_demand_choices import Choice
from marketplace.actions.open_demands_told import tell_of_all
from marketplace.domain.open_demands import OpenDemandState
from marketplace.records.brokerings import Brokering, find_brokering_problems, find_criteria
from marketplace.records.coverage import DemandMatch
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import find_attachments
from marketplace.records.history import find_broken_link, find_last_entry
from marketplace.records.introductions import find_introductions, find_latest_proposals
from marketplace.records.match_events import MatchEvent
from marketplace.records.notices import Notice
from marketplace.records.open_demands import OpenDemand, OpenQuestion, find_demand_problems
from marketplace.records.problems import Disclosure, Problem
from marketplace.records.tasks import Task
from tests.actions.brokering import SECRET, TODAY, refused
from tests.actions.open_demanding import TEXT, Market, open_market


@pytest.fixture
def market(sqlite_database: Database, tmp_path: Path) -> Market:
    return open_market(sqlite_database, tmp_path / "files")


def test_the_whole_way(database: Database, tmp_path: Path) -> None:
    market = open_market(database, tmp_path / "files")
    number = market.submitted()
    assert ("check", "centre") in market.world.tasks()
    open_demands.send_back(database, number, market.step("centre"), why="请写清楚停多久")
    assert ("revise", SECRET) in market.world.tasks()
    open_demands.change(database, number, market.draft(text=TEXT + "夜班也停。"), market.step("enterprise"))
    open_demands.submit(database, number, market.step("enterprise"))
    open_demands.publish(database, number, market.step("centre"))
    question = market.ask(number, "first")
    assert ("reply", SECRET) in market.world.tasks()
    open_questions.reply(database, question, "七月大修停五天。", market.step("enterprise"))
    assert ("reply", SECRET) not in market.world.tasks()
    for name in ("first", "second", "third"):
        market.answer(number, name)
    market.answer(number, "first", price_low_fen=28_000_000)
    market.world.later(21)
    with database.writing() as session:
        assert open_demands.close_over(session, Act(CLOCK, market.step("centre").at, market.day)) == 1
    assert ("conclude", SECRET) in market.world.tasks()
    brokering = market.conclude(number, "first", "third")
    assert market.state(number) == OpenDemandState.CONCLUDED
    assert market.answers(number) == ["chosen", "not_chosen", "chosen"]
    assert not {kind for kind, _who in market.world.tasks()} & {"check", "revise", "reply", "conclude"}
    with database.reading() as session:
        made = session.get_one(Brokering, brokering)
        assert (made.place, made.state, made.lane) == ("demand", "open", "talks")
        rows = find_introductions(session, brokering)
        assert [str(row.state) for row in rows] == ["quoted", "quoted"]
        assert all(row.is_mutual for row in rows)
        offers = find_latest_proposals(session, [row.id for row in rows])
        assert {offers[row.id].price_fen for row in rows} == {45_000_000}
        assert [one.meets for one in offers[rows[0].id].answers] == ["yes", "yes"]
        assert [row.text for row in find_criteria(session, brokering)] == ["能接旧压床", "本地有人"]
        # What was written freely stands in the enterprise's list now, and the two know whose it is; the third does not.
        (problem,) = find_brokering_problems(session, brokering)
        assert problem.text.startswith(TEXT)
        told = set(session.scalars(select(Disclosure.provider_id)))
        assert told == {market.world.providers["first"], market.world.providers["third"]}
        events = session.execute(select(MatchEvent.kind, MatchEvent.side, MatchEvent.provider_id).where(MatchEvent.place == "demand")).all()
        assert ("declined", "enterprise", market.world.providers["second"]) in {(str(kind), side, who) for kind, side, who in events}
        assert find_broken_link(session) is None
    second = market.of(number, "second")
    assert second is not None
    assert second.feedback == "这次选了报价低的。"


def test_versions_are_kept_and_files_go_along(market: Market) -> None:
    number = market.published()
    draft = market.answer_draft("first", number)
    step, who = market.step("first"), market.world.providers["first"]
    open_answers.put(market.database, number, who, draft, step, files=[market.world.proof])
    draft.weeks = 6
    open_answers.put(market.database, number, who, draft, step)
    found = market.of(number, "first")
    assert found is not None
    assert [(one.version, one.weeks) for one in found.versions] == [(2, 6), (1, 8)]
    market.world.later(21)
    brokering = market.conclude(number, "first")
    with market.database.reading() as session:
        offer = next(iter(find_latest_proposals(session, [row.id for row in find_introductions(session, brokering)]).values()))
        assert [file.filename for file in find_attachments(session, "proposal", offer.id)] == [market.world.proof.filename]
        assert offer.account_id == market.world.people["first"].account_id


def test_an_offer_that_is_valid_no_longer_is_not_carried_over(market: Market) -> None:
    number = market.published()
    market.answer(number, "first", valid_until=TODAY + timedelta(21))
    market.world.later(30)
    brokering = market.conclude(number, "first")
    with market.database.reading() as session:
        assert [str(row.state) for row in find_introductions(session, brokering)] == ["talking"]


def test_the_last_second_counts_and_the_next_one_does_not(market: Market) -> None:
    number = market.published()
    market.world.day, market.clock = TODAY + timedelta(10), time(23, 59, 59)
    market.ask(number, "first")
    market.world.day, market.clock = TODAY + timedelta(11), time(0, 0)
    assert refused(market.ask, number, "first") == "questions_over"
    market.world.day, market.clock = TODAY + timedelta(20), time(23, 59, 59)
    market.answer(number, "first")
    assert refused(market.conclude, number, "first") == "wrong_state"
    # Nobody has closed it yet, and still it is over.
    market.world.day, market.clock = TODAY + timedelta(21), time(0, 0)
    assert refused(market.answer, number, "first") == "answers_over"
    assert refused(market.answer, number, "second") == "answers_over"
    assert refused(open_answers.take_back, market.database, number, market.world.providers["first"], market.step("first")) == "answers_over"
    assert market.state(number) == OpenDemandState.PUBLISHED
    market.conclude(number, "first")
    assert market.state(number) == OpenDemandState.CONCLUDED


def test_days_that_leave_no_time_are_refused(market: Market) -> None:
    early, late = market.day + timedelta(3), market.day + timedelta(20)
    assert refused(market.written, answers_until=early, questions_until=early) == "too_few_days"
    assert refused(market.written, answers_until=None) == "date_missing"
    assert refused(market.written, questions_until=late, answers_until=late - timedelta(1)) == "ends_before"
    number = market.submitted()
    market.world.later(20)
    assert refused(open_demands.publish, market.database, number, market.step("centre")) == "date_past"


def test_terms_are_only_ever_extended(market: Market) -> None:
    number = market.published()
    later, step = TODAY + timedelta(40), market.step("enterprise")
    assert refused(open_demands.extend, market.database, number, None, TODAY + timedelta(19), step) == "not_longer"
    assert refused(open_demands.extend, market.database, number, None, None, step) == "same_dates"
    assert refused(open_demands.extend, market.database, number, later + timedelta(1), later, step) == "ends_before"
    market.world.later(25)
    open_demands.extend(market.database, number, None, later, market.step("enterprise"))
    assert market.state(number) == OpenDemandState.PUBLISHED
    market.answer(number, "first")
    market.world.day = TODAY + timedelta(41)
    assert refused(open_demands.extend, market.database, number, None, later + timedelta(9), market.step("enterprise")) == "has_answers"


def test_nobody_else_does_it(market: Market) -> None:
    database, number = market.database, market.submitted()
    outsiders = ("first", "stranger", "bureau", "manager")
    acts: list[tuple[Callable[[str], object], tuple[str, ...]]] = [
        (lambda who: open_demands.create(database, market.world.enterprise, market.draft(), market.step(who)), outsiders),
        (lambda who: open_demands.publish(database, number, market.step(who)), (*outsiders, "enterprise")),
        (lambda who: open_demands.send_back(database, number, market.step(who), why="x"), (*outsiders, "enterprise")),
        (lambda who: open_demands.withdraw(database, number, market.step(who), why="x"), outsiders),
    ]
    for act, people in acts:
        for who in people:
            assert refused(act, who) == "not_allowed", who
    open_demands.publish(database, number, market.step("centre"))
    question = market.ask(number, "first")
    for who in outsiders:
        assert refused(open_questions.reply, database, question, "x", market.step(who)) == "not_allowed", who
    for who in ("second", "enterprise", "centre"):
        assert refused(market.answer, number, "first", person=who) == "not_allowed", who
    market.answer(number, "first")
    assert refused(open_answers.take_back, database, number, market.world.providers["first"], market.step("second")) == "not_allowed"
    market.world.later(21)
    for who in outsiders:
        assert refused(market.conclude, number, "first", person=who) == "not_allowed", who
        assert refused(open_demand_choices.none_suitable, database, number, Choice(), market.step(who), why="x") == "not_allowed", who


def test_the_centre_chooses_only_with_a_proof(market: Market) -> None:
    number = market.closed("first", "second")
    assert refused(market.conclude, number, "first", person="centre") == "no_way"
    assert refused(market.conclude, number, "first", person="centre", way="phone") == "no_proof"
    brokering = market.conclude(number, "first", person="centre", way="phone", proof=market.world.proof)
    with market.database.reading() as session:
        (row,) = find_introductions(session, brokering)
        given = row.answer_of("enterprise")
        assert given is not None
        assert given.way == "phone"
        assert [file.kind for file in find_attachments(session, "introduction", row.id)] == ["behalf_enterprise"]


def test_a_provider_out_of_the_pool_takes_no_part(market: Market) -> None:
    number = market.published()
    market.answer(number, "first")
    market.answer(number, "second")
    market.world.move_provider("first", "order_rectification")
    assert refused(market.answer, number, "first") == "takes_no_new"
    assert refused(market.ask, number, "first") == "takes_no_new"
    open_answers.take_back(market.database, number, market.world.providers["first"], market.step("first"))
    market.world.move_provider("second", "order_rectification")
    market.world.later(21)
    assert refused(market.conclude, number, "second") == "provider_takes_no_new"
    # A solution of somebody else's is nobody's answer.
    other = market.published(title="另一项", answers_until=market.day + timedelta(20), questions_until=market.day + timedelta(20))
    assert refused(market.answer, other, "third", solution_id=market.world.solutions["first"]) == "not_published"


def test_none_suitable_tells_everybody_why(market: Market) -> None:
    number = market.closed("first", "second")
    step, database = market.step("enterprise"), market.database
    assert refused(open_demand_choices.none_suitable, database, number, Choice(), step, why="都超预算") == "required"
    each = {market.of(number, "second").id: "工期太长"}  # type: ignore[union-attr]
    open_demand_choices.none_suitable(database, number, Choice(feedback="超出预算", each=each), step, why="都超预算")
    assert market.state(number) == OpenDemandState.NONE_SUITABLE
    with database.reading() as session:
        for name, word in (("first", "超出预算"), ("second", "工期太长")):
            told = select(Notice.values).where(Notice.account_id == market.world.people[name].account_id).order_by(Notice.id.desc())
            assert session.scalars(told).first()["why"] == word  # type: ignore[index]


def test_whose_demand_it_is_cannot_be_written(market: Market) -> None:
    for words in (f"{SECRET}的压床老停机", "秘 名，轴 承 制 造 的压床", "天津秘名轴承制造的压床"):
        assert refused(market.written, text=words) in {"names_enterprise", ""}, words
    assert refused(market.written, text=f"{SECRET}的压床老停机") == "names_enterprise"
    assert refused(market.written, title="天津 秘名 轴承制造 的压床") == "names_enterprise"
    assert refused(market.written, text="压床老停机，请打 13800138000") == "contact_data"
    market.written(text=f"{SECRET}的压床老停机", shows_name=True)
    number = market.published()
    question = market.ask(number, "first")
    reply = open_questions.reply
    assert refused(reply, market.database, question, f"可以到{SECRET}看", market.step("enterprise")) == "names_enterprise"
    assert refused(open_demands.withdraw, market.database, number, market.step("enterprise"), why=f"{SECRET}不改了") == "names_enterprise"


def test_a_question_finds_nothing_out(market: Market) -> None:
    """Right or wrong guesses are refused with the same words, and the asker's name is not for the others."""
    number = market.published()
    guesses = (f"是{SECRET}吗？", "是天津旁观化工吗？", "是上海某某机械有限公司吗？", "是在南港工业区吗？", "是 天津 秘名 轴承制造 吗？")
    assert {refused(market.ask, number, "first", text) for text in guesses} == {"names_somebody"}
    assert refused(market.ask, number, "first", "first 单位能做，要不要？") == "names_asker"
    assert refused(market.ask, number, "first", "微信：abc12345，聊聊") == "contact_data"
    market.ask(number, "first", "请问贵公司现场能停机几天？")


def test_nothing_of_an_answer_is_told_before_the_last_day(market: Market) -> None:
    number = market.published()
    market.answer(number, "first")
    with market.database.reading() as session:
        told = [f"{row.message}{row.values}" for row in session.scalars(select(Notice))]
        told += [f"{row.message}{row.values}" for row in session.scalars(select(Task))]
    assert not any("first" in text or "450000" in text for text in told)


def test_fitting_providers_are_told_once(market: Market) -> None:
    number = market.published()
    with market.database.writing() as session:
        (problem,) = find_demand_problems(session, number)
        session.add_all(
            DemandMatch(provider_id=market.world.providers[name], problem_id=problem.id, strength=strength)
            for name, strength in (("first", 4), ("second", 1))
        )
    act = Act(CLOCK, market.step("centre").at, market.day)
    for wanted in (1, 0):
        with market.database.writing() as session:
            assert tell_of_all(session, act) == wanted
    with market.database.reading() as session:
        query = select(Notice).where(Notice.account_id == market.world.people["first"].account_id)
        (notice,) = session.scalars(query)
        assert SECRET not in str(notice.values)


def test_from_problems_of_the_list(market: Market) -> None:
    problems = tuple(market.world.problems)
    number = market.published(problem_ids=problems)
    with market.database.reading() as session:
        assert [row.id for row in find_demand_problems(session, number)] == list(problems)
        assert session.scalar(select(Problem.id).where(Problem.text == TEXT)) is None
    with market.database.writing() as session:
        other = session.scalars(select(Enterprise.id).where(Enterprise.id != market.world.enterprise)).one()
        foreign = Problem(enterprise_id=other, text="别家的", source="t", source_ref="x")
        session.add(foreign)
        session.flush()
        number = foreign.id
    assert refused(market.written, problem_ids=(number,)) == "problem_closed"


def test_whoever_comes_second_is_told(market: Market) -> None:
    number = market.written()
    with market.database.reading() as session:
        seen = find_last_entry(session, "open_demand", number)
    open_demands.change(market.database, number, market.draft(title="甲"), market.step("enterprise", seen=seen))
    with market.database.reading() as session:
        before = find_last_entry(session, "open_demand", number)
    # Saved as it stands, nothing has happened.
    open_demands.change(market.database, number, market.draft(title="甲"), market.step("enterprise"))
    with market.database.reading() as session:
        assert find_last_entry(session, "open_demand", number) == before
    late = market.step("centre", seen=seen)
    assert refused(open_demands.change, market.database, number, market.draft(title="乙"), late) == "changed_meanwhile"
    open_demands.submit(market.database, number, market.step("enterprise"))
    assert refused(open_demands.change, market.database, number, market.draft(), market.step("enterprise")) == "not_editable"
    open_demands.publish(market.database, number, market.step("centre"))
    question = market.ask(number, "first")
    with market.database.reading() as session:
        seen = find_last_entry(session, "open_question", question)
    open_questions.reply(market.database, question, "甲", market.step("enterprise", seen=seen))
    assert refused(open_questions.reply, market.database, question, "乙", market.step("centre", seen=seen)) == "changed_meanwhile"
    with market.database.reading() as session:
        assert session.get_one(OpenQuestion, question).reply == "甲"
        assert session.get_one(OpenDemand, number).title == "甲"
