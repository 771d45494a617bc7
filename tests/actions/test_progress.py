"""Monthly reports: asked for, marked late, handed in, sent back; what they do to milestones, tasks and health."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions import progress, supervision
from marketplace.actions.brokering_steps import CLOCK
from marketplace.actions.project_health import WatchStep
from marketplace.domain.progress import ReportDraft, ReportState
from marketplace.domain.projects import ProjectState
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry
from marketplace.records.notices import Notice
from marketplace.records.progress import MonthlyReport, find_reports
from marketplace.records.project_plans import Milestone
from marketplace.records.projects import Project
from tests.actions.supervising import Watched, open_watched, refused


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Watched:
    return open_watched(database, tmp_path / "files")


def night(world: Watched) -> dict[str, int]:
    step = world.step("admin")
    return supervision.look_at(world.database, WatchStep(**{**vars(step), "viewer": CLOCK}))


def reports(world: Watched) -> list[tuple[str, str, str, date]]:
    with world.database.reading() as session:
        rows = session.scalars(select(MonthlyReport).where(MonthlyReport.project_id == world.project).order_by(MonthlyReport.month))
        return [(row.month, str(row.state), row.late, row.due) for row in rows]


DRAFT = ReportDraft("设备已到货", 30, 5_000_000)


def test_every_night_asks_once_for_each_month_that_is_over(world: Watched) -> None:
    # Begun in September; today is the 25th of November.
    assert night(world)["reports"] == 4
    assert [(month, state, late) for month, state, late, _due in reports(world)] == [
        ("2026-09", "wanted", "very_late"), ("2026-10", "wanted", "very_late"),
    ]  # fmt: skip
    assert reports(world)[1][3] == date(2026, 11, 5)
    assert world.health() == ("trouble", ["reports_very_late"])
    assert night(world) == {"projects": 2, "reports": 0, "escalated": 0, "changed": 0}
    with world.database.reading() as session:
        told = session.scalars(select(Notice.message).where(Notice.message.contains("月报"))).all()
        # Told once to each: two of the enterprise and one of the neighbour, manager and area for each of two projects.
        assert len(told) == 2 * (2 + 1 + 2 * 2)
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "monthly_report")).all()
        assert sorted(verbs) == ["mark_late"] * 4 + ["want"] * 4
    world.later(6)
    night(world)
    assert [row[0] for row in reports(world)] == ["2026-09", "2026-10", "2026-11"]
    assert reports(world)[2][1:3] == ("wanted", "")
    world.later(5)
    night(world)
    assert reports(world)[2][2] == "late"


def test_no_report_is_wanted_of_a_project_that_is_not_in_work(world: Watched) -> None:
    for state in (ProjectState.AGREED, ProjectState.ACCEPTING, ProjectState.FINISHED):
        with world.database.writing() as session:
            for number in (world.project, world.other):
                session.get_one(Project, number).state = state
        assert night(world)["reports"] == 0


def test_handed_in_with_milestones(world: Watched) -> None:
    night(world)
    draft = ReportDraft("设备到货", 30, 5_000_000, "物流慢", "请帮助协调", {world.milestones[0]: date(2026, 10, 20)})
    progress.hand_in(world.database, world.project, "2026-09", draft, world.step("enterprise"))
    progress.hand_in(world.database, world.project, "2026-10", DRAFT, world.step("colleague"))
    assert [row[1:3] for row in reports(world)] == [("handed_in", "very_late")] * 2
    with world.database.reading() as session:
        assert session.get_one(Milestone, world.milestones[0]).actual == date(2026, 10, 20)
        first = find_reports(session, world.project)[-1]
        assert [row["title"] for row in first.reached] == ["设备到货"]
        assert session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "milestone")).all() == ["reach"]
        assert session.scalars(select(Notice).where(Notice.message.contains("需要帮助"))).all()
    assert {task for task in world.tasks() if task[1] == "enterprise 单位"} == set()
    # What it says was spent has no invoice yet.
    assert world.health() == ("watch", ["spending_unproved"])
    world.invoice("10000001", wan=5)
    assert world.health() == ("good", [])
    assert refused(progress.hand_in, world.database, world.project, "2026-10", DRAFT, world.step("enterprise")) == "wrong_state"


def test_sent_back_has_a_new_term_and_stays_as_late_as_it_was(world: Watched) -> None:
    night(world)
    progress.hand_in(world.database, world.project, "2026-10", DRAFT, world.step("enterprise"))
    for person in ("enterprise", "area", "expert", "supplier"):
        assert refused(progress.send_back, world.database, world.project, "2026-10", world.step(person), why="x") == "not_allowed"
    assert refused(progress.send_back, world.database, world.project, "2026-10", world.step("manager"), why="") == "required"
    progress.send_back(world.database, world.project, "2026-10", world.step("manager"), why="写明到了哪些设备")
    assert reports(world)[1] == ("2026-10", "returned", "very_late", date(2026, 12, 2))
    assert ("monthly_report", "enterprise 单位") in world.tasks()
    progress.hand_in(world.database, world.project, "2026-10", DRAFT, world.step("enterprise"))
    assert reports(world)[1][1:3] == ("handed_in", "very_late")


@pytest.mark.parametrize("person", ["neighbour", "supplier", "manager", "bureau", "area", "expert", "centre"])
def test_only_the_applicant_reports(world: Watched, person: str) -> None:
    assert refused(progress.hand_in, world.database, world.project, "2026-10", DRAFT, world.step(person)) == "not_allowed"


def test_which_months_are_reported(world: Watched) -> None:
    step = world.step("enterprise")
    for month in ("2026-08", "2026-12", "x", ""):
        assert refused(progress.hand_in, world.database, world.project, month, DRAFT, step) == "month_not_wanted"
    # This month may be reported early.
    done = progress.hand_in(world.database, world.project, "2026-11", DRAFT, step)
    assert (done.state, done.late) == (ReportState.HANDED_IN, "in_time")
    assert refused(progress.hand_in, world.database, world.project, "2026-10", ReportDraft(), step) == "required"


def test_whoever_comes_second_is_told(world: Watched) -> None:
    """The lock of the project lets one of two through; the other one finds the report handed in."""
    night(world)
    codes = [
        refused(progress.hand_in, world.database, world.project, "2026-10", DRAFT, world.step(one)) for one in ("enterprise", "colleague")
    ]
    assert codes == ["", "wrong_state"]
