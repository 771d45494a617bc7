"""The review from acceptance to its end: who may do what when, and what the second of two is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions.applications import withdraw
from marketplace.actions.reviews import accept, close_review, send_back
from marketplace.actions.reviews_experts import draw_experts, release
from marketplace.actions.reviews_scores import confirm_joint, declare_clear, dissent, hand_in_sheet, recuse, save_sheet, write_joint
from marketplace.domain.access import Role
from marketplace.domain.applications import ApplicationState
from marketplace.domain.experts import unit_key
from marketplace.domain.lifecycle import RefusedError
from marketplace.records.accounts import Membership
from marketplace.records.applications import ProviderApplication
from marketplace.records.database import Database
from marketplace.records.experts import DrawLog, ReviewExpert
from marketplace.records.history import HistoryEntry, find_broken_link, find_last_entry
from marketplace.records.jobs import Job
from marketplace.records.notices import Notice
from marketplace.records.organisations import Organisation
from marketplace.records.reviews import ReviewAssignment, count_open_reviews, find_review, may_read_as_expert
from marketplace.records.tasks import Task, find_tasks
from tests.actions.review_world import (
    AT,
    RULES,
    YES,
    World,
    accepted,
    drawn,
    joint,
    open_world,
    parts,
    reviewed,
    scored,
    sheet,
    state_of,
    states_of,
)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as raised:
        call()
    return raised.value.refused.code


def tasks_of(database: Database, world: World, login: str) -> list[str]:
    with database.reading() as session:
        return [task.kind for task in find_tasks(session, world.people[login])]


# ---------------------------------------------------------------- acceptance and sending back


def test_acceptance_passes_the_form_check_and_asks_for_experts(database: Database) -> None:
    world = open_world(database)
    accepted(database, world)
    assert state_of(database, world) == "under_review"
    assert tasks_of(database, world, "manager") == ["draw"]
    with database.reading() as session:
        review = find_review(session, world.application)
        assert review is not None
        assert [row["answer"] for row in review.form_check] == ["yes"] * 4
        [job] = session.scalars(select(Job).where(Job.kind == "letter"))
        assert job.payload == {"letter": "acceptance", "noun": "application", "id": world.application, "values": {}}
        [notice] = session.scalars(select(Notice).where(Notice.account_id == world.people["applicant"].account_id))
        assert "受理" in notice.message
        assert find_broken_link(session) is None


def test_a_form_check_that_fails_is_not_accepted(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)

    def with_answers(answers: dict[str, str], remarks: dict[str, str]) -> Callable[[], object]:
        manager = world.people["manager"]
        return lambda: accept(sqlite_database, world.application, answers=answers, remarks=remarks, rules=RULES, viewer=manager, at=AT)

    assert refusal(with_answers({}, {})) == "answer_missing"
    assert refusal(with_answers({**YES, "sealed": "no"}, {})) == "remark_missing"
    assert refusal(with_answers({**YES, "sealed": "no"}, {"sealed": "承诺书没有盖章"})) == "form_check_failed"
    assert state_of(sqlite_database, world) == "submitted"


@pytest.mark.parametrize("state", [state for state in ApplicationState if state != ApplicationState.SUBMITTED])
def test_only_what_was_handed_in_is_accepted(sqlite_database: Database, state: ApplicationState) -> None:
    world = open_world(sqlite_database, state=state)
    assert refusal(lambda: accepted(sqlite_database, world)) == "wrong_state"


@pytest.mark.parametrize("person", ["applicant", "rival", "bureau", "centre", "expert0"])
def test_who_may_not_accept(sqlite_database: Database, person: str) -> None:
    world = open_world(sqlite_database)
    viewer = world.people[person]
    assert (
        refusal(lambda: accept(sqlite_database, world.application, answers=YES, remarks={}, rules=RULES, viewer=viewer, at=AT))
        == "not_allowed"
    )
    with sqlite_database.reading() as session:
        assert find_review(session, world.application) is None


def test_sending_back_says_why_section_by_section(database: Database) -> None:
    world = open_world(database)
    manager = world.people["manager"]
    empty = {"cases": "  "}
    assert refusal(lambda: send_back(database, world.application, reasons=empty, days=5, viewer=manager, at=AT)) == "remarks_missing"
    strange = {"no_such": "缺"}
    assert refusal(lambda: send_back(database, world.application, reasons=strange, days=5, viewer=manager, at=AT)) == "unknown_section"
    send_back(database, world.application, reasons={"cases": "第二个案例没有合同", "local": "写清人数"}, days=5, viewer=manager, at=AT)
    assert state_of(database, world) == "sent_back"
    assert tasks_of(database, world, "applicant") == ["supplement"]
    assert tasks_of(database, world, "rival") == []
    with database.reading() as session:
        application = session.get_one(ProviderApplication, world.application)
        assert {remark.section: remark.reason for remark in application.remarks} == {"cases": "第二个案例没有合同", "local": "写清人数"}
        # Wednesday and five working days: Thursday, Friday, Monday, Tuesday, Wednesday.
        assert application.supplement_until == date(2026, 12, 2)
        [job] = session.scalars(select(Job).where(Job.kind == "letter"))
        assert job.payload["letter"] == "correction"
        assert job.payload["values"]["reasons"] == ["实施案例：第二个案例没有合同", "本地服务：写清人数"]


def test_after_a_correction_the_same_experts_score_again(database: Database) -> None:
    world = open_world(database)
    found = scored(database, world)
    write_joint(database, world.application, joint(), rules=RULES, viewer=world.people["manager"], at=AT)
    confirm_joint(database, found[0][0], revision=1, rules=RULES, viewer=found[0][1], at=AT)
    send_back(database, world.application, reasons={"cases": "补合同"}, days=5, viewer=world.people["manager"], at=AT)
    assert [kind for _number, viewer in found for kind in tasks_of(database, world, viewer.name)] == []
    # While it is with the applicant, nobody's part changes.
    assert refusal(lambda: confirm_joint(database, found[1][0], revision=1, rules=RULES, viewer=found[1][1], at=AT)) == "review_not_running"
    _resubmit(database, world)
    accepted(database, world)
    assert states_of(database, world) == ["declared_clear"] * 3
    assert [kind for _number, viewer in found for kind in tasks_of(database, world, viewer.name)] == ["score"] * 3
    with database.reading() as session:
        review = find_review(session, world.application)
        assert review is not None
        assert not review.joint_written
        # What each had written stands there to be changed.
        assert review.assignments[0].scores == sheet(70).scores
    for number, viewer in found:
        hand_in_sheet(database, number, sheet(85), rules=RULES, viewer=viewer, at=AT, version=1)
    assert tasks_of(database, world, "manager") == ["write_joint"]


def _resubmit(database: Database, world: World) -> None:
    with database.writing() as session:
        application = session.get_one(ProviderApplication, world.application)
        from marketplace.actions import transition
        from marketplace.domain.applications import TABLE, Submission

        subject = Submission(today=AT.date(), opens=AT.date(), closes=AT.date(), is_supplement=True)
        transition.apply(session, application, TABLE, "submit", actor="申报人", roles={Role.PROVIDER}, at=AT, subject=subject)
        for remark in application.remarks:
            remark.settled_at = AT


# ---------------------------------------------------------------- the draw


def test_a_draw_is_logged_with_everybody_who_could_not_be_drawn(database: Database) -> None:
    world = open_world(database, experts=6)
    with database.writing() as session:
        experts = [session.get_one(ReviewExpert, number) for number in world.experts]
        experts[0].unit = "申报公司 "
        experts[1].avoid = ["91990000maygpx077u"]
        experts[2].fields = ["elec"]
        experts[3].account_id = None
    accepted(database, world)
    log = draw_experts(database, world.application, wanted=3, rules=RULES, viewer=world.people["manager"], at=AT)
    assert {row["name"]: row["code"] for row in log.excluded} == {
        "专家0": "own_organisation",
        "专家1": "avoided",
        "专家2": "other_field",
        "专家3": "no_account",
    }
    assert {row["name"] for row in log.drawn} == {"专家4", "专家5"}
    assert len(log.seed) == 32
    # One is missing still, and the manager is told.
    with database.reading() as session:
        [task] = session.scalars(select(Task).where(Task.kind == "draw", Task.done_at.is_(None)))
        assert task.values["count"] == 1
        assert session.scalar(select(DrawLog.drawn_by)) == world.people["manager"].account_id
        entry = session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "draw")).one()
        assert entry.after is not None
        assert entry.after["seed"] == log.seed
    again = draw_experts(database, world.application, wanted=1, rules=RULES, viewer=world.people["manager"], at=AT)
    assert again.drawn == []
    assert {row["code"] for row in again.excluded if row["name"] in ("专家4", "专家5")} == {"taken_part"}


def test_the_same_seed_draws_the_same_experts(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    found = drawn(sqlite_database, world)
    with sqlite_database.reading() as session:
        log = session.scalars(select(DrawLog)).one()
        from hashlib import sha256

        lots = sorted(log.candidates, key=lambda number: sha256(f"{log.seed}:{number}".encode()).hexdigest())
        assert [row["expert"] for row in log.drawn] == lots[:3]
    assert len(found) == 3


def test_no_expert_of_the_applicant_is_ever_drawn(sqlite_database: Database) -> None:
    world = open_world(sqlite_database, experts=4)
    with sqlite_database.writing() as session:
        expert = session.get_one(ReviewExpert, world.experts[0])
        session.add(Membership(account_id=expert.account_id, organisation_id=world.organisation, role=Role.PROVIDER, areas=[], rights=[]))
    accepted(sqlite_database, world)
    for number in range(5):
        log = draw_experts(
            sqlite_database, world.application, wanted=1, rules=RULES, viewer=world.people["manager"], at=AT, seed=str(number)
        )
        assert "专家0" not in {row["name"] for row in log.drawn}
        assert next(row for row in log.excluded if row["name"] == "专家0")["code"] == "own_organisation"


def test_an_expert_who_joins_the_applicant_can_only_step_back(database: Database) -> None:
    world = open_world(database)
    (first, viewer), (second, other), _third = drawn(database, world)
    declare_clear(database, second, rules=RULES, viewer=other, at=AT)
    with database.writing() as session:
        for person in (viewer, other):
            row = Membership(account_id=person.account_id, organisation_id=world.organisation, role=Role.PROVIDER, areas=[], rights=[])
            session.add(row)
    assert refusal(lambda: declare_clear(database, first, rules=RULES, viewer=viewer, at=AT)) == "own_organisation"
    assert refusal(lambda: hand_in_sheet(database, second, sheet(), rules=RULES, viewer=other, at=AT, version=0)) == "own_organisation"
    recuse(database, first, why="已入职申报单位", rules=RULES, viewer=viewer, at=AT)
    assert states_of(database, world) == ["recused", "declared_clear", "assigned"]


def test_stepping_back_asks_for_a_substitute(database: Database) -> None:
    world = open_world(database)
    (first, viewer), *_others = drawn(database, world)
    assert tasks_of(database, world, viewer.name) == ["declare"]
    assert refusal(lambda: recuse(database, first, why=" ", rules=RULES, viewer=viewer, at=AT)) == "required"
    recuse(database, first, why="亲属任职", rules=RULES, viewer=viewer, at=AT)
    assert tasks_of(database, world, viewer.name) == []
    assert tasks_of(database, world, "manager") == ["draw"]
    draw_experts(database, world.application, wanted=1, rules=RULES, viewer=world.people["manager"], at=AT)
    assert tasks_of(database, world, "manager") == []
    assert states_of(database, world) == ["recused", "assigned", "assigned", "assigned"]
    with database.reading() as session:
        assert not may_read_as_expert(session, world.application, viewer)


def test_an_expert_who_does_not_answer_is_replaced(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    (first, viewer), *_others = drawn(sqlite_database, world)
    manager = world.people["manager"]
    assert refusal(lambda: release(sqlite_database, first, why="", rules=RULES, viewer=manager, at=AT)) == "reason_missing"
    assert refusal(lambda: release(sqlite_database, first, why="x", rules=RULES, viewer=world.people["bureau"], at=AT)) == "not_allowed"
    release(sqlite_database, first, why="两次联系未答复", rules=RULES, viewer=manager, at=AT)
    assert tasks_of(sqlite_database, world, viewer.name) == []
    assert refusal(lambda: declare_clear(sqlite_database, first, rules=RULES, viewer=viewer, at=AT)) == "wrong_state"


@pytest.mark.parametrize("wanted", [0, -1, 16])
def test_how_many_may_be_drawn(sqlite_database: Database, wanted: int) -> None:
    world = open_world(sqlite_database)
    accepted(sqlite_database, world)
    manager = world.people["manager"]
    assert (
        refusal(lambda: draw_experts(sqlite_database, world.application, wanted=wanted, rules=RULES, viewer=manager, at=AT))
        == "wanted_range"
    )


# ---------------------------------------------------------------- scoring


def test_nobody_acts_for_another_expert(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    found = drawn(sqlite_database, world)
    (first, viewer), (_second, other), _third = found
    for person in (other, world.people["manager"], world.people["admin"], world.people["applicant"]):
        assert refusal(lambda person=person: declare_clear(sqlite_database, first, rules=RULES, viewer=person, at=AT)) == "not_allowed"
    declare_clear(sqlite_database, first, rules=RULES, viewer=viewer, at=AT)
    for person in (other, world.people["manager"]):
        call = lambda person=person: hand_in_sheet(sqlite_database, first, sheet(), rules=RULES, viewer=person, at=AT, version=0)  # noqa: E731
        assert refusal(call) == "not_allowed"


def test_scores_wait_for_the_declaration(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    (first, viewer), *_others = drawn(sqlite_database, world)
    with sqlite_database.reading() as session:
        assert not may_read_as_expert(session, world.application, viewer)
    assert refusal(lambda: hand_in_sheet(sqlite_database, first, sheet(), rules=RULES, viewer=viewer, at=AT, version=0)) == "not_scoring"
    declare_clear(sqlite_database, first, rules=RULES, viewer=viewer, at=AT)
    assert tasks_of(sqlite_database, world, viewer.name) == ["score"]
    with sqlite_database.reading() as session:
        assert may_read_as_expert(session, world.application, viewer)
    hand_in_sheet(sqlite_database, first, sheet(80, cases=60), rules=RULES, viewer=viewer, at=AT, version=0)
    with sqlite_database.reading() as session:
        # 80 × 75 % + 60 × 25 %
        assert session.get_one(ReviewAssignment, first).total == 75.0
    assert refusal(lambda: hand_in_sheet(sqlite_database, first, sheet(), rules=RULES, viewer=viewer, at=AT, version=1)) == "not_scoring"


def test_two_windows_of_one_expert(database: Database) -> None:
    world = open_world(database)
    (first, viewer), *_others = drawn(database, world)
    declare_clear(database, first, rules=RULES, viewer=viewer, at=AT)
    assert save_sheet(database, first, sheet(70), rules=RULES, viewer=viewer, at=AT, version=0) == 1
    call = lambda: save_sheet(database, first, sheet(90), rules=RULES, viewer=viewer, at=AT, version=0)  # noqa: E731
    assert refusal(call) == "changed_meanwhile"
    with database.reading() as session:
        assert session.get_one(ReviewAssignment, first).scores == sheet(70).scores


def test_the_joint_stage_waits_for_everybody(database: Database) -> None:
    world = open_world(database)
    found = drawn(database, world)
    manager = world.people["manager"]
    for number, (assignment, viewer) in enumerate(found):
        call = lambda: write_joint(database, world.application, joint(), rules=RULES, viewer=manager, at=AT)  # noqa: E731
        assert refusal(call) == "scores_missing"
        assert tasks_of(database, world, "manager") == []
        declare_clear(database, assignment, rules=RULES, viewer=viewer, at=AT)
        hand_in_sheet(database, assignment, sheet(60 + 10 * number), rules=RULES, viewer=viewer, at=AT, version=0)
    assert tasks_of(database, world, "manager") == ["write_joint"]
    assert refusal(lambda: close_review(database, world.application, rules=RULES, viewer=manager, at=AT)) == "no_joint_opinion"
    write_joint(database, world.application, joint(72), rules=RULES, viewer=manager, at=AT)
    for number, (assignment, viewer) in enumerate(found):
        assert tasks_of(database, world, viewer.name) == ["confirm_joint"]
        assert refusal(lambda: close_review(database, world.application, rules=RULES, viewer=manager, at=AT)) == "not_confirmed"
        confirm_joint(database, assignment, revision=1, rules=RULES, viewer=viewer, at=AT)
        assert tasks_of(database, world, "manager") == ([] if number < 2 else ["close_review"])
    close_review(database, world.application, rules=RULES, viewer=manager, at=AT)
    assert state_of(database, world) == "reviewed"
    assert tasks_of(database, world, "manager") == tasks_of(database, world, "bureau") == ["propose_decision"]


def test_scores_far_apart_need_a_discussion(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    scored(sqlite_database, world, 60, 75, 81)
    manager = world.people["manager"]
    call = lambda: write_joint(sqlite_database, world.application, joint(72, ""), rules=RULES, viewer=manager, at=AT)  # noqa: E731
    assert refusal(call) == "discussion_missing"
    write_joint(sqlite_database, world.application, joint(72, "核对合同后一致"), rules=RULES, viewer=manager, at=AT)


def test_a_rewritten_joint_opinion_is_confirmed_anew(database: Database) -> None:
    world = open_world(database)
    found = scored(database, world)
    manager = world.people["manager"]
    write_joint(database, world.application, joint(75), rules=RULES, viewer=manager, at=AT)
    confirm_joint(database, found[0][0], revision=1, rules=RULES, viewer=found[0][1], at=AT)
    (second, other), (third, last) = found[1], found[2]
    dissent(database, second, why="案例分偏高", revision=1, rules=RULES, viewer=other, at=AT)
    assert tasks_of(database, world, "manager") == ["write_joint"]
    write_joint(database, world.application, joint(70), rules=RULES, viewer=manager, at=AT)
    assert states_of(database, world) == ["scored"] * 3
    assert refusal(lambda: confirm_joint(database, third, revision=1, rules=RULES, viewer=last, at=AT)) == "joint_changed"
    for number, viewer in found:
        confirm_joint(database, number, revision=2, rules=RULES, viewer=viewer, at=AT)
    with database.reading() as session:
        review = find_review(session, world.application)
        assert review is not None
        assert (review.joint_total, review.joint_revision) == (70.0, 2)


def test_a_withdrawn_application_asks_nothing_of_its_experts(database: Database) -> None:
    world = open_world(database)
    found = drawn(database, world)
    withdraw(database, world.application, viewer=world.people["applicant"], at=AT, why="另行申报")
    assert [kind for _number, viewer in found for kind in tasks_of(database, world, viewer.name)] == []
    assert tasks_of(database, world, "manager") == []
    (first, viewer), *_others = found
    assert refusal(lambda: declare_clear(database, first, rules=RULES, viewer=viewer, at=AT)) == "review_not_running"
    with database.reading() as session:
        assert count_open_reviews(session) == {}
        told = session.scalars(select(Notice.message).where(Notice.account_id == viewer.account_id).order_by(Notice.id)).all()
        assert "撤回" in told[-1]


# ---------------------------------------------------------------- two at once


def test_the_second_of_two_is_told_who_did_what(database: Database) -> None:
    world = open_world(database)
    with database.reading() as session:
        seen = find_last_entry(session, "application", world.application)
    send_back(database, world.application, reasons={"cases": "补合同"}, days=5, viewer=world.people["manager2"], at=AT, seen=seen)
    later = AT + timedelta(minutes=5)
    with pytest.raises(RefusedError) as raised:
        accept(database, world.application, answers=YES, remarks={}, rules=RULES, viewer=world.people["manager"], at=later, seen=seen)
    assert raised.value.refused.sentence() == "您打开后，manager2已在 2026-11-25 10:30 退回补正。请看他的意见后再决定。"
    assert state_of(database, world) == "sent_back"


def test_of_two_at_the_same_moment_one_wins(database: Database) -> None:
    world = open_world(database)
    with database.reading() as session:
        seen = find_last_entry(session, "application", world.application)
    said: list[str] = []
    barrier = threading.Barrier(2)

    def work(name: str, act: Callable[[Any], object]) -> None:
        barrier.wait()
        try:
            act(world.people[name])
            said.append("done")
        except RefusedError as error:
            said.append(error.refused.code)

    def accepting(viewer: Any) -> object:
        return accept(database, world.application, answers=YES, remarks={}, rules=RULES, viewer=viewer, at=AT, seen=seen)

    def returning(viewer: Any) -> object:
        return send_back(database, world.application, reasons={"cases": "补合同"}, days=5, viewer=viewer, at=AT, seen=seen)

    threads = [threading.Thread(target=work, args=pair) for pair in (("manager", accepting), ("manager2", returning))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["changed_meanwhile", "done"]
    with database.reading() as session:
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "application")).all()
        assert len(verbs) == 1


def test_what_is_over_cannot_be_reviewed_any_more(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    reviewed(sqlite_database, world)
    manager = world.people["manager"]
    (first, viewer), *_others = parts(sqlite_database, world)
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: accepted(sqlite_database, world), "wrong_state"),
        (lambda: send_back(sqlite_database, world.application, reasons={"cases": "缺"}, days=5, viewer=manager, at=AT), "wrong_state"),
        (lambda: draw_experts(sqlite_database, world.application, wanted=1, rules=RULES, viewer=manager, at=AT), "review_not_running"),
        (lambda: write_joint(sqlite_database, world.application, joint(), rules=RULES, viewer=manager, at=AT), "review_not_running"),
        (lambda: close_review(sqlite_database, world.application, rules=RULES, viewer=manager, at=AT), "wrong_state"),
        (lambda: dissent(sqlite_database, first, why="不", revision=1, rules=RULES, viewer=viewer, at=AT), "no_joint_opinion"),
        (lambda: save_sheet(sqlite_database, first, sheet(), rules=RULES, viewer=viewer, at=AT, version=1), "not_scoring"),
    ]
    before = _entries(sqlite_database)
    for call, code in calls:
        assert refusal(call) == code
    assert _entries(sqlite_database) == before


def _entries(database: Database) -> int:
    with database.reading() as session:
        return len(session.scalars(select(HistoryEntry.id)).all())


def test_the_keys_of_an_organisation_are_its_name_and_code(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    from marketplace.actions.reviews_standing import keys_of

    with sqlite_database.reading() as session:
        organisation = session.get_one(Organisation, world.organisation)
        assert keys_of(organisation) == {unit_key("申报公司"), "91990000MAYGPX077U", unit_key(organisation.public_id)}
