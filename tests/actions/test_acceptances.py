"""Acceptance on both databases: once well, once badly and again, by two persons, two at once, and nothing half done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions import acceptance_decisions, acceptances
from marketplace.actions.ratings import Incoming, put_events, recompute
from marketplace.domain.acceptances import AcceptanceState, DecisionDraft, RequestDraft
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.problems import ProblemState
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.domain.rating_events import EventDraft, EventKind
from marketplace.records.acceptances import Acceptance
from marketplace.records.database import Database
from marketplace.records.decisions import Decision
from marketplace.records.experts import ReviewExpert
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.match_events import MatchEvent, MatchEventKind
from marketplace.records.matches import Outcome
from marketplace.records.notices import Notice
from marketplace.records.problems import Problem
from marketplace.records.projects import Project, ProjectSupplier
from marketplace.records.ratings import RatingEvent
from tests.actions.accepting import PAPERS, Accepted, open_accepted
from tests.actions.supervising import refused


@pytest.fixture
def case(database: Database, tmp_path: Path) -> Accepted:
    return open_accepted(database, tmp_path / "files")


def test_once_well(case: Accepted) -> None:
    case.requested()
    assert case.world.state() == ProjectState.FORMAL_REVIEW
    assert ("project_step", "area") in case.world.tasks()
    case.formal()
    assert ("project_step", "manager") in case.world.tasks()
    case.experts()
    case.reported(up=102, down=6)
    row = case.row()
    assert [round(one["attained"], 2) for one in row.measures] == [1.1, 0.8]
    assert row.attained == pytest.approx(0.92)
    number = case.proposed()
    assert (case.world.state(), case.count(RatingEvent)) == (ProjectState.DECIDING, 0)
    assert ("confirm_decision", "bureau") in case.world.tasks()
    case.answered(number)
    assert (case.world.state(), case.row().state) == (ProjectState.PASSED, AcceptanceState.PASSED)
    assert case.events(EventKind.ON_TIME) == [{"on_time": True}]
    assert case.events(EventKind.ACCEPTANCE)[0]["result"] == "passed"
    assert case.events(EventKind.ENTERPRISE_RATING) == [{"quality": 5, "schedule": 4, "service": 4, "remark": "配合好"}]
    assert [(one["indicator"], one["measured"]) for one in case.events(EventKind.EFFECT)] == [("产能", 102), ("不良率", 6)]
    past = case.past()
    assert (str(past.acceptance), past.on_time, past.score) == ("passed", True, 92.0)
    with case.database.reading() as session:
        assert session.get_one(Problem, case.problem).state == ProblemState.SOLVED
        done = session.scalars(select(MatchEvent).where(MatchEvent.kind == MatchEventKind.FINISHED)).one()
        assert done.introduction_id == case.introduction
        assert done.value == pytest.approx((1 + (13 / 3 - 1) / 4) / 2)
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "acceptance").order_by(HistoryEntry.id)).all()
        own = [verb for verb in verbs if verb != "attach"]
        assert own == ["open", "request", "pass_form", "name_experts", "report_acceptance", "pass"]
        assert find_broken_link(session) is None
        whom = session.scalars(select(Notice.message).where(Notice.account_id == case.world.people["supplier"].account_id)).all()
        assert whom
    assert ("confirm_decision", "bureau") not in case.world.tasks()


def test_once_badly(case: Accepted) -> None:
    """Sent back by the park, failed by the bureau, put right too late, accepted in the second round: the rating falls, then recovers a little."""
    case.requested()
    case.formal(wrong="true")
    assert (case.world.state(), case.row().state) == (ProjectState.IMPLEMENTING, AcceptanceState.RETURNED)
    case.requested(stars={case.part: {"quality": 2, "schedule": 1, "service": None, "attitude": None}})
    assert case.count(Acceptance) == 1
    case.formal()
    case.experts()
    assert refused(case.reported, 90, 9, "pass") == "below_target"
    case.reported(90, 9, "rework")
    assert refused(case.proposed) == "report_says_no"
    due = case.world.day + timedelta(30)
    case.answered(case.proposed("fail", due=due))
    assert (case.world.state(), case.row().state, case.row().rework_due) == (ProjectState.REWORKING, AcceptanceState.FAILED, due)
    assert case.due() == due
    assert case.events(EventKind.ACCEPTANCE)[0]["result"] == "failed"
    assert str(case.past().acceptance) == "failed"
    failed = case.score()
    with case.database.reading() as session:
        assert session.get_one(Problem, case.problem).state == ProblemState.OPEN
    # The second round.
    case.world.later(70)
    assert refused(case.requested) == "acceptance_incomplete", "what was put right is missing"
    case.to_decision(100, 5, rework="更换了检测设备，重新标定", finished_on=case.world.day - timedelta(1))
    assert case.row().number == 2
    case.answered(case.proposed())
    assert (case.world.state(), case.row().state) == (ProjectState.PASSED, AcceptanceState.PASSED)
    assert case.events(EventKind.ACCEPTANCE) == [{"result": "rectified", "remark": "指标达到 100%"}]
    late = case.events(EventKind.ON_TIME)[0]
    assert late["on_time"] is False
    assert late["days_late"] > 0
    assert (str(case.past().acceptance), case.past().on_time) == ("rectified", False)
    assert case.score() > failed
    with case.database.reading() as session:
        values = session.scalars(select(MatchEvent.value).where(MatchEvent.kind == MatchEventKind.FINISHED).order_by(MatchEvent.id)).all()
        assert len(values) == 2
        assert (values[0] or 0) < 0.3 < (values[1] or 0)
        assert session.get_one(Problem, case.problem).state == ProblemState.SOLVED
        assert find_broken_link(session) is None


def test_the_rating_falls_and_recovers(case: Accepted) -> None:
    """A supplier of good standing loses by a failed acceptance, and gets part of it back by the second round."""
    with case.database.writing() as session:
        step, on = case.world.step("bureau"), case.world.day - timedelta(100)
        rows = [
            Incoming(case.world.provider, EventDraft(EventKind.ACCEPTANCE, on, {"result": "passed"}, "以前"), "old:1"),
            Incoming(case.world.provider, EventDraft(EventKind.ON_TIME, on, {"on_time": True}, "以前"), "old:2"),
        ]
        put_events(session, rows, source="t", actor="t", at=step.at)
        recompute(session, [case.world.provider], step.rating, at=step.at, on=step.today, why="t")
    before = case.score()
    case.to_decision(82, 9.5, "rework", stars={case.part: {"quality": 1, "schedule": 2, "service": 2, "attitude": 2}})
    case.answered(case.proposed("fail", due=case.world.day + timedelta(20)))
    failed = case.score()
    assert failed < before - 1
    case.world.later(10)
    case.to_decision(rework="已改")
    case.answered(case.proposed())
    assert failed < case.score()


def test_what_is_missing_is_counted(case: Accepted) -> None:
    assert refused(acceptances.request, case.database, case.project, case.world.step("enterprise")) == "acceptance_incomplete"
    acceptances.save(case.database, case.project, RequestDraft(), case.world.step("enterprise"))
    assert refused(acceptances.request, case.database, case.project, case.world.step("enterprise")) == "acceptance_incomplete"
    acceptances.save(case.database, case.project, case.draft(), case.world.step("enterprise"), case.files())
    acceptances.request(case.database, case.project, case.world.step("enterprise"))
    assert case.world.state() == ProjectState.FORMAL_REVIEW
    assert case.count(Acceptance) == 1


def test_evidence_of_the_work_counts(case: Accepted) -> None:
    """An invoice that was handed in during the work need not be handed in again."""
    case.world.invoice("FP-1")
    files = {kind: file for kind, file in case.files().items() if kind != "invoice"}
    acceptances.request(case.database, case.project, case.world.step("enterprise"), case.draft(), files)
    assert case.world.state() == ProjectState.FORMAL_REVIEW


@pytest.mark.parametrize("kind", PAPERS)
def test_without_a_paper_no_request(case: Accepted, kind: str) -> None:
    files = {name: file for name, file in case.files().items() if name != kind}
    step = case.world.step("enterprise")
    assert refused(acceptances.request, case.database, case.project, step, case.draft(), files) == "acceptance_incomplete"
    assert case.count(Acceptance) == 0, "nothing half done stays"


def test_nobody_else(case: Accepted) -> None:
    others = {"neighbour", "supplier", "centre", "finance", "expert", "enterprise", "area", "manager", "bureau"}
    for person in others - {"enterprise"}:
        step = case.world.step(person)
        assert refused(acceptances.save, case.database, case.project, case.draft(), step) == "not_allowed", person
    case.requested()
    for person in others - {"area"}:
        assert refused(case.formal, person=person) == "not_allowed", person
    case.formal()
    for person in others - {"manager"}:
        assert refused(case.experts, person=person) == "not_allowed", person
    case.experts()
    for person in others - {"manager"}:
        assert refused(case.reported, person=person) == "not_allowed", person
    case.reported()
    for person in others - {"bureau"}:
        assert refused(case.proposed, person=person) == "not_allowed", person
    number = case.proposed()
    for person in others - {"bureau"}:
        assert refused(case.answered, number, person=person) == "not_allowed", person


def test_experts_with_a_stake(case: Accepted) -> None:
    case.requested()
    case.formal()
    assert refused(case.experts, "expert", "partial") == "expert_conflict"
    assert refused(case.reported) == "too_few_accepting"
    case.experts("expert")
    assert refused(case.reported) == "too_few_accepting"
    case.experts()
    # One who has become an employee of a supplier since then.
    with case.database.writing() as session:
        session.get_one(ReviewExpert, case.expert("expert2")).unit = "supplier 单位"
    assert refused(case.reported) == "expert_conflict"


def test_two_persons(case: Accepted) -> None:
    case.to_decision()
    number = case.proposed()
    assert refused(case.answered, number, "bureau") == "same_person"
    assert refused(case.proposed, "terminate", "bureau2") == "decision_waiting"
    assert refused(case.answered, number, "bureau2", "reject") == "reason_missing"
    case.answered(number, "bureau2", "reject", "再核一次")
    assert refused(case.answered, number, "bureau2") == "changed_meanwhile"
    assert (case.world.state(), case.count(RatingEvent)) == (ProjectState.DECIDING, 0)
    taken = case.proposed()
    case.answered(taken, "bureau", "take_back")
    case.answered(case.proposed(person="bureau2"), "bureau")
    assert case.world.state() == ProjectState.PASSED


def test_ended(case: Accepted) -> None:
    case.to_decision(90, 9, "fail")
    case.answered(case.proposed("terminate"))
    assert (case.world.state(), case.row().state) == (ProjectState.TERMINATED, AcceptanceState.CLOSED)
    assert case.events(EventKind.ACCEPTANCE)[0]["result"] == "failed"
    with case.database.reading() as session:
        project = session.get_one(Project, case.project)
        assert (project.reason, project.ended_at) == ("依据验收报告", case.world.now)


def test_ended_in_the_middle_says_nothing_of_suppliers(case: Accepted) -> None:
    case.answered(case.proposed("terminate"))
    assert case.world.state() == ProjectState.TERMINATED
    assert case.count(RatingEvent) == 0


def test_the_citys_project_is_finished_by_its_acceptance(case: Accepted) -> None:
    with case.database.writing() as session:
        session.get_one(Project, case.project).project_class = ProjectClass.MUNICIPAL
    case.to_decision()
    case.answered(case.proposed())
    assert case.world.state() == ProjectState.FINISHED


def test_a_supplier_without_introduction_gets_a_match_of_its_own(case: Accepted) -> None:
    with case.database.writing() as session:
        session.get_one(ProjectSupplier, case.world.supplier).introduction_id = None
    case.to_decision()
    case.answered(case.proposed())
    with case.database.reading() as session:
        own = session.scalars(select(Outcome).where(Outcome.source == "project")).one()
        assert (own.source_ref, str(own.acceptance), own.problem_id) == (case.part, "passed", case.problem)
    assert case.past().acceptance is None


def test_a_supplier_that_was_replaced_is_not_rated(case: Accepted) -> None:
    with case.database.writing() as session:
        session.get_one(ProjectSupplier, case.world.supplier).ended_on = case.world.day
    case.requested(stars={}, remarks={})
    case.formal()
    case.experts()
    case.reported()
    case.answered(case.proposed())
    assert case.count(RatingEvent) == 0


def test_nothing_half_done_stays(case: Accepted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies at the last write of the decision: it was not decided."""
    case.to_decision()
    number = case.proposed()

    def dies(*_arguments: object, **_values: object) -> None:
        raise RuntimeError("gone")

    monkeypatch.setattr(acceptance_decisions, "measure", dies)
    with pytest.raises(RuntimeError):
        case.answered(number)
    assert (case.world.state(), case.row().state) == (ProjectState.DECIDING, AcceptanceState.DECIDING)
    assert (case.count(RatingEvent), case.past().acceptance) == (0, None)
    monkeypatch.undo()
    case.answered(number)
    assert case.world.state() == ProjectState.PASSED


