"""The panel review of a project: conflicts of interest, who may do what when, what stays closed before the declaration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions.project_reviews import (
    close_project_review,
    draw_project_experts,
    release_project_expert,
    write_project_joint,
)
from marketplace.actions.project_scores import confirm_joint, declare_clear, dissent, hand_in_sheet, recuse, save_sheet
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.project_reviews import ProjectJointDraft
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.records.accounts import Membership
from marketplace.records.database import Database
from marketplace.records.experts import ReviewExpert
from marketplace.records.history import HistoryEntry, find_broken_link, find_last_entry
from marketplace.records.organisations import Organisation
from marketplace.records.project_reviews import (
    ProjectAssignment,
    ProjectDraw,
    count_open_project_reviews,
    find_part_that_reads,
    find_project_review,
)
from marketplace.records.projects import Project, find_project, find_suppliers
from marketplace.records.tasks import Task, find_tasks
from tests.actions.selection_world import (
    AT,
    PANEL,
    World,
    drawn,
    joint,
    open_world,
    parts,
    ranked,
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


def reasons(database: Database) -> dict[str, str]:
    """Expert → why it could not be drawn, by the last draw."""
    with database.reading() as session:
        log = session.scalars(select(ProjectDraw).order_by(ProjectDraw.id.desc())).first()
        assert log is not None
        return {row["name"]: row["code"] for row in log.excluded}


# ---------------------------------------------------------------- the draw


def test_a_draw_of_enough_experts_begins_the_review(database: Database) -> None:
    world = open_world(database)
    found = drawn(database, world)
    assert len(found) == 3
    assert state_of(database, world.project) == "reviewing"
    assert states_of(database, world.project) == ["assigned"] * 3
    assert [tasks_of(database, world, person) for _part, person in found] == [["declare"]] * 3
    assert tasks_of(database, world, "manager") == ["project_step"]
    with database.reading() as session:
        assert find_broken_link(session) is None
        assert set(count_open_project_reviews(session).values()) == {1}
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun.in_(("project", "project_review")))).all()
        assert sorted(verbs) == ["draw", "review"]


def test_the_same_seed_draws_the_same_experts(sqlite_database: Database) -> None:
    world = open_world(sqlite_database, projects=2)
    first = [person for _part, person in drawn(sqlite_database, world)]
    assert first == [person for _part, person in drawn(sqlite_database, world, project=world.projects[1])]


def test_too_few_that_fit_do_not_begin_it(sqlite_database: Database) -> None:
    world = open_world(sqlite_database, experts=2)
    drawn(sqlite_database, world)
    assert state_of(sqlite_database, world.project) == "recommended"
    assert tasks_of(sqlite_database, world, "expert0") == []
    with sqlite_database.writing() as session:
        account = session.scalars(select(Membership).where(Membership.role == Role.EXPERT)).first()
        assert account is not None
        session.add(ReviewExpert(account_id=world.people["centre"].account_id, name="后来的", unit="学会", fields=["chem"], avoid=[]))
    draw_project_experts(sqlite_database, world.project, wanted=1, panel=PANEL, step=world.step("manager"))
    # Now there are three, and the first two are asked as well.
    assert state_of(sqlite_database, world.project) == "reviewing"
    assert tasks_of(sqlite_database, world, "expert0") == ["declare"]


TIES = {"申报公司": "own_organisation", "成员公司": "own_member", "服务公司": "own_supplier"}


@pytest.mark.parametrize("unit", TIES)
def test_nobody_of_an_own_organisation_is_drawn(database: Database, unit: str) -> None:
    """By the unit that is registered, and by an account's membership."""
    world = open_world(database)
    with database.writing() as session:
        session.get_one(ReviewExpert, world.experts[0]).unit = unit
        organisation = session.scalars(select(Organisation).where(Organisation.name == unit)).one()
        account = session.get_one(ReviewExpert, world.experts[1]).account_id
        assert account is not None
        session.add(Membership(account_id=account, organisation_id=organisation.id, role=Role.EXPERT, areas=[], rights=[]))
    found = drawn(database, world, wanted=5)
    assert sorted(person for _part, person in found) == ["expert2", "expert3", "expert4"]
    assert reasons(database) == {"专家0": TIES[unit], "专家1": TIES[unit]}


