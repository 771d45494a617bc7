"""A small centre for the tests of its own nouns: people of every kind with accounts, on a day that the tests move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from marketplace.actions import events
from marketplace.actions.centre_steps import Step
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.events import EventDraft
from marketplace.pilot import load_pilot
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.events import Event, SignUp, find_sign_ups
from marketplace.records.history import HistoryEntry
from marketplace.records.notices import Notice
from marketplace.records.organisations import Organisation
from marketplace.records.scenarios import Scenario
from tests.conftest import NOW

PILOT = load_pilot()
PHASES = [phase.key for phase in PILOT.city.phases]
HERE = NOW.astimezone(ZoneInfo("Asia/Shanghai"))
STAFF = {"centre": Role.CENTRE, "manager": Role.MANAGER, "bureau": Role.BUREAU, "admin": Role.ADMIN}
OTHERS = {"enterprise": Role.ENTERPRISE, "provider": Role.PROVIDER, "area": Role.AREA, "finance": Role.FINANCE}


@dataclass
class Centre:
    database: Database
    people: dict[str, Viewer]
    units: dict[str, int]
    now: datetime = HERE

    @property
    def today(self) -> date:
        return self.now.date()

    def step(self, person: str, *, seen: int | None = None) -> Step:
        return Step(self.people[person], self.now, self.today, seen)

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def many(self, number: int) -> list[str]:
        """Members of the enterprise, by name."""
        names = [f"member{place}" for place in range(number)]
        with self.database.writing() as session:
            for name in names:
                self.people[name] = _person(session, name, self.units["enterprise"], Role.ENTERPRISE)
        return names

    def draft(self, **values: object) -> EventDraft:
        usual: dict[str, object] = {
            "kind": "training", "title": "压床节能", "text": "讲一讲压床怎样省电。", "place": "能力中心一楼", "host": "能力中心",
            "starts": self.now + timedelta(days=7), "ends": self.now + timedelta(days=7, hours=3),
            "sign_up_until": self.now + timedelta(days=5), "seats": 2,
        }  # fmt: skip
        return EventDraft(**{**usual, **values})  # type: ignore[arg-type]

    def opened(self, **values: object) -> int:
        """An event that takes sign-ups."""
        number = events.create(self.database, self.draft(**values), self.step("centre"), PILOT.centre).id
        events.advance(self.database, number, "publish", self.step("centre"))
        return number

    def event(self, number: int) -> Event:
        with self.database.reading() as session:
            found = session.get_one(Event, number)
            session.expunge_all()
            return found

    def sign_ups(self, number: int) -> dict[str, SignUp]:
        """By the name of the person."""
        with self.database.reading() as session:
            found = {row.account.name: row for row in find_sign_ups(session, number)}
            session.expunge_all()
            return found

    def states(self, number: int) -> dict[str, str]:
        return {name: str(row.state) for name, row in self.sign_ups(number).items()}

    def history(self, noun: str, number: int) -> list[str]:
        with self.database.reading() as session:
            query = select(HistoryEntry.verb).where(HistoryEntry.noun == noun, HistoryEntry.noun_id == number)
            return list(session.scalars(query.order_by(HistoryEntry.id)))

    def entries(self) -> int:
        with self.database.reading() as session:
            return session.scalars(select(HistoryEntry.id).order_by(HistoryEntry.id.desc())).first() or 0

    def told(self, person: str) -> list[str]:
        with self.database.reading() as session:
            query = select(Notice.message).where(Notice.account_id == self.people[person].account_id)
            return list(session.scalars(query.order_by(Notice.id)))


def _person(session, name: str, unit: int, role: Role) -> Viewer:  # type: ignore[no-untyped-def]
    account = Account(login=name, name=name, password_hash="-", created=NOW)
    account.memberships = [Membership(organisation_id=unit, role=role, rights=list(RIGHTS))]
    session.add(account)
    session.flush()
    viewer = find_viewer(session, account.id)
    assert viewer is not None
    return viewer


def open_centre(database: Database) -> Centre:
    with database.writing() as session:
        units = {name: Organisation(name=f"{name}单位") for name in ("staff", *OTHERS)}
        session.add_all(units.values())
        session.flush()
        session.add(Enterprise(organisation_id=units["enterprise"].id, sector="chem", source="t", source_ref="1"))
        session.add(Scenario(code="CHEM-01", kind="typical", sector="chem", name="场景", state="published", source="t", source_ref="1"))
        session.flush()
        people = {name: _person(session, name, units["staff"].id, role) for name, role in STAFF.items()}
        people |= {name: _person(session, name, units[name].id, role) for name, role in OTHERS.items()}
        return Centre(database, people, {name: unit.id for name, unit in units.items()})
