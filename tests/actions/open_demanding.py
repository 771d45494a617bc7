"""Open demands in the small market of the brokering tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select

from marketplace.actions import open_answers, open_demand_choices, open_demands, open_questions
from marketplace.actions.open_demand_choices import Choice
from marketplace.actions.open_demand_steps import OpenStep
from marketplace.domain.brokerings import CriterionDraft
from marketplace.domain.open_answers import OpenAnswerDraft, OpenAnswerState
from marketplace.domain.open_demands import OpenDemandDraft, OpenDemandState
from marketplace.records.database import Database
from marketplace.records.open_demands import OpenAnswer, OpenDemand, find_demand_criteria
from tests.actions.brokering import PILOT, TODAY, World, open_world

ZONE = ZoneInfo("Asia/Shanghai")
AREAS = {area.key: PILOT.words_of_area(area.key) for area in PILOT.areas}
CRITERIA = [CriterionDraft("能接旧压床", "essential", 60), CriterionDraft("本地有人", "nice", 40)]
TITLE, TEXT = "压床停机太多", "压床每班停两次，每次二十分钟，坏了才修，一个月少出两百箱。"


@dataclass
class Market:
    """`clock`: the time of day of whatever happens next."""

    world: World
    clock: time = time(10, 30)

    @property
    def database(self) -> Database:
        return self.world.database

    @property
    def day(self) -> date:
        return self.world.day

    def step(self, person: str, *, seen: int | None = None) -> OpenStep:
        at = datetime.combine(self.day, self.clock, ZONE)
        values = {"open": PILOT.open_demand, "catalogue": PILOT.catalogue, "areas": AREAS}
        return OpenStep(self.world.people[person], at, self.day, PILOT.brokering, PILOT.rating, seen, **values)  # type: ignore[arg-type]

    def draft(self, **values: object) -> OpenDemandDraft:
        usual: dict[str, object] = {
            "title": TITLE, "text": TEXT, "questions_until": self.day + timedelta(10), "answers_until": self.day + timedelta(20),
            "criteria": list(CRITERIA), "budget_low_fen": 30_000_000, "budget_high_fen": 60_000_000,
        }  # fmt: skip
        return OpenDemandDraft(**{**usual, **values})  # type: ignore[arg-type]

    def written(self, person: str = "enterprise", **values: object) -> int:
        return open_demands.create(self.database, self.world.enterprise, self.draft(**values), self.step(person)).id

    def submitted(self, **values: object) -> int:
        number = self.written(**values)
        open_demands.submit(self.database, number, self.step("enterprise"))
        return number

    def published(self, **values: object) -> int:
        number = self.submitted(**values)
        open_demands.publish(self.database, number, self.step("centre"))
        return number

    def answer_draft(self, name: str, number: int, **values: object) -> OpenAnswerDraft:
        with self.database.reading() as session:
            criteria = {row.id: ("yes", "可以") for row in find_demand_criteria(session, number)}
            until = session.get_one(OpenDemand, number).answers_until
        usual: dict[str, object] = {
            "solution_id": self.world.solutions[name], "text": f"{name} 的做法：加传感器，先试一条线。", "price_low_fen": 30_000_000,
            "price_high_fen": 45_000_000, "weeks": 8, "valid_until": until + timedelta(60), "criteria": criteria,
        }  # fmt: skip
        return OpenAnswerDraft(**{**usual, **values})  # type: ignore[arg-type]

    def answer(self, number: int, name: str, *, person: str = "", **values: object) -> int:
        draft = self.answer_draft(name, number, **values)
        return open_answers.put(self.database, number, self.world.providers[name], draft, self.step(person or name)).id

    def ask(self, number: int, name: str, text: str = "现场能停机几天？") -> int:
        return open_questions.ask(self.database, number, self.world.providers[name], text, self.step(name)).id

    def closed(self, *names: str, **values: object) -> int:
        """Published, answered by these, and over."""
        number = self.published(**values)
        for name in names:
            self.answer(number, name)
        self.world.day = TODAY + timedelta(21)
        return number

    def conclude(self, number: int, *names: str, person: str = "enterprise", **values: object) -> int:
        chosen = {row.id: None for name in names if (row := self.of(number, name)) is not None}
        choice = Choice(chosen, feedback="这次选了报价低的。", **values)  # type: ignore[arg-type]
        return open_demand_choices.conclude(self.database, number, choice, self.step(person)).id

    def of(self, number: int, name: str) -> OpenAnswer | None:
        with self.database.reading() as session:
            query = select(OpenAnswer).where(OpenAnswer.demand_id == number, OpenAnswer.provider_id == self.world.providers[name])
            found = session.scalar(query)
            session.expunge_all()
            return found

    def state(self, number: int) -> OpenDemandState:
        with self.database.reading() as session:
            return session.get_one(OpenDemand, number).state

    def answers(self, number: int) -> list[OpenAnswerState]:
        with self.database.reading() as session:
            return list(session.scalars(select(OpenAnswer.state).where(OpenAnswer.demand_id == number).order_by(OpenAnswer.id)))


def open_market(database: Database, folder: Path) -> Market:
    return Market(open_world(database, folder))
