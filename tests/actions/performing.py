"""A small pilot that is to be evaluated: people of the offices and of two areas, and a few enterprises with a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select

from marketplace.actions import performance, performance_steps
from marketplace.actions.performance import Entry
from marketplace.actions.performance_steps import Step
from marketplace.domain.access import Role, Viewer
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.performance import RoundDraft, RoundState
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.performance_terms import step_by
from marketplace.pilot import load_pilot
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.history import HistoryEntry
from marketplace.records.organisations import Organisation
from marketplace.records.performance import PerformanceItem, PerformanceRound
from marketplace.records.tasks import Task
from tests.conftest import NOW

PILOT = load_pilot()
TODAY = NOW.date()
PERSONS: dict[str, tuple[Role, list[str]]] = {
    "bureau": (Role.BUREAU, []), "bureau2": (Role.BUREAU, []), "manager": (Role.MANAGER, []), "finance": (Role.FINANCE, []), "city": (Role.CITY, []),
    "centre": (Role.CENTRE, []), "area": (Role.AREA, ["teda"]), "area2": (Role.AREA, ["thip"]), "enterprise": (Role.ENTERPRISE, []),
    "expert": (Role.EXPERT, []), "admin": (Role.ADMIN, []),
}  # fmt: skip


@dataclass
class Performing:
    database: Database
    proof: StoredBlob
    people: dict[str, Viewer] = field(default_factory=dict)

    def step(self, person: str, *, seen: int | None = None) -> Step:
        return step_by(PILOT, self.people[person], NOW, TODAY, seen)

    def opened(self, *, start: bool = True, **values: object) -> int:
        usual: dict[str, object] = {"kind": "annual", "year": 2026, "subject": "pilot", "as_of": TODAY, "due": TODAY + timedelta(14)}
        (found,) = performance.open_rounds(self.database, RoundDraft(**{**usual, **values}), self.step("bureau"))  # type: ignore[arg-type]
        if start:
            performance_steps.move(self.database, found.id, "start", self.step("bureau"))
        return found.id

    def items(self, number: int) -> dict[str, PerformanceItem]:
        """By indicator; of those with several lines the last one."""
        with self.database.reading() as session:
            rows = session.scalars(
                select(PerformanceItem).where(PerformanceItem.round_id == number).order_by(PerformanceItem.position)
            ).all()
            session.expunge_all()
            return {row.indicator: row for row in rows}

    def lines(self, number: int) -> list[PerformanceItem]:
        with self.database.reading() as session:
            query = select(PerformanceItem).where(PerformanceItem.round_id == number).order_by(PerformanceItem.position)
            rows = list(session.scalars(query))
            session.expunge_all()
            return rows

    def completed(self, number: int, person: str = "manager") -> None:
        """Filled from the platform and by hand, each hand figure proved, every line explained."""
        performance.fill(self.database, number, TODAY, self.step(person))
        rows = self.lines(number)
        entries = {
            (row.indicator, row.sector): Entry(row.target if row.by_hand else None, "原因和措施。", row.by_hand) for row in rows
        }  # fmt: skip
        performance.enter_all(self.database, number, entries, self.step(person))
        performance.prove(self.database, [row.id for row in rows if row.by_hand], self.proof, self.step(person))

    def move(self, number: int, event: str, person: str, *, why: str = "", seen: int | None = None) -> None:
        performance_steps.move(self.database, number, event, self.step(person, seen=seen), why=why)

    def round(self, number: int) -> PerformanceRound:
        with self.database.reading() as session:
            found = session.get_one(PerformanceRound, number)
            session.expunge_all()
            return found

    def state(self, number: int) -> RoundState:
        return self.round(number).state

    def history(self, noun: str, number: int) -> list[str]:
        with self.database.reading() as session:
            query = select(HistoryEntry.verb).where(HistoryEntry.noun == noun, HistoryEntry.noun_id == number)
            return list(session.scalars(query.order_by(HistoryEntry.id)))

    def entries(self) -> int:
        with self.database.reading() as session:
            return session.scalar(select(HistoryEntry.id).order_by(HistoryEntry.id.desc()).limit(1)) or 0

    def waiting(self, number: int) -> list[str]:
        """Roles or log-ins that a task of the round waits for."""
        with self.database.reading() as session:
            rows = session.scalars(
                select(Task).where(Task.noun == "performance_round", Task.noun_id == number, Task.done_at.is_(None))
            ).all()
            return sorted(row.role or session.get_one(Account, row.account_id).login for row in rows)


def open_performing(database: Database, folder: Path) -> Performing:
    with database.writing() as session:
        offices = Organisation(name="机关")
        session.add(offices)
        ids: dict[str, int] = {}
        for name, (role, areas) in PERSONS.items():
            account = Account(login=name, name=name, password_hash="", created=NOW)
            account.memberships.append(Membership(organisation=offices, role=role, rights=[], areas=areas))
            session.add(account)
            session.flush()
            ids[name] = account.id
        for place, (sector, area) in enumerate((("chem", "nangang"), ("chem", "thip"), ("auto", "teda"), ("elec", "thip"))):
            own = Organisation(name=f"某公司 {place}")
            one = Enterprise(organisation=own, sector=sector, area=area, above_scale_years=["2025"], source="t", source_ref=str(place))
            session.add(one)
            session.flush()
            if place < 3:
                _diagnose(session.add, one.id, place, TODAY - timedelta(40))
    with database.reading() as session:
        people = {name: viewer for name, number in ids.items() if (viewer := find_viewer(session, number)) is not None}
    store = BlobStore(folder / "files", None)
    proof = store.keep("佐证".encode(), "证明.txt", "text/plain")
    return Performing(database, proof, people)


def _diagnose(add: object, enterprise: int, place: int, day: date) -> None:
    row = Diagnosis(
        number=f"ZD-2026-{place:04}", enterprise_id=enterprise, state=DiagnosisState.ISSUED, visited=day, issued_at=NOW - timedelta(30),
        grading={"level": place, "score": 50.0 + place}, source="t", source_ref=str(place),
    )  # fmt: skip
    add(row)  # type: ignore[operator]
