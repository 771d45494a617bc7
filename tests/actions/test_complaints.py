"""Policies and complaints on both kinds of database: versions that take each other's place, answers within the term, nothing of persons."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions import complaints, policies
from marketplace.actions.complaints import Step, close_answered_complaints
from marketplace.domain.access import ANYONE
from marketplace.domain.complaints import ComplaintState
from marketplace.domain.lifecycle import Refused
from marketplace.domain.policies import PolicyVersionState
from marketplace.files.store import BlobStore
from marketplace.records.complaints import Complaint, find_complaint, find_entries
from marketplace.records.database import Database
from marketplace.records.files import find_attachments
from marketplace.records.history import HistoryEntry
from marketplace.records.notices import Notice
from marketplace.records.policies import PolicyVersion, find_current, find_versions
from marketplace.records.tasks import Task
from tests.actions.brokering import PILOT, World, open_world, refused
from tests.conftest import NOW
from tests.domain.test_showcases import POLICY, WRITTEN

NAME, PHONE = "王秘密", "13900001111"
# What has nothing to do with the kind of database is asked of one.
ONE_KIND = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return open_world(database, tmp_path)


def step(world: World, person: str = "", *, address: str = "10.1.2.3", minutes: int = 0) -> Step:
    viewer = world.people[person] if person else ANYONE
    at = NOW + (world.day - NOW.date()) + timedelta(minutes=minutes)
    return Step(viewer, at, world.day, PILOT.complaint, PILOT.catalogue, address)


def received(world: World, about: str = "provider", **values: str) -> tuple[int, complaints.Receipt]:
    receipt = complaints.receive(world.database, replace(WRITTEN, about=about, name=NAME, contact=PHONE, **values), step(world))
    with world.database.reading() as session:
        return session.scalars(select(Complaint.id).where(Complaint.number == receipt.number)).one(), receipt


def found(world: World, number: int) -> Complaint:
    with world.database.reading() as session:
        row = session.get_one(Complaint, number)
        session.expunge_all()
        return row


def test_from_received_to_closed_with_terms_and_tasks(world: World) -> None:
    number, receipt = received(world)
    assert receipt.number == f"TS-{world.day.year}-0001"
    assert {whose for kind, whose in world.tasks() if kind == "answer_complaint"} == {"manager", "bureau"}
    complaints.take(world.database, number, step(world, "manager"))
    complaints.answer(world.database, number, "已请服务商三日内到场。", step(world, "manager"))
    assert found(world, number).state == ComplaintState.ANSWERED
    assert not [kind for kind, _whose in world.tasks() if kind == "answer_complaint"]
    opened = complaints.opened(world.database, receipt.number.lower(), f" {receipt.code.lower()} ", step(world))
    assert opened == number
    complaints.ask_again(world.database, number, "三日过了，服务商还是没有来人。", step(world))
    assert found(world, number).state == ComplaintState.IN_HAND
    complaints.answer(world.database, number, "已约谈服务商。", step(world, "bureau"))
    complaints.close(world.database, number, step(world, "bureau"))
    with world.database.reading() as session:
        texts = [row.text for row in find_entries(session, number)]
        verbs = list(session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "complaint").order_by(HistoryEntry.id)))
    assert texts == ["已请服务商三日内到场。", "三日过了，服务商还是没有来人。", "已约谈服务商。"]
    assert verbs == ["create", "take", "answer", "ask_again", "answer", "close"]


@ONE_KIND
def test_answered_and_silent_is_closed_by_the_clock(world: World) -> None:
    number, _receipt = received(world)
    complaints.take(world.database, number, step(world, "bureau"))
    complaints.answer(world.database, number, "请看政策库。", step(world, "bureau"))
    for days, state in ((PILOT.complaint.close_days, ComplaintState.ANSWERED), (1, ComplaintState.CLOSED)):
        world.later(days)
        with world.database.writing() as session:
            close_answered_complaints(session, world.day, step(world).at)
        assert found(world, number).state == state


@ONE_KIND
def test_nothing_of_the_person_in_history_tasks_and_notices(world: World) -> None:
    number, receipt = received(world)
    complaints.take(world.database, number, step(world, "bureau"))
    complaints.answer(world.database, number, "请王女士到窗口来。", step(world, "bureau"))
    with world.database.reading() as session:
        said = [f"{row.actor}{row.before}{row.after}{row.why}" for row in session.scalars(select(HistoryEntry))]
        said += [f"{row.message}{row.values}" for row in session.scalars(select(Task))]
        said += [f"{row.message}{row.values}" for row in session.scalars(select(Notice))]
    for word in (NAME, PHONE, "两周没有人来", "王女士", receipt.code, "10.1.2.3"):
        assert not [line for line in said if word in line], word


def test_number_and_code_together_or_nothing(world: World) -> None:
    _number, receipt = received(world)
    _other, another = received(world)
    wrong = (("", ""), (receipt.number, ""), (receipt.number, another.code), ("TS-2026-9999", receipt.code), (receipt.code, receipt.number))
    for number, code in wrong:
        answer = complaints.opened(world.database, number, code, step(world))
        assert isinstance(answer, Refused)
        assert answer.code == "no_such_complaint"
    for _try in range(5):
        complaints.opened(world.database, receipt.number, "ZZZZZ", step(world))
    answer = complaints.opened(world.database, receipt.number, receipt.code, step(world))
    assert isinstance(answer, Refused)
    assert answer.code == "too_many_attempts"
    # From elsewhere, and later, it is answered.
    assert isinstance(complaints.opened(world.database, receipt.number, receipt.code, step(world, address="10.9.9.9")), int)
    assert isinstance(complaints.opened(world.database, receipt.number, receipt.code, step(world, minutes=6)), int)


def test_three_in_five_minutes_from_one_address(world: World) -> None:
    for _try in range(3):
        received(world)
    assert refused(complaints.receive, world.database, WRITTEN, step(world)) == "too_many_attempts"
    complaints.receive(world.database, WRITTEN, step(world, address="10.9.9.9"))
    complaints.receive(world.database, WRITTEN, step(world, minutes=6))


@ONE_KIND
def test_the_manager_neither_reads_nor_answers_what_is_about_it(world: World) -> None:
    number, _receipt = received(world, about="manager")
    assert {whose for kind, whose in world.tasks() if kind == "answer_complaint"} == {"bureau"}
    for person in ("manager", "centre", "enterprise", "first"):
        assert refused(complaints.take, world.database, number, step(world, person)) == "not_allowed", person
        with world.database.reading() as session:
            assert find_complaint(session, found(world, number).public_id, world.people[person]) is None
    complaints.take(world.database, number, step(world, "bureau"))


# ---- policies


def keeper(world: World, person: str = "bureau", seen: int | None = None) -> policies.Step:
    at = step(world).at
    return policies.Step(world.people[person], at, world.day, seen)


def published(world: World, **values: object) -> PolicyVersion:
    row = policies.create(world.database, replace(POLICY, **values), keeper(world))  # type: ignore[arg-type]
    policies.publish(world.database, row.id, keeper(world))
    return row


def test_a_new_version_takes_the_place_of_the_old_one(world: World) -> None:
    first = published(world)
    second = policies.create(world.database, replace(POLICY, text="第一条 改过……"), keeper(world, "manager"), policy_id=first.policy_id)
    assert refused(policies.create, world.database, POLICY, keeper(world), policy_id=first.policy_id) == "draft_there"
    with world.database.reading() as session:
        assert find_current(session, [first.policy_id])[first.policy_id].id == first.id
    policies.publish(world.database, second.id, keeper(world))
    with world.database.reading() as session:
        rows = find_versions(session, first.policy_id, drafts=False)
        assert [(row.version, row.state) for row in rows] == [(2, PolicyVersionState.PUBLISHED), (1, PolicyVersionState.SUPERSEDED)]
        assert find_current(session, [first.policy_id])[first.policy_id].id == second.id
        verbs = list(session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "policy_version").order_by(HistoryEntry.id)))
        told = set(session.scalars(select(Notice.message).where(Notice.kind == "policy")))
    assert verbs == ["create", "publish", "create", "supersede", "publish"]
    assert told == {"政策库有新内容：{title}。", "政策有新版：{title}。"}
    assert refused(policies.change, world.database, first.id, POLICY, keeper(world)) == "not_a_draft"


def test_two_policies_of_one_number_are_one_entered_twice(world: World) -> None:
    first = published(world)
    assert refused(policies.create, world.database, replace(POLICY, title="又录了一遍"), keeper(world)) == "number_taken"
    # The next version of the same one may keep it.
    row = policies.create(world.database, POLICY, keeper(world), policy_id=first.policy_id)
    policies.drop(world.database, row.id, keeper(world))
    policies.create(world.database, replace(POLICY, number=""), keeper(world))


@ONE_KIND
def test_repealed_with_what_took_its_place(world: World) -> None:
    first, other = published(world), published(world, number="另一号", title="新办法")
    draft = policies.create(world.database, replace(POLICY, number="草稿号"), keeper(world))
    assert refused(policies.repeal, world.database, first.id, keeper(world), why=" ") == "reason_missing"
    assert refused(policies.repeal, world.database, first.id, keeper(world), why="旧", successor_id=first.policy_id) == "own_successor"
    assert refused(policies.repeal, world.database, first.id, keeper(world), why="旧", successor_id=draft.policy_id) == "no_successor"
    policies.repeal(world.database, first.id, keeper(world), why="由新办法代替", successor_id=other.policy_id)
    with world.database.reading() as session:
        row = session.get_one(PolicyVersion, first.id)
        assert (row.state, row.policy.successor_id, row.why) == (PolicyVersionState.REPEALED, other.policy_id, "由新办法代替")
    # Its number may not come back as another version of it.
    assert refused(policies.create, world.database, POLICY, keeper(world), policy_id=first.policy_id) == "policy_over"


@ONE_KIND
def test_a_file_may_stand_for_the_text_and_nothing_may_not(world: World, tmp_path: Path) -> None:
    row = policies.create(world.database, replace(POLICY, text=""), keeper(world))
    assert refused(policies.publish, world.database, row.id, keeper(world)) == "no_content"
    blob = BlobStore(tmp_path).receive(io.BytesIO("第一条".encode()), "办法.txt", allowed=("txt",), most_bytes=1000)
    assert not isinstance(blob, Refused)
    policies.change(world.database, row.id, replace(POLICY, text=""), keeper(world), file=blob)
    with world.database.reading() as session:
        (file,) = find_attachments(session, "policy_version", row.id)
        assert not policies.may_read_file(session, False, file)
        assert policies.may_read_file(session, True, file)
    policies.publish(world.database, row.id, keeper(world))
    with world.database.reading() as session:
        (file,) = find_attachments(session, "policy_version", row.id)
        assert policies.may_read_file(session, False, file)


@ONE_KIND
def test_only_bureau_and_manager_keep_the_library(world: World) -> None:
    for person in ("centre", "enterprise", "first"):
        assert refused(policies.create, world.database, POLICY, keeper(world, person)) == "not_allowed", person
    row = policies.create(world.database, POLICY, keeper(world, "manager"))
    assert refused(policies.publish, world.database, row.id, keeper(world, "centre")) == "not_allowed"
    with world.database.reading() as session:
        seen = session.scalars(select(HistoryEntry.id).order_by(HistoryEntry.id.desc())).first()
    policies.change(world.database, row.id, replace(POLICY, title="改了"), keeper(world, "manager"))
    assert refused(policies.publish, world.database, row.id, keeper(world, seen=seen)) == "changed_meanwhile"
    assert row.issued == date(2026, 3, 1)