def test_a_supplier_that_was_replaced_still_ties(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    with sqlite_database.writing() as session:
        [supplier] = find_suppliers(session, world.project)
        supplier.ended_on = AT.date()
        session.get_one(ReviewExpert, world.experts[0]).unit = "服务公司"
    drawn(sqlite_database, world, wanted=5)
    assert reasons(sqlite_database) == {"专家0": "own_supplier"}


def test_who_avoids_a_supplier_is_not_drawn(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    with sqlite_database.writing() as session:
        session.get_one(ReviewExpert, world.experts[0]).avoid = ["服务 公司"]
        session.get_one(ReviewExpert, world.experts[1]).avoid = ["申报公司"]
    drawn(sqlite_database, world, wanted=5)
    assert reasons(sqlite_database) == {"专家0": "avoided_supplier", "专家1": "avoided"}


def test_who_joins_a_supplier_after_the_draw_can_neither_declare_nor_score(database: Database) -> None:
    world = open_world(database)
    (first, one), (second, two), _third = drawn(database, world)
    declare_clear(database, second, panel=PANEL, step=world.step(two))
    with database.writing() as session:
        for person in (one, two):
            expert = session.scalars(select(ReviewExpert).where(ReviewExpert.account_id == world.people[person].account_id)).one()
            expert.unit = "服务公司"
    assert refusal(lambda: declare_clear(database, first, panel=PANEL, step=world.step(one))) == "own_organisation"

    def hands_in() -> Any:
        return hand_in_sheet(database, second, sheet(), panel=PANEL, step=world.step(two), version=0)

    assert refusal(hands_in) == "own_organisation"
    recuse(database, first, why="已到服务公司任职", panel=PANEL, step=world.step(one))
    assert states_of(database, world.project)[0] == "recused"


@pytest.mark.parametrize("project_class", [ProjectClass.MUNICIPAL, ProjectClass.OTHER])
def test_other_classes_have_no_panel(sqlite_database: Database, project_class: ProjectClass) -> None:
    world = open_world(sqlite_database, project_class=project_class)
    assert refusal(lambda: drawn(sqlite_database, world)) == "wrong_state"


@pytest.mark.parametrize("state", [one for one in ProjectState if one not in (ProjectState.RECOMMENDED, ProjectState.REVIEWING)])
def test_experts_are_drawn_before_or_in_the_review_only(sqlite_database: Database, state: ProjectState) -> None:
    world = open_world(sqlite_database, state=state)
    assert refusal(lambda: drawn(sqlite_database, world)) == "wrong_state"


@pytest.mark.parametrize("person", ["applicant", "member", "supplier", "rival", "bureau", "centre", "area", "finance", "expert0"])
def test_only_the_manager_draws(sqlite_database: Database, person: str) -> None:
    world = open_world(sqlite_database)

    def draws() -> Any:
        return draw_project_experts(sqlite_database, world.project, wanted=3, panel=PANEL, step=world.step(person))

    assert refusal(draws) == "not_allowed"
    assert state_of(sqlite_database, world.project) == "recommended"
    with sqlite_database.reading() as session:
        assert find_project_review(session, world.project) is None


def test_a_draw_from_an_outdated_page_does_nothing(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    drawn(sqlite_database, world)

    def again() -> Any:
        return draw_project_experts(sqlite_database, world.project, wanted=1, panel=PANEL, step=world.step("manager"), review_seen=0)

    assert refusal(again) == "changed_meanwhile"
    assert len(parts(sqlite_database, world)) == 3


@pytest.mark.parametrize("wanted", [0, -1, 16])
def test_how_many_are_drawn_at_once(sqlite_database: Database, wanted: int) -> None:
    assert refusal(lambda: drawn(sqlite_database, open_world(sqlite_database), wanted)) == "wanted_range"


# ---------------------------------------------------------------- an expert's part


def test_nothing_opens_before_the_declaration(database: Database) -> None:
    world = open_world(database)
    (part, person), *_rest = drawn(database, world)
    viewer = world.people[person]
    with database.reading() as session:
        assert find_part_that_reads(session, world.project, viewer) is None
        public_id = session.get_one(Project, world.project).public_id
        # Nor by the project's own page, then or later.
        assert find_project(session, public_id, viewer) is None
    assert refusal(lambda: save_sheet(database, part, sheet(), panel=PANEL, step=world.step(person), version=0)) == "not_scoring"
    declare_clear(database, part, panel=PANEL, step=world.step(person))
    with database.reading() as session:
        assert find_part_that_reads(session, world.project, viewer) is not None
        assert find_project(session, public_id, viewer) is None
    assert tasks_of(database, world, person) == ["score"]


def test_nobody_acts_for_another_expert(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    (part, person), (_other, another), *_rest = drawn(sqlite_database, world)
    for stranger in (another, "manager", "bureau", "admin", "applicant"):
        declares = partial(declare_clear, sqlite_database, part, panel=PANEL, step=world.step(stranger))
        assert refusal(declares) == "not_allowed"
    assert states_of(sqlite_database, world.project)[0] == "assigned"
    assert person


def test_scores_are_whole_and_handed_in_once(database: Database) -> None:
    world = open_world(database)
    (part, person), *_rest = drawn(database, world)
    step = world.step(person)
    declare_clear(database, part, panel=PANEL, step=step)
    bad = sheet()
    bad.scores["need"] = None
    assert refusal(lambda: hand_in_sheet(database, part, bad, panel=PANEL, step=step, version=0)) == "score_missing"
    assert refusal(lambda: hand_in_sheet(database, part, sheet(need=101), panel=PANEL, step=step, version=0)) == "score_range"
    assert save_sheet(database, part, bad, panel=PANEL, step=step, version=0) == 1
    assert refusal(lambda: save_sheet(database, part, bad, panel=PANEL, step=step, version=0)) == "changed_meanwhile"
    hand_in_sheet(database, part, sheet(need=100, team=50), panel=PANEL, step=step, version=1)
    assert refusal(lambda: hand_in_sheet(database, part, sheet(), panel=PANEL, step=step, version=2)) == "not_scoring"
    with database.reading() as session:
        # (100·20 + 75·70 + 50·10) ÷ 100
        assert session.get_one(ProjectAssignment, part).total == 77.5


def test_whoever_recuses_leaves_and_is_not_drawn_again(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    (part, person), *_rest = drawn(sqlite_database, world)
    assert refusal(lambda: recuse(sqlite_database, part, why=" ", panel=PANEL, step=world.step(person))) == "required"
    recuse(sqlite_database, part, why="近三年有合作", panel=PANEL, step=world.step(person))
    assert tasks_of(sqlite_database, world, person) == []
    draw_project_experts(sqlite_database, world.project, wanted=5, panel=PANEL, step=world.step("manager"))
    assert reasons(sqlite_database)[person.replace("expert", "专家")] == "taken_part"


def test_an_expert_who_does_not_answer_is_replaced(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    (part, person), *_rest = drawn(sqlite_database, world)
    assert (
        refusal(lambda: release_project_expert(sqlite_database, part, why="", panel=PANEL, step=world.step("manager"))) == "reason_missing"
    )
    assert refusal(lambda: release_project_expert(sqlite_database, part, why="x", panel=PANEL, step=world.step("bureau"))) == "not_allowed"
    release_project_expert(sqlite_database, part, why="逾期未声明", panel=PANEL, step=world.step("manager"))
    assert states_of(sqlite_database, world.project)[0] == "released"
    assert tasks_of(sqlite_database, world, person) == []


# ---------------------------------------------------------------- the joint opinion and the end


def test_the_joint_opinion_waits_for_all_scores(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    drawn(sqlite_database, world)

    def writes() -> Any:
        return write_project_joint(sqlite_database, world.project, joint(), panel=PANEL, step=world.step("manager"))

    assert refusal(writes) == "scores_missing"


def test_scores_far_apart_are_explained(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    scored(sqlite_database, world, 60, 75, 85)
    silent = joint(discussion=" ")

    def writes(draft: ProjectJointDraft) -> Any:
        return write_project_joint(sqlite_database, world.project, draft, panel=PANEL, step=world.step("manager"))

    assert refusal(lambda: writes(silent)) == "discussion_missing"
    assert writes(joint()).joint_total == 75


@pytest.mark.parametrize(("amount", "code"), [(100.01, "above_ceiling"), (-1, "negative"), (0, ""), (100, "")])
def test_the_amount_proposed_has_a_ceiling(sqlite_database: Database, amount: float, code: str) -> None:
    """Asked for 100, a fifth of 1000 is 200."""
    world = open_world(sqlite_database)
    scored(sqlite_database, world)

    def writes() -> Any:
        return write_project_joint(sqlite_database, world.project, joint(amount_wan=amount), panel=PANEL, step=world.step("manager"))

    if code:
        assert refusal(writes) == code
    else:
        assert writes().joint_amount_fen == round(amount * 1_000_000)


def test_a_review_ends_when_all_have_confirmed(database: Database) -> None:
    world = open_world(database)
    found = scored(database, world)
    manager = world.step("manager")
    assert refusal(lambda: close_project_review(database, world.project, panel=PANEL, step=manager)) == "no_joint_opinion"
    write_project_joint(database, world.project, joint(), panel=PANEL, step=manager)
    (part, person), *others = found
    dissent(database, part, why="金额偏高", revision=1, panel=PANEL, step=world.step(person))
    for number, other in others:
        confirm_joint(database, number, revision=1, panel=PANEL, step=world.step(other))
    assert refusal(lambda: close_project_review(database, world.project, panel=PANEL, step=manager)) == "not_confirmed"
    write_project_joint(database, world.project, joint(amount_wan=70), panel=PANEL, step=manager)
    # Who confirmed the first one is asked again, and nobody confirms what was not on the page.
    assert states_of(database, world.project) == ["scored"] * 3
    assert refusal(lambda: confirm_joint(database, part, revision=1, panel=PANEL, step=world.step(person))) == "joint_changed"
    for number, other in found:
        confirm_joint(database, number, revision=2, panel=PANEL, step=world.step(other))
    assert refusal(lambda: close_project_review(database, world.project, panel=PANEL, step=world.step("bureau"))) == "not_allowed"
    close_project_review(database, world.project, panel=PANEL, step=manager)
    assert state_of(database, world.project) == "ranked"
    assert [tasks_of(database, world, person) for _part, person in found] == [[], [], []]
    with database.reading() as session:
        assert find_broken_link(session) is None
        open_tasks = session.scalars(select(Task).where(Task.noun == "project_assignment", Task.done_at.is_(None))).all()
        assert open_tasks == []


def test_after_the_end_nothing_of_the_review_moves(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    ranked(sqlite_database, world)
    [(part, person), *_rest] = parts(sqlite_database, world)
    manager = world.step("manager")
    assert refusal(lambda: write_project_joint(sqlite_database, world.project, joint(), panel=PANEL, step=manager)) == "review_not_running"
    assert refusal(lambda: release_project_expert(sqlite_database, part, why="x", panel=PANEL, step=manager)) == "wrong_state"
    assert refusal(lambda: dissent(sqlite_database, part, why="x", revision=1, panel=PANEL, step=world.step(person))) == "no_joint_opinion"


def test_a_refusal_leaves_nothing_half_done(database: Database) -> None:
    """What was written before the refusal goes with its transaction."""
    world = open_world(database)
    with database.reading() as session:
        before = find_last_entry(session, "project", world.project)
    later = world.step("manager", AT + timedelta(days=1), seen=-1)
    with database.writing() as session:
        session.get_one(ReviewExpert, world.experts[0]).note = "x"
    assert refusal(lambda: close_project_review(database, world.project, panel=PANEL, step=later)) == "review_not_running"
    with database.reading() as session:
        assert find_last_entry(session, "project", world.project) == before
        assert find_project_review(session, world.project) is None
