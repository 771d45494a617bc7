"""A small world of money: people of the two bureaus, projects that wait for it, and budgets that are in effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from marketplace.actions import fund_budgets, funding_plans, funds, payments, vouchers
from marketplace.actions.project_steps import Step, locked
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.fund_budgets import BudgetDraft, TargetDraft
from marketplace.domain.funding_plans import LineDraft, PlanDraft
from marketplace.domain.payments import PaymentPart, Receipt
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.domain.vouchers import VoucherDraft, VoucherKind
from marketplace.pilot import load_pilot
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.funding_plans import FundingPlan
from marketplace.records.organisations import Organisation
from marketplace.records.payments import Payment
from marketplace.records.projects import Project
from tests.conftest import NOW

RULES = load_pilot().project
TODAY = NOW.date()
YEAR = TODAY.year
WAN = 1_000_000
PERSONS: dict[str, Role] = {
    "bureau": Role.BUREAU, "bureau2": Role.BUREAU, "finance": Role.FINANCE, "finance2": Role.FINANCE, "centre": Role.CENTRE,
    "manager": Role.MANAGER, "enterprise": Role.ENTERPRISE, "stranger": Role.ENTERPRISE, "admin": Role.ADMIN,
}  # fmt: skip


@dataclass
class Funding:
    database: Database
    people: dict[str, Viewer]
    projects: list[int] = field(default_factory=list)
    enterprise: int = 0

    def step(self, person: str, *, day: date = TODAY, seen: int | None = None) -> Step:
        return Step(self.people[person], NOW + (day - TODAY), day, RULES, seen)

    def budget(self, source: str, wan: float, *, year: int = YEAR) -> int:
        """A budget that is in effect."""
        targets = (TargetDraft("支持项目", "个", 10),) if wan > 0 else ()
        draft = BudgetDraft(source, year, int(wan * WAN), "津滨财预〔2026〕1号", "", targets)
        number = fund_budgets.create_budget(self.database, draft, self.step("finance")).id
        fund_budgets.move_budget(self.database, number, "propose", self.step("finance"))
        fund_budgets.move_budget(self.database, number, "approve", self.step("bureau"))
        return number

    def commit(self, project: int, wan: float, source: str = "central", *, year: int = YEAR) -> None:
        with self.database.writing() as session:
            row = locked(session, project, self.step("bureau"))
            funds.commit(session, row, int(wan * WAN), {source: int(wan * WAN)}, self.step("bureau"), year=year)

    def voucher(self, kind: VoucherKind, wan: float = 0, source: str = "central", **values: int) -> int:
        """A voucher that a second person has confirmed."""
        draft = VoucherDraft(kind, source, YEAR, int(wan * WAN) or None, TODAY, "进账单 1", "事由")
        number = vouchers.propose_voucher(self.database, draft, self.step("finance"), **values).id  # type: ignore[arg-type]
        vouchers.answer_voucher(self.database, number, "confirm", self.step("bureau"))
        return number

    def plan(self, *lines: LineDraft, issue: bool = True) -> FundingPlan:
        with self.database.reading() as session:
            rows = list(lines) or funding_plans.open_lines(session, self.step("bureau"))
        draft = PlanDraft("2026 年第一批", "党组纪要〔2026〕12号", TODAY, rows)
        plan = funding_plans.create_plan(self.database, draft, self.step("bureau"))
        if issue:
            funding_plans.move_plan(self.database, plan.id, "propose", self.step("bureau"))
            funding_plans.move_plan(self.database, plan.id, "issue", self.step("bureau2"))
        return plan

    def prepare(self, line: int, wan: float, part: PaymentPart = PaymentPart.FIRST, *, key: str = "") -> Payment:
        key = key or f"key-{line}-{part}-{wan}"
        return payments.prepare_payment(self.database, line, part, int(wan * WAN), "某公司 6222", self.step("bureau"), key=key)

    def pay(self, payment: int, *, until: str = "pay") -> None:
        for event, person in (("check", "bureau2"), ("release", "finance"), ("pay", "finance2")):
            receipt = Receipt(TODAY, f"流水 {payment}") if event == "pay" else None
            payments.move_payment(self.database, payment, event, self.step(person), receipt=receipt)
            if event == until:
                return

    def state(self, project: int) -> ProjectState:
        with self.database.reading() as session:
            return session.get_one(Project, project).state

    def arrange(self, project: int, state: ProjectState) -> None:
        """What other steps have done meanwhile."""
        with self.database.writing() as session:
            session.get_one(Project, project).state = state


def open_funding(
    database: Database, *, projects: int = 2, total_wan: int = 1000, project_class: ProjectClass = ProjectClass.CENTRAL
) -> Funding:
    with database.writing() as session:
        offices, own, other = (Organisation(name=name) for name in ("机关", "某化工公司", "别的公司"))
        session.add_all([offices, own, other])
        session.flush()
        enterprise = Enterprise(organisation=own, sector="chem", source="t", source_ref="1")
        session.add_all([enterprise, Enterprise(organisation=other, sector="chem", source="t", source_ref="2")])
        ids: dict[str, int] = {}
        for name, role in PERSONS.items():
            unit = {"enterprise": own, "stranger": other}.get(name, offices)
            account = Account(login=name, name=name, password_hash="", created=NOW)
            account.memberships.append(Membership(organisation=unit, role=role, rights=list(RIGHTS) if role == Role.ENTERPRISE else []))
            session.add(account)
            session.flush()
            ids[name] = account.id
        state = ProjectState.AGREED if project_class == ProjectClass.CENTRAL else ProjectState.APPROVED
        rows = [
            Project(
                number=f"XM-2026-{number:04}", project_class=project_class, organisation_id=own.id, enterprise_id=enterprise.id, title=f"改造 {number}",
                state=state, total_fen=total_wan * WAN, created=NOW, starts=TODAY, ends=TODAY + timedelta(300),
            )
            for number in range(1, projects + 1)
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        numbers, asks = [row.id for row in rows], enterprise.id
    with database.reading() as session:
        people = {name: viewer for name, number in ids.items() if (viewer := find_viewer(session, number)) is not None}
    return Funding(database, people, numbers, asks)
