"""A small pool for the tests of dynamic adjustment: people with accounts, one provider with running work, and a rival."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import adjustments
from marketplace.actions.adjustments_effect import Step
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.adjustments import TWO_PERSONS, AdjustmentKind
from marketplace.domain.providers import ProviderState
from marketplace.pilot import load_pilot
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.adjustments import Adjustment
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.matches import Acceptance, Decision, Outcome
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution
from tests.conftest import NOW

RULES = load_pilot().adjustment
TODAY = NOW.date()
PERSONS: dict[str, Role] = {
    "manager": Role.MANAGER,
    "centre": Role.CENTRE,
    "bureau": Role.BUREAU,
    "bureau2": Role.BUREAU,
    "admin": Role.ADMIN,
    "provider": Role.PROVIDER,
    "rival": Role.PROVIDER,
    "enterprise": Role.ENTERPRISE,
    "stranger": Role.ENTERPRISE,
}


@dataclass
class Pool:
    """Ids, and people by name. `day` is moved by the tests."""

    database: Database
    provider: int
    rival: int
    organisation: int
    people: dict[str, Viewer]
    day: date = TODAY

    def step(self, person: str, *, seen: int | None = None) -> Step:
        at = NOW + (self.day - TODAY)
        return Step(self.people[person], at, self.day, RULES, seen)

    def state(self, provider: int | None = None) -> ProviderState:
        with self.database.reading() as session:
            return session.get_one(Provider, provider or self.provider).state

    def case(self, number: int) -> Adjustment:
        with self.database.reading() as session:
            case = session.get_one(Adjustment, number)
            assert case.appeals is not None
            session.expunge_all()
            return case

    def only(self, **where: object) -> Adjustment:
        """The one case that is as asked."""
        with self.database.reading() as session:
            number = session.scalars(select(Adjustment.id).filter_by(**where)).one()
        return self.case(number)

    def propose(self, kind: str, *, person: str = "manager", why: str = "两次延期", evidence: str = "检查记录", conduct: str = "") -> int:
        of, step = AdjustmentKind(kind), self.step(person)
        return adjustments.propose(self.database, self.provider, of, step, why=why, evidence=evidence, conduct=conduct).id

    def decided(self, kind: str, *, conduct: str = "") -> int:
        """A case that was proposed and decided, by two persons where that is needed."""
        number = self.propose(kind, conduct=conduct)
        if AdjustmentKind(kind) in TWO_PERSONS:
            adjustments.put_forward(self.database, number, self.step("bureau"), why="事实清楚")
            adjustments.confirm(self.database, number, self.step("bureau2"), why="同意")
        else:
            adjustments.decide(self.database, number, self.step("bureau"), why="事实清楚")
        return number

    def later(self, days: int) -> None:
        self.day += timedelta(days=days)


def open_pool(database: Database, *, at: datetime = NOW) -> Pool:
    with database.writing() as session:
        units = {name: Organisation(name=f"{name} 单位") for name in ("staff", "provider", "rival", "enterprise", "stranger")}
        session.add_all(units.values())
        session.flush()
        first = Provider(organisation=units["provider"], local_office=True, source="t", source_ref="1", admitted_on=date(2026, 3, 1))
        second = Provider(organisation=units["rival"], local_office=True, source="t", source_ref="2", admitted_on=date(2026, 3, 1))
        clients = [Enterprise(organisation=units[name], sector="chem", source="t", source_ref=name) for name in ("enterprise", "stranger")]
        session.add_all([first, second, *clients])
        session.flush()
        people = {name: _account(session, name, role, units, at) for name, role in PERSONS.items()}
        _work(session, first.id, clients[0].id)
        session.add(Solution(provider_id=second.id, title="对手的方案", source="t", source_ref="r"))
        viewers = {}
        for name, number in people.items():
            viewer = find_viewer(session, number)
            assert viewer is not None
            viewers[name] = viewer
        return Pool(database, first.id, second.id, units["provider"].id, viewers)


def _account(session: Session, name: str, role: Role, units: dict[str, Organisation], at: datetime) -> int:
    unit = units.get(name, units["staff"])
    account = Account(login=name, name=name, password_hash="-", created=at)
    account.memberships = [Membership(organisation_id=unit.id, role=role, areas=[], rights=list(RIGHTS))]
    session.add(account)
    session.flush()
    return account.id


def _work(session: Session, provider_id: int, enterprise_id: int) -> None:
    """Two published solutions; two running projects, one finished, one match not answered, one declined."""
    rows = [Solution(provider_id=provider_id, title=f"方案 {n}", source="t", source_ref=str(n)) for n in (1, 2)]
    session.add_all(rows)
    problems = [Problem(enterprise_id=enterprise_id, text=f"问题 {n}", source="t", source_ref=str(n)) for n in range(5)]
    session.add_all(problems)
    session.flush()
    answers = [
        (Decision.ACCEPTED, None),
        (Decision.ACCEPTED, None),
        (Decision.ACCEPTED, Acceptance.PASSED),
        (Decision.NO_RESPONSE, None),
        (Decision.DECLINED, None),
    ]
    for n, (problem, (decision, acceptance)) in enumerate(zip(problems, answers, strict=True)):
        session.add(
            Outcome(
                problem_id=problem.id,
                solution_id=rows[0].id,
                provider_id=provider_id,
                proposed=date(2026, 6, 1 + n),
                decision=decision,
                acceptance=acceptance,
                source="t",
                source_ref=str(n),
            )
        )


def flags(database: Database, provider_id: int) -> list[str]:
    """The flags of the provider's projects, in order, those without left out."""
    with database.reading() as session:
        query = select(Outcome.flag).where(Outcome.provider_id == provider_id, Outcome.flag.is_not(None)).order_by(Outcome.id)
        return [flag for flag in session.scalars(query) if flag]
