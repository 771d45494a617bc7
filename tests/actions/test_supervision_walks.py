"""Random walks through inspections, rectifications and orders: whatever people try, what must hold holds."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import NoResultFound

from marketplace.actions import evidence, inspection_draws, inspections, inspections_effect, rectifications, supervision
from marketplace.actions.brokering_steps import CLOCK
from marketplace.actions.inspections import Photo
from marketplace.actions.project_health import WatchStep
from marketplace.domain.evidence import EvidenceDraft
from marketplace.domain.inspections import OPEN_RECTIFICATION, FindingDraft, PhotoStamp, PlanDraft
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.projects import ProjectState
from marketplace.domain.supervision import OrderDraft
from marketplace.records.database import Database
from marketplace.records.evidence import Evidence, EvidenceFinding
from marketplace.records.history import find_broken_link
from marketplace.records.inspections import Inspection, Rectification
from marketplace.records.projects import Project
from marketplace.records.ratings import RatingEvent
from marketplace.records.supervision import SupervisionOrder
from tests.actions.supervising import PERSONS, Watched, open_watched

STEPS = 200
# The way of an inspection is long; without help hardly any would reach its end.
_OFTEN = ("start", "photos", "report", "confirm") * 3


class Walk:
    """Somebody tries something, with whatever thing is there."""

    def __init__(self, world: Watched, seed: int) -> None:
        self.world, self.chance = world, random.Random(seed)
        self.shots = [world.file(f"照片 {number}".encode(), f"{number}.txt") for number in range(4)]
        self.files = [world.read(f"材料 {number}".encode(), f"{number}.txt") for number in range(6)]
        self.done: dict[str, int] = {}

    def step(self, *likely: str) -> WatchStep:
        """Mostly somebody who may, and now and then anybody."""
        people = likely if likely and self.chance.random() < 0.8 else tuple(PERSONS)
        return self.world.step(self.chance.choice(people))

    def any(self, table: type) -> int:
        with self.world.database.reading() as session:
            numbers = session.scalars(select(table.id)).all()  # type: ignore[attr-defined]
        if not numbers:
            raise NoResultFound
        return int(self.chance.choice(numbers))

    def project(self) -> int:
        return self.chance.choice([self.world.project, self.world.other])

    def team(self) -> list[int]:
        fit = ["manager", "bureau", "bureau2", "centre", "expert", "expert2", "partial"]
        people = fit if self.chance.random() < 0.8 else list(PERSONS)
        return [self.world.people[name].account_id or 0 for name in self.chance.sample(people, 3)]

    def later(self) -> object:
        return self.world.day + timedelta(self.chance.choice([-1, 3, 9]))

    def moves(self) -> dict[str, Callable[[], object]]:
        db, world, chance = self.world.database, self.world, self.chance
        stamp = PhotoStamp(world.now, 39.0, 117.7)

        def draft() -> PlanDraft:
            return PlanDraft(world.day, chance.random() < 0.3, self.team())

        def report() -> object:
            number = self.any(Inspection)
            severity = chance.choice(["clean", "minor", "general", "serious"])
            supplier = chance.choice([None, world.supplier])
            found = [FindingDraft("behind", severity, "发现", supplier)] if severity != "clean" else []
            return inspections.report(
                db, number, world.answers(severity, *found), self.step("manager", "bureau", "bureau2", "expert", "expert2")
            )

        def judge() -> object:
            row = self.any(Rectification)
            with db.reading() as session:
                project = session.get_one(Rectification, row).project_id
            event = chance.choice(["pass", "reject"])
            return rectifications.judge(db, project, row, event, self.step("bureau", "bureau2"), why="看了", due=world.day + timedelta(5))

        def put_right() -> object:
            row = self.any(Rectification)
            with db.reading() as session:
                project = session.get_one(Rectification, row).project_id
            return rectifications.hand_in(db, project, row, "改了", self.shots[:1], self.step("enterprise", "neighbour"))

        def bring() -> object:
            given = EvidenceDraft("invoice", 100, str(chance.randrange(10000000, 10000004)), world.day, "甲")
            return evidence.add(db, self.project(), "invoice", [chance.choice(self.files)], self.step("enterprise", "neighbour"), given)

        def replace() -> object:
            row = self.any(Evidence)
            with db.reading() as session:
                project = session.get_one(Evidence, row).project_id
            return evidence.supersede(db, project, row, self.step("enterprise", "neighbour"), why="换")

        return {
            "plan": lambda: inspections.plan(db, self.project(), draft(), self.step("manager", "bureau")),
            "draw": lambda: inspection_draws.draw_projects(db, 1, draft(), self.step("manager", "bureau")),
            "assign": lambda: inspections.assign(db, self.any(Inspection), self.team(), self.step("manager", "bureau")),
            "start": lambda: inspections.start(db, self.any(Inspection), self.step("manager", "bureau", "bureau2", "expert", "expert2")),
            "photos": lambda: inspections.add_photos(
                db,
                self.any(Inspection),
                [Photo(one, stamp) for one in self.shots],
                self.step("manager", "bureau", "bureau2", "expert", "expert2"),
            ),
            "report": report,
            "confirm": lambda: inspections_effect.confirm(db, self.any(Inspection), self.step("bureau", "bureau2")),
            "send_back": lambda: inspections.send_back(db, self.any(Inspection), self.step(), why="补"),
            "cancel": lambda: inspections.cancel(db, self.any(Inspection), self.step(), why="x") if chance.random() < 0.1 else None,
            "order": lambda: rectifications.order(db, self.project(), "改", world.day + timedelta(9), self.step("bureau", "bureau2")),
            "put_right": put_right,
            "judge": judge,
            "issue": lambda: supervision.issue(db, self.project(), OrderDraft("说明", self.later()), self.step("manager", "bureau")),  # type: ignore[arg-type]
            "answer": lambda: supervision.answer(db, self.any(SupervisionOrder), "说明", self.step("enterprise", "neighbour")),
            "close": lambda: supervision.judge(db, self.any(SupervisionOrder), "close", self.step("manager", "bureau"), why="好"),
            "bring": bring,
            "replace": replace,
            "uphold": lambda: evidence.judge(
                db, self.any(EvidenceFinding), chance.choice(["explain", "uphold"]), self.step("manager", "bureau"), why="看"
            ),
            "night": lambda: supervision.look_at(db, WatchStep(**{**vars(self.step()), "viewer": CLOCK})),
        }

    def go(self) -> None:
        moves = self.moves()
        for _count in range(STEPS):
            name = self.chance.choice([*moves, *_OFTEN])
            with suppress(RefusedError, NoResultFound):
                moves[name]()
                self.done[name] = self.done.get(name, 0) + 1
            if self.chance.random() < 0.05:
                self.world.later(1)
                moves = self.moves()


def holds(world: Watched) -> None:
    with world.database.reading() as session:
        for one in session.scalars(select(Inspection).where(Inspection.state == "confirmed")):
            assert one.reported_by != one.confirmed_by
            assert len(one.inspectors) >= 2
            assert len(one.photos) >= 3
            assert (one.severity == "clean") == (not one.findings)
        sides = {row.account_id for row in world.people.values() if row.enterprise_ids or row.provider_ids}
        partial = world.people["partial"].account_id
        for one in session.scalars(select(Inspection)):
            here = {row.account_id for row in one.inspectors}
            assert not here & sides
            # Nobody of the supplier where the supplier works.
            assert one.project_id != world.project or partial not in here
        for project in session.scalars(select(Project)):
            left = select(func.count()).where(Rectification.project_id == project.id, Rectification.state.in_(OPEN_RECTIFICATION))
            assert (project.state == ProjectState.RECTIFYING) == bool(session.scalar(left)), project.number
        # One event of the rating a confirmed inspection of the project that has a supplier, and none besides.
        confirmed = select(func.count()).where(Inspection.state == "confirmed", Inspection.project_id == world.project)
        assert session.scalar(select(func.count()).select_from(RatingEvent)) == session.scalar(confirmed)
        # Of two pieces of evidence that count and hold the same invoice, there is a finding.
        counted = session.scalars(select(Evidence).where(Evidence.state == "counted").order_by(Evidence.id)).all()
        pairs = {(row.evidence_id, row.other_id) for row in session.scalars(select(EvidenceFinding))}
        for place, one_piece in enumerate(counted):
            for other in counted[:place]:
                if one_piece.number_key == other.number_key or one_piece.sha256 == other.sha256:
                    assert (one_piece.id, other.id) in pairs
        assert find_broken_link(session) is None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_people_try(sqlite_database: Database, tmp_path: Path, seed: int) -> None:
    world = open_watched(sqlite_database, tmp_path / "files")
    walk = Walk(world, seed)
    walk.go()
    holds(world)
    assert len(walk.done) >= 12, walk.done
    assert walk.done.get("confirm"), walk.done
