"""Two projects under way with plan and supplier, and everybody who has to do with them, for tests of progress and supervision."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from marketplace.actions import evidence, inspections
from marketplace.actions.inspections import Photo
from marketplace.actions.project_health import WatchStep
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.evidence import EvidenceDraft
from marketplace.domain.experts import ExpertState
from marketplace.domain.inspections import FindingDraft, PhotoStamp, PlanDraft, ReportDraft
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.files.invoices import ReadFile, read_file
from marketplace.files.kinds import KINDS
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.pilot import load_pilot
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.experts import ReviewExpert
from marketplace.records.organisations import Organisation
from marketplace.records.project_plans import Milestone, ProjectCost
from marketplace.records.projects import Project, ProjectSupplier
from marketplace.records.providers import Provider
from marketplace.records.tasks import Task
from tests.conftest import NOW
from tests.files.invoices import photo

PILOT = load_pilot()
TODAY = NOW.date()
PERSONS: dict[str, tuple[str, Role]] = {
    "enterprise": ("enterprise", Role.ENTERPRISE),
    "colleague": ("enterprise", Role.ENTERPRISE),
    "neighbour": ("neighbour", Role.ENTERPRISE),
    "supplier": ("supplier", Role.PROVIDER),
    "centre": ("staff", Role.CENTRE),
    "manager": ("staff", Role.MANAGER),
    "bureau": ("staff", Role.BUREAU),
    "bureau2": ("staff", Role.BUREAU),
    "finance": ("staff", Role.FINANCE),
    "admin": ("staff", Role.ADMIN),
    "area": ("teda", Role.AREA),
    "expert": ("institute", Role.EXPERT),
    "expert2": ("institute", Role.EXPERT),
    "partial": ("supplier", Role.EXPERT),
}


@dataclass
class Watched:
    """Ids, and people by name. `day` is moved by the tests."""

    database: Database
    store: BlobStore
    people: dict[str, Viewer]
    project: int
    other: int
    supplier: int
    provider: int
    milestones: list[int]
    day: date = TODAY

    @property
    def now(self) -> datetime:
        return NOW + (self.day - TODAY)

    def step(self, person: str, *, seen: int | None = None) -> WatchStep:
        return WatchStep(
            self.people[person], self.now, self.day, PILOT.project, seen, inspection=PILOT.inspection, supervision=PILOT.supervision,
            rating=PILOT.rating, adjustment=PILOT.adjustment,
        )  # fmt: skip

    def later(self, days: int) -> None:
        self.day += timedelta(days=days)

    def file(self, data: bytes, name: str = "照片.jpg") -> StoredBlob:
        blob = self.store.receive(io.BytesIO(data), name, allowed=tuple(KINDS), most_bytes=20 * 2**20)
        assert not isinstance(blob, Refused), blob
        return blob

    def read(self, data: bytes, name: str = "照片.jpg", *, as_invoice: bool = True) -> ReadFile:
        return read_file(self.store, self.file(data, name), as_invoice=as_invoice)

    def invoice(
        self, number: str, *, project: int | None = None, wan: float = 10, person: str = "enterprise", data: bytes | None = None,
        **changed: object,
    ) -> int:  # fmt: skip
        """An invoice that counts at once; its file says nothing but its number."""
        file = self.read(data or f"发票 {number} {person}".encode(), "发票.txt")
        draft = EvidenceDraft("invoice", int(wan * 1_000_000), number, self.day - timedelta(20), "supplier 单位", "software")
        draft = replace(draft, **changed)  # type: ignore[arg-type]
        return evidence.add(self.database, project or self.project, "invoice", [file], self.step(person), draft)[0].id

    def photo(self, seed: int, *, project: int | None = None, person: str = "enterprise", **shape: object) -> int:
        file = self.read(photo(seed, **shape))  # type: ignore[arg-type]
        draft = EvidenceDraft("photo", taken_on=self.day - timedelta(3), place="一号车间")
        return evidence.add(self.database, project or self.project, "photo", [file], self.step(person), draft)[0].id

    def planned(self, *people: str, announced: bool = False, project: int | None = None) -> int:
        team = [self.people[name].account_id or 0 for name in people or ("manager", "expert")]
        draft = PlanDraft(self.day + timedelta(2), announced, team, "看设备")
        return inspections.plan(self.database, project or self.project, draft, self.step("manager")).id

    def on_site(self, *people: str, photos: int = 3) -> int:
        number = self.planned(*people)
        self.later(2)
        inspections.start(self.database, number, self.step((people or ("manager", "expert"))[1]))
        stamp = PhotoStamp(self.now, 39.02, 117.71)
        shots = [Photo(self.file(photo(100 + place)), stamp, "device") for place in range(photos)]
        inspections.add_photos(self.database, number, shots, self.step((people or ("manager", "expert"))[1]))
        return number

    def answers(self, severity: str = "clean", *findings: FindingDraft) -> ReportDraft:
        answers = {row.key: ("yes", "") for row in PILOT.inspection.checklist}
        return ReportDraft(answers, "到现场看了设备和账目", severity, list(findings))

    def reported(self, severity: str = "clean", *findings: FindingDraft, person: str = "expert") -> int:
        number = self.on_site()
        inspections.report(self.database, number, self.answers(severity, *findings), self.step(person))
        return number

    def state(self, project: int | None = None) -> ProjectState:
        with self.database.reading() as session:
            return session.get_one(Project, project or self.project).state

    def health(self, project: int | None = None) -> tuple[str, list[str]]:
        with self.database.reading() as session:
            found = session.get_one(Project, project or self.project)
            return found.health, [row["code"] for row in found.health_reasons]

    def tasks(self) -> set[tuple[str, str]]:
        """(kind, whose) of all that is open: an organisation's name, an account's, or a role."""
        with self.database.reading() as session:
            units = {row.id: row.name for row in session.scalars(select(Organisation))}
            accounts = {row.id: row.login for row in session.scalars(select(Account))}
            found = session.scalars(select(Task).where(Task.done_at.is_(None)))
            return {(row.kind, units.get(row.organisation_id or 0) or accounts.get(row.account_id or 0) or row.role) for row in found}


def open_watched(database: Database, folder: Path) -> Watched:
    with database.writing() as session:
        units = {name: Organisation(name=f"{name} 单位") for name in ("staff", "enterprise", "neighbour", "supplier", "teda", "institute")}
        session.add_all(units.values())
        session.flush()
        own = [
            Enterprise(organisation=units[name], sector="chem", area="teda", source="t", source_ref=name)
            for name in ("enterprise", "neighbour")
        ]
        provider = Provider(organisation=units["supplier"], local_office=True, source="t", source_ref="p")
        session.add_all([*own, provider])
        session.flush()
        projects = [
            Project(
                number=f"XM-2026-000{place}", project_class=ProjectClass.CENTRAL, organisation_id=row.organisation_id, enterprise_id=row.id,
                title=f"改造 {place}", area="teda", sector="chem", orientations=[], scenario_codes=[], starts=date(2026, 1, 1),
                ends=date(2027, 6, 30), total_fen=500_000_000, amount_fen=90_000_000, state=ProjectState.IMPLEMENTING, plan={},
                health_reasons=[], created=datetime.fromisoformat("2026-09-10T02:00:00+00:00"),
            )
            for place, row in enumerate(own, 1)
        ]  # fmt: skip
        session.add_all(projects)
        session.flush()
        supplier = ProjectSupplier(project_id=projects[0].id, provider_id=provider.id, contract_fen=30_000_000, content="软件")
        milestones = [
            Milestone(project_id=projects[0].id, position=place, title=title, planned=planned)
            for place, (title, planned) in enumerate([("设备到货", date(2026, 12, 1)), ("上线", date(2027, 3, 1))])
        ]
        cost = ProjectCost(project_id=projects[0].id, year=2027, quarter=1, kind="software", item="软件", amount_fen=30_000_000)
        session.add_all([supplier, *milestones, cost])
        people = {}
        for name, (unit, role) in PERSONS.items():
            account = Account(login=name, name=name, password_hash="-", created=NOW)
            areas = ["teda"] if role == Role.AREA else []
            account.memberships = [Membership(organisation_id=units[unit].id, role=role, areas=areas, rights=list(RIGHTS))]
            session.add(account)
            session.flush()
            if role == Role.EXPERT:
                expert = ReviewExpert(
                    account_id=account.id, name=name, unit=units[unit].name, fields=["chem"], avoid=[], state=ExpertState.ACTIVE
                )
                session.add(expert)
            viewer = find_viewer(session, account.id)
            assert viewer is not None
            people[name] = viewer
        session.flush()
        ids = [row.id for row in projects]
        return Watched(database, BlobStore(folder), people, ids[0], ids[1], supplier.id, provider.id, [row.id for row in milestones])


def refused(act: object, *arguments: object, **values: object) -> str:
    """The code of the refusal."""
    try:
        act(*arguments, **values)  # type: ignore[operator]
    except RefusedError as error:
        return error.refused.code
    return ""
