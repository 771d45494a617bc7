"""A project under way with targets, a problem and a supplier that came by an introduction, and the steps of its acceptance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from marketplace.actions import acceptance_decisions, acceptance_reports, acceptances
from marketplace.domain.acceptances import CHECKS, DecisionDraft, FormDraft, Measure, ReportDraft, RequestDraft
from marketplace.domain.rating_events import EventKind
from marketplace.records.acceptances import Acceptance, find_acceptance
from marketplace.records.brokerings import Brokering
from marketplace.records.database import Database
from marketplace.records.experts import ReviewExpert
from marketplace.records.introductions import Introduction
from marketplace.records.matches import Decision, Outcome
from marketplace.records.problems import Problem
from marketplace.records.project_plans import ProjectIndicator
from marketplace.records.projects import Project, ProjectProblem, ProjectSupplier
from marketplace.records.ratings import RatingEvent, find_scores
from marketplace.records.solutions import Solution
from marketplace.records.tasks import Task
from tests.actions.supervising import Watched, open_watched
from tests.conftest import NOW

PAPERS = ("self_evaluation", "audit", "effect", "purchase", "invoice", "paid")


@dataclass
class Accepted:
    """`up`, `down`: public ids of the indicators 80 → 100 and 10 → 5, weight 60 and 40; `part`: of the supplier's row."""

    world: Watched
    up: str
    down: str
    part: str
    problem: int
    introduction: int
    outcome: int

    @property
    def database(self) -> Database:
        return self.world.database

    @property
    def project(self) -> int:
        return self.world.project

    def draft(self, **changed: Any) -> RequestDraft:
        draft = RequestDraft(
            self.world.day - timedelta(3), "产线改造完成，指标达到", "", {self.up: Measure(100, "台账"), self.down: Measure(5)},
            {self.part: {"quality": 5, "schedule": 4, "service": 4, "attitude": None}}, {self.part: "配合好"},
        )  # fmt: skip
        return replace(draft, **changed)

    def files(self) -> dict[str, Any]:
        return {kind: self.world.file(f"{kind} {self.world.day}".encode(), f"{kind}.txt") for kind in PAPERS}

    def requested(self, **changed: Any) -> None:
        acceptances.request(self.database, self.project, self.world.step("enterprise"), self.draft(**changed), self.files())

    def formal(self, *, wrong: str = "", person: str = "area") -> None:
        answers = {key: ("no", "对不上") if key == wrong else ("yes", "") for key in CHECKS}
        acceptances.review_form(self.database, self.project, FormDraft(answers, "请更正发票" if wrong else ""), self.world.step(person))

    def expert(self, name: str) -> int:
        with self.database.reading() as session:
            return session.scalars(select(ReviewExpert.id).where(ReviewExpert.name == name)).one()

    def experts(self, *names: str, person: str = "manager") -> None:
        ids = [self.expert(name) for name in names or ("expert", "expert2")]
        acceptance_reports.name_experts(self.database, self.project, ids, self.world.step(person))

    def reported(self, up: float = 100, down: float = 5, verdict: str = "pass", person: str = "manager") -> None:
        draft = ReportDraft({self.up: Measure(up), self.down: Measure(down)}, verdict, "到现场逐项测评", self.world.day)
        acceptance_reports.report(self.database, self.project, draft, self.world.step(person))

    def proposed(self, event: str = "pass", person: str = "bureau", due: date | None = None) -> int:
        draft = DecisionDraft(event, "依据验收报告", due)
        return acceptance_decisions.propose(self.database, self.project, draft, self.world.step(person)).id

    def answered(self, number: int, person: str = "bureau2", event: str = "confirm", why: str = "") -> None:
        acceptance_decisions.answer(self.database, number, event, self.world.step(person), why=why)

    def to_decision(self, up: float = 100, down: float = 5, verdict: str = "pass", **changed: Any) -> None:
        self.requested(**changed)
        self.formal()
        self.experts()
        self.reported(up, down, verdict)

    def row(self) -> Acceptance:
        with self.database.reading() as session:
            found = find_acceptance(session, self.project)
            assert found is not None
            session.expunge_all()
            return found

    def past(self) -> Outcome:
        with self.database.reading() as session:
            found = session.get_one(Outcome, self.outcome)
            session.expunge_all()
            return found

    def events(self, kind: EventKind) -> list[dict[str, Any]]:
        """Payloads of the events that count."""
        with self.database.reading() as session:
            query = select(RatingEvent.payload).where(RatingEvent.kind == kind, RatingEvent.superseded_at.is_(None))
            return list(session.scalars(query.order_by(RatingEvent.id)))

    def score(self) -> float:
        with self.database.reading() as session:
            return find_scores(session, [self.world.provider])[self.world.provider].score

    def count(self, table: Any) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def due(self) -> date | None:
        with self.database.reading() as session:
            query = select(Task.due).where(Task.noun == "project", Task.noun_id == self.project, Task.done_at.is_(None))
            return session.scalars(query.where(Task.kind == "project_step")).one()


def open_accepted(database: Database, folder: Path) -> Accepted:
    world = open_watched(database, folder)
    with database.writing() as session:
        project = session.get_one(Project, world.project)
        project.starts, project.ends = world.day - timedelta(200), world.day + timedelta(60)
        assert project.enterprise_id is not None
        kpis = [
            ProjectIndicator(
                project_id=project.id, position=1, name="产能", unit="件/时", direction="up", baseline=80, target=100, weight=60
            ),
            ProjectIndicator(
                project_id=project.id, position=2, name="不良率", unit="%", direction="down", baseline=10, target=5, weight=40
            ),
        ]
        problem = Problem(enterprise_id=project.enterprise_id, text="停机多", source="t", source_ref="p", scenario_code="CH-1")
        solution = Solution(provider_id=world.provider, title="方案", source="t", source_ref="s", scenario_codes=["CH-1"])
        session.add_all([*kpis, problem, solution])
        session.flush()
        brokering = Brokering(number="DJ-1", enterprise_id=project.enterprise_id, title="对接", created=NOW)
        outcome = Outcome(problem_id=problem.id, solution_id=solution.id, provider_id=world.provider, proposed=world.day - timedelta(220))
        outcome.decision, outcome.source, outcome.source_ref = Decision.ACCEPTED, "platform", "i"
        session.add_all([brokering, outcome, ProjectProblem(project_id=project.id, problem_id=problem.id)])
        session.flush()
        introduction = Introduction(
            brokering_id=brokering.id, problem_id=problem.id, solution_id=solution.id, provider_id=world.provider, proposed_at=NOW,
            outcome_id=outcome.id,
        )  # fmt: skip
        session.add(introduction)
        session.flush()
        supplier = session.get_one(ProjectSupplier, world.supplier)
        supplier.introduction_id, supplier.solution_id = introduction.id, solution.id
        session.flush()
        return Accepted(
            world, kpis[0].public_id, kpis[1].public_id, supplier.public_id, problem.id, introduction.id, outcome.id
        )  # fmt: skip
