"""Cases of dynamic adjustment from the proposal to the end, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import select

from marketplace.actions import adjustments, appeals, providers
from marketplace.actions import adjustments_rectification as rectification
from marketplace.domain.access import Role, Viewer
from marketplace.domain.adjustment_proposals import months_after
from marketplace.domain.adjustments import AdjustmentKind, AdjustmentState, becomes
from marketplace.domain.appeals import AppealState
from marketplace.domain.evaluations import ResultState, RoundState
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.providers import ProviderState
from marketplace.domain.rating_events import EventKind
from marketplace.domain.working_days import Calendar, term
from marketplace.records.adjustments import Adjustment, find_adjustment, find_effects, find_in_effect, find_rectification, is_involved
from marketplace.records.adjustments_standing import find_standings
from marketplace.records.certificates import Certificate
from marketplace.records.database import Database
from marketplace.records.decisions import Decision
from marketplace.records.evaluations import EvaluationResult, EvaluationRound
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.index_queue import QueuedThing
from marketplace.records.jobs import Job
from marketplace.records.notices import Notice
from marketplace.records.providers import Provider, find_hidden_provider_ids, find_unmatchable_provider_ids
from marketplace.records.ratings import RatingEvent, RatingScore
from marketplace.records.tasks import Task, find_tasks
from tests.actions.adjusting import RULES, TODAY, Pool, flags, open_pool
from tests.conftest import NOW

P = ProviderState


@pytest.fixture
def pool(database: Database) -> Pool:
    return open_pool(database)


@pytest.fixture
def small(sqlite_database: Database) -> Pool:
    return open_pool(sqlite_database)


def refused(action: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as refusal:
        action()
    return refusal.value.refused.code


def waits_for(pool: Pool, person: str) -> list[str]:
    with pool.database.reading() as session:
        return [task.kind for task in find_tasks(session, pool.people[person])]


def told(pool: Pool, person: str) -> list[str]:
    with pool.database.reading() as session:
        query = select(Notice).where(Notice.account_id == pool.people[person].account_id).order_by(Notice.id)
        return [row.message.format(**row.values) for row in session.scalars(query)]


def letters(pool: Pool) -> list[str]:
    with pool.database.reading() as session:
        return [job.payload["letter"] for job in session.scalars(select(Job).where(Job.kind == "letter").order_by(Job.id))]


def seen(pool: Pool, number: int) -> int:
    with pool.database.reading() as session:
        query = select(HistoryEntry.id).where(HistoryEntry.noun == "adjustment", HistoryEntry.noun_id == number)
        return max(session.scalars(query))


# --------------------------------------------------------------------------- proposing and deciding


def test_a_warning_from_the_proposal_to_its_lifting(pool: Pool) -> None:
    number = pool.propose("warn")
    assert pool.case(number).number == f"TZ-{TODAY.year}-0001"
    assert pool.state() == P.ADMITTED
    assert waits_for(pool, "bureau") == ["decide_adjustment"]
    # Before the decision the provider hears nothing and sees nothing.
    assert told(pool, "provider") == []
    with pool.database.reading() as session:
        assert find_adjustment(session, pool.case(number).public_id, pool.people["provider"]) is None
        assert find_adjustment(session, pool.case(number).public_id, pool.people["centre"]) is not None
    adjustments.decide(pool.database, number, pool.step("bureau"), why="事实清楚")
    assert pool.state() == P.WARNED
    assert waits_for(pool, "bureau") == []
    [sentence] = told(pool, "provider")
    assert sentence.startswith("贵单位被警示（TZ-")
    # A warning is for staff and the provider itself: enterprises with running work are not told, nothing is flagged.
    assert told(pool, "enterprise") == []
    assert flags(pool.database, pool.provider) == []
    assert told(pool, "centre") == [f"provider 单位被警示，选用前请先核实（{pool.case(number).number}）。"]
    assert letters(pool) == ["warning"]
    pool.later(30)
    pool.decided("clear")
    assert pool.state() == P.ADMITTED
    with pool.database.reading() as session:
        assert find_broken_link(session) is None


def test_what_the_deciders_saw_is_kept(pool: Pool) -> None:
    with pool.database.reading() as session:
        effects = find_effects(session, pool.provider)
    assert ([row["problem"] for row in effects.running], len(effects.open), len(effects.solutions)) == (["问题 0", "问题 1"], 1, 2)
    number = pool.decided("rectify")
    case = pool.case(number)
    assert [row["enterprise"] for row in case.effects["running"]] == ["enterprise 单位"] * 2
    assert case.effects["solutions"] == [dict(row) for row in effects.solutions]
    assert case.state_before == P.ADMITTED


def test_a_rectification_handed_in_and_accepted(pool: Pool) -> None:
    number = pool.decided("rectify")
    case = pool.case(number)
    due = term(TODAY, RULES.rectify_days, Calendar()).due
    assert (pool.state(), case.state, case.due) == (P.RECTIFYING, AdjustmentState.RECTIFYING, due)
    with pool.database.reading() as session:
        provider = session.get_one(Provider, pool.provider)
        assert provider.rectify_until == due
        # Still found, but takes no new match.
        assert pool.provider not in find_hidden_provider_ids(session)
        assert pool.provider in find_unmatchable_provider_ids(session, pool.day)
    assert waits_for(pool, "provider") == ["rectify"]
    assert flags(pool.database, pool.provider) == [case.number] * 2
    assert told(pool, "enterprise") == [
        f"provider 单位正在限期整改（至 {due.isoformat()}），其间不接新单。您的在施项目照常进行，有问题请联系能力中心。"
    ]
    assert told(pool, "stranger") == []
    pool.later(10)
    assert refused(lambda: rectification.hand_in(pool.database, number, pool.step("rival"), text="已改")) == "not_allowed"
    assert refused(lambda: rectification.hand_in(pool.database, number, pool.step("provider"), text=" ")) == "reason_missing"
    rectification.hand_in(pool.database, number, pool.step("provider"), text="已换项目经理，补交验收资料")
    assert (waits_for(pool, "provider"), waits_for(pool, "bureau")) == ([], ["review_rectification"])
    rectification.accept(pool.database, number, pool.step("bureau"), why="现场核实")
    assert (pool.state(), pool.case(number).state) == (P.ADMITTED, AdjustmentState.PASSED)
    assert flags(pool.database, pool.provider) == []
    assert told(pool, "enterprise")[-1] == "provider 单位已恢复，可以照常合作。"
    with pool.database.reading() as session:
        assert session.get_one(Provider, pool.provider).rectify_until is None
        assert pool.provider not in find_unmatchable_provider_ids(session, pool.day)


def test_one_extension_and_no_second(pool: Pool) -> None:
    number = pool.decided("rectify")
    due = pool.case(number).due
    assert refused(lambda: rectification.extend(pool.database, number, pool.step("bureau"))) == "extension_not_asked"
    rectification.ask_extension(pool.database, number, pool.step("provider"), why="设备到货晚")
    assert waits_for(pool, "bureau") == ["answer_extension"]
    rectification.extend(pool.database, number, pool.step("bureau"))
    case = pool.case(number)
    assert due is not None
    assert case.due == term(due, RULES.extension_days, Calendar()).due
    assert case.extended_from == due
    with pool.database.reading() as session:
        assert session.get_one(Provider, pool.provider).rectify_until == case.due
    assert refused(lambda: rectification.ask_extension(pool.database, number, pool.step("provider"), why="再延")) == "extension_once"
    assert refused(lambda: rectification.extend(pool.database, number, pool.step("bureau"))) == "extension_once"


def test_a_refused_extension_leaves_the_term(pool: Pool) -> None:
    number = pool.decided("rectify")
    due = pool.case(number).due
    rectification.ask_extension(pool.database, number, pool.step("provider"), why="设备到货晚")
    rectification.refuse_extension(pool.database, number, pool.step("bureau"), why="理由不充分")
    assert pool.case(number).due == due
    assert waits_for(pool, "provider") == ["rectify"]
    assert refused(lambda: rectification.extend(pool.database, number, pool.step("bureau"))) == "extension_once"


def test_nothing_handed_in_until_the_term_is_over(pool: Pool) -> None:
    number = pool.decided("rectify")
    due = pool.case(number).due
    assert due is not None
    pool.day = due
    assert refused(lambda: rectification.fail(pool.database, number, pool.step("bureau"), why="逾期")) == "term_runs"
    pool.later(1)
    assert refused(lambda: rectification.hand_in(pool.database, number, pool.step("provider"), text="迟到")) == "term_over"
    rectification.fail(pool.database, number, pool.step("bureau"), why="到期没有交材料")
    assert pool.case(number).state == AdjustmentState.FAILED
    # The next step is proposed at once, and decided by people.
    assert pool.state() == P.RECTIFYING
    following = pool.only(kind=AdjustmentKind.SUSPEND)
    assert (following.rule, following.state) == ("rectification_failed", AdjustmentState.PROPOSED)
    assert waits_for(pool, "bureau") == ["decide_adjustment"]


def test_a_suspension_needs_two_and_reinstatement_one(pool: Pool) -> None:
    pool.decided("warn")
    number = pool.propose("suspend")
    assert refused(lambda: adjustments.decide(pool.database, number, pool.step("bureau"), why="直接")) == "two_persons"
    adjustments.put_forward(pool.database, number, pool.step("bureau"), why="事实清楚")
    assert pool.state() == P.WARNED
    assert waits_for(pool, "bureau2") == ["confirm_adjustment"]
    assert refused(lambda: adjustments.confirm(pool.database, number, pool.step("bureau"))) == "same_person"
    assert refused(lambda: adjustments.confirm(pool.database, number, pool.step("manager"))) == "not_allowed"
    adjustments.confirm(pool.database, number, pool.step("bureau2"))
    case = pool.case(number)
    bureau, second = (pool.people[name].account_id for name in ("bureau", "bureau2"))
    assert (pool.state(), case.decided_by, case.confirmed_by) == (P.SUSPENDED, bureau, second)
    with pool.database.reading() as session:
        assert pool.provider in find_hidden_provider_ids(session)
        decision = session.scalars(select(Decision)).one()
        assert (decision.proposed_by, decision.second_person, decision.state) == (bureau, second, "confirmed")
    assert flags(pool.database, pool.provider) == [case.number] * 2
    pool.decided("reinstate")
    assert pool.state() == P.ADMITTED
    assert flags(pool.database, pool.provider) == []
    with pool.database.reading() as session:
        assert pool.provider not in find_hidden_provider_ids(session)


def test_the_second_person_may_disagree_and_the_first_may_take_back(pool: Pool) -> None:
    pool.decided("warn")
    number = pool.propose("suspend")
    for event in ("reject", "take_back"):
        adjustments.put_forward(pool.database, number, pool.step("bureau"), why="事实清楚")
        if event == "reject":
            assert refused(lambda: adjustments.reject(pool.database, number, pool.step("bureau2"), why=" ")) == "reason_missing"
            adjustments.reject(pool.database, number, pool.step("bureau2"), why="证据不足")
        else:
            adjustments.take_back(pool.database, number, pool.step("bureau"))
        assert (pool.state(), pool.case(number).state, pool.case(number).decided_by) == (P.WARNED, AdjustmentState.PROPOSED, None)
        assert waits_for(pool, "bureau") == ["decide_adjustment"]
    adjustments.drop(pool.database, number, pool.step("bureau"), why="证据不足")
    assert pool.case(number).state == AdjustmentState.DROPPED
    assert waits_for(pool, "bureau") == []
    assert refused(lambda: adjustments.confirm(pool.database, number, pool.step("bureau2"))) == "wrong_state"


def test_serious_conduct_goes_straight_to_retirement_by_two(pool: Pool) -> None:
    assert refused(lambda: pool.propose("retire")) == "not_heard"
    assert refused(lambda: pool.propose("retire", conduct="no_such")) == "unknown_conduct"
    number = pool.decided("retire", conduct="bribery")
    assert pool.state() == P.RETIRED
    with pool.database.reading() as session:
        provider = session.get_one(Provider, pool.provider)
        assert provider.reapply_from == months_after(TODAY, RULES.reapply_months_conduct)
        queued = {(row.kind, row.thing_id) for row in session.scalars(select(QueuedThing))}
        assert ("provider", pool.provider) in queued
        assert {kind for kind, _number in queued} == {"provider", "solution"}
    assert told(pool, "enterprise") == ["provider 单位已退出资源池。您的在施项目按合同继续，能力中心会与您联系。"]
    assert "2 个在施项目已标记" in told(pool, "centre")[-1]
    assert flags(pool.database, pool.provider) == [pool.case(number).number] * 2
    assert refused(lambda: pool.propose("warn")) == "not_possible"


def test_whoever_fails_waits_less_than_whoever_cheats(pool: Pool) -> None:
    pool.decided("rectify")
    pool.decided("retire")
    with pool.database.reading() as session:
        assert session.get_one(Provider, pool.provider).reapply_from == months_after(TODAY, RULES.reapply_months_failing)


def test_a_graver_decision_ends_what_no_longer_makes_sense(pool: Pool) -> None:
    rectify = pool.decided("rectify")
    suspend = pool.propose("suspend")
    adjustments.put_forward(pool.database, suspend, pool.step("bureau"), why="事实清楚")
    retire = pool.propose("retire", conduct="false_documents")
    adjustments.put_forward(pool.database, retire, pool.step("bureau"), why="事实清楚")
    adjustments.confirm(pool.database, retire, pool.step("bureau2"))
    assert pool.state() == P.RETIRED
    assert pool.case(rectify).state == AdjustmentState.PAUSED
    assert pool.case(suspend).state == AdjustmentState.DROPPED
    with pool.database.reading() as session:
        assert sorted(decision.state for decision in session.scalars(select(Decision))) == ["confirmed", "rejected"]
        assert session.scalars(select(Task).where(Task.done_at.is_(None))).all() == []


def test_a_proposal_that_the_provider_has_outrun_is_not_decided(pool: Pool) -> None:
    number = pool.propose("warn")
    with pool.database.writing() as session:
        session.execute(Provider.__table__.update().where(Provider.id == pool.provider).values(state="left"))
    assert refused(lambda: adjustments.decide(pool.database, number, pool.step("bureau"), why="事实清楚")) == "not_possible"
    assert pool.case(number).state == AdjustmentState.PROPOSED


def test_the_same_is_proposed_once(pool: Pool) -> None:
    pool.propose("warn")
    assert refused(lambda: pool.propose("warn", person="bureau")) == "proposed_already"


@pytest.mark.parametrize("person", ["centre", "provider", "rival", "enterprise"])
def test_who_may_not_propose_or_decide(small: Pool, person: str) -> None:
    assert refused(lambda: small.propose("warn", person=person)) == "not_allowed"
    number = small.propose("warn")
    for verb in (adjustments.decide, adjustments.drop):
        assert refused(lambda verb=verb: verb(small.database, number, small.step(person), why="x")) == "not_allowed"  # type: ignore[misc]


def test_reasons_and_terms_are_checked(small: Pool) -> None:
    assert refused(lambda: small.propose("warn", why=" ")) == "reason_missing"
    assert refused(lambda: small.propose("warn", why="长" * 5_001)) == "too_long"
    assert refused(lambda: small.propose("warn", evidence="长" * 501)) == "too_long"
    assert refused(lambda: small.propose("warn", evidence=" ")) == "evidence_missing"
    number = small.propose("rectify")
    for days in (0, 121):
        action = lambda days=days: adjustments.decide(small.database, number, small.step("bureau"), why="x", days=days)  # noqa: E731
        assert refused(action) == "days_out_of_range"
    adjustments.decide(small.database, number, small.step("bureau"), why="x", days=5)
    assert small.case(number).due == term(TODAY, 5, Calendar()).due


# --------------------------------------------------------------------------- two at once


def test_of_two_who_decide_on_the_same_page_one_is_told(pool: Pool) -> None:
    number = pool.propose("warn")
    page = seen(pool, number)
    adjustments.decide(pool.database, number, pool.step("bureau", seen=page), why="事实清楚")
    with pytest.raises(RefusedError) as refusal:
        adjustments.drop(pool.database, number, pool.step("bureau2", seen=page), why="证据不足")
    assert refusal.value.refused.code == "changed_meanwhile"
    assert "bureau" in refusal.value.refused.sentence()
    assert pool.case(number).state == AdjustmentState.DECIDED


def test_of_eight_who_press_at_once_one_decides(pool: Pool) -> None:
    number = pool.propose("warn")
    barrier = threading.Barrier(8)
    answers: list[str] = []

    def press(place: int) -> None:
        barrier.wait()
        verb = adjustments.decide if place % 2 else adjustments.drop
        try:
            answers.append(verb(pool.database, number, pool.step("bureau"), why="事实清楚").state)
        except RefusedError as error:
            answers.append(error.refused.code)

    threads = [threading.Thread(target=press, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers)[1:] == ["wrong_state"] * 7 or sorted(answers)[-7:] == ["wrong_state"] * 7
    with pool.database.reading() as session:
        entries = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "adjustment")).all()
    assert len(entries) == 2


def test_of_two_persons_who_confirm_and_reject_at_once_one_wins(pool: Pool) -> None:
    number = pool.propose("retire", conduct="bribery")
    adjustments.put_forward(pool.database, number, pool.step("bureau"), why="事实清楚")
    barrier = threading.Barrier(2)
    answers: list[str] = []

    def press(verb: Callable[..., Adjustment]) -> None:
        barrier.wait()
        try:
            answers.append(verb(pool.database, number, pool.step("bureau2"), why="意见").state)
        except RefusedError as error:
            answers.append(error.refused.code)

    threads = [threading.Thread(target=press, args=(verb,)) for verb in (adjustments.confirm, adjustments.reject)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "wrong_state" in answers
    assert (pool.state() == P.RETIRED) == ("decided" in answers)


# --------------------------------------------------------------------------- rules


def rate(pool: Pool, provider_id: int, score: float, projects: int = 5) -> None:
    with pool.database.writing() as session:
        for row in session.scalars(select(RatingScore).where(RatingScore.provider_id == provider_id, RatingScore.replaced_at.is_(None))):
            row.replaced_at = NOW
        session.flush()
        values = {"score": score, "low": score - 5, "high": score + 5, "grade": "D", "mass": 4.0, "own_mean": score, "mean": 80.0}
        session.add(RatingScore(provider_id=provider_id, at=NOW, projects=projects, version="t", **values))


def note(pool: Pool, provider_id: int, kind: EventKind, payload: dict[str, object]) -> None:
    with pool.database.writing() as session:
        number = session.query(RatingEvent).count()
        key = {"source": "t", "source_ref": f"e{number}"}
        session.add(RatingEvent(provider_id=provider_id, kind=kind, on=TODAY, payload=payload, created=NOW, **key))


def run(pool: Pool) -> int:
    with pool.database.writing() as session:
        return adjustments.propose_by_rules(session, RULES, pool.day, NOW)


def test_rules_propose_and_people_decide(pool: Pool) -> None:
    rate(pool, pool.provider, RULES.warn_below - 1)
    rate(pool, pool.rival, RULES.warn_below + 1)
    assert run(pool) == 1
    assert run(pool) == 0
    assert pool.state() == P.ADMITTED
    case = pool.only()
    with pool.database.reading() as session:
        entry = session.execute(select(HistoryEntry.actor, HistoryEntry.verb).where(HistoryEntry.noun == "adjustment")).one()
    assert (case.provider_id, case.kind, case.rule, case.proposed_by) == (pool.provider, AdjustmentKind.WARN, "score_warn", None)
    assert "低于警示线" in case.reason
    assert tuple(entry) == ("规则", "propose")
    # Whoever dropped it is not asked about the same evidence again; a new event asks anew.
    adjustments.drop(pool.database, case.id, pool.step("bureau"), why="已约谈")
    rate(pool, pool.provider, RULES.warn_below - 1.5)
    assert run(pool) == 0
    note(pool, pool.provider, EventKind.COMPLAINT, {"severity": "minor"})
    assert run(pool) == 1


def test_serious_conduct_that_was_noted_is_proposed_for_retirement(pool: Pool) -> None:
    note(pool, pool.rival, EventKind.CONDUCT, {"severity": "general", "remark": "改价"})
    assert run(pool) == 0
    note(pool, pool.provider, EventKind.CONDUCT, {"severity": "serious", "remark": "转包给无资质单位"})
    assert run(pool) == 1
    case = pool.only()
    assert (case.kind, case.rule, "转包给无资质单位" in case.reason) == (AdjustmentKind.RETIRE, "conduct", True)
    adjustments.put_forward(pool.database, case.id, pool.step("bureau"), why="查实")
    adjustments.confirm(pool.database, case.id, pool.step("bureau2"))
    assert pool.case(case.id).reapply_from == months_after(TODAY, RULES.reapply_months_conduct)


def test_a_term_that_is_over_is_proposed_by_itself(pool: Pool) -> None:
    number = pool.decided("rectify")
    due = pool.case(number).due
    assert due is not None
    pool.day = due
    assert run(pool) == 0
    pool.later(1)
    assert run(pool) == 1
    case = pool.only(kind=AdjustmentKind.SUSPEND)
    assert case.rule == "rectification_overdue"


def issue(pool: Pool, provider_id: int, start: date, end: date, result: str) -> None:
    with pool.database.writing() as session:
        number = session.query(EvaluationRound).count()
        values = {"state": RoundState.ISSUED, "mean": 80.0, "version": "t", "opened_at": NOW, "issued_at": NOW}
        one = EvaluationRound(number=f"PJ-{number}", start=start, end=end, **values)
        session.add(one)
        session.flush()
        scored = {"projects": 3, "events": 9, "score": 50.0, "result": result, "state": ResultState.ISSUED}
        session.add(EvaluationResult(round_id=one.id, provider_id=provider_id, **scored))


def test_failed_once_is_rectified_failed_twice_is_out(pool: Pool) -> None:
    issue(pool, pool.provider, date(2025, 7, 1), date(2025, 12, 31), "passed")
    assert run(pool) == 0
    issue(pool, pool.provider, date(2026, 1, 1), date(2026, 6, 30), "failed")
    assert run(pool) == 1
    case = pool.only()
    assert (case.kind, case.rule, "2026-01-01 至 2026-06-30" in case.reason) == (AdjustmentKind.RECTIFY, "failed_once", True)
    adjustments.decide(pool.database, case.id, pool.step("bureau"), why="不合格")
    issue(pool, pool.provider, date(2026, 7, 1), date(2026, 12, 31), "failed")
    assert run(pool) == 1
    assert pool.only(rule="failed_twice").kind == AdjustmentKind.RETIRE


def test_an_expired_certificate_is_noticed(pool: Pool) -> None:
    with pool.database.writing() as session:
        session.add(Certificate(provider_id=pool.provider, kind="licence", name="营业执照", expires=TODAY, created=NOW))
        session.add(
            Certificate(provider_id=pool.provider, kind="licence", name="旧执照", expires=date(2020, 1, 1), created=NOW, replaced_at=NOW)
        )
    assert run(pool) == 0
    pool.later(1)
    assert run(pool) == 1
    case = pool.only()
    assert (case.kind, case.rule) == (AdjustmentKind.RECTIFY, "certificate_expired")
    assert case.evidence[0]["noun"] == "certificate"


def test_the_standing_of_a_provider(pool: Pool) -> None:
    pool.decided("warn")
    with pool.database.reading() as session:
        [own, rival] = find_standings(session)
    assert (own.state, own.since, own.running, own.last_service) == (P.WARNED, TODAY, 2, date(2026, 6, 3))
    assert (rival.state, rival.since, rival.running, rival.last_service) == (P.ADMITTED, None, 0, date(2026, 3, 1))
    pool.day = months_after(date(2026, 6, 3), 12)
    # The provider with running projects is not idle, the other one is.
    assert run(pool) == 1
    case = pool.only(rule="idle")
    assert case.provider_id == pool.rival


def test_pressing_the_button_runs_the_rules(small: Pool) -> None:
    rate(small, small.provider, RULES.retire_below - 1)
    assert refused(lambda: adjustments.run_rules(small.database, small.step("centre"))) == "not_allowed"
    assert adjustments.run_rules(small.database, small.step("manager")) == 1
    case = small.only()
    # Whoever let the rules run has not proposed it: he may decide as anybody else.
    assert (case.rule, case.proposed_by) == ("score_retire", None)


# --------------------------------------------------------------------------- appeals


def appeal(pool: Pool, number: int) -> int:
    return appeals.file(pool.database, number, pool.step("provider"), text="与事实不符").id


@pytest.mark.parametrize("kind", ["warn", "rectify", "suspend", "retire"])
@pytest.mark.parametrize("before", [P.ADMITTED, P.WARNED, P.RECTIFYING, P.SUSPENDED])
def test_an_upheld_appeal_puts_the_provider_back_where_it_was(small: Pool, kind: str, before: ProviderState) -> None:
    lead = {P.ADMITTED: [], P.WARNED: ["warn"], P.RECTIFYING: ["rectify"], P.SUSPENDED: ["warn", "suspend"]}[before]
    for step in lead:
        small.decided(step)
    if refusable(small, kind):
        return
    number = small.decided(kind, conduct="bribery" if kind == "retire" else "")
    changed = small.state()
    assert changed != before
    earlier = appeal(small, number)
    # An appeal does not hold up the decision.
    assert small.state() == changed
    assert refused(lambda: appeals.uphold(small.database, earlier, small.step("bureau"), why="查明")) == "own_decision"
    appeals.uphold(small.database, earlier, small.step("admin"), why="证据不足")
    assert small.state() == before
    assert small.case(number).state == AdjustmentState.REVOKED
    with small.database.reading() as session:
        provider = session.get_one(Provider, small.provider)
        assert provider.reapply_from is None
        running = find_rectification(session, small.provider, (AdjustmentState.RECTIFYING,))
        assert (provider.rectify_until is not None) == (before == P.RECTIFYING) == (running is not None)
        if running is not None:
            assert provider.rectify_until == running.due
    assert bool(flags(small.database, small.provider)) == (before in (P.RECTIFYING, P.SUSPENDED))
    assert told(small, "provider")[-1].startswith(("申诉成立", "整改"))


def refusable(pool: Pool, kind: str) -> bool:
    """Whether the table has no way from here; then there is nothing to appeal against."""
    return becomes(AdjustmentKind(kind), pool.state()) is None


def test_a_dismissed_appeal_changes_nothing(pool: Pool) -> None:
    number = pool.decided("rectify")
    filed = appeal(pool, number)
    assert "decide_appeal" in waits_for(pool, "bureau")
    appeals.dismiss(pool.database, filed, pool.step("bureau2"), why="证据充分")
    assert (pool.state(), pool.case(number).state) == (P.RECTIFYING, AdjustmentState.RECTIFYING)
    assert "decide_appeal" not in waits_for(pool, "bureau")
    assert refused(lambda: appeal(pool, number)) == "appealed_already"
    assert letters(pool)[-1] == "appeal"


@pytest.mark.parametrize("kind", ["warn", "rectify", "retire"])
@pytest.mark.parametrize("end", ["dismiss", "withdraw", "uphold"])
def test_a_stay_holds_until_the_appeal_is_answered(small: Pool, kind: str, end: str) -> None:
    number = small.decided(kind, conduct="bribery" if kind == "retire" else "")
    held = small.state()
    filed = appeal(small, number)
    appeals.stay(small.database, filed, small.step("bureau"), why="影响重大")
    assert small.state() == P.ADMITTED
    assert small.case(number).appeals[0].suspends
    assert refused(lambda: appeals.stay(small.database, filed, small.step("bureau"), why="再次")) == "stayed_already"
    small.later(7)
    if end == "withdraw":
        appeals.withdraw(small.database, filed, small.step("provider"))
    else:
        getattr(appeals, end)(small.database, filed, small.step("bureau2"), why="查明")
    assert small.state() == (P.ADMITTED if end == "uphold" else held)
    with small.database.reading() as session:
        provider = session.get_one(Provider, small.provider)
        case = session.get_one(Adjustment, number)
        assert provider.rectify_until == (case.due if small.state() == P.RECTIFYING else None)
        assert provider.reapply_from == (case.reapply_from if small.state() == P.RETIRED else None)
        if kind == "rectify" and end != "uphold":
            # Seven days at rest take nothing of the term.
            assert case.due == term(small.day, RULES.rectify_days, Calendar()).due
    assert bool(flags(small.database, small.provider)) == (small.state() in (P.RECTIFYING, P.RETIRED))


def test_an_appeal_has_its_term_and_its_person(pool: Pool) -> None:
    number = pool.decided("warn")
    until = pool.case(number).appeal_until
    assert until == term(TODAY, RULES.appeal_days, Calendar()).due
    assert refused(lambda: appeals.file(pool.database, number, pool.step("rival"), text="x")) == "not_allowed"
    assert refused(lambda: appeals.file(pool.database, number, pool.step("provider"), text="")) == "reason_missing"
    pool.day = until
    pool.later(1)
    assert refused(lambda: appeal(pool, number)) == "appeal_term_over"
    pool.day = until
    filed = appeal(pool, number)
    assert refused(lambda: appeals.uphold(pool.database, filed, pool.step("manager"), why="x")) == "not_allowed"
    assert refused(lambda: appeals.withdraw(pool.database, filed, pool.step("rival"))) == "not_allowed"
    appeals.withdraw(pool.database, filed, pool.step("provider"))
    assert pool.case(number).appeals[0].state == AppealState.WITHDRAWN
    assert pool.state() == P.WARNED


def test_a_decision_that_was_followed_by_another_is_only_marked(pool: Pool) -> None:
    warned = pool.decided("warn")
    filed = appeal(pool, warned)
    pool.decided("retire", conduct="bribery")
    appeals.uphold(pool.database, filed, pool.step("admin"), why="证据不足")
    assert (pool.case(warned).state, pool.state()) == (AdjustmentState.REVOKED, P.RETIRED)


# --------------------------------------------------------------------------- the provider's own


def test_a_break_is_honoured_until_its_last_day(pool: Pool) -> None:
    until = date(2026, 12, 31)
    assert refused(lambda: providers.set_no_orders_until(pool.database, pool.provider, pool.step("rival"), until=until)) == "not_allowed"
    providers.set_no_orders_until(pool.database, pool.provider, pool.step("provider"), until=until)
    with pool.database.reading() as session:
        assert pool.provider in find_unmatchable_provider_ids(session, until)
        assert pool.provider not in find_unmatchable_provider_ids(session, date(2027, 1, 1))
        assert pool.provider not in find_hidden_provider_ids(session)
    providers.set_no_orders_until(pool.database, pool.provider, pool.step("provider"), until=None)
    with pool.database.reading() as session:
        assert pool.provider not in find_unmatchable_provider_ids(session, pool.day)
        assert [row.verb for row in session.scalars(select(HistoryEntry))] == ["pause_orders", "take_orders"]


def test_leaving_of_ones_own_wish(pool: Pool) -> None:
    waiting = pool.propose("warn")
    assert refused(lambda: providers.leave(pool.database, pool.provider, pool.step("rival"))) == "not_allowed"
    providers.leave(pool.database, pool.provider, pool.step("provider"), why="业务调整")
    assert pool.state() == P.LEFT
    assert pool.case(waiting).state == AdjustmentState.DROPPED
    assert flags(pool.database, pool.provider) == ["left", "left"]
    assert told(pool, "enterprise") == ["provider 单位已退出资源池。您的在施项目按合同继续，能力中心会与您联系。"]
    with pool.database.reading() as session:
        assert session.get_one(Provider, pool.provider).reapply_from == months_after(TODAY, RULES.reapply_months_left)


def test_nobody_leaves_in_order_not_to_be_put_out(pool: Pool) -> None:
    number = pool.propose("retire", conduct="bribery")
    assert refused(lambda: providers.leave(pool.database, pool.provider, pool.step("provider"))) == "decision_waits"
    adjustments.drop(pool.database, number, pool.step("bureau"), why="查无实据")
    rectify = pool.decided("rectify")
    providers.leave(pool.database, pool.provider, pool.step("provider"))
    assert pool.case(rectify).state == AdjustmentState.PAUSED
    with pool.database.reading() as session:
        # Whoever leaves out of a rectification waits as long as whoever failed it.
        assert session.get_one(Provider, pool.provider).reapply_from == months_after(TODAY, RULES.reapply_months_failing)


def test_a_member_without_the_right_hands_nothing_in(small: Pool) -> None:
    number = small.decided("rectify")
    member = small.people["provider"]
    rights = frozenset({(small.organisation, "edit")})
    small.people["provider"] = Viewer(**{**vars(member), "rights": rights})
    step = small.step("provider")
    assert refused(lambda: rectification.hand_in(small.database, number, step, text="已改")) == "not_allowed"
    assert refused(lambda: appeals.file(small.database, number, step, text="x")) == "not_allowed"
    assert refused(lambda: providers.leave(small.database, small.provider, step)) == "not_allowed"
    providers.set_no_orders_until(small.database, small.provider, step, until=small.day)


def test_who_is_told_what_became_of_a_provider(small: Pool) -> None:
    small.decided("retire", conduct="bribery")
    with small.database.reading() as session:
        told_to = {name for name, viewer in small.people.items() if is_involved(session, viewer, small.provider)}
        assert not is_involved(session, Viewer(), small.provider)
        assert find_in_effect(session, small.provider) is not None
    assert told_to == {"manager", "centre", "bureau", "bureau2", "admin", "provider", "enterprise"}
    assert Role.PROVIDER in small.people["rival"].roles
