"""Guides and projects in the small market of the brokering tests: one whole project, and everybody who has a part in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select

from marketplace.actions import first_reviews, guides, project_plans, project_submission, projects
from marketplace.actions.project_steps import Step
from marketplace.domain.access import RIGHTS, Role
from marketplace.domain.first_reviews import CHECKS, FirstReviewDraft
from marketplace.domain.guides import GuideDraft, GuideState
from marketplace.domain.project_plans import BasicDraft, CostDraft, IndicatorDraft, MilestoneDraft, SupplierDraft
from marketplace.domain.projects import ProjectState
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.guides import Guide
from marketplace.records.history import HistoryEntry
from marketplace.records.notices import Notice
from marketplace.records.organisations import Organisation
from marketplace.records.projects import Project
from marketplace.records.tasks import Task
from tests.actions.brokering import PILOT, World, open_world
from tests.conftest import NOW

ZONE = ZoneInfo("Asia/Shanghai")
RULES = replace(PILOT.project, last_day=date(2027, 12, 31))
WAN = 1_000_000
AREA, OTHER_AREA = "teda", "nangang"
MORE: dict[str, tuple[Role, list[str]]] = {
    "area": (Role.AREA, [AREA]),
    "area2": (Role.AREA, [OTHER_AREA]),
    "finance": (Role.FINANCE, []),
    "expert": (Role.EXPERT, []),
    "bureau2": (Role.BUREAU, []),
}
# Members of the enterprise who hold one right only.
MEMBERS = {"clerk": ["edit"], "reader": []}


@dataclass
class Site:
    """`clock`: the time of day, in the pilot's zone, of whatever happens next."""

    world: World
    proof: StoredBlob
    store: BlobStore
    organisation: int
    clock: time = time(10, 30)

    @property
    def database(self) -> Database:
        return self.world.database

    @property
    def day(self) -> date:
        return self.world.day

    def step(self, person: str, *, seen: int | None = None) -> Step:
        return Step(self.world.people[person], datetime.combine(self.day, self.clock, ZONE), self.day, RULES, seen)

    def guide_draft(self, **values: object) -> GuideDraft:
        usual: dict[str, object] = {
            "title": "2026 年第一批", "text": "重点支持压床和焊装的改造。", "opens": self.day, "closes": self.day + timedelta(30),
            "documents": ("plan",), "conditions": ({"rule": "least_total", "value": 100},),
        }  # fmt: skip
        return GuideDraft(**{**usual, **values})  # type: ignore[arg-type]

    def guide(self, **values: object) -> int:
        """Published."""
        number = guides.create(self.database, self.guide_draft(**values), self.step("bureau")).id
        guides.publish(self.database, number, self.step("bureau"))
        return number

    def begun(self, guide: int | None = None, title: str = "压床改造") -> int:
        number = guide if guide is not None else self.guide()
        return projects.create(self.database, number, self.organisation, title, self.step("enterprise")).id

    def basic(self, **values: object) -> BasicDraft:
        usual: dict[str, object] = {
            "title": "压床改造", "level": "point", "area": AREA, "sector": "auto", "orientations": ("intelligent",),
            "starts": self.day, "ends": self.day + timedelta(200), "total_fen": 500 * WAN, "asked_fen": 80 * WAN, "promised": True,
        }  # fmt: skip
        return BasicDraft(**{**usual, **values})  # type: ignore[arg-type]

    def costs(self) -> list[CostDraft]:
        year, quarter = self.day.year, (self.day.month + 2) // 3
        return [
            CostDraft(year, quarter, "equipment", "压床", 300 * WAN, 60 * WAN, 240 * WAN, "三家询价"),
            CostDraft(year, quarter, "software", "软件", 150 * WAN, 20 * WAN, 130 * WAN),
            CostDraft(year, quarter, "building", "地基", 50 * WAN, 0, 50 * WAN),
        ]

    def filled(self, project: int | None = None, *, person: str = "enterprise") -> int:
        """Every section of it, so that it may be handed in."""
        number = project if project is not None else self.begun()
        database, step = self.database, self.step(person)
        project_plans.save_basic(database, number, self.basic(), step)
        texts = {"background": "停机多", "content": "换压床，加传感器", "effect": "停机减半"}
        project_plans.save_texts(database, number, texts, step)
        project_plans.save_problems(database, number, self.world.problems[:1], step)
        suppliers = [SupplierDraft(self.world.providers["first"], "general", "总包", "HT-1", 300 * WAN, self.day, 1.0)]
        project_plans.save_suppliers(database, number, suppliers, step)
        indicators = [IndicatorDraft("停机", "小时/月", "down", 26, 8, 60, "月报"), IndicatorDraft("产量", "箱", "up", 100, 130, 40)]
        project_plans.save_indicators(database, number, indicators, step)
        project_plans.save_costs(database, number, self.costs(), step)
        milestones = [MilestoneDraft("到货", self.day + timedelta(60)), MilestoneDraft("试运行", self.day + timedelta(180))]
        project_plans.save_milestones(database, number, milestones, step)
        project_plans.attach_document(database, number, self.proof, "plan", step)
        return number

    def submitted(self) -> int:
        number = self.filled()
        project_submission.submit(self.database, number, self.step("enterprise"))
        return number

    def review(self, number: int, verdict: str = "recommend", *, person: str = "area", text: str = "同意", fails: str = "") -> None:
        passed = {key: key != fails for key in CHECKS}
        first_reviews.review(self.database, number, FirstReviewDraft(verdict, passed, {}, text), self.step(person))

    def recommended(self) -> int:
        number = self.submitted()
        self.review(number)
        return number

    def project(self, number: int) -> Project:
        with self.database.reading() as session:
            found = session.get_one(Project, number)
            session.expunge_all()
            return found

    def state(self, number: int) -> ProjectState:
        return self.project(number).state

    def guide_state(self, number: int) -> GuideState:
        with self.database.reading() as session:
            return session.get_one(Guide, number).state

    def history(self, noun: str, number: int) -> list[str]:
        with self.database.reading() as session:
            query = select(HistoryEntry.verb).where(HistoryEntry.noun == noun, HistoryEntry.noun_id == number)
            return list(session.scalars(query.order_by(HistoryEntry.id)))

    def last_entry(self, number: int) -> int:
        with self.database.reading() as session:
            query = select(HistoryEntry.id).where(HistoryEntry.noun == "project", HistoryEntry.noun_id == number)
            return session.scalars(query.order_by(HistoryEntry.id.desc())).first() or 0

    def entries(self) -> int:
        """How much has happened at all."""
        with self.database.reading() as session:
            return session.scalars(select(HistoryEntry.id).order_by(HistoryEntry.id.desc())).first() or 0

    def waiting(self, number: int) -> list[str]:
        """Whose task the project is: an organisation, an account or a role."""
        with self.database.reading() as session:
            units = {row.id: row.name for row in session.scalars(select(Organisation))}
            accounts = {row.id: row.login for row in session.scalars(select(Account))}
            query = select(Task).where(Task.noun == "project", Task.noun_id == number, Task.done_at.is_(None))
            found = session.scalars(query.order_by(Task.id))
            return [units.get(row.organisation_id or 0) or accounts.get(row.account_id or 0) or row.role for row in found]

    def told(self, person: str) -> list[str]:
        """The kinds of notices somebody got."""
        account = self.world.people[person].account_id
        with self.database.reading() as session:
            return list(session.scalars(select(Notice.message).where(Notice.account_id == account).order_by(Notice.id)))


def open_site(database: Database, folder: Path) -> Site:
    world = open_world(database, folder)
    with database.writing() as session:
        enterprise = session.get_one(Enterprise, world.enterprise)
        enterprise.area, enterprise.above_scale_years = AREA, ["2025"]
        organisation = enterprise.organisation_id
        staff = session.scalars(select(Organisation.id).where(Organisation.name == "staff 单位")).one()
        wanted = [(name, staff, role, areas, list(RIGHTS)) for name, (role, areas) in MORE.items()]
        wanted += [(name, organisation, Role.ENTERPRISE, [], rights) for name, rights in MEMBERS.items()]
        for name, unit, role, areas, rights in wanted:
            account = Account(login=name, name=name, password_hash="-", created=NOW)
            account.memberships = [Membership(organisation_id=unit, role=role, areas=areas, rights=rights)]
            session.add(account)
            session.flush()
            viewer = find_viewer(session, account.id)
            assert viewer is not None
            world.people[name] = viewer
    store = BlobStore(folder)
    return Site(world, world.proof, store, organisation)
