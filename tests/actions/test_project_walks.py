"""Random walks of a project and its money, from the agreement to its end: whoever does whatever, some things always hold.

JIGAI_WALKS says how many; the number of the house is 10,000, of which each test run takes some. The tables alone are walked in
tests/domain/test_projects.py.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from marketplace.actions import acceptances, funding_plans, payments, project_closing, reclaims, rectifications, vouchers
from marketplace.actions.funds_audit import audit_ledger
from marketplace.actions.project_health import WatchStep
from marketplace.domain.acceptances import AcceptanceState
from marketplace.domain.decisions import DecisionState
from marketplace.domain.funding_plans import FundingPlanState
from marketplace.domain.funds import COUNTERPARTS
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.payments import PaymentPart, PaymentState, Receipt
from marketplace.domain.projects import ENDED, TABLES, ProjectClass, ProjectState
from marketplace.domain.reclaims import ReclaimDraft
from marketplace.domain.vouchers import VoucherDraft, VoucherKind, VoucherState
from marketplace.records.acceptances import Acceptance
from marketplace.records.database import Database
from marketplace.records.decisions import Decision
from marketplace.records.experts import ReviewExpert
from marketplace.records.files import Attachment
from marketplace.records.funding_plans import FundingLine, FundingPlan
from marketplace.records.funds import LedgerBalance, uneven_entries
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.inspections import Rectification
from marketplace.records.payments import Payment, Reclaim
from marketplace.records.projects import Project
from marketplace.records.tasks import Task
from marketplace.records.vouchers import Voucher
from tests.actions.accepting import Accepted, open_accepted
from tests.actions.funding import WAN, YEAR, Funding
from tests.actions.supervising import PERSONS

WALKS = max(6, int(os.environ.get("JIGAI_WALKS", "60")) // 8)
STEPS = 100
Act = Callable[[], object]
_S = ProjectState
_MONEY = ("prepare", "check", "release", "pay", "voucher")
NEXT: dict[ProjectState, tuple[str, ...]] = {
    _S.AGREED: ("set aside", "plan", "propose plan", "issue"),
    _S.IMPLEMENTING: (*_MONEY, *_MONEY, "request"),
    _S.RECTIFYING: ("put right", "judge"),
    _S.FORMAL_REVIEW: ("form",),
    _S.ACCEPTING: ("experts", "report"),
    _S.DECIDING: ("propose", "decide"),
    _S.REWORKING: ("request", "request", "voucher"),
    _S.PASSED: (*_MONEY, "receipt", "voucher", "finish"),
}


class Walk:
    """Somebody tries something; more often than not somebody who may, and what comes next."""

    def __init__(self, case: Accepted, seed: int) -> None:
        self.case, self.world, self.chance = case, case.world, random.Random(f"projects {seed}")
        self.done: Counter[str] = Counter()
        self.money = Funding(case.database, case.world.people, [case.project])
        self.proof = case.world.file("证明".encode(), "a.txt")
        self.invoices = 10_000_000

    def step(self, *likely: str) -> WatchStep:
        return self.world.step(self.person(*likely))

    def person(self, *likely: str) -> str:
        return self.chance.choice(likely) if self.chance.random() < 0.8 else self.chance.choice(list(PERSONS))

    def one(self, table: type) -> int:
        with self.case.database.reading() as session:
            numbers = session.scalars(select(table.id)).all()  # type: ignore[attr-defined]
        if not numbers:
            raise NoResultFound
        return int(numbers[-1] if self.chance.random() < 0.7 else self.chance.choice(numbers))

    def acts(self) -> dict[str, Act]:
        return {**self.work(), **self.acceptance(), **self.plans(), **self.money_back()}

    def names(self, acts: dict[str, Act]) -> list[str]:
        """What leads on is tried more often, or hardly any walk would come far."""
        ahead = NEXT.get(self.world.state(), ())
        return list(ahead) if ahead and self.chance.random() < 0.65 else list(acts)

    def plans(self) -> dict[str, Act]:
        db, chance, project = self.case.database, self.chance, self.case.project

        def plan() -> None:
            with db.reading() as session:
                lines = funding_plans.open_lines(session, self.step("bureau"))
                begun = session.scalar(select(func.count()).where(FundingPlan.state.in_(["draft", "proposed"])))
            if not lines or begun:
                raise NoResultFound
            self.money.plan(*lines, issue=False)

        def moved(*events: str) -> Act:
            return lambda: funding_plans.move_plan(
                db, self.one(FundingPlan), chance.choice(events), self.step("bureau", "bureau2"), why="看过"
            )

        def prepare() -> object:
            first = self.world.state() != ProjectState.PASSED
            part, wan = PaymentPart.FIRST if first else PaymentPart.REST, chance.choice((20, 50, 50, 100))
            who = self.step("bureau", "bureau2")
            return payments.prepare_payment(db, self.one(FundingLine), part, wan * WAN, "某公司 6222", who, key=f"k{chance.random()}")

        def paid(event: str, *people: str) -> Act:
            receipt = Receipt(self.world.day, f"流水 {chance.random():.6f}") if event == "pay" else None
            return lambda: payments.move_payment(db, self.one(Payment), event, self.step(*people), why="退", receipt=receipt)

        return {
            "set aside": lambda: self.money.commit(project, chance.choice((40, 100)), chance.choice(("central", "city"))),
            "plan": plan,
            "propose plan": moved("propose"),
            "issue": moved("issue", "issue", "issue", "return"),
            "prepare": prepare,
            "check": paid("check", "bureau", "bureau2"),
            "release": paid("release", "finance"),
            "pay": paid("pay", "admin", "finance"),
            "bank": paid("bounce", "finance"),
            "cancel": paid(chance.choice(("take_back", "reject", "refuse")), "bureau", "finance"),
            "finish": lambda: project_closing.finish(db, project, self.step("bureau")),
        }

    def money_back(self) -> dict[str, Act]:
        db, chance, project, world = self.case.database, self.chance, self.case.project, self.world

        def voucher(kind: VoucherKind, **more: int) -> object:
            draft = VoucherDraft(kind, "central", YEAR, chance.choice((20, 50, 100)) * WAN, world.day, "进账单", "事由")
            return vouchers.propose_voucher(db, draft, self.step("finance"), **more)  # type: ignore[arg-type]

        def recovery() -> object:
            return voucher(VoucherKind.RECOVERY, project_id=project, reclaim_id=self.one(Reclaim))

        def reclaim() -> object:
            draft = ReclaimDraft(chance.choice((10, 50)) * WAN, world.day + timedelta(30), "虚报")
            return reclaims.propose_reclaim(db, project, chance.choice(("central", "city")), YEAR, draft, self.step("bureau"))

        return {
            "receipt": lambda: voucher(VoucherKind.RECEIPT),
            "recovery": recovery,
            "voucher": lambda: vouchers.answer_voucher(
                db, self.one(Voucher), chance.choice(("confirm", "confirm", "reject")), self.step("bureau", "finance"), why="看过"
            ),
            "reclaim": reclaim if chance.random() < 0.3 else recovery,
            "order back": lambda: reclaims.answer_reclaim(
                db, self.one(Reclaim), chance.choice(("order", "recover", "reject")), self.step("finance", "bureau"), why="看过"
            ),
        }

    def work(self) -> dict[str, Act]:
        db, chance, project, world = self.case.database, self.chance, self.case.project, self.world

        def invoice() -> object:
            self.invoices += chance.choice((0, 1, 1, 1))
            return world.invoice(str(self.invoices), person=self.person("enterprise"))

        return {
            "invoice": invoice,
            "order": lambda: rectifications.order(db, project, "改", world.day + timedelta(9), self.step("bureau")),
            "put right": lambda: rectifications.hand_in(
                db, project, self.one(Rectification), "改了", [self.proof], self.step("enterprise")
            ),
            "judge": lambda: rectifications.judge(db, project, self.one(Rectification), "pass", self.step("bureau"), why="看了"),
        }

    def acceptance(self) -> dict[str, Act]:
        case, chance = self.case, self.chance

        def request() -> object:
            # Without its papers now and then: no acceptance without evidence.
            files = case.files() if chance.random() < 0.7 else {}
            draft = case.draft(rework="已改", finished_on=self.world.day - timedelta(1))
            return acceptances.request(case.database, case.project, self.step("enterprise"), draft, files)

        def propose() -> object:
            event = chance.choice(("pass", "pass", "pass", "fail", "terminate" if chance.random() < 0.2 else "pass"))
            due = self.world.day + timedelta(30) if event == "fail" else None
            return case.proposed(event, self.person("bureau"), due)

        return {
            "request": request,
            "form": lambda: case.formal(wrong=chance.choice(("", "", "", "true")), person=self.person("area")),
            # One of them works for the supplier.
            "experts": lambda: case.experts(*chance.sample(["expert", "expert2", "partial"], 2), person=self.person("manager")),
            "report": lambda: case.reported(
                chance.choice((100, 100, 90)), 5, chance.choice(("pass", "pass", "rework")), self.person("manager")
            ),
            "propose": propose,
            "decide": lambda: case.answered(
                self.one(Decision), self.person("bureau2", "bureau"), chance.choice(("confirm",) * 3 + ("reject",)), "看过"
            ),
        }

    def go(self) -> None:
        for _count in range(STEPS):
            acts = self.acts()
            name = self.chance.choice(self.names(acts))
            act = acts[name]
            before = standing(self.case)
            try:
                act()
            except NoResultFound:
                continue
            except RefusedError:
                assert standing(self.case) == before, f"{name} was refused and left something"
                continue
            self.done[name] += 1
            follows(before[0], standing(self.case)[0])
            if self.chance.random() < 0.1:
                self.world.later(1)


def agreed(case: Accepted) -> Accepted:
    """Its agreement is signed, and there is money to be had: local money at least as much as central."""
    money = Funding(case.database, case.world.people, [case.project])
    for source in ("central", "city"):
        money.budget(source, 200)
    money.arrange(case.project, ProjectState.AGREED)
    return case


def standing(case: Accepted) -> tuple[ProjectState, int, int]:
    """State, and how much has happened and waits."""
    with case.database.reading() as session:
        state = session.scalars(select(Project.state).where(Project.id == case.project)).one()
        entries = session.scalar(select(func.max(HistoryEntry.id))) or 0
        return state, entries, session.scalar(select(func.count()).select_from(Task).where(Task.done_at.is_(None))) or 0


def follows(before: ProjectState, after: ProjectState) -> None:
    """Only by a row of the table."""
    assert before == after or any(before in row.states and row.to == after for row in TABLES[ProjectClass.CENTRAL]), (before, after)


def holds(case: Accepted) -> None:
    with case.database.reading() as session:
        _money_holds(session, case)
        _two_persons(session)
        people = case.world.people
        for row in session.scalars(select(Acceptance)):
            assert "partial" not in {one["name"] for one in row.experts}, "an expert of the supplier accepts its work"
            if row.state in (AcceptanceState.PASSED, AcceptanceState.DECIDING, AcceptanceState.ACCEPTING):
                papers = select(func.count()).where(Attachment.noun == "acceptance", Attachment.noun_id == row.id)
                assert (session.scalar(papers) or 0) >= 6, "accepted without its papers"
            if row.state == AcceptanceState.PASSED:
                assert (row.verdict, row.formal_by) != ("", None)
                assert row.reported_by in {people["manager"].account_id, people["admin"].account_id}
        project = session.get_one(Project, case.project)
        passed = session.scalar(select(func.count()).where(Acceptance.state == AcceptanceState.PASSED))
        assert (project.state in (ProjectState.PASSED, ProjectState.FINISHED)) == bool(passed)
        assert (project.ended_at is not None) == (project.state in ENDED)
        own = select(func.count()).where(Task.noun == "project", Task.kind == "project_step", Task.done_at.is_(None))
        assert (session.scalar(own) or 0) <= (0 if project.state in ENDED else 1)
        assert session.get_one(ReviewExpert, case.expert("partial")).account_id == people["partial"].account_id
        assert find_broken_link(session) is None


def _money_holds(session: Session, case: Accepted) -> None:
    """Balanced to the fen, and no account below nothing."""
    assert audit_ledger(session, case.world.step("bureau").rules.fund) == []
    assert uneven_entries(session) == []
    balances = session.scalars(select(LedgerBalance)).all()
    assert sum(row.fen for row in balances) == 0
    assert all(row.fen >= 0 for row in balances if row.account not in COUNTERPARTS)


def _two_persons(session: Session) -> None:
    for decision in session.scalars(select(Decision).where(Decision.state == DecisionState.CONFIRMED)):
        assert decision.second_person not in (None, decision.proposed_by)
    for plan in session.scalars(select(FundingPlan).where(FundingPlan.state == FundingPlanState.ISSUED)):
        assert plan.second_person not in (None, plan.proposed_by)
    for voucher in session.scalars(select(Voucher).where(Voucher.state == VoucherState.POSTED)):
        assert voucher.second_person not in (None, voucher.proposed_by)
    for payment in session.scalars(select(Payment).where(Payment.state.in_([PaymentState.RELEASED, PaymentState.PAID]))):
        assert payment.second_person not in (None, payment.proposed_by)
        assert payment.released_by not in (None, payment.proposed_by)


def test_whatever_people_try(migrated_file: Path, tmp_path: Path) -> None:
    done: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for number in range(WALKS):
        path = tmp_path / f"{number}.db"
        shutil.copyfile(migrated_file, path)
        database = Database(f"sqlite:///{path}")
        try:
            walk = Walk(agreed(open_accepted(database, tmp_path / str(number))), number)
            walk.go()
            holds(walk.case)
            ends[str(walk.world.state())] += 1
        finally:
            database.close()
        path.unlink()
        done += walk.done
    # They come far: most things were done by somebody, and money was paid.
    assert len(done) >= 16, done
    assert done["pay"], done
    assert done["decide"], done
    assert len(ends) >= 3, ends
