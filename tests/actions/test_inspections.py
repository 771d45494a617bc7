"""Inspections from the draw to what follows: rating, warnings, rectification and proposal in one transaction, or nothing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from marketplace.actions import inspection_draws, inspections, inspections_effect, rectifications
from marketplace.actions.inspections import Photo
from marketplace.actions.project_reminders import remind_of_projects
from marketplace.actions.project_steps import held_by
from marketplace.domain.inspections import FindingDraft, InspectionState, PhotoStamp, PlanDraft, RectificationState, ReportDraft
from marketplace.domain.projects import ProjectState
from marketplace.records.adjustments import Adjustment
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.inspections import Inspection, InspectionDraw, ProjectWarning, Rectification
from marketplace.records.notices import Notice
from marketplace.records.projects import Project
from marketplace.records.ratings import RatingEvent, RatingScore
from tests.actions.supervising import PILOT, Watched, open_watched, refused
from tests.files.invoices import photo

S = InspectionState


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Watched:
    return open_watched(database, tmp_path / "files")


def state(world: Watched, number: int) -> InspectionState:
    with world.database.reading() as session:
        return session.get_one(Inspection, number).state


def team(world: Watched, *people: str) -> list[int]:
    return [world.people[name].account_id or 0 for name in people]


def ratings(world: Watched) -> list[tuple[str, str, str]]:
    with world.database.reading() as session:
        return [(str(row.kind), row.payload["severity"], row.project) for row in session.scalars(select(RatingEvent))]


def test_a_draw_can_be_repeated_and_plans_each_project(world: Watched) -> None:
    draft = PlanDraft(world.day + timedelta(3), False, team(world, "manager", "expert", "partial"))
    for person in ("enterprise", "supplier", "expert", "area", "centre", "finance"):
        assert refused(inspection_draws.draw_projects, world.database, 1, draft, world.step(person)) == "not_allowed"
    assert refused(inspection_draws.draw_projects, world.database, 0, draft, world.step("manager")) == "wanted_range"
    log = inspection_draws.draw_projects(world.database, 2, draft, world.step("manager"), seed="abc")
    with world.database.reading() as session:
        kept = session.get_one(InspectionDraw, log.id)
        assert (kept.seed, kept.wanted, len(kept.lots)) == ("abc", 2, 2)
        found = {row.project_id: row for row in session.scalars(select(Inspection))}
        assert set(found) == {world.project, world.other}
        # The supplier's own expert does not go to where the supplier works; elsewhere he may.
        assert {row.account_id for row in found[world.project].inspectors} == set(team(world, "manager", "expert"))
        assert {row.account_id for row in found[world.other].inspectors} == set(team(world, "manager", "expert", "partial"))
        assert find_broken_link(session) is None
        # Unannounced: the enterprise hears nothing.
        assert not session.scalars(select(Notice).where(Notice.account_id == world.people["enterprise"].account_id)).all()
    assert ("inspect", "expert") in world.tasks()
    assert refused(inspection_draws.draw_projects, world.database, 1, draft, world.step("manager")) == "nothing_to_draw"


def test_two_who_draw_at_once_draw_different_projects(world: Watched) -> None:
    draft = PlanDraft(world.day + timedelta(3), False, team(world, "manager", "expert"))
    barrier, codes = threading.Barrier(2), []

    def act(person: str) -> None:
        barrier.wait(20)
        codes.append(refused(inspection_draws.draw_projects, world.database, 1, draft, world.step(person)))

    threads = [threading.Thread(target=act, args=(person,)) for person in ("manager", "bureau")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert codes == ["", ""]
    with world.database.reading() as session:
        assert sorted(session.scalars(select(Inspection.project_id))) == sorted([world.project, world.other])
    # A page that knew no draw is told that there has been one.
    assert refused(inspection_draws.draw_projects, world.database, 1, draft, world.step("manager"), seen="") == "drawn_meanwhile"


def test_a_team_without_conflict(world: Watched) -> None:
    draft = PlanDraft(world.day, False, team(world, "manager", "partial"))
    assert refused(inspections.plan, world.database, world.project, draft, world.step("manager")) == "conflict"
    number = world.planned("manager", "expert", announced=True)
    assert refused(inspections.assign, world.database, number, team(world, "manager", "partial"), world.step("manager")) == "conflict"
    assert refused(inspections.assign, world.database, number, team(world, "manager"), world.step("manager")) == "too_few_inspectors"
    # An enterprise's own member is no inspector at all.
    assert refused(inspections.assign, world.database, number, team(world, "manager", "enterprise"), world.step("bureau")) == "conflict"
    inspections.assign(world.database, number, team(world, "bureau2", "expert2"), world.step("bureau"))
    assert {task[1] for task in world.tasks() if task[0] == "inspect"} == {"bureau2", "expert2"}
    assert refused(inspections.start, world.database, number, world.step("expert")) == "not_allowed"
    inspections.start(world.database, number, world.step("expert2"))
    assert state(world, number) == S.ON_SITE


def test_whoever_changes_sides_after_the_plan_may_not_start(world: Watched) -> None:
    number = world.planned("manager", "expert")
    with world.database.writing() as session:
        from marketplace.records.experts import ReviewExpert

        expert = session.scalars(select(ReviewExpert).where(ReviewExpert.name == "expert")).one()
        expert.avoid = ["enterprise 单位"]
    assert refused(inspections.start, world.database, number, world.step("manager")) == "conflict"


def test_what_a_report_needs(world: Watched) -> None:
    number = world.on_site(photos=2)
    step = world.step("expert")
    assert refused(inspections.report, world.database, number, ReportDraft(severity="clean"), step) == "checklist_open"
    assert refused(inspections.report, world.database, number, world.answers(), step) == "too_few_photos"
    stamp = PhotoStamp(world.now, place="二号车间")
    late = PhotoStamp(datetime(2030, 1, 1, tzinfo=UTC), 1, 1)
    file = world.file(photo(55))
    assert refused(inspections.add_photos, world.database, number, [Photo(file, late)], step) == "future_moment"
    assert refused(inspections.add_photos, world.database, number, [Photo(file, stamp)], world.step("bureau")) == "not_allowed"
    # The same photo twice is one.
    inspections.add_photos(world.database, number, [Photo(file, stamp), Photo(file, stamp)], step)
    assert refused(inspections.report, world.database, number, world.answers("minor"), step) == "no_finding"
    assert refused(inspections.report, world.database, number, world.answers(), world.step("bureau")) == "not_allowed"
    inspections.report(world.database, number, world.answers(), step)
    assert state(world, number) == S.REPORTED
    assert ("confirm_inspection", "bureau") in world.tasks()
    assert refused(inspections.save, world.database, number, world.answers(), step) == "not_on_site"


def test_saved_by_two_the_second_one_is_told(world: Watched) -> None:
    number = world.on_site()
    with world.database.reading() as session:
        seen = session.scalars(select(HistoryEntry.id).where(HistoryEntry.noun == "inspection").order_by(HistoryEntry.id.desc())).first()
    inspections.save(world.database, number, world.answers(), world.step("manager", seen=seen))
    assert refused(inspections.save, world.database, number, world.answers(), world.step("expert", seen=seen)) == "changed_meanwhile"


def test_what_is_saved_again_stands_in_the_place_of_what_was(world: Watched) -> None:
    number = world.on_site()
    first, second = FindingDraft("behind", "minor", "一"), FindingDraft("behind", "general", "二")
    for findings in ((first,), (first, second), (second,)):
        inspections.save(world.database, number, world.answers("general", *findings), world.step("expert"))
        with world.database.reading() as session:
            assert [row.text for row in session.get_one(Inspection, number).findings] == [row.text for row in findings]
    inspections.report(world.database, number, world.answers("general", second), world.step("expert"))


def test_clean_is_good_for_the_supplier(world: Watched) -> None:
    number = world.reported()
    for person in ("enterprise", "manager", "expert", "area", "supplier", "finance"):
        assert refused(inspections_effect.confirm, world.database, number, world.step(person)) == "not_allowed"
    inspections_effect.confirm(world.database, number, world.step("bureau"))
    assert ratings(world) == [("inspection", "clean", "XM-2026-0001")]
    assert world.state() == ProjectState.IMPLEMENTING
    with world.database.reading() as session:
        assert session.scalars(select(ProjectWarning)).all() == []
        assert session.scalars(select(RatingScore)).all()


SERIOUS = FindingDraft("untrue", "serious", "主机是旧设备")


def test_serious_findings_lead_to_everything_at_once(world: Watched) -> None:
    mine = FindingDraft("untrue", "serious", "软件没有安装", world.supplier)
    number = world.reported("serious", SERIOUS, mine)
    inspections_effect.confirm(world.database, number, world.step("bureau"), why="属实")
    assert world.state() == ProjectState.RECTIFYING
    assert ratings(world) == [("inspection", "serious", "XM-2026-0001")]
    with world.database.reading() as session:
        warned = [(row.supplier_id, row.severity, row.text) for row in session.scalars(select(ProjectWarning).order_by(ProjectWarning.id))]
        assert warned == [(None, "serious", "主机是旧设备\n软件没有安装"), (world.supplier, "serious", "软件没有安装")]
        row = session.scalars(select(Rectification)).one()
        project = session.get_one(Project, world.project)
        assert row.due == project.waits_due == world.day + timedelta(PILOT.project.rectification_days)
        case = session.scalars(select(Adjustment)).one()
        assert (str(case.kind), str(case.state), case.reason) == ("rectify", "proposed", "软件没有安装")
        assert case.proposed_by == world.people["bureau"].account_id
        told = session.scalars(select(Notice).where(Notice.account_id == world.people["supplier"].account_id)).all()
        assert any("贵单位承担的部分" in one.message for one in told)
        # The supplier is told nothing of what is the enterprise's own.
        assert not any("主机" in str(one.values) for one in told)
        assert find_broken_link(session) is None
    assert world.health()[0] == "watch"
    # Once: what is to be put right is the project's step.
    assert {task for task in world.tasks() if task[1] == "enterprise 单位"} == {("rectify_project", "enterprise 单位")}


def test_a_finding_about_the_enterprise_leaves_the_supplier_clean(world: Watched) -> None:
    number = world.reported("general", FindingDraft("behind", "general", "厂房没有腾出"))
    inspections_effect.confirm(world.database, number, world.step("bureau"))
    assert ratings(world) == [("inspection", "clean", "XM-2026-0001")]
    with world.database.reading() as session:
        assert session.scalars(select(Adjustment)).all() == []


def test_whoever_reports_does_not_confirm(world: Watched) -> None:
    number = world.on_site("bureau", "expert")
    inspections.report(world.database, number, world.answers(), world.step("bureau"))
    assert refused(inspections_effect.confirm, world.database, number, world.step("bureau")) == "same_person"
    inspections.send_back(world.database, number, world.step("bureau2"), why="补照片")
    assert state(world, number) == S.ON_SITE
    inspections.report(world.database, number, world.answers(), world.step("bureau"))
    inspections_effect.confirm(world.database, number, world.step("bureau2"))
    assert state(world, number) == S.CONFIRMED
    assert refused(inspections.cancel, world.database, number, world.step("manager"), why="x") == "wrong_state"


def test_a_fault_in_the_middle_of_the_confirmation_leaves_nothing(world: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    number = world.reported("serious", SERIOUS)

    def fail(*_arguments: object, **_values: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("marketplace.actions.inspections_effect.measure", fail)
    with pytest.raises(KeyboardInterrupt):
        inspections_effect.confirm(world.database, number, world.step("bureau"))
    assert state(world, number) == S.REPORTED
    assert world.state() == ProjectState.IMPLEMENTING
    assert ratings(world) == []
    with world.database.reading() as session:
        assert session.scalars(select(ProjectWarning)).all() == []
        assert session.scalars(select(Rectification)).all() == []


def ball(world: Watched) -> str:
    """Who has it, as it is stored and as the pages say it."""
    with world.database.reading() as session:
        project = session.get_one(Project, world.project)
        assert held_by(project).role == project.waits_role
        return project.waits_role


def rectifying(world: Watched) -> int:
    inspections_effect.confirm(
        world.database, world.reported("general", FindingDraft("behind", "general", "没有到货")), world.step("bureau")
    )
    with world.database.reading() as session:
        return session.scalars(select(Rectification.id)).one()


def test_rectified_in_two_rounds(world: Watched) -> None:
    number = rectifying(world)
    proof, step = world.file("证明".encode(), "a.txt"), world.step("enterprise")
    assert refused(rectifications.hand_in, world.database, world.project, number, "已到货", [], step) == "no_proof"
    assert refused(rectifications.hand_in, world.database, world.project, number, " ", [proof], step) == "required"
    for person in ("neighbour", "supplier", "manager", "bureau", "expert"):
        assert refused(rectifications.hand_in, world.database, world.project, number, "x", [proof], world.step(person)) == "not_allowed"
    assert ball(world) == "enterprise"
    rectifications.hand_in(world.database, world.project, number, "已到货", [proof], step)
    assert ("check_rectification", "bureau") in world.tasks()
    assert ball(world) == "bureau"
    judge = rectifications.judge
    for person in ("enterprise", "manager", "area", "supplier"):
        assert refused(judge, world.database, world.project, number, "pass", world.step(person), why="x") == "not_allowed"
    assert refused(judge, world.database, world.project, number, "reject", world.step("bureau"), why="不全") == "date_missing"
    assert (
        refused(judge, world.database, world.project, number, "reject", world.step("bureau"), why="x", due=world.day) == "due_out_of_range"
    )
    judge(world.database, world.project, number, "reject", world.step("bureau"), why="只到一半", due=world.day + timedelta(15))
    with world.database.reading() as session:
        assert session.get_one(Project, world.project).waits_due == world.day + timedelta(15)
    assert ball(world) == "enterprise"
    rectifications.hand_in(world.database, world.project, number, "全部到货", [proof], step)
    judge(world.database, world.project, number, "pass", world.step("bureau"), why="已看现场")
    assert world.state() == ProjectState.IMPLEMENTING
    with world.database.reading() as session:
        row = session.get_one(Rectification, number)
        assert (row.state, row.rejected) == (RectificationState.PASSED, 1)
    assert not {task for task in world.tasks() if task[0] in ("rectify_project", "check_rectification")}


def test_a_project_goes_on_only_once_everything_is_put_right(world: Watched) -> None:
    first = rectifying(world)
    second = rectifications.order(world.database, world.project, "补交付款凭证", world.day + timedelta(10), world.step("bureau")).id
    assert refused(rectifications.order, world.database, world.project, "x", None, world.step("manager")) == "not_allowed"
    proof = world.file(b"proof", "a.txt")
    for number in (first, second):
        assert world.state() == ProjectState.RECTIFYING
        rectifications.hand_in(world.database, world.project, number, "已改", [proof], world.step("enterprise"))
        # As long as anything else is to be put right, the enterprise has the ball.
        assert ball(world) == ("enterprise" if number == first else "bureau")
        rectifications.judge(world.database, world.project, number, "pass", world.step("bureau"), why="好")
    assert world.state() == ProjectState.IMPLEMENTING


def test_terms_are_told_when_they_are_near_and_once_more_when_they_are_over(world: Watched) -> None:
    """To whoever has the ball, and not night after night."""
    first = rectifying(world)

    def night() -> list[str]:
        with world.database.writing() as session:
            session.info["remind_days"] = 1
            before = session.scalar(select(func.max(Notice.id))) or 0
            remind_of_projects(session, world.day, world.now)
            rows = session.scalars(select(Notice).where(Notice.id > before).order_by(Notice.id)).all()
            return [f"{row.account_id} {row.message.format(**row.values)}" for row in rows]

    assert night() == []
    with world.database.reading() as session:
        due = session.get_one(Rectification, first).due
    world.day = due - timedelta(days=3 if due.weekday() == 0 else 1)
    own = [world.people[name].account_id for name in ("enterprise", "colleague")]
    assert night() == [f"{one} XM-2026-0001 改造 1：整改并提交报告，{due} 到期。" for one in own]
    assert night() == []
    world.day = due + timedelta(1)
    assert night() == [f"{one} XM-2026-0001 改造 1：整改并提交报告，已于 {due} 到期，请尽快办理。" for one in own]
    assert night() == []
    proof = world.file(b"proof", "a.txt")
    rectifications.hand_in(world.database, world.project, first, "已改", [proof], world.step("enterprise"))
    world.later(90)
    assert night() == []
