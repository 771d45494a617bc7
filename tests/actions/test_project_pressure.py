"""Projects under pressure: many at once, repeats, and what does not add up; what was refused leaves everything as it was."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from marketplace.actions import guides, project_plans, project_submission
from marketplace.domain.guides import GuideState
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.projects import ProjectState
from marketplace.records.database import Database
from marketplace.records.evidence import Evidence
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.notices import Notice
from marketplace.records.tasks import Task
from tests.actions.projecting import WAN, ZONE, Site, open_site
from tests.actions.supervising import open_watched, refused

MANY = 50


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return open_site(database, tmp_path / "files")


def at_once(count: int, act: Callable[[int], object]) -> Counter[str]:
    """So many begin at the same moment: the codes of their refusals, "" for what went through."""
    start = threading.Barrier(count)

    def run(number: int) -> str:
        start.wait()
        try:
            act(number)
        except RefusedError as error:
            return error.refused.code
        return ""

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(run, range(count)))


def test_fifty_at_once_hand_it_in_once(site: Site) -> None:
    number = site.filled()
    told = at_once(MANY, lambda _place: project_submission.submit(site.database, number, site.step("enterprise")))
    assert told == {"": 1, "wrong_state": MANY - 1}
    assert site.state(number) == ProjectState.SUBMITTED
    assert site.history("project", number).count("submit") == 1
    assert site.waiting(number) == ["area"]
    with site.database.reading() as session:
        area = site.world.people["area"].account_id
        assert session.scalar(select(func.count()).where(Notice.account_id == area, Notice.message.contains("请初审"))) == 1
        assert find_broken_link(session) is None


def test_the_second_that_counts_is_that_of_the_city(site: Site) -> None:
    """Many are at it around midnight of the last day: those before it are in, whatever the day is elsewhere, and nothing of the others is."""
    guide = site.guide()
    last = site.day + timedelta(30)
    midnight = datetime.combine(last + timedelta(1), time(0, 0), ZONE)
    moments = [midnight + timedelta(seconds=off) for off in (-1, 0, -2, 1, -3600 * 9, 3600 * 9)]
    numbers = [site.filled(site.begun(guide, f"改造 {place}")) for place in range(len(moments))]
    before = site.entries()

    def submit(place: int) -> None:
        moment = moments[place]
        step = replace(site.step("enterprise"), at=moment, today=moment.astimezone(ZONE).date())
        project_submission.submit(site.database, numbers[place], step)

    assert at_once(len(moments), submit) == {"": 3, "guide_closed": 3}
    assert [site.state(number) == ProjectState.SUBMITTED for number in numbers] == [moment < midnight for moment in moments]
    with site.database.reading() as session:
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.id > before, HistoryEntry.noun == "project")).all()
        assert verbs == ["submit"] * 3


@pytest.mark.parametrize(
    ("place", "changed"),
    [
        (0, {"amount_fen": 300 * WAN + 1}),
        (0, {"fiscal_fen": 60 * WAN + 1}),
        (1, {"own_fen": 130 * WAN - 1}),
        (2, {"amount_fen": -50 * WAN, "own_fen": -50 * WAN}),
        (2, {"fiscal_fen": 50 * WAN, "own_fen": 0}),
    ],
)
def test_amounts_that_do_not_add_up_by_a_fen(site: Site, place: int, changed: dict[str, int]) -> None:
    """A line against its two parts, the lines against the total, the parts against what is asked for: refused when saved or when handed in."""
    number = site.filled()
    costs = site.costs()
    costs[place] = replace(costs[place], **changed)  # type: ignore[arg-type]
    code = refused(project_plans.save_costs, site.database, number, costs, site.step("enterprise"))
    before = (site.entries(), site.waiting(number))
    if not code:
        assert refused(project_submission.submit, site.database, number, site.step("enterprise")) == "incomplete"
    assert (site.state(number), site.entries(), site.waiting(number)) == (ProjectState.DRAFT, *before)


def test_a_guide_is_closed_while_people_hand_in(site: Site) -> None:
    """Whoever was first is in; the drafts of the others stay, can be written on, and wait for no day that is over."""
    guide = site.guide()
    numbers = [site.filled(site.begun(guide, f"改造 {place}")) for place in range(5)]

    def act(place: int) -> None:
        if place == len(numbers):
            guides.close(site.database, guide, site.step("bureau"))
        else:
            project_submission.submit(site.database, numbers[place], site.step("enterprise"))

    told = at_once(len(numbers) + 1, act)
    assert set(told) <= {"", "guide_closed"}
    assert site.guide_state(guide) == GuideState.CLOSED
    states = Counter(site.state(number) for number in numbers)
    assert states[ProjectState.SUBMITTED] == told[""] - 1
    assert states[ProjectState.DRAFT] == told["guide_closed"]
    for number in numbers:
        code = refused(project_submission.submit, site.database, number, site.step("enterprise"))
        assert code == ("guide_closed" if site.state(number) == ProjectState.DRAFT else "wrong_state")
        if site.state(number) == ProjectState.DRAFT:
            project_plans.save_texts(site.database, number, {"background": "以后再报"}, site.step("enterprise"))
    with site.database.reading() as session:
        assert find_broken_link(session) is None


def test_an_invoice_outside_the_projects_term_is_said_and_counted_by_a_person(sqlite_database: Database, tmp_path: Path) -> None:
    """Of a day before it began, or after it ended: it may be right, so it is taken with its doubt, which the offices see."""
    world = open_watched(sqlite_database, tmp_path / "files")
    early = world.invoice("10000001", invoice_date=world.day.replace(year=world.day.year - 1))
    right = world.invoice("10000002")
    world.later(400)
    late = world.invoice("10000003", invoice_date=world.day)
    with world.database.reading() as session:
        doubts = {row.id: [one["code"] for one in row.doubts] for row in session.scalars(select(Evidence))}
    assert doubts == {early: ["before_term"], right: [], late: ["after_term"]}
    # One of a day that has not come is none at all.
    assert refused(world.invoice, "10000004", invoice_date=world.day + timedelta(1)) == "future"


def test_nothing_waits_twice(site: Site) -> None:
    """Twenty officers and enterprises press at once: one task is open in the end, and it is that of the state."""
    number = site.submitted()

    def act(place: int) -> None:
        if place % 2:
            site.review(number, "recommend" if place % 4 == 1 else "return", fails="" if place % 4 == 1 else "complete", text="看过")
        else:
            project_submission.withdraw(site.database, number, site.step("enterprise"), why="不做了")

    told = at_once(20, act)
    assert told[""] in (1, 2), told
    ends = {
        ProjectState.RECOMMENDED: ["manager"], ProjectState.RETURNED: ["enterprise 单位"], ProjectState.WITHDRAWN: [],
    }  # fmt: skip
    assert site.waiting(number) == ends[site.state(number)]
    with site.database.reading() as session:
        open_tasks = select(func.count()).where(Task.noun == "project", Task.noun_id == number, Task.done_at.is_(None))
        assert (session.scalar(open_tasks) or 0) <= 1
        assert find_broken_link(session) is None
