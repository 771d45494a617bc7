"""Money in the demonstration set: budgets of three years, commitments, a plan, payments and what comes back, so that everything balances.

`seed_budgets` is played before anything is approved, `seed_batch` after the selection and before anything happens in a project under way:
the plan is what sets projects going.
`settle_funds` is played last: the rest for what was accepted, a reclaim, the evaluation, and something that waits for everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import financing, fund_budgets, funding_plans, payments, reclaims, vouchers
from marketplace.actions.demonstration_days import worked
from marketplace.actions.project_steps import Step
from marketplace.domain.access import Viewer
from marketplace.domain.financing import FinancingDraft, OfferDraft
from marketplace.domain.fund_budgets import BudgetDraft, TargetDraft
from marketplace.domain.funding_plans import PlanDraft
from marketplace.domain.funds import LedgerAccount
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.money import FEN_PER_WAN as WAN
from marketplace.domain.payments import PaymentPart, Receipt
from marketplace.domain.project_rules import ProjectRules
from marketplace.domain.projects import ProjectState
from marketplace.domain.reclaims import ReclaimDraft
from marketplace.domain.vouchers import VoucherDraft, VoucherKind
from marketplace.domain.working_days import Calendar
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.files import find_attachments
from marketplace.records.fund_budgets import FundBudget, FundTarget
from marketplace.records.funding_plans import FundingLine
from marketplace.records.funds import find_balances, total_of
from marketplace.records.payments import Payment, standing_fen
from marketplace.records.projects import Project

_PEOPLE = ("bureau", "finance", "admin", "centre", "enterprise")
# Source → 万元 of the first, second and third year.
BUDGETS = {"central": (6000, 9000, 6000), "city": (5000, 6000, 5000), "district": (2500, 3000, 2500), "policy": (800, 1200, 1000)}
_TARGETS = (TargetDraft("支持改造项目", "个", 12), TargetDraft("拉动企业投资", "万元", 60_000), TargetDraft("完工项目成效达标率", "%", 90))


@dataclass(frozen=True)
class _Stage:
    database: Database
    rules: ProjectRules
    at: datetime
    today: date
    people: dict[str, Viewer]
    calendar: Calendar

    def step(self, person: str, ago: int = 0) -> Step:
        return Step(self.people[person], *worked(self.at, self.today, ago, self.calendar), self.rules)

    def day(self, ago: int) -> date:
        """The working day so many days ago."""
        return worked(self.at, self.today, ago, self.calendar)[1]

    @property
    def year(self) -> int:
        return min(max(self.today.year, self.rules.first_day.year), self.rules.first_day.year + 2)


def seed_budgets(database: Database, rules: ProjectRules, *, at: datetime, today: date) -> bool:
    """Once only: budgets, and the first central instalment. False where there are budgets already, or too few people."""
    stage = _opened(database, rules, at, today)
    with database.reading() as session:
        if stage is None or session.scalar(select(FundBudget.id).limit(1)) is not None:
            return False
    _budgets(stage)
    _receipt(stage, 6000, 280, "第一笔中央奖补资金")
    return True


def seed_batch(database: Database, rules: ProjectRules, title: str, *, at: datetime, today: date, ago: int, whole: bool = False) -> None:
    """A plan for those that wait for one, so many days ago, and its first payments. `whole`: nobody is left to wait, everything is paid."""
    stage = _opened(database, rules, at, today)
    if stage is not None:
        _plan(stage, title, ago, whole)
        _payments(stage, PaymentPart.FIRST, ago - 3, whole)


def pay_rest(database: Database, rules: ProjectRules, projects: Sequence[int], *, at: datetime, today: date, ago: int) -> None:
    """What was left to be paid for projects that passed."""
    stage = _opened(database, rules, at, today)
    if stage is not None:
        _payments(stage, PaymentPart.REST, ago, whole=True, projects=projects)


def recover_all(database: Database, rules: ProjectRules, project: int, *, at: datetime, today: date, ago: int) -> None:
    """All that was paid for a project is to come back; half of it did."""
    stage = _opened(database, rules, at, today)
    if stage is None:
        return
    with database.reading() as session:
        paid = [(row.source, row.year, row.fen) for row in find_balances(session, project) if row.account == LedgerAccount.PAID and row.fen]
    for source, year, fen in paid:
        draft = ReclaimDraft(fen, stage.today + timedelta(days=30 - ago + 20), "企业搬迁，项目不再实施。")
        number = reclaims.propose_reclaim(database, project, source, year, draft, stage.step("bureau", ago)).id
        reclaims.answer_reclaim(database, number, "order", stage.step("finance", ago - 1))
        day = stage.day(ago - 10)
        back = VoucherDraft(VoucherKind.RECOVERY, source, year, fen // 2, day, f"退款单 {day:%m%d}", "企业退回一半")
        voucher = vouchers.propose_voucher(database, back, stage.step("finance", ago - 10), project_id=project, reclaim_id=number).id
        vouchers.answer_voucher(database, voucher, "confirm", stage.step("bureau", ago - 11))


def settle_funds(database: Database, rules: ProjectRules, *, at: datetime, today: date) -> None:
    """After everything else was played."""
    stage = _opened(database, rules, at, today)
    if stage is None:
        return
    _evaluate(stage)
    _payments(stage, PaymentPart.REST, 2)
    _reclaim(stage)
    _waiting(stage)
    _financing(stage)


def _opened(database: Database, rules: ProjectRules, at: datetime, today: date) -> _Stage | None:
    with database.reading() as session:
        accounts = {login: account.id for login in _PEOPLE if (account := find_account(session, login))}
        people = {login: viewer for login, number in accounts.items() if (viewer := find_viewer(session, number))}
        calendar = find_calendar(session)
    return _Stage(database, rules, at, today, people, calendar) if len(people) == len(_PEOPLE) else None


def _budgets(stage: _Stage) -> None:
    first = stage.rules.first_day.year
    for number, year in enumerate(range(first, first + 3)):
        for source, wan in BUDGETS.items():
            paper = f"津滨财预〔{year}〕{10 + list(BUDGETS).index(source)}号"
            draft = BudgetDraft(source, year, wan[number] * WAN, paper, "", _TARGETS if source == "central" else _TARGETS[:1])
            budget = fund_budgets.create_budget(stage.database, draft, stage.step("finance", 320)).id
            fund_budgets.move_budget(stage.database, budget, "propose", stage.step("finance", 320))
            fund_budgets.move_budget(stage.database, budget, "approve", stage.step("bureau", 318))


def _receipt(stage: _Stage, wan: int, ago: int, why: str) -> None:
    day = stage.day(ago)
    draft = VoucherDraft(VoucherKind.RECEIPT, "central", stage.year, wan * WAN, day, f"进账单 {day:%Y%m%d}", why)
    number = vouchers.propose_voucher(stage.database, draft, stage.step("finance", ago)).id
    vouchers.answer_voucher(stage.database, number, "confirm", stage.step("bureau", ago - 1))


def _plan(stage: _Stage, title: str, ago: int, whole: bool) -> None:
    """All but the last two of those that wait: they are left for whoever tries the page."""
    with stage.database.reading() as session:
        lines = funding_plans.open_lines(session, stage.step("bureau", ago))
    waiting = sorted({line.project_id for line in lines})
    taken = set(waiting if whole else waiting[: max(1, len(waiting) - 2)])
    lines = [line for line in lines if line.project_id in taken]
    if not lines:
        return
    held = stage.day(ago + 1)
    draft = PlanDraft(f"{held.year} 年{title}资金计划", f"党组会纪要〔{held.year}〕{held.month + 7}号", held, lines)
    number = funding_plans.create_plan(stage.database, draft, stage.step("bureau", ago)).id
    funding_plans.move_plan(stage.database, number, "propose", stage.step("bureau", ago))
    funding_plans.move_plan(stage.database, number, "issue", stage.step("admin", ago - 1))


def _payments(stage: _Stage, part: PaymentPart, ago: int, whole: bool = False, projects: Sequence[int] = ()) -> None:
    """One of each state: the first ones are paid, the next one waits to be released, the last one to be checked."""
    with stage.database.reading() as session:
        lines = [
            row.id
            for row in session.scalars(select(FundingLine).order_by(FundingLine.id))
            if (not projects or row.project_id in projects) and _owed(session, row, part) > 0
        ]
    for place, number in enumerate(lines):
        left = len(lines) - place
        try:
            order = _ordered(stage, number, part, ago)
        except RefusedError:
            # What is not accepted yet, or waits for the next instalment: the page says so too.
            continue
        if left == 1 and place and not whole:
            continue
        waits = part == PaymentPart.REST and not whole
        payments.move_payment(stage.database, order, "check", stage.step("admin", ago - 1))
        if waits or (left == 2 and place and not whole):
            continue
        payments.move_payment(stage.database, order, "release", stage.step("finance", ago - 1))
        receipt = Receipt(stage.day(max(0, ago - 2)), f"{stage.year}{order:06}")
        payments.move_payment(stage.database, order, "pay", stage.step("finance", max(0, ago - 2)), receipt=receipt)


def _owed(session: Session, line: FundingLine, part: PaymentPart) -> int:
    """Of a part of a line, if its project may be paid it by now."""
    planned = line.first_fen if part == PaymentPart.FIRST else line.rest_fen
    ended = line.project.state == ProjectState.TERMINATED or (part == PaymentPart.REST and line.project.state != ProjectState.PASSED)
    return 0 if ended else planned - standing_fen(session, line.id, part)


def _ordered(stage: _Stage, line_id: int, part: PaymentPart, ago: int) -> int:
    with stage.database.reading() as session:
        line = session.get_one(FundingLine, line_id)
        fen, name = _owed(session, line, part), line.project.organisation.name
    key = f"demonstration:{line_id}:{part}"
    return payments.prepare_payment(stage.database, line_id, part, fen, f"{name} 基本户 尾号 6222", stage.step("bureau", ago), key=key).id


def _evaluate(stage: _Stage) -> None:
    first = stage.rules.first_day.year
    with stage.database.reading() as session:
        query = select(FundTarget.id).join(FundBudget, FundTarget.budget_id == FundBudget.id).where(FundBudget.year == first)
        ids = session.scalars(query.order_by(FundTarget.id).limit(3)).all()
    notes = ((11.0, "一个项目转入下一年度。"), (66_400.0, "按任务书登记的总投资。"), (92.0, "一个项目整改后达标。"))
    for number, (actual, note) in zip(ids, notes, strict=False):
        fund_budgets.evaluate(stage.database, number, actual, note, stage.step("finance", 30))


def _reclaim(stage: _Stage) -> None:
    """From a project that was terminated or ordered to put things right, else from the first one that was paid: part of it has come back."""
    wanted = (ProjectState.TERMINATED, ProjectState.RECTIFYING, ProjectState.REWORKING)
    with stage.database.reading() as session:
        paid = [
            row for row in session.scalars(select(Payment).where(Payment.state == "paid").order_by(Payment.id)).unique()
            if total_of(session, (LedgerAccount.TO_RECOVER,), project_id=row.project_id) == 0
        ]  # fmt: skip
        found = next((row for row in paid if row.project.state in wanted), paid[-1] if len(paid) > 2 else None)
        if found is None:
            return
        project, source, year, fen = found.project_id, found.line.source, found.line.year, found.fen
    draft = ReclaimDraft(fen // 5, stage.today + timedelta(days=20), "抽查发现两张发票不属于本项目，责令退回相应资金。")
    number = reclaims.propose_reclaim(stage.database, project, source, year, draft, stage.step("bureau", 6)).id
    reclaims.answer_reclaim(stage.database, number, "order", stage.step("finance", 5))
    back = VoucherDraft(VoucherKind.RECOVERY, source, year, fen // 10, stage.day(1), "退款单 0912", "企业退回第一笔")
    if fen // 10:
        voucher = vouchers.propose_voucher(stage.database, back, stage.step("finance", 1), project_id=project, reclaim_id=number).id
        vouchers.answer_voucher(stage.database, voucher, "confirm", stage.step("bureau", 0))


def _waiting(stage: _Stage) -> None:
    """A budget and an instalment that wait for a second person; a budget and a plan that are still being written."""
    begun = BudgetDraft("district", stage.year, 200 * WAN, f"津滨财预〔{stage.year}〕51号", "区级追加，还在核对", _TARGETS[2:])
    fund_budgets.create_budget(stage.database, begun, stage.step("finance", 1))
    with stage.database.reading() as session:
        lines = funding_plans.open_lines(session, stage.step("bureau", 1))
    if lines:
        plan = PlanDraft(f"{stage.today.year} 年第三批资金计划", f"党组会纪要〔{stage.today.year}〕21号", stage.day(2), lines)
        funding_plans.create_plan(stage.database, plan, stage.step("bureau", 1))
    draft = BudgetDraft("policy", stage.year, 300 * WAN, f"津滨财预〔{stage.year}〕46号", "年中追加，用于诊断服务", _TARGETS[:1])
    number = fund_budgets.create_budget(stage.database, draft, stage.step("finance", 2)).id
    fund_budgets.move_budget(stage.database, number, "propose", stage.step("finance", 2))
    receipt = VoucherDraft(VoucherKind.RECEIPT, "central", stage.year, 3000 * WAN, stage.day(1), "进账单 0917", "第二笔中央奖补资金")
    vouchers.propose_voucher(stage.database, receipt, stage.step("finance", 1))


def _financing(stage: _Stage) -> None:
    offers = (
        OfferDraft("滨海农商银行（示例）", "技改贷", "loan", 100 * WAN, 2000 * WAN, "一年期 LPR 加 30 个基点", "有任务书或立项文件，近两年盈利。", "公司业务部 李经理"),
        OfferDraft("津租设备租赁（示例）", "设备直租", "lease", 50 * WAN, 1000 * WAN, "年化 5.2 %", "首付两成，设备在本区使用。", "业务三部 赵经理"),
        OfferDraft("区融资担保公司（示例）", "技改担保", "guarantee", 20 * WAN, 500 * WAN, "担保费 0.5 %/年", "中小企业，能耗指标有改善。", "业务部 周经理"),
    )  # fmt: skip
    with stage.database.reading() as session:
        own = min(stage.people["enterprise"].enterprise_ids, default=0)
        project = session.scalar(select(Project.id).where(Project.enterprise_id == own).order_by(Project.id.desc()).limit(1))
        papers = tuple(row.public_id for row in find_attachments(session, "project", project)[:1]) if project is not None else ()
    numbers = [financing.keep_offer(stage.database, None, draft, stage.step("centre", 40)).id for draft in offers]
    for number in numbers[:2]:
        financing.move_offer(stage.database, number, "publish", stage.step("centre", 40))
    if not own:
        return
    until = stage.today + timedelta(days=stage.rules.fund.consent_days - 9)
    own_draft = FinancingDraft(120 * WAN, "流动资金，还没有想好。", (), None, consent=False)
    financing.keep_application(
        stage.database, own_draft, stage.step("enterprise", 1), enterprise_id=own, offer_id=numbers[0], project_id=project
    )
    for number, answered in ((numbers[0], True), (numbers[1], False)):
        shown = papers if answered else ()
        draft = FinancingDraft(300 * WAN, "购置设备，项目自筹部分。", shown, until if shown else None, consent=bool(shown))
        step = stage.step("enterprise", 9)
        asked = financing.keep_application(stage.database, draft, step, enterprise_id=own, offer_id=number, project_id=project).id
        financing.move_application(stage.database, asked, "send", stage.step("enterprise", 8))
        if answered:
            answer = "额度批了二百万元，先放一半，见票放另一半。"
            financing.move_application(stage.database, asked, "offer", stage.step("centre", 5), answer=answer, offered_fen=200 * WAN)