def both(*acts: Callable[[], object]) -> list[str]:
    """Codes of refusals of acts that begin at the same moment, "" for what went through."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        start.wait()
        try:
            act()
        except RefusedError as error:
            return error.refused.code
        return ""

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


def test_two_at_once(case: Accepted) -> None:
    """Two colleagues ask at the same moment; two officers decide; two persons confirm: one of each."""
    done = both(case.requested, case.requested)
    assert done[0] == ""
    assert done[1] != ""
    assert case.count(Acceptance) == 1
    done = both(case.formal, lambda: case.formal(wrong="valid"))
    assert (done[0], done[1]) == ("", "not_in_acceptance")
    if case.world.state() == ProjectState.IMPLEMENTING:
        case.requested()
        case.formal()
    case.experts()
    case.reported()
    done = both(case.proposed, lambda: case.proposed("fail", "bureau2", case.world.day + timedelta(20)))
    assert done == ["", "decision_waiting"]
    with case.database.reading() as session:
        decision = session.scalars(select(Decision)).one()
        number, by = decision.id, decision.proposed_by
    other = next(name for name in ("bureau", "bureau2") if case.world.people[name].account_id != by)
    done = both(lambda: case.answered(number, other), lambda: case.answered(number, other))
    assert (done[0], done[1]) == ("", "changed_meanwhile")
    assert len(case.events(EventKind.ACCEPTANCE)) == 1


def test_whoever_comes_second_is_told(case: Accepted) -> None:
    acceptances.save(case.database, case.project, case.draft(), case.world.step("enterprise"))
    with case.database.reading() as session:
        seen = session.scalars(select(HistoryEntry.id).where(HistoryEntry.noun == "acceptance").order_by(HistoryEntry.id.desc())).first()
    acceptances.save(case.database, case.project, case.draft(summary="一"), case.world.step("enterprise", seen=seen))
    late = replace(case.world.step("colleague"), seen=seen)
    assert refused(acceptances.save, case.database, case.project, case.draft(summary="二"), late) == "changed_meanwhile"
    assert case.row().summary == "一"


def test_what_a_decision_needs(case: Accepted) -> None:
    case.to_decision()
    assert refused(case.proposed, "fail") == "date_missing"
    step = case.world.step("bureau")
    assert refused(acceptance_decisions.propose, case.database, case.project, DecisionDraft("pass"), step) == "required"


def test_what_was_measured_short_of_its_target_is_a_reason_to_watch(case: Accepted) -> None:
    case.requested()
    case.formal()
    case.experts()
    case.reported(up=85, verdict="rework")
    with case.database.reading() as session:
        reasons = session.get_one(Project, case.project).health_reasons
    assert [(row["code"], row["values"]) for row in reasons if row["code"] == "effect_short"] == [
        ("effect_short", {"name": "产能", "percent": 25})
    ]
