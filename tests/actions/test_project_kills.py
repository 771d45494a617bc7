"""kill -9 in the middle of every step of a project and of its money: whatever a process had written before it died is not there.

Each step is done by a process that is killed when all of it is written and nothing committed yet; the whole database is then as it was.
Then the step is done for good, in one transaction: there is no earlier point at which something could stay behind. One kill in three falls
halfway through the writes.
"""

from __future__ import annotations

import gc
import mmap
import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, select

from marketplace.actions import (
    acceptances,
    evidence,
    fund_budgets,
    funding_plans,
    guides,
    inspections,
    inspections_effect,
    payments,
    progress,
    project_changes,
    project_plans,
    project_submission,
    projects,
    reclaims,
    rectifications,
    supervision,
    vouchers,
)
from marketplace.actions.agreements import add_scan
from marketplace.actions.funds_audit import audit_ledger
from marketplace.actions.inspections import Photo
from marketplace.actions.project_objections import answer_project_objection, raise_project_objection
from marketplace.actions.project_reviews import close_project_review, draw_project_experts, write_project_joint
from marketplace.actions.project_scores import confirm_joint, declare_clear, hand_in_sheet
from marketplace.actions.project_selections import answer, propose
from marketplace.domain.agreements import OURS, THEIRS
from marketplace.domain.fund_budgets import BudgetDraft, TargetDraft
from marketplace.domain.funds import LedgerAccount
from marketplace.domain.inspections import FindingDraft, PhotoStamp
from marketplace.domain.payments import Receipt
from marketplace.domain.progress import ReportDraft
from marketplace.domain.project_changes import ChangeDraft
from marketplace.domain.project_plans import CostDraft
from marketplace.domain.project_selections import SelectionDraft
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.domain.reclaims import ReclaimDraft
from marketplace.domain.supervision import OrderDraft
from marketplace.domain.vouchers import VoucherDraft, VoucherKind
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.files import Scan
from marketplace.records.funding_plans import find_lines_of_project
from marketplace.records.funds import find_projects_money
from marketplace.records.history import find_broken_link
from marketplace.records.project_selections import ProjectObjection, ProjectPublicity
from marketplace.records.projects import Project
from tests.actions import projecting, selection_world
from tests.actions.accepting import Accepted, open_accepted
from tests.actions.funding import TODAY, WAN, YEAR, open_funding
from tests.actions.selection_world import AT, PANEL, joint, parts, sheet, state_of, waiting

WRITES = ("INSERT", "UPDATE", "DELETE")
Act = Callable[[], object]


class Death:
    """Kills its process at its n-th write, or, with 0, when it is about to commit. `written`: how many writes there were."""

    def __init__(self, database: Database, at: int, written: mmap.mmap) -> None:
        self.at, self.count, self.written = at, 0, written
        event.listen(database.engine, "before_cursor_execute", self.write)
        event.listen(database.engine, "commit", self.commit)

    def write(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(WRITES):
            self.count += 1
            self.written[:4] = self.count.to_bytes(4, "little")
            if self.count == self.at:
                os.kill(os.getpid(), signal.SIGKILL)

    def commit(self, *_values: Any) -> None:
        if not self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def killed(database: Database, name: str, act: Act, at: int) -> int:
    """Somebody else's process does it and is killed on the way; how many writes it came to."""
    database.engine.dispose()
    written = mmap.mmap(-1, 4)
    child = os.fork()
    if child == 0:
        # What earlier tests left behind waits, when it is thrown away, for threads that only the parent has.
        gc.freeze()
        try:
            Death(database, at, written)
            act()
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), f"{name}: it got through alive, or was refused"
    return int.from_bytes(written[:4], "little")


