"""A small market for the tests of brokering: an enterprise with problems, three providers, and people with accounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select

from marketplace.actions import brokering_awards as awards
from marketplace.actions import brokerings, implementations, introduction_talks, introductions
from marketplace.actions.adjustments_effect import Step as AdjustmentStep
from marketplace.actions.adjustments_effect import move_provider
from marketplace.actions.brokering_steps import Step
from marketplace.actions.implementations import ConfirmDraft, FinishDraft
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.brokerings import BrokeringState, ContractDraft, CriterionDraft
from marketplace.domain.introductions import AnswerDraft, IntroductionState, ProposalDraft
from marketplace.domain.lifecycle import RefusedError
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.pilot import load_pilot
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.brokerings import Brokering, find_criteria
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.introductions import Introduction
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution
from marketplace.records.tasks import Task
from tests.conftest import NOW

PILOT = load_pilot()
TODAY = NOW.date()
SECRET = "天津秘名轴承制造有限公司"
PERSONS: dict[str, tuple[str, Role]] = {
    "centre": ("staff", Role.CENTRE),
    "centre2": ("staff", Role.CENTRE),
    "admin": ("staff", Role.ADMIN),
    "bureau": ("staff", Role.BUREAU),
    "manager": ("staff", Role.MANAGER),
    "enterprise": ("enterprise", Role.ENTERPRISE),
    "stranger": ("stranger", Role.ENTERPRISE),
    "first": ("first", Role.PROVIDER),
    "second": ("second", Role.PROVIDER),
    "third": ("third", Role.PROVIDER),
}
NAMES = {"enterprise": SECRET, "stranger": "天津旁观化工有限公司"}
CRITERIA = [CriterionDraft("能接旧压床", "essential", 60), CriterionDraft("本地有人", "nice", 40)]


@dataclass
class World:
    """Ids, and people by name. `day` is moved by the tests."""

    database: Database
    people: dict[str, Viewer]
    enterprise: int
    problems: list[int]
    providers: dict[str, int]
    solutions: dict[str, int]
    proof: StoredBlob
    day: date = TODAY
    made: list[int] = field(default_factory=list)

    def step(self, person: str, *, seen: int | None = None) -> Step:
        return Step(self.people[person], NOW + (self.day - TODAY), self.day, PILOT.brokering, PILOT.rating, seen)

    def later(self, days: int) -> None:
        self.day += timedelta(days=days)

    def draft(self, *names: str, criteria: bool = True) -> int:
        lines = [brokerings.Line(self.solutions[name], self.problems[0], n + 1, "m1", {"text": 0.5}) for n, name in enumerate(names)]
        number = brokerings.draft(self.database, self.enterprise, self.problems[:1], lines, self.step("centre"), place="plan").id
        if criteria:
            brokerings.set_criteria(self.database, number, CRITERIA, self.step("centre"))
        return number

    def sent(self, *names: str, criteria: bool = True) -> int:
        number = self.draft(*names, criteria=criteria)
        brokerings.send(self.database, number, self.step("centre"))
        return number

    def of(self, number: int, name: str) -> int:
        """The introduction of this provider."""
        with self.database.reading() as session:
            query = select(Introduction.id).where(Introduction.brokering_id == number, Introduction.provider_id == self.providers[name])
            return session.scalars(query.order_by(Introduction.id.desc())).first() or 0

    def answer(self, introduction: int, side: str, *, accepts: bool = True, reason: str = "budget", person: str = "") -> None:
        with self.database.reading() as session:
            provider_id = session.get_one(Introduction, introduction).provider_id
        name = next(key for key, value in self.providers.items() if value == provider_id)
        who = person or ("enterprise" if side == "enterprise" else name)
        draft = AnswerDraft(side=side, accepts=accepts, reason="" if accepts else reason, text="")
        introductions.answer(self.database, introduction, draft, self.step(who))

    def talking(self, *names: str) -> int:
        number = self.sent(*names)
        for name in names:
            for side in ("enterprise", "provider"):
                self.answer(self.of(number, name), side)
        return number

    def quote(self, number: int, name: str, *, wan: int = 50, weeks: int = 8, person: str = "", way: str = "") -> None:
        with self.database.reading() as session:
            answers = {row.id: ("yes", "可以") for row in find_criteria(session, number)}
        draft = ProposalDraft(wan * 1_000_000, weeks, "传感器与软件", self.day + timedelta(60), answers)
        introduction_talks.quote(self.database, self.of(number, name), draft, self.step(person or name), way=way)

    def comparing(self, *names: str) -> int:
        number = self.talking(*names)
        for place, name in enumerate(names):
            self.quote(number, name, wan=50 + 10 * place)
        brokerings.compare(self.database, number, self.step("centre"))
        return number

    def awarded(self, *names: str) -> int:
        """The first of them is chosen."""
        number = self.comparing(*names)
        awards.award(self.database, self.of(number, names[0]), self.step("enterprise"), why="价格合适")
        return number

    def contracted(self, *names: str) -> int:
        number = self.awarded(*names)
        draft = ContractDraft(48_000_000, self.day, self.day, self.day + timedelta(60))
        awards.record_contract(self.database, number, draft, self.step("enterprise"), scan=self.proof)
        return number

    def finished(self, *names: str, rating: int = 4, late: bool = False) -> int:
        number = self.contracted(*names)
        implementations.start(self.database, number, self.day, self.step("enterprise"))
        self.later(75 if late else 40)
        figures = FinishDraft(self.day, "停机由 26 小时降到 8 小时", "停机小时", "小时/月", 26, 10, 8)
        implementations.report_finish(self.database, number, figures, self.step(names[0]))
        implementations.confirm(self.database, number, ConfirmDraft("passed", rating, "满意"), self.step("enterprise"))
        return number

    def state(self, number: int) -> BrokeringState:
        with self.database.reading() as session:
            return session.get_one(Brokering, number).state

    def states(self, number: int) -> list[IntroductionState]:
        with self.database.reading() as session:
            query = select(Introduction.state).where(Introduction.brokering_id == number).order_by(Introduction.id)
            return list(session.scalars(query))

    def brokering(self, number: int) -> Brokering:
        with self.database.reading() as session:
            found = session.get_one(Brokering, number)
            session.expunge_all()
            return found

    def move_provider(self, name: str, *events: str) -> None:
        """As a decision of dynamic adjustment does it."""
        with self.database.writing() as session:
            provider = session.get_one(Provider, self.providers[name])
            for event in events:
                step = AdjustmentStep(self.people["bureau"], NOW + (self.day - TODAY), self.day, PILOT.adjustment)
                move_provider(session, provider, event, step, "整改")

    def tasks(self) -> set[tuple[str, str]]:
        """(kind, whose) of all that is open: an organisation's name, an account's, or a role."""
        with self.database.reading() as session:
            units = {row.id: row.name for row in session.scalars(select(Organisation))}
            accounts = {row.id: row.login for row in session.scalars(select(Account))}
            found = session.scalars(select(Task).where(Task.done_at.is_(None)))
            return {(row.kind, units.get(row.organisation_id or 0) or accounts.get(row.account_id or 0) or row.role) for row in found}


def open_world(database: Database, folder: Path) -> World:
    with database.writing() as session:
        units = {
            unit: Organisation(name=NAMES.get(unit, f"{unit} 单位"))
            for unit in ("staff", "enterprise", "stranger", "first", "second", "third")
        }
        session.add_all(units.values())
        session.flush()
        own = Enterprise(organisation=units["enterprise"], sector="auto", area="", source="t", source_ref="e")
        other = Enterprise(organisation=units["stranger"], sector="chem", source="t", source_ref="s")
        providers = {
            name: Provider(organisation=units[name], local_office=True, source="t", source_ref=name)
            for name in ("first", "second", "third")
        }
        session.add_all([own, other, *providers.values()])
        session.flush()
        problems = [
            Problem(enterprise_id=own.id, text=f"{SECRET}的压床老停机，坏了才修", source="t", source_ref="p1"),
            Problem(enterprise_id=own.id, text="线边堆料，过道走不了人", source="t", source_ref="p2"),
        ]
        solutions = {
            name: Solution(provider_id=row.id, title=f"{name} 的方案", source="t", source_ref=name) for name, row in providers.items()
        }
        session.add_all([*problems, *solutions.values()])
        people = {}
        for name, (unit, role) in PERSONS.items():
            account = Account(login=name, name=name, password_hash="-", created=NOW)
            account.memberships = [Membership(organisation_id=units[unit].id, role=role, areas=[], rights=list(RIGHTS))]
            session.add(account)
            session.flush()
            viewer = find_viewer(session, account.id)
            assert viewer is not None
            people[name] = viewer
        ids = {name: row.id for name, row in providers.items()}
        offered = {name: row.id for name, row in solutions.items()}
        numbers = [row.id for row in problems]
        enterprise = own.id
    store = BlobStore(folder)
    proof = store.keep(b"%PDF-1.4 proof", "凭据.pdf", "application/pdf")
    return World(database, people, enterprise, numbers, ids, offered, proof)


def refused(act: object, *arguments: object, **values: object) -> str:
    """The code of the refusal."""
    try:
        act(*arguments, **values)  # type: ignore[operator]
    except RefusedError as error:
        return error.refused.code
    return ""
