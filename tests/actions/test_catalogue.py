"""A provider writes its catalogue, the general manager decides: what is seen, what is kept, who may, and who is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions import catalogue, catalogue_review, solutions, transition
from marketplace.actions.catalogue_content import case_row, content_of
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.providers import TABLE as PROVIDER_TABLE
from marketplace.domain.providers import ProviderState
from marketplace.domain.solution_versions import VersionState
from marketplace.domain.solutions import SolutionState
from marketplace.pilot import Pilot
from marketplace.records.cases import Case
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.index_queue import QueuedThing
from marketplace.records.notices import Notice
from marketplace.records.providers import Provider
from marketplace.records.solution_versions import SolutionVersion, find_versions
from marketplace.records.solutions import Solution
from marketplace.records.tasks import Task
from tests.actions.catalogue import Pool, content, open_pool
from tests.conftest import NOW

TODAY = NOW.date()


@pytest.fixture
def pool(database: Database) -> Pool:
    return open_pool(database)


def submit(database: Database, version: SolutionVersion, viewer: Viewer, pilot: Pilot) -> SolutionVersion:
    return catalogue.submit(database, version.id, revision=version.revision, viewer=viewer, at=NOW, today=TODAY, rules=pilot.catalogue)


def published(database: Database, pool: Pool, pilot: Pilot) -> int:
    """A new solution, handed in and approved."""
    version = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    submit(database, version, pool.person, pilot)
    catalogue_review.approve(database, version.id, revision=1, viewer=pool.manager, at=NOW)
    return version.solution_id


def state_of(database: Database, solution_id: int) -> SolutionState:
    with database.reading() as session:
        return session.get_one(Solution, solution_id).state


def refusal(act: Callable[..., Any], *arguments: Any, **values: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        act(*arguments, **values)
    return refused.value.refused.code


def test_a_new_solution_is_seen_once_it_is_approved(database: Database, pool: Pool, pilot: Pilot) -> None:
    version = catalogue.create(database, pool.provider, content(), note="首次", viewer=pool.person, at=NOW)
    assert state_of(database, version.solution_id) is SolutionState.DRAFT
    submit(database, version, pool.person, pilot)
    with database.reading() as session:
        [task] = session.scalars(select(Task))
        assert (task.kind, task.role, task.noun_id) == ("solution_review", "manager", version.id)
        # Five working days after Wednesday the 25th, a weekend between them.
        assert task.due is not None
        assert task.due.isoformat() == "2026-12-02"
        assert not session.scalars(select(QueuedThing)).all()
    catalogue_review.approve(database, version.id, revision=1, viewer=pool.manager, at=NOW)
    assert state_of(database, version.solution_id) is SolutionState.PUBLISHED
    with database.reading() as session:
        shown = session.get_one(Solution, version.solution_id)
        assert (shown.title, shown.scenario_codes, shown.references) == ("换热器结垢在线监测", ["CH-16"], 3)
        queued = {(row.kind, row.thing_id) for row in session.scalars(select(QueuedThing))}
        assert queued == {("solution", shown.id), ("provider", pool.provider)}
        assert session.scalars(select(Task)).one().done_at == NOW
        told = {row.account_id for row in session.scalars(select(Notice))}
        assert told == {pool.person.account_id, pool.colleague.account_id}
        verbs = [(row.noun, row.verb) for row in session.scalars(select(HistoryEntry).order_by(HistoryEntry.id))]
        assert verbs == [
            ("solution", "create"), ("solution_version", "create"), ("solution_version", "submit"),
            ("solution_version", "approve"), ("solution", "publish"),
        ]  # fmt: skip
        assert find_broken_link(session) is None


def test_an_edit_waits_while_the_old_stays_visible(database: Database, pool: Pool, pilot: Pilot) -> None:
    with database.reading() as session:
        solution = session.get_one(Solution, pool.published)
        stands = content_of(session, solution)
    edited = stands | {"title": "密封点检测与修复", "references": 40}
    version = catalogue.write(database, pool.published, edited, number=0, revision=0, note="加了修复", viewer=pool.person, at=NOW)
    assert version is not None
    submit(database, version, pool.person, pilot)
    with database.reading() as session:
        assert session.get_one(Solution, pool.published).title == "密封点检测服务"
        # What came by import is kept as the first version, so that the difference can be told for ever.
        first = find_versions(session, pool.published)[-1]
        assert (first.number, first.state, first.content["title"]) == (1, VersionState.APPROVED, "密封点检测服务")
        assert version.number == 2
    catalogue_review.approve(database, version.id, revision=1, viewer=pool.manager, at=NOW, why="属实")
    with database.reading() as session:
        shown = session.get_one(Solution, pool.published)
        assert (shown.title, shown.references, shown.state) == ("密封点检测与修复", 40, SolutionState.PUBLISHED)
        [entry] = session.scalars(select(HistoryEntry).where(HistoryEntry.noun == "solution"))
        assert entry.verb == "change"
        assert entry.before == {"title": "密封点检测服务", "references": 0}
        assert entry.after == {"title": "密封点检测与修复", "references": 40}
        assert [row.number for row in find_versions(session, pool.published)] == [2, 1]


def test_sent_back_revised_and_approved(database: Database, pool: Pool, pilot: Pilot) -> None:
    version = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    submit(database, version, pool.person, pilot)
    back = {"revision": 1, "viewer": pool.manager, "at": NOW}
    assert refusal(catalogue_review.send_back, database, version.id, why=" ", **back) == "reason_missing"
    catalogue_review.send_back(database, version.id, why="写明检测频次", **back)
    with database.reading() as session:
        [task] = session.scalars(select(Task).where(Task.done_at.is_(None)))
        organisation = session.get_one(Solution, version.solution_id).provider.organisation_id
        assert (task.kind, task.organisation_id, task.values["why"]) == ("solution_revise", organisation, "写明检测频次")
    mended = catalogue.write(
        database, version.solution_id, content(references=9), number=1, revision=1, note="", viewer=pool.colleague, at=NOW
    )
    assert mended is not None
    assert (mended.state, mended.revision) == (VersionState.RETURNED, 2)
    submit(database, mended, pool.colleague, pilot)
    with database.reading() as session:
        assert [row.kind for row in session.scalars(select(Task).where(Task.done_at.is_(None)))] == ["solution_review"]
    # The manager who still looks at what was sent back is told that it is another text now.
    assert refusal(catalogue_review.approve, database, version.id, revision=1, viewer=pool.manager, at=NOW) == "changed_meanwhile"
    catalogue_review.approve(database, version.id, revision=2, viewer=pool.manager, at=NOW)
    assert state_of(database, version.solution_id) is SolutionState.PUBLISHED


def test_of_two_who_write_at_once_one_is_told(database: Database, pool: Pool) -> None:
    version = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    barrier = threading.Barrier(4)
    answers: list[str] = []

    def save(number: int) -> None:
        barrier.wait()
        viewer = pool.person if number % 2 else pool.colleague
        typed = content(references=10 + number)
        try:
            catalogue.write(database, version.solution_id, typed, number=1, revision=1, note="", viewer=viewer, at=NOW)
            answers.append("saved")
        except RefusedError as error:
            answers.append(error.refused.code)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [*["changed_meanwhile"] * 3, "saved"]


def test_two_new_versions_at_once_are_one(database: Database, pool: Pool) -> None:
    typed = content(title="密封点检测服务（新）")
    values = {"number": 0, "revision": 0, "note": "", "at": NOW}
    catalogue.write(database, pool.published, typed, viewer=pool.person, **values)
    assert refusal(catalogue.write, database, pool.published, typed, viewer=pool.colleague, **values) == "changed_meanwhile"


def test_a_version_that_is_handed_in_rests(database: Database, pool: Pool, pilot: Pilot) -> None:
    version = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    submit(database, version, pool.person, pilot)
    typed = content(references=8)
    edit = {"number": 1, "revision": 1, "note": "", "viewer": pool.person, "at": NOW}
    assert refusal(catalogue.write, database, version.solution_id, typed, **edit) == "not_editable"
    catalogue.withdraw(database, version.id, revision=1, viewer=pool.person, at=NOW)
    assert refusal(catalogue_review.approve, database, version.id, revision=1, viewer=pool.manager, at=NOW) == "wrong_state"
    with database.reading() as session:
        assert not session.scalars(select(Task).where(Task.done_at.is_(None))).all()
        solution = session.get_one(Solution, version.solution_id)
        # What was taken back is where the next version begins.
        assert catalogue.next_content(session, solution, None) == version.content
    again = catalogue.write(database, version.solution_id, typed, number=0, revision=1, note="", viewer=pool.person, at=NOW)
    assert again is not None
    assert again.number == 2


def test_two_reviewers_decide_once(database: Database, pool: Pool, pilot: Pilot) -> None:
    version = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    submit(database, version, pool.person, pilot)
    barrier = threading.Barrier(2)
    answers: list[str] = []

    def decide(viewer: Viewer) -> None:
        barrier.wait()
        try:
            if viewer is pool.manager:
                catalogue_review.approve(database, version.id, revision=1, viewer=viewer, at=NOW)
            else:
                catalogue_review.send_back(database, version.id, revision=1, viewer=viewer, at=NOW, why="不清楚")
            answers.append("done")
        except RefusedError as error:
            answers.append(error.refused.code)

    threads = [threading.Thread(target=decide, args=(viewer,)) for viewer in (pool.manager, pool.second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["done", "wrong_state"]


def test_nobody_else_writes(database: Database, pool: Pool, pilot: Pilot) -> None:
    version = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    for stranger in (pool.rival_person, pool.manager, Viewer()):
        assert refusal(catalogue.create, database, pool.provider, content(), note="", viewer=stranger, at=NOW) == "not_allowed"
        edit = {"number": 1, "revision": 1, "note": "", "viewer": stranger, "at": NOW}
        assert refusal(catalogue.write, database, version.solution_id, content(references=4), **edit) == "not_allowed"
        assert refusal(submit, database, version, stranger, pilot) == "not_allowed"
        assert refusal(catalogue.withdraw, database, version.id, revision=1, viewer=stranger, at=NOW) == "not_allowed"
    submit(database, version, pool.person, pilot)
    for stranger in (pool.person, pool.rival_person, pool.bureau):
        assert refusal(catalogue_review.approve, database, version.id, revision=1, viewer=stranger, at=NOW) == "not_allowed"


def test_a_member_without_the_right_only_fills_in(database: Database, pool: Pool, pilot: Pilot) -> None:
    version = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    rights = frozenset((number, right) for number, right in pool.colleague.rights if right == "edit")
    clerk = Viewer(
        account_id=pool.colleague.account_id,
        name="文员",
        roles=pool.colleague.roles,
        provider_ids=pool.colleague.provider_ids,
        rights=rights,
    )
    written = catalogue.write(database, version.solution_id, content(references=4), number=1, revision=1, note="", viewer=clerk, at=NOW)
    assert written is not None
    assert refusal(submit, database, written, clerk, pilot) == "not_allowed"


@pytest.mark.parametrize("state", [ProviderState.SUSPENDED, ProviderState.RETIRED, ProviderState.LEFT])
def test_outside_the_pool_nothing_is_handed_in_nor_shown(database: Database, pilot: Pilot, state: ProviderState) -> None:
    pool = open_pool(database, state=state)
    version = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    assert refusal(submit, database, version, pool.person, pilot) == "not_in_pool"
    with database.writing() as session:
        session.get_one(SolutionVersion, version.id).submitted = NOW
        session.execute(SolutionVersion.__table__.update().values(state="submitted"))
    assert refusal(catalogue_review.approve, database, version.id, revision=1, viewer=pool.manager, at=NOW) == "not_in_pool"


def test_in_rectification_one_mends_and_offers_nothing_new(database: Database, pilot: Pilot) -> None:
    pool = open_pool(database, state=ProviderState.RECTIFYING)
    version = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    assert refusal(submit, database, version, pool.person, pilot) == "takes_no_new"
    typed = content(title="密封点检测服务二")
    mended = catalogue.write(database, pool.published, typed, number=0, revision=0, note="", viewer=pool.person, at=NOW)
    assert mended is not None
    submit(database, mended, pool.person, pilot)
    catalogue_review.approve(database, mended.id, revision=1, viewer=pool.manager, at=NOW)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"form": ""}, "required"),
        ({"scenario_codes": []}, "required"),
        ({"summary": "很好用。"}, "too_short"),
        ({"solves": ["结垢看不见，电话 13812345678"]}, "contact_data"),
        ({"title": "行业领先的结垢监测"}, "absolute_word"),
    ],
)
def test_what_the_guard_refuses_is_not_handed_in(sqlite_database: Database, pilot: Pilot, change: dict[str, object], code: str) -> None:
    pool = open_pool(sqlite_database)
    version = catalogue.create(sqlite_database, pool.provider, content(**change), note="", viewer=pool.person, at=NOW)
    assert refusal(submit, sqlite_database, version, pool.person, pilot) == code
    with sqlite_database.reading() as session:
        assert session.get_one(SolutionVersion, version.id).state is VersionState.DRAFT
        assert not session.scalars(select(Task)).all()


def test_cases_are_shown_with_the_version_that_names_them(database: Database, pool: Pool, pilot: Pilot) -> None:
    with database.writing() as session:
        loose = Case(provider_id=pool.provider, process="两个车间轮流试用", effects=[], proofs=[], source="t", source_ref="AL-1")
        foreign = Case(provider_id=pool.rival, process="别家的", source="t", source_ref="AL-2")
        session.add_all([loose, foreign])
        session.flush()
        number = loose.id
        row, theirs = (case_row(case) for case in (loose, foreign))
    values = {"number": 0, "revision": 0, "note": "", "viewer": pool.person, "at": NOW}
    with database.reading() as session:
        stands = content_of(session, session.get_one(Solution, pool.published))
    assert refusal(catalogue.write, database, pool.published, stands | {"cases": [theirs]}, **values) == "foreign_thing"
    fresh = row | {"case": "", "title": "新案例", "process": "装了三台", "cost_fen": 5}
    version = catalogue.write(database, pool.published, stands | {"cases": [row | {"title": "轮流试用"}, fresh]}, **values)
    assert version is not None
    submit(database, version, pool.person, pilot)
    with database.reading() as session:
        assert session.get_one(Case, number).title is None
    catalogue_review.approve(database, version.id, revision=1, viewer=pool.manager, at=NOW)
    with database.reading() as session:
        cases = session.scalars(select(Case).where(Case.solution_id == pool.published).order_by(Case.id)).all()
        assert [(case.title, case.cost_fen) for case in cases] == [("轮流试用", None), ("新案例", 5)]
        approved = session.get_one(SolutionVersion, version.id)
        assert [one["case"] for one in approved.content["cases"]] == [case.public_id for case in cases]
        assert content_of(session, session.get_one(Solution, pool.published)) == approved.content
        without = approved.content | {"cases": approved.content["cases"][1:]}
    values |= {"revision": 2}
    version = catalogue.write(database, pool.published, without, **values)
    assert version is not None
    submit(database, version, pool.person, pilot)
    catalogue_review.approve(database, version.id, revision=1, viewer=pool.manager, at=NOW)
    with database.reading() as session:
        assert session.get_one(Case, number).solution_id is None
        assert {row.noun for row in session.scalars(select(HistoryEntry))} >= {"case", "solution"}


def test_off_the_shelf_and_back_by_a_version(database: Database, pool: Pool, pilot: Pilot) -> None:
    number = published(database, pool, pilot)
    solutions.withdraw(database, number, viewer=pool.person, at=NOW)
    assert state_of(database, number) is SolutionState.WITHDRAWN
    with database.reading() as session:
        stands = content_of(session, session.get_one(Solution, number))
    # The same content is a version all the same: it asks to be shown again.
    version = catalogue.write(database, number, stands, number=0, revision=1, note="重新上架", viewer=pool.person, at=NOW)
    assert version is not None
    submit(database, version, pool.person, pilot)
    catalogue_review.approve(database, version.id, revision=1, viewer=pool.manager, at=NOW)
    assert state_of(database, number) is SolutionState.PUBLISHED
    assert catalogue.write(database, number, stands, number=0, revision=2, note="", viewer=pool.person, at=NOW) is None


def test_what_is_blocked_comes_back_by_the_bureau_only(database: Database, pool: Pool, pilot: Pilot) -> None:
    solutions.block(database, pool.published, viewer=pool.manager, at=NOW, why="举报属实")
    with database.reading() as session:
        [notice, _other] = session.scalars(select(Notice))
        assert notice.values["why"] == "举报属实"
    typed = content(title="改过的标题")
    version = catalogue.write(database, pool.published, typed, number=0, revision=0, note="", viewer=pool.person, at=NOW)
    assert version is not None
    assert refusal(submit, database, version, pool.person, pilot) == "blocked"
    solutions.unblock(database, pool.published, viewer=pool.bureau, at=NOW)
    submit(database, version, pool.person, pilot)


def move(database: Database, provider_id: int, *events: str) -> None:
    with database.writing() as session:
        for event in events:
            provider = session.get_one(Provider, provider_id)
            transition.apply(session, provider, PROVIDER_TABLE, event, actor="区工信局", roles={Role.BUREAU}, at=NOW, why="未改")


def test_a_suspended_provider_keeps_its_drafts(database: Database, pool: Pool, pilot: Pilot) -> None:
    version = catalogue.create(database, pool.provider, content(), note="", viewer=pool.person, at=NOW)
    move(database, pool.provider, "warn", "suspend")
    assert refusal(submit, database, version, pool.person, pilot) == "not_in_pool"
    move(database, pool.provider, "reinstate")
    submit(database, version, pool.person, pilot)