def everything(database: Database) -> list[Any]:
    """All rows of all tables, as they are stored."""
    with database.engine.connect() as connection:
        cursor = connection.connection.cursor()
        names = [row[0] for row in cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
        return [cursor.execute(f'SELECT * FROM "{name}"').fetchall() for name in names]


def go(database: Database, steps: list[tuple[str, Act]]) -> None:
    commits: list[str] = []
    event.listen(database.engine, "commit", lambda *_values: commits.append("commit"))
    before = everything(database)
    for place, (name, act) in enumerate(steps):
        writes = killed(database, name, act, 0)
        assert writes >= 2, name
        assert everything(database) == before, f"{name}: killed at the commit"
        if place % 3 == 0:
            killed(database, name, act, writes // 2 + 1)
            assert everything(database) == before, f"{name}: killed halfway"
        commits.clear()
        act()
        assert len(commits) == 1, f"{name} is more than one transaction"
        former, before = before, everything(database)
        assert former != before, name
    with database.reading() as session:
        assert find_broken_link(session) is None


def test_from_the_form_to_the_recommendation(sqlite_database: Database, tmp_path: Path) -> None:
    site = projecting.open_site(sqlite_database, tmp_path / "files")
    guide = site.guide()
    number = site.filled(site.begun(guide))
    other = guides.create(sqlite_database, site.guide_draft(title="第二批"), site.step("bureau")).id
    member = site.step("enterprise")
    go(
        sqlite_database,
        [
            ("guide", lambda: guides.create(sqlite_database, site.guide_draft(title="第三批"), site.step("bureau"))),
            ("guide published", lambda: guides.publish(sqlite_database, other, site.step("bureau"))),
            ("guide closed", lambda: guides.close(sqlite_database, other, site.step("bureau"), why="资金已满")),
            (
                "reserve",
                lambda: projects.reserve(sqlite_database, site.world.enterprise, "储备", ProjectClass.CENTRAL, site.step("centre")),
            ),
            ("a section", lambda: project_plans.save_costs(sqlite_database, number, [*site.costs()[:2], EARTH], member)),
            ("a paper", lambda: project_plans.attach_document(sqlite_database, number, site.proof, "licence", member)),
            ("begin", lambda: projects.create(sqlite_database, guide, site.organisation, "另一个", site.step("enterprise"))),
            ("submit", lambda: project_submission.submit(sqlite_database, number, site.step("enterprise"))),
            ("send back", lambda: site.review(number, "return", fails="complete", text="缺资料")),
            ("submit again", lambda: project_submission.submit(sqlite_database, number, site.step("enterprise"))),
            ("recommend", lambda: site.review(number)),
            ("withdraw", lambda: project_submission.withdraw(sqlite_database, number, site.step("enterprise"), why="不做了")),
        ],
    )
    assert site.state(number) == ProjectState.WITHDRAWN


def test_from_the_panel_to_the_notice(sqlite_database: Database) -> None:
    world = selection_world.open_world(sqlite_database)
    number = world.project
    shown = SelectionDraft(why="符合指南", amount_fen=80 * WAN)

    def panel(act: Callable[..., object], place: int, **more: Any) -> object:
        assignment, person = parts(sqlite_database, world)[place]
        return act(sqlite_database, assignment, panel=PANEL, step=world.step(person), **more)

    def hand_in(place: int) -> None:
        assignment, person = parts(sqlite_database, world)[place]
        hand_in_sheet(sqlite_database, assignment, sheet(), panel=PANEL, step=world.step(person), version=0)

    def rest() -> None:
        for place in (1, 2):
            panel(declare_clear, place)
            hand_in(place)

    manager = world.step("manager")
    go(
        sqlite_database,
        [
            ("draw", lambda: draw_project_experts(sqlite_database, number, wanted=3, panel=PANEL, step=manager, seed="lot")),
            ("declare", lambda: panel(declare_clear, 0)),
            ("score", lambda: hand_in(0)),
        ],
    )
    rest()
    go(sqlite_database, [("joint", lambda: write_project_joint(sqlite_database, number, joint(), panel=PANEL, step=manager))])
    for place in (1, 2):
        panel(confirm_joint, place, revision=1)
    bureau, bureau2 = world.step("bureau"), world.step("bureau2")
    go(
        sqlite_database,
        [
            ("confirm", lambda: panel(confirm_joint, 0, revision=1)),
            ("rank", lambda: close_project_review(sqlite_database, number, panel=PANEL, step=manager)),
            ("propose", lambda: propose(sqlite_database, number, "show", shown, panel=PANEL, step=bureau)),
            (
                "show",
                lambda: answer(sqlite_database, waiting(sqlite_database, number).id, "confirm", why="", panel=PANEL, step=bureau2),
            ),
        ],
    )
    assert state_of(sqlite_database, number) == "shown"
    assert AT.date() == world.step("bureau").today
    _from_the_notice_to_the_agreement(sqlite_database, world, AT + timedelta(days=8))


def _from_the_notice_to_the_agreement(database: Database, world: selection_world.World, later: datetime) -> None:
    number = world.project
    with database.reading() as session:
        publicity = session.scalars(select(ProjectPublicity.id).where(ProjectPublicity.project_id == number)).one()
    words = {"name": "某人", "contact": "022-66000000", "words": "设备是旧的，发票是别的项目的。"}

    def two(event: str) -> list[tuple[str, Act]]:
        draft = SelectionDraft(why="符合指南")

        def first() -> object:
            return propose(database, number, event, draft, panel=PANEL, step=world.step("bureau", later))

        def second() -> object:
            decision = waiting(database, number).id
            return answer(database, decision, "confirm", why="", panel=PANEL, step=world.step("bureau2", later))

        return [(f"{event} proposed", first), (event, second)]

    def signed(side: str, person: str) -> tuple[str, Act]:
        blob = StoredBlob(sha256=side.ljust(64, "0"), size=1000, kind="application/pdf", filename="任务书.pdf", scan=Scan.CLEAN)
        return f"signed by {person}", lambda: add_scan(database, number, side, blob, step=world.step(person, later))

    def objected() -> object:
        return raise_project_objection(database, publicity, **words, address="192.0.2.7", panel=PANEL, at=AT)

    def answered() -> object:
        with database.reading() as session:
            objection = session.scalars(select(ProjectObjection.id)).one()
        return answer_project_objection(database, objection, "dismiss", why="已现场核实", viewer=world.people["bureau"], at=AT)

    signatures = [signed(THEIRS, "applicant"), signed(OURS, "bureau")]
    go(database, [("objection", objected), ("objection answered", answered), *two("approve"), *signatures, *two("agree")])
    assert state_of(database, number) == "agreed"


def test_the_money(sqlite_database: Database) -> None:
    world = open_funding(sqlite_database, projects=1)
    database, project = sqlite_database, world.projects[0]
    for source in ("city", "district"):
        world.budget(source, 500)
    draft = BudgetDraft("central", YEAR, 500 * WAN, "津滨财预〔2026〕1号", "", (TargetDraft("支持项目", "个", 10),))
    budget = fund_budgets.create_budget(database, draft, world.step("finance")).id
    received = VoucherDraft(VoucherKind.RECEIPT, "central", YEAR, 400 * WAN, TODAY, "进账单 1", "上级资金到账")
    recovered = VoucherDraft(VoucherKind.RECOVERY, "central", YEAR, 30 * WAN, TODAY, "进账单 2", "退回")
    ids: dict[str, int] = {}

    def keep(name: str, act: Callable[[], Any]) -> tuple[str, Act]:
        def done() -> None:
            ids[name] = act().id

        return name, done

    def line() -> int:
        with database.reading() as session:
            return find_lines_of_project(session, project)[0].id

    def paid(move: str, person: str, receipt: Receipt | None = None) -> Act:
        return lambda: payments.move_payment(database, ids["payment"], move, world.step(person), receipt=receipt)

    def planned(move: str, person: str) -> Act:
        return lambda: funding_plans.move_plan(database, ids["plan"], move, world.step(person))

    claim = ReclaimDraft(50 * WAN, TODAY + timedelta(30), "虚报发票")
    go(
        database,
        [
            ("budget proposed", lambda: fund_budgets.move_budget(database, budget, "propose", world.step("finance"))),
            ("budget in effect", lambda: fund_budgets.move_budget(database, budget, "approve", world.step("bureau"))),
            ("set aside", lambda: world.commit(project, 100)),
            keep("plan", lambda: world.plan(issue=False)),
            ("plan proposed", planned("propose", "bureau")),
            ("plan issued", planned("issue", "bureau2")),
            keep("payment", lambda: world.prepare(line(), 50)),
            ("checked", paid("check", "bureau2")),
            ("released", paid("release", "finance")),
            ("paid", paid("pay", "finance2", Receipt(TODAY, "流水 1"))),
            keep("receipt", lambda: vouchers.propose_voucher(database, received, world.step("finance"))),
            ("received", lambda: vouchers.answer_voucher(database, ids["receipt"], "confirm", world.step("bureau"))),
            keep("reclaim", lambda: reclaims.propose_reclaim(database, project, "central", YEAR, claim, world.step("bureau"))),
            ("ordered back", lambda: reclaims.answer_reclaim(database, ids["reclaim"], "order", world.step("finance"))),
            keep(
                "recovery",
                lambda: vouchers.propose_voucher(database, recovered, world.step("finance"), project_id=project, reclaim_id=ids["reclaim"]),
            ),
            ("recovered", lambda: vouchers.answer_voucher(database, ids["recovery"], "confirm", world.step("bureau"))),
        ],
    )
    with database.reading() as session:
        assert audit_ledger(session, world.step("bureau").rules.fund) == []
        assert find_projects_money(session, [project])[project][LedgerAccount.RECOVERED] == 30 * WAN


EARTH = CostDraft(2026, 4, "building", "地基加固", 50 * WAN, 0, 50 * WAN)


def _is_supervised(case: Accepted) -> None:
    """What else happens while the work goes on: orders, changes, a paper that was wrong, something to be put right."""
    world, database, project = case.world, case.database, case.project
    ids: dict[str, int] = {}
    change = ChangeDraft(reason="设备交货推迟", kind="scope", content="改为两条线")
    first = world.invoice("20000001")
    proof = world.file("更正".encode(), "b.txt")
    owner, bureau, manager = world.step("enterprise"), world.step("bureau"), world.step("manager")

    def keep(name: str, act: Callable[[], Any]) -> tuple[str, Act]:
        def done() -> None:
            ids[name] = act().id

        return name, done

    go(
        database,
        [
            keep("order", lambda: supervision.issue(database, project, OrderDraft("说明原因", world.day + timedelta(5)), manager)),
            ("order answered", lambda: supervision.answer(database, ids["order"], "延期到货", owner)),
            ("order closed", lambda: supervision.judge(database, ids["order"], "close", bureau, why="可以")),
            keep("change", lambda: project_changes.request(database, project, change, owner)),
            ("change judged", lambda: project_changes.opine(database, project, ids["change"], "support", "属实", world.step("area"))),
            ("change refused", lambda: project_changes.decide(database, project, ids["change"], "refuse", "不必", bureau)),
            (
                "paper replaced",
                lambda: evidence.supersede(database, project, first, owner, why="传错了", file=world.read("新".encode(), "新.txt")),
            ),
            keep("to be put right", lambda: rectifications.order(database, project, "补单据", world.day + timedelta(9), bureau)),
            ("reported", lambda: rectifications.hand_in(database, project, ids["to be put right"], "补了", [proof], owner)),
            ("is right", lambda: rectifications.judge(database, project, ids["to be put right"], "pass", bureau, why="看过")),
        ],
    )


def test_from_the_work_to_the_decision(sqlite_database: Database, tmp_path: Path) -> None:
    case = open_accepted(sqlite_database, tmp_path / "files")
    world, database, project = case.world, sqlite_database, case.project
    shots = [Photo(world.file(f"照片 {n}".encode(), f"{n}.txt"), PhotoStamp(world.now, 39.0, 117.7), "device") for n in range(3)]
    proof, papers = world.file("证明".encode(), "a.txt"), case.files()
    found = FindingDraft("behind", "general", "没有到货", world.supplier)
    with database.writing() as session:
        progress.ask_for_reports(session, session.get_one(Project, project), world.step("admin"))
    monthly = ReportDraft("设备已到货", 30, 5_000_000)
    ids: dict[str, int] = {}

    def plan() -> None:
        ids["inspection"] = world.planned()

    def inspected(act: Callable[..., object], person: str, *more: object) -> Act:
        return lambda: act(database, ids["inspection"], *more, world.step(person))

    answers = world.answers("general", found)
    _is_supervised(case)
    go(
        database,
        [
            ("invoice", lambda: world.invoice("10000001")),
            ("plan an inspection", plan),
            ("arrive", inspected(inspections.start, "expert")),
            ("photos", inspected(inspections.add_photos, "expert", shots)),
            ("report of the inspection", inspected(inspections.report, "expert", answers)),
            ("confirm the inspection", inspected(inspections_effect.confirm, "bureau")),
            ("put right", lambda: rectifications.hand_in(database, project, 2, "已到货", [proof], world.step("enterprise"))),
            ("put right is right", lambda: rectifications.judge(database, project, 2, "pass", world.step("bureau"), why="已看现场")),
            ("monthly report", lambda: progress.hand_in(database, project, "2026-10", monthly, world.step("enterprise"))),
            ("request", lambda: acceptances.request(database, project, world.step("enterprise"), case.draft(), papers)),
            ("form", case.formal),
            ("experts", case.experts),
            ("report", lambda: case.reported(90, 9, "rework")),
        ],
    )

    def proposed() -> None:
        ids["decision"] = case.proposed("fail", due=world.day + timedelta(30))

    go(database, [("propose", proposed), ("fail", lambda: case.answered(ids["decision"]))])
    assert world.state() == ProjectState.REWORKING
