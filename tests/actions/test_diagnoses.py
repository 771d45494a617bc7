"""A diagnosis from the plan to the report: who may what, what is kept, who is next, and what two people do to each other."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions import diagnoses, outside_grades
from marketplace.actions.accounts import open_account
from marketplace.actions.diagnoses import Step
from marketplace.actions.diagnosis_answers import attach_evidence, remove_evidence, save_answers
from marketplace.domain.access import Role, Viewer
from marketplace.domain.diagnoses import DiagnosisRules, DiagnosisState, PlanDraft
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.outside_grades import OutsideGradeDraft
from marketplace.domain.questionnaires import Kind
from marketplace.files.store import BlobStore
from marketplace.records.accounts import Account, find_viewer
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis, DiagnosisAnswer, OutsideGrade, diagnosing_organisation, find_diagnoses_of
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import find_attachments
from marketplace.records.history import HistoryEntry, find_last_entry
from marketplace.records.index_queue import QueuedThing
from marketplace.records.jobs import Job
from marketplace.records.notices import Notice
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.tasks import Task
from tests.conftest import NOW
from tests.domain.test_questionnaires import FORM, full

TODAY = NOW.date()
RULES = DiagnosisRules(draft_days=10, confirm_days=5, issue_days=3, benchmark_least=3)
PASSWORD = "a quite long password"


@dataclass(frozen=True)
class World:
    database: Database
    enterprise: int
    other: int
    people: dict[str, Viewer]

    def step(self, person: str, *, days: int = 0, seen: int | None = None) -> Step:
        return Step(self.people[person], NOW + timedelta(days=days), TODAY + timedelta(days=days), RULES, seen)

    def officer(self, person: str = "centre") -> int:
        found = self.people[person].account_id
        assert found is not None
        return found

    def plan(self, **more: Any) -> int:
        draft = PlanDraft(TODAY + timedelta(days=3), self.officer())
        return diagnoses.plan(
            self.database, self.enterprise, dataclasses.replace(draft, **more), self.step("centre"), questionnaire=FORM.key
        ).id

    def save(self, number: int, person: str = "centre", *, only: str = "", seen: int | None = None, **answers: object) -> int:
        """Fill in everything, or one section with these answers."""
        changed = 0
        for section in FORM.sections_for("chem"):
            if only and section.key != only:
                continue
            keys = [question.key for question in FORM.of(section.key) if question.kind != Kind.SHARE]
            typed = dict(answers) if only else {key: full()[key] for key in keys}
            changed += save_answers(
                self.database, number, section.key, typed, {}, questionnaire=FORM, viewer=self.people[person], at=NOW, seen=seen
            )
        return changed

    def drafted(self) -> int:
        number = self.plan()
        diagnoses.start(self.database, number, self.step("centre", days=3))
        self.save(number)
        diagnoses.draft(self.database, number, self.step("centre", days=4), summary="基础较好。", questionnaire=FORM)
        return number

    def issued(self) -> int:
        number = self.drafted()
        diagnoses.confirm(self.database, number, self.step("enterprise", days=5))
        diagnoses.issue(self.database, number, self.step("centre", days=6))
        return number


@pytest.fixture
def world(database: Database) -> World:
    roles = {
        "centre": Role.CENTRE,
        "centre2": Role.CENTRE,
        "manager": Role.MANAGER,
        "enterprise": Role.ENTERPRISE,
        "rival": Role.ENTERPRISE,
    }
    with database.writing() as session:
        units = {name: Organisation(name=f"单位 {name}") for name in ("office", "own", "foreign")}
        session.add_all(units.values())
        session.flush()
        own, other = (
            Enterprise(organisation=units[name], sector="chem", source="t", source_ref=name, main_products="")
            for name in ("own", "foreign")
        )
        session.add_all([own, other])
        session.flush()
        people: dict[str, Viewer] = {}
        for login, role in roles.items():
            unit = units["own" if login == "enterprise" else "foreign" if login == "rival" else "office"]
            found = open_account(session, login, PASSWORD, name=login, memberships=[(unit.id, role)], now=NOW, actor="test")
            assert isinstance(found, Account)
            viewer = find_viewer(session, found.id)
            assert viewer is not None
            people[login] = viewer
        return World(database, own.id, other.id, people)


def read(world: World, number: int) -> Diagnosis:
    with world.database.reading() as session:
        found = session.get_one(Diagnosis, number)
        session.expunge(found)
        return found


def tasks(world: World, number: int) -> list[tuple[str, int | None, int | None, date | None]]:
    with world.database.reading() as session:
        query = select(Task).where(Task.noun == "diagnosis", Task.noun_id == number, Task.done_at.is_(None)).order_by(Task.kind)
        return [(row.kind, row.account_id, row.organisation_id, row.due) for row in session.scalars(query)]


def refused(action: object, *arguments: object, **more: object) -> str:
    with pytest.raises(RefusedError) as error:
        action(*arguments, **more)  # type: ignore[operator]
    return error.value.refused.code


def test_from_the_plan_to_the_report(world: World) -> None:
    number = world.plan()
    kinds = [kind for kind, *_rest in tasks(world, number)]
    assert kinds == ["fill_questionnaire", "visit_enterprise"]
    # The enterprise fills in before the visit, the officer goes on.
    assert world.save(number, "enterprise", only="basic", staff=120, revenue=5000) == 2
    diagnoses.start(world.database, number, world.step("centre", days=3))
    world.save(number)
    diagnoses.draft(world.database, number, world.step("centre", days=4), summary="基础较好。", questionnaire=FORM)
    found = read(world, number)
    assert (found.state, found.grade, found.score, found.questionnaire) == ("drafted", 4, 100.0, "sme_2024")
    assert found.grading["axes"]["supply"] == 100
    assert [kind for kind, *_rest in tasks(world, number)] == ["confirm_diagnosis"]
    diagnoses.confirm(world.database, number, world.step("enterprise", days=5))
    assert [(kind, account) for kind, account, *_rest in tasks(world, number)] == [("issue_diagnosis", world.officer())]
    diagnoses.issue(world.database, number, world.step("centre", days=6))
    found = read(world, number)
    assert (found.state, found.visited, found.confirmed_by) == ("issued", TODAY + timedelta(days=3), world.people["enterprise"].account_id)
    assert tasks(world, number) == []
    with world.database.reading() as session:
        assert [job.payload for job in session.scalars(select(Job).where(Job.kind == "diagnosis_report"))] == [{"id": number}]
        query = select(HistoryEntry.verb).where(HistoryEntry.noun == "diagnosis", HistoryEntry.noun_id == number).order_by(HistoryEntry.id)
        verbs = list(session.scalars(query))
        told = set(session.scalars(select(Notice.account_id).where(Notice.noun == "diagnosis")))
    assert [verb for verb in verbs if verb != "save_answers"] == ["plan", "start", "draft", "confirm", "issue"]
    assert told == {world.officer(), world.people["enterprise"].account_id}


def test_one_under_way_at_a_time_and_the_officer_stays(world: World) -> None:
    number = world.plan()
    again = PlanDraft(TODAY + timedelta(days=9), world.officer("centre2"))
    assert refused(diagnoses.plan, world.database, world.enterprise, again, world.step("centre"), questionnaire=FORM.key) == "under_way"
    with world.database.reading() as session:
        assert session.get_one(Enterprise, world.enterprise).officer_id == world.officer()
    diagnoses.cancel(world.database, number, world.step("centre"), why="企业停产检修")
    diagnoses.plan(world.database, world.enterprise, again, world.step("centre"), questionnaire=FORM.key)
    with world.database.reading() as session:
        numbers = set(session.scalars(select(Diagnosis.number)))
        assert session.get_one(Enterprise, world.enterprise).officer_id == world.officer()
    assert numbers == {"ZD-2026-0001", "ZD-2026-0002"}


def test_a_number_that_an_import_has_taken_is_not_given_again(world: World) -> None:
    with world.database.writing() as session:
        session.add(Diagnosis(enterprise_id=world.other, number="ZD-2026-0001", source="import", source_ref="x"))
        session.flush()
        session.info["history"].clear()
    assert read(world, world.plan()).number == "ZD-2026-0002"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"planned_on": None}, "required"),
        ({"planned_on": TODAY - timedelta(days=1)}, "in_the_past"),
        ({"officer_id": None}, "required"),
        ({"officer_id": 10_000}, "not_an_officer"),
    ],
)
def test_what_no_plan_can_be(world: World, change: dict[str, object], code: str) -> None:
    assert refused(world.plan, **change) == code


def test_only_the_centre_manages_and_only_the_enterprise_answers(world: World) -> None:
    draft = PlanDraft(TODAY, world.officer())
    for person in ("manager", "enterprise", "rival"):
        assert refused(diagnoses.plan, world.database, world.enterprise, draft, world.step(person), questionnaire=FORM.key) == "not_allowed"
    number = world.drafted()
    for person in ("centre", "manager", "rival"):
        assert refused(diagnoses.confirm, world.database, number, world.step(person)) == "not_allowed"
        assert refused(diagnoses.send_back, world.database, number, world.step(person), why="不符") == "not_allowed"
    for person in ("manager", "rival"):
        assert refused(save_answers, world.database, number, "basic", {}, {}, questionnaire=FORM, viewer=world.people[person], at=NOW) in (
            "not_allowed",
        )
    own = world.people["enterprise"]
    reader = dataclasses.replace(own, rights=frozenset())
    step = dataclasses.replace(world.step("enterprise"), viewer=reader)
    assert refused(diagnoses.confirm, world.database, number, step) == "not_allowed"


def test_no_draft_before_all_is_answered(world: World) -> None:
    number = world.plan()
    assert refused(diagnoses.draft, world.database, number, world.step("centre"), summary="好", questionnaire=FORM) == "wrong_state"
    diagnoses.start(world.database, number, world.step("centre"))
    assert refused(diagnoses.draft, world.database, number, world.step("centre"), summary="好", questionnaire=FORM) == "answers_missing"
    world.save(number)
    assert refused(diagnoses.draft, world.database, number, world.step("centre"), summary=" ", questionnaire=FORM) == "required"
    # One answer taken back is one that is missing.
    world.save(number, only="supply", purchasing=None)
    assert refused(diagnoses.draft, world.database, number, world.step("centre"), summary="好", questionnaire=FORM) == "answers_missing"
    world.save(number, only="supply", purchasing=0)
    diagnoses.draft(world.database, number, world.step("centre"), summary="好", questionnaire=FORM)
    assert read(world, number).state == DiagnosisState.DRAFTED


def test_sent_back_it_is_filled_in_again(world: World) -> None:
    number = world.drafted()
    assert refused(world.save, number, only="basic", staff=1) == "not_fillable"
    assert refused(diagnoses.send_back, world.database, number, world.step("enterprise"), why="  ") == "reason_missing"
    diagnoses.send_back(world.database, number, world.step("enterprise", days=5), why="人数不对。")
    assert read(world, number).return_reason == "人数不对。"
    assert [kind for kind, *_rest in tasks(world, number)] == ["draft_diagnosis"]
    world.save(number, "enterprise", only="basic", staff=1)
    diagnoses.draft(world.database, number, world.step("centre", days=6), summary="好", questionnaire=FORM)
    assert read(world, number).return_reason == ""


def test_terms_are_working_days(world: World) -> None:
    number = world.plan()
    # 2026-11-25 is a Wednesday: ten working days later is a Wednesday too.
    diagnoses.start(world.database, number, world.step("centre"))
    assert read(world, number).due == date(2026, 12, 9)


def test_two_at_one_section(world: World) -> None:
    number = world.plan()
    with world.database.reading() as session:
        seen = find_last_entry(session, "diagnosis", number)
    world.save(number, "enterprise", only="basic", staff=120, seen=seen)
    # Another section is nobody's loss; the same one is.
    world.save(number, "centre", only="supply", purchasing=2, seen=seen)
    assert refused(world.save, number, "centre", only="basic", staff=99, seen=seen) == "changed_meanwhile"
    with world.database.reading() as session:
        rows = {row.question: (row.value, row.account_id) for row in session.scalars(select(DiagnosisAnswer))}
    assert rows == {"staff": (120, world.people["enterprise"].account_id), "purchasing": (2, world.officer())}


def test_saving_the_same_changes_nothing(world: World) -> None:
    number = world.plan()
    assert world.save(number, only="basic", staff=120) == 1
    with world.database.reading() as session:
        before = find_last_entry(session, "diagnosis", number)
    assert world.save(number, only="basic", staff=120) == 0
    with world.database.reading() as session:
        assert find_last_entry(session, "diagnosis", number) == before


@pytest.mark.parametrize(
    ("section", "answers", "code"),
    [
        ("basic", {"staff": "many"}, "not_a_number"),
        ("basic", {"purchasing": 2}, "unknown_section"),
        ("auto_quality", {"iatf": "yes"}, "unknown_section"),
        ("nowhere", {}, "unknown_section"),
    ],
)
def test_what_is_not_saved(world: World, section: str, answers: dict[str, object], code: str) -> None:
    number = world.plan()
    viewer = world.people["centre"]
    assert refused(save_answers, world.database, number, section, answers, {}, questionnaire=FORM, viewer=viewer, at=NOW) == code


def test_a_wrong_number_of_another_section_blocks_nobody(world: World) -> None:
    """More digital machines than machines: told where it is typed, not where somebody else works."""
    number = world.plan()
    world.save(number, only="foundation", equipment=10, equipment_digital=5)
    assert refused(world.save, number, only="foundation", equipment=3) == "part_above_whole"
    assert world.save(number, only="supply", purchasing=1) == 1


def test_evidence_stands_at_its_question(world: World, tmp_path: Path) -> None:
    number = world.plan()
    stored = BlobStore(tmp_path).keep(b"%PDF-1.4 proof", "系统截图.pdf", "application/pdf")
    own = world.people["enterprise"]
    file = attach_evidence(world.database, number, stored, question="safety", questionnaire=FORM, viewer=own, at=NOW)
    viewer = world.people["rival"]
    assert (
        refused(attach_evidence, world.database, number, stored, question="safety", questionnaire=FORM, viewer=viewer, at=NOW)
        == "not_allowed"
    )
    with world.database.reading() as session:
        assert [(row.kind, row.filename) for row in find_attachments(session, "diagnosis", number)] == [("safety", "系统截图.pdf")]
    remove_evidence(world.database, number, file.public_id, viewer=own, at=NOW)
    with world.database.reading() as session:
        assert list(find_attachments(session, "diagnosis", number)) == []


def test_an_outdated_page_moves_nothing(world: World) -> None:
    number = world.drafted()
    with world.database.reading() as session:
        seen = find_last_entry(session, "diagnosis", number)
    diagnoses.send_back(world.database, number, world.step("enterprise"), why="人数不对。")
    assert refused(diagnoses.cancel, world.database, number, world.step("centre", seen=seen), why="不做了") == "changed_meanwhile"
    # Answers that were filled in meanwhile are no reason.
    with world.database.reading() as session:
        seen = find_last_entry(session, "diagnosis", number)
    world.save(number, only="basic", staff=3)
    diagnoses.draft(world.database, number, world.step("centre", seen=seen), summary="好", questionnaire=FORM)


def test_the_plan_is_changed_until_the_draft(world: World) -> None:
    number = world.plan()
    later = PlanDraft(TODAY + timedelta(days=10), world.officer("centre2"))
    diagnoses.change_plan(world.database, number, later, world.step("centre"))
    found = tasks(world, number)
    assert ("visit_enterprise", world.officer("centre2"), None, TODAY + timedelta(days=10)) in found
    assert len(found) == 2
    diagnoses.start(world.database, number, world.step("centre2"))
    diagnoses.change_plan(world.database, number, PlanDraft(TODAY + timedelta(days=20), world.officer()), world.step("centre"))
    # The visit has begun: its day stays, its officer may change.
    assert read(world, number).planned_on == TODAY + timedelta(days=10)
    assert [(kind, account) for kind, account, *_rest in tasks(world, number) if kind != "fill_questionnaire"] == [
        ("draft_diagnosis", world.officer())
    ]
    world.save(number)
    diagnoses.draft(world.database, number, world.step("centre"), summary="好", questionnaire=FORM)
    assert refused(diagnoses.change_plan, world.database, number, later, world.step("centre")) == "wrong_state"


def test_an_officer_takes_over_what_is_planned(world: World) -> None:
    number = world.plan()
    both = [world.enterprise, world.other]
    assert diagnoses.assign_officer(world.database, both, world.officer("centre2"), world.step("centre")) == 2
    assert diagnoses.assign_officer(world.database, both, world.officer("centre2"), world.step("centre")) == 0
    assert read(world, number).officer_id == world.officer("centre2")
    assert refused(diagnoses.assign_officer, world.database, both, world.officer("manager"), world.step("centre")) == "not_an_officer"
    assert refused(diagnoses.assign_officer, world.database, both, world.officer(), world.step("enterprise")) == "not_allowed"


def test_issued_its_problems_are_indexed_again(world: World) -> None:
    number = world.drafted()
    with world.database.writing() as session:
        problem = Problem(enterprise_id=world.enterprise, diagnosis_id=number, text="停机多", source="t", source_ref="p")
        session.add(problem)
        session.flush()
        found = problem.id
    diagnoses.confirm(world.database, number, world.step("enterprise"))
    diagnoses.issue(world.database, number, world.step("centre"))
    with world.database.reading() as session:
        assert ("problem", found) in {(row.kind, row.thing_id) for row in session.scalars(select(QueuedThing))}


def test_who_diagnosed(world: World) -> None:
    with world.database.reading() as session:
        assert diagnosing_organisation(find_diagnoses_of(session, world.enterprise)) is None
        unit = session.scalars(select(Organisation.id).where(Organisation.name == "单位 foreign")).one()
    number = world.plan(organisation_id=unit)
    with world.database.reading() as session:
        assert diagnosing_organisation(find_diagnoses_of(session, world.enterprise)) is None
    diagnoses.start(world.database, number, world.step("centre"))
    world.save(number)
    diagnoses.draft(world.database, number, world.step("centre"), summary="好", questionnaire=FORM)
    diagnoses.confirm(world.database, number, world.step("enterprise"))
    diagnoses.issue(world.database, number, world.step("centre"))
    with world.database.reading() as session:
        found = diagnosing_organisation(find_diagnoses_of(session, world.enterprise))
        assert found is not None
        assert found.id == unit


def test_grades_from_elsewhere(world: World, tmp_path: Path) -> None:
    proof = BlobStore(tmp_path).keep(b"%PDF-1.4 proof", "证书.pdf", "application/pdf")
    draft = OutsideGradeDraft("cmmm", 2, date(2025, 6, 30), "某评估机构")
    when: dict[str, Any] = {"at": NOW, "today": TODAY}
    found = outside_grades.enter(world.database, world.enterprise, draft, proof, viewer=world.people["enterprise"], **when)
    for person in ("rival", "manager"):
        assert (
            refused(outside_grades.enter, world.database, world.enterprise, draft, None, viewer=world.people[person], **when)
            == "not_allowed"
        )
        assert refused(outside_grades.take_back, world.database, found.id, viewer=world.people[person], at=NOW) == "not_allowed"
    for wrong in (
        dataclasses.replace(draft, model="tuv"),
        dataclasses.replace(draft, place=6),
        dataclasses.replace(draft, on=TODAY + timedelta(days=1)),
        dataclasses.replace(draft, on=None),
    ):
        assert refused(outside_grades.enter, world.database, world.enterprise, wrong, None, viewer=world.people["centre"], **when) in (
            "required",
            "out_of_range",
        )
    outside_grades.take_back(world.database, found.id, viewer=world.people["centre"], at=NOW)
    with world.database.reading() as session:
        assert session.get_one(OutsideGrade, found.id).taken_back == NOW
        assert len(find_attachments(session, "outside_grade", found.id)) == 1
