"""Supervision orders: issued, answered, sent back, closed; late ones rise from the manager to the bureau."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions import supervision
from marketplace.actions.brokering_steps import CLOCK
from marketplace.actions.project_health import WatchStep
from marketplace.domain.projects import ProjectState
from marketplace.domain.supervision import OrderDraft, OrderState
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.projects import Project
from marketplace.records.supervision import SupervisionOrder
from tests.actions.supervising import Watched, open_watched, refused


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Watched:
    return open_watched(database, tmp_path / "files")


def issued(world: Watched, person: str = "manager") -> int:
    draft = OrderDraft("说明进度为什么滞后", world.day + timedelta(7))
    return supervision.issue(world.database, world.project, draft, world.step(person)).id


def order(world: Watched, number: int) -> SupervisionOrder:
    with world.database.reading() as session:
        found = session.get_one(SupervisionOrder, number)
        session.expunge_all()
        return found


def night(world: Watched) -> dict[str, int]:
    return supervision.look_at(world.database, WatchStep(**{**vars(world.step("admin")), "viewer": CLOCK}))


def test_issued_answered_closed(world: Watched) -> None:
    number = issued(world)
    assert ("answer_order", "enterprise 单位") in world.tasks()
    assert refused(supervision.answer, world.database, number, " ", world.step("enterprise")) == "required"
    for person in ("neighbour", "supplier", "manager", "expert", "area"):
        assert refused(supervision.answer, world.database, number, "x", world.step(person)) == "not_allowed"
    supervision.answer(world.database, number, "设备延期到货", world.step("enterprise"))
    assert ("judge_order", "manager") in world.tasks()
    for person in ("enterprise", "supplier", "expert", "area", "centre"):
        assert refused(supervision.judge, world.database, number, "close", world.step(person), why="x") == "not_allowed"
    assert refused(supervision.judge, world.database, number, "send_back", world.step("manager"), why="不够") == "date_missing"
    again = OrderDraft(due=world.day + timedelta(3))
    supervision.judge(world.database, number, "send_back", world.step("manager"), why="写明新的日期", due=again)
    supervision.answer(world.database, number, "12 月 20 日到货", world.step("enterprise"))
    supervision.judge(world.database, number, "close", world.step("bureau"), why="可以")
    found = order(world, number)
    assert (found.state, found.answer, found.judgement) == (OrderState.CLOSED, "12 月 20 日到货", "可以")
    assert found.number == "DB-2026-0001"
    assert world.tasks() == set()
    with world.database.reading() as session:
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "supervision_order").order_by(HistoryEntry.id)).all()
        assert verbs == ["issue", "answer", "send_back", "answer", "close"]
        assert find_broken_link(session) is None


@pytest.mark.parametrize("person", ["enterprise", "supplier", "expert", "area", "centre", "finance"])
def test_who_may_not_issue(world: Watched, person: str) -> None:
    draft = OrderDraft("x", world.day)
    assert refused(supervision.issue, world.database, world.project, draft, world.step(person)) == "not_allowed"


def test_what_an_order_needs(world: Watched) -> None:
    def code(draft: OrderDraft) -> str:
        return refused(supervision.issue, world.database, world.project, draft, world.step("manager"))

    assert code(OrderDraft("", world.day)) == "required"
    assert code(OrderDraft("x", None)) == "date_missing"
    assert code(OrderDraft("x", world.day - timedelta(1))) == "past"
    with world.database.writing() as session:
        session.get_one(Project, world.project).state = ProjectState.FINISHED
    assert code(OrderDraft("x", world.day)) == "not_under_way"


def test_late_orders_rise_step_by_step(world: Watched) -> None:
    number = issued(world)
    assert night(world)["escalated"] == 0
    world.later(8)
    assert night(world)["escalated"] == 1
    assert order(world, number).level == 1
    assert ("late_order", "manager") in world.tasks()
    assert "order_late" in world.health()[1]
    assert night(world)["escalated"] == 0
    world.later(7)
    assert night(world)["escalated"] == 1
    assert ("late_order", "bureau") in world.tasks()
    supervision.answer(world.database, number, "说明如下", world.step("enterprise"))
    assert {("judge_order", "bureau"), ("judge_order", "manager")} <= world.tasks()
    assert not {task for task in world.tasks() if task[0] == "late_order"}
    assert "order_late" not in world.health()[1]


def test_whoever_comes_second_is_told(world: Watched) -> None:
    number = issued(world)
    with world.database.reading() as session:
        seen = session.scalars(select(HistoryEntry.id).where(HistoryEntry.noun == "supervision_order")).one()
    supervision.answer(world.database, number, "一", world.step("enterprise", seen=seen))
    assert refused(supervision.answer, world.database, number, "二", world.step("colleague", seen=seen)) == "changed_meanwhile"
    assert order(world, number).answer == "一"
