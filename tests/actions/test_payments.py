"""From the meeting to the bank: plans by two persons, payments by three, the rest after acceptance and the instalment, what comes back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from marketplace.actions import funding_plans, funds, payments, project_steps, reclaims, vouchers
from marketplace.actions.funds_audit import audit_ledger, look_at_balances
from marketplace.actions.project_steps import locked, standing_of
from marketplace.domain.access import Role
from marketplace.domain.funding_plans import FundingPlanState, LineDraft, PlanDraft
from marketplace.domain.funds import EntryKind, LedgerAccount
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.payments import PaymentPart, PaymentState, Receipt, within_part
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.domain.reclaims import ReclaimDraft, ReclaimState
from marketplace.domain.vouchers import VoucherDraft, VoucherKind
from marketplace.records.database import Database
from marketplace.records.funding_plans import FundingLine, FundingPlan
from marketplace.records.funds import LedgerEntry, LedgerLine, balance_of, total_of
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.notices import Notice
from marketplace.records.payments import Payment, Reclaim
from marketplace.records.projects import Project
from marketplace.records.tasks import Task
from tests.actions.funding import RULES, TODAY, WAN, YEAR, Funding, open_funding
from tests.conftest import PostgreSQL

FIRST, REST = PaymentPart.FIRST, PaymentPart.REST


@pytest.fixture
def world(database: Database) -> Funding:
    return funded(open_funding(database))


def funded(world: Funding) -> Funding:
    """Budgets, and money set aside for both projects."""
    world.budget("central", 300)
    world.budget("city", 300)
    world.commit(world.projects[0], 100.000001)
    world.commit(world.projects[1], 50)
    return world


def refusal(act: Callable[..., Any], *arguments: Any, **values: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        act(*arguments, **values)
    return refused.value.refused.code


def faults(world: Funding) -> list[str]:
    with world.database.reading() as session:
        assert look_at_balances(session, RULES.fund) == []
        return [found.code for found in audit_ledger(session, RULES.fund)]


def lines_of(world: Funding, plan: FundingPlan) -> list[FundingLine]:
    with world.database.reading() as session:
        found = list(session.scalars(select(FundingLine).where(FundingLine.plan_id == plan.id).order_by(FundingLine.id)))
        session.expunge_all()
        return found


def money(world: Funding, project: int) -> dict[str, int]:
    with world.database.reading() as session:
        return {str(account): total_of(session, (account,), project_id=project) for account in LedgerAccount}


def test_a_plan_is_issued_by_another_and_its_projects_move(world: Funding) -> None:
    plan = world.plan(issue=False)
    lines = lines_of(world, plan)
    # Half at once, rounded to the fen; nothing is lost.
    assert [(line.first_fen, line.rest_fen) for line in lines] == [(50_000_001, 50_000_000), (25 * WAN, 25 * WAN)]
    assert refusal(funding_plans.move_plan, world.database, plan.id, "issue", world.step("bureau2")) == "wrong_state"
    funding_plans.move_plan(world.database, plan.id, "propose", world.step("bureau"))
    for person, code in (("bureau", "same_person"), ("finance", "not_allowed"), ("centre", "not_allowed")):
        assert refusal(funding_plans.move_plan, world.database, plan.id, "issue", world.step(person)) == code
    assert [world.state(number) for number in world.projects] == [ProjectState.AGREED] * 2
    funding_plans.move_plan(world.database, plan.id, "issue", world.step("bureau2"))
    assert [world.state(number) for number in world.projects] == [ProjectState.IMPLEMENTING] * 2
    with world.database.reading() as session:
        verbs = Counter((row.noun, row.verb) for row in session.scalars(select(HistoryEntry)))
        assert verbs["project", "fund"] == 2
        assert verbs["funding_plan", "issue"] == 1
        told = {row.account_id for row in session.scalars(select(Notice).where(Notice.message.contains("资金计划已下达")))}
        assert told == {world.people["enterprise"].account_id}
        facts = standing_of(session, session.get_one(Project, world.projects[0]), world.step("bureau"))
        assert (facts.funding_plan, facts.minutes, facts.paid_fen, facts.due_fen) == (True, "党组纪要〔2026〕12号", 0, 100_000_001)
        assert find_broken_link(session) is None
    # Nothing is left for another plan.
    with world.database.reading() as session:
        assert funding_plans.open_lines(session, world.step("bureau")) == []


def test_a_plan_without_minutes_or_beyond_the_commitment_goes_nowhere(world: Funding) -> None:
    draft = PlanDraft("计划", "", None, [LineDraft(world.projects[0], "central", YEAR, 1, 1)])
    plan = funding_plans.create_plan(world.database, draft, world.step("bureau"))
    assert refusal(funding_plans.move_plan, world.database, plan.id, "propose", world.step("bureau")) == "no_minutes"
    over = PlanDraft("计划", "纪要", TODAY, [LineDraft(world.projects[0], "central", YEAR, 100_000_002, 0)])
    funding_plans.edit_plan(world.database, plan.id, over, world.step("bureau"))
    assert refusal(funding_plans.move_plan, world.database, plan.id, "propose", world.step("bureau")) == "over_commitment"
    other = PlanDraft("计划", "纪要", TODAY, [LineDraft(world.projects[0], "city", YEAR, 1, 0)])
    funding_plans.edit_plan(world.database, plan.id, other, world.step("bureau"))
    assert refusal(funding_plans.move_plan, world.database, plan.id, "propose", world.step("bureau")) == "over_commitment"
    with world.database.reading() as session:
        assert session.get_one(FundingPlan, plan.id).state == FundingPlanState.DRAFT


def test_a_project_that_is_not_ready_holds_the_whole_plan(world: Funding) -> None:
    plan = world.plan(issue=False)
    funding_plans.move_plan(world.database, plan.id, "propose", world.step("bureau"))
    world.arrange(world.projects[1], ProjectState.NOT_SELECTED)
    assert refusal(funding_plans.move_plan, world.database, plan.id, "issue", world.step("bureau2")) == "project_not_ready"
    # Nothing half done stays: the first project did not move either.
    assert world.state(world.projects[0]) == ProjectState.AGREED
    with world.database.reading() as session:
        assert session.get_one(FundingPlan, plan.id).state == FundingPlanState.PROPOSED


def test_a_payment_by_three_persons(world: Funding) -> None:
    line = lines_of(world, world.plan())[0]
    payment = world.prepare(line.id, 50.000001)
    assert refusal(world.prepare, line.id, 0.000001, key="more") == "over_part"
    assert refusal(payments.move_payment, world.database, payment.id, "check", world.step("bureau")) == "same_person"
    assert refusal(payments.move_payment, world.database, payment.id, "release", world.step("finance")) == "wrong_state"
    payments.move_payment(world.database, payment.id, "check", world.step("bureau2"))
    assert refusal(payments.move_payment, world.database, payment.id, "release", world.step("bureau2")) == "not_allowed"
    payments.move_payment(world.database, payment.id, "release", world.step("finance"))
    assert money(world, world.projects[0])["paid"] == 0
    assert (
        refusal(payments.move_payment, world.database, payment.id, "pay", world.step("finance"), receipt=Receipt(TODAY, "")) == "required"
    )
    late = Receipt(TODAY + timedelta(1), "1")
    assert refusal(payments.move_payment, world.database, payment.id, "pay", world.step("finance"), receipt=late) == "day_in_future"
    payments.move_payment(world.database, payment.id, "pay", world.step("finance2"), receipt=Receipt(TODAY, "流水 1"))
    assert money(world, world.projects[0])["paid"] == 50_000_001
    assert (
        refusal(payments.move_payment, world.database, payment.id, "pay", world.step("finance2"), receipt=Receipt(TODAY, "流水 2"))
        == "paid_already"
    )
    assert faults(world) == []
    with world.database.reading() as session:
        entry = session.scalars(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.PAYMENT)).one()
        assert (entry.noun, entry.noun_id, entry.why) == ("payment", payment.id, "流水 1")
        assert session.scalar(select(func.count()).select_from(Task).where(Task.noun == "payment", Task.done_at.is_(None))) == 0


def test_who_prepared_does_not_release(world: Funding) -> None:
    line = lines_of(world, world.plan())[0]
    payment = payments.prepare_payment(world.database, line.id, FIRST, WAN, "户", world.step("finance"), key="f")
    payments.move_payment(world.database, payment.id, "check", world.step("bureau"))
    assert refusal(payments.move_payment, world.database, payment.id, "release", world.step("finance")) == "same_person"
    payments.move_payment(world.database, payment.id, "release", world.step("finance2"))


def test_fifty_repeats_of_each_step_are_one(world: Funding) -> None:
    line = lines_of(world, world.plan())[0]

    def repeat(act: Callable[[], Payment]) -> set[tuple[int, PaymentState]]:
        with ThreadPoolExecutor(50) as pool:
            found = list(pool.map(lambda _number: act(), range(50)))
        return {(payment.id, payment.state) for payment in found}

    made = repeat(lambda: world.prepare(line.id, 10, key="one"))
    assert len(made) == 1
    number = made.pop()[0]
    receipt = Receipt(TODAY, "流水 7")
    for event, person, state in (("check", "bureau2", "checked"), ("release", "finance", "released"), ("pay", "finance", "paid")):
        step = world.step(person)
        assert repeat(lambda event=event, step=step: payments.move_payment(world.database, number, event, step, receipt=receipt)) == {  # type: ignore[misc]
            (number, PaymentState(state))
        }
    with world.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Payment)) == 1
        assert session.scalar(select(func.count()).select_from(LedgerEntry).where(LedgerEntry.kind == EntryKind.PAYMENT)) == 1
        verbs = Counter(row.verb for row in session.scalars(select(HistoryEntry).where(HistoryEntry.noun == "payment")))
        assert verbs == {"prepare": 1, "check": 1, "release": 1, "pay": 1}
    assert refusal(world.prepare, line.id, 11, key="one") == "other_body"
    assert faults(world) == []


def test_the_rest_waits_for_acceptance_and_for_the_instalment(world: Funding) -> None:
    line = lines_of(world, world.plan())[0]
    world.voucher(VoucherKind.RECEIPT, 60)
    world.pay(world.prepare(line.id, 50.000001).id)
    assert refusal(world.prepare, line.id, 50, REST) == "not_accepted"
    world.arrange(world.projects[0], ProjectState.PASSED)
    # 60 have come, 50 are paid: 10 more may go, not 50.
    assert refusal(world.prepare, line.id, 50, REST) == "waits_for_central"
    ten = world.prepare(line.id, 9.999999, REST)
    assert refusal(world.prepare, line.id, 1, REST) == "waits_for_central"
    payments.move_payment(world.database, ten.id, "reject", world.step("bureau2"), why="等第二笔到账")
    world.voucher(VoucherKind.RECEIPT, 60)
    rest = world.prepare(line.id, 50, REST)
    with world.database.writing() as session, pytest.raises(RefusedError):
        project_steps.move(session, locked(session, world.projects[0], world.step("bureau")), "finish", world.step("bureau"))
    world.pay(rest.id)
    with world.database.writing() as session:
        project_steps.move(session, locked(session, world.projects[0], world.step("bureau")), "finish", world.step("bureau"))
    assert world.state(world.projects[0]) == ProjectState.FINISHED
    assert faults(world) == []


def test_what_the_bank_returns_is_paid_anew(world: Funding) -> None:
    line = lines_of(world, world.plan())[0]
    first = world.prepare(line.id, 50)
    world.pay(first.id, until="release")
    assert refusal(payments.move_payment, world.database, first.id, "bounce", world.step("finance")) == "reason_missing"
    payments.move_payment(world.database, first.id, "bounce", world.step("finance"), why="账号有误")
    second = world.prepare(line.id, 50, key="again")
    world.pay(second.id)
    payments.move_payment(world.database, second.id, "bounce", world.step("finance"), why="退汇")
    payments.move_payment(world.database, second.id, "bounce", world.step("finance"), why="退汇")
    assert money(world, world.projects[0]) | {"budget": 0} == {
        **dict.fromkeys([str(account) for account in LedgerAccount], 0), "committed": 100_000_001,
    }  # fmt: skip
    with world.database.reading() as session:
        entry = session.scalars(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.REVERSAL)).one()
        assert session.get_one(LedgerEntry, entry.reverses_id).kind == EntryKind.PAYMENT
        sums = session.execute(select(LedgerLine.entry_id, func.sum(LedgerLine.fen)).group_by(LedgerLine.entry_id))
        assert {total for _entry, total in sums} == {0}
    world.pay(world.prepare(line.id, 50, key="third").id)
    assert faults(world) == []


def test_money_comes_back(world: Funding) -> None:
    line = lines_of(world, world.plan())[0]
    project = world.projects[0]
    world.pay(world.prepare(line.id, 50).id)
    draft = ReclaimDraft(50 * WAN, TODAY + timedelta(30), "虚报发票")
    over = ReclaimDraft(50 * WAN + 1, TODAY + timedelta(30), "虚报发票")
    assert refusal(reclaims.propose_reclaim, world.database, project, "central", YEAR, over, world.step("bureau")) == "over_paid"
    with world.database.writing() as session, pytest.raises(RefusedError):
        project_steps.move(session, locked(session, project, world.step("bureau")), "terminate", world.step("bureau"))
    reclaim = reclaims.propose_reclaim(world.database, project, "central", YEAR, draft, world.step("bureau"))
    again = reclaims.propose_reclaim(world.database, project, "central", YEAR, draft, world.step("bureau"))
    assert refusal(reclaims.answer_reclaim, world.database, reclaim.id, "order", world.step("bureau")) == "same_person"
    reclaims.answer_reclaim(world.database, reclaim.id, "order", world.step("finance"))
    # Proposed twice, there is only once so much to come back.
    assert refusal(reclaims.answer_reclaim, world.database, again.id, "order", world.step("finance")) == "not_that_much"
    assert money(world, project)["to_recover"] == 50 * WAN
    assert refusal(world.voucher, VoucherKind.RECOVERY, 51, project_id=project, reclaim_id=reclaim.id) == "over_reclaim"
    world.voucher(VoucherKind.RECOVERY, 20, project_id=project, reclaim_id=reclaim.id)
    assert refusal(reclaims.answer_reclaim, world.database, reclaim.id, "recover", world.step("finance")) == "outstanding"
    with world.database.writing() as session:
        row = locked(session, project, world.step("bureau"))
        assert standing_of(session, row, world.step("bureau")).recover_fen == 30 * WAN
        project_steps.move(session, row, "terminate", world.step("bureau"), "虚报")
        funds.release(session, row, world.step("bureau"), why="终止")
    assert refusal(world.prepare, line.id, 0.000001, key="late") == "project_terminated"
    world.voucher(VoucherKind.RECOVERY, 30, project_id=project, reclaim_id=reclaim.id)
    with world.database.reading() as session:
        found = session.get_one(Reclaim, reclaim.id)
        assert (found.state, found.outstanding_fen) == (ReclaimState.RECOVERED, 0)
    assert money(world, project)["recovered"] == 50 * WAN
    assert faults(world) == []


def test_two_recoveries_at_once_are_not_more_than_is_due(world: Funding) -> None:
    line = lines_of(world, world.plan())[0]
    project = world.projects[0]
    world.pay(world.prepare(line.id, 50).id)
    draft = ReclaimDraft(50 * WAN, TODAY + timedelta(30), "虚报")
    reclaim = reclaims.propose_reclaim(world.database, project, "central", YEAR, draft, world.step("bureau"))
    reclaims.answer_reclaim(world.database, reclaim.id, "order", world.step("finance"))
    money_in = VoucherDraft(VoucherKind.RECOVERY, "central", YEAR, 30 * WAN, TODAY, "进账", "退回")
    both = [
        vouchers.propose_voucher(world.database, money_in, world.step("finance"), project_id=project, reclaim_id=reclaim.id).id
        for _time in range(2)
    ]

    def confirm(number: int) -> str:
        try:
            vouchers.answer_voucher(world.database, number, "confirm", world.step("bureau"))
        except RefusedError as error:
            return error.refused.code
        return "ok"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(confirm, both)) == ["ok", "over_reclaim"]
    assert faults(world) == []


def test_projects_of_class_three_are_paid_at_once(database: Database) -> None:
    world = open_funding(database, project_class=ProjectClass.OTHER)
    world.budget("policy", 100)
    world.commit(world.projects[0], 30, "policy")
    line = lines_of(world, world.plan())[0]
    assert (line.first_fen, line.rest_fen) == (30 * WAN, 0)
    assert world.state(world.projects[0]) == ProjectState.PASSED
    world.pay(world.prepare(line.id, 30).id)
    with world.database.writing() as session:
        project_steps.move(session, locked(session, world.projects[0], world.step("bureau")), "finish", world.step("bureau"))
    assert faults(world) == []


def test_only_the_two_bureaus_touch_money(world: Funding) -> None:
    line = lines_of(world, world.plan())[0]
    payment = world.prepare(line.id, 1)
    for person in ("centre", "manager", "enterprise", "stranger"):
        step = world.step(person)
        assert refusal(payments.prepare_payment, world.database, line.id, FIRST, 1, "户", step, key=person) == "not_allowed"
        for event in ("check", "reject", "take_back", "release", "refuse", "pay", "bounce"):
            values = {"receipt": Receipt(TODAY, "1"), "why": "x"}
            assert refusal(payments.move_payment, world.database, payment.id, event, step, **values) == "not_allowed"
        assert (
            refusal(reclaims.propose_reclaim, world.database, line.project_id, "central", YEAR, ReclaimDraft(1, TODAY, "x"), step)
            == "not_allowed"
        )
        assert refusal(vouchers.propose_voucher, world.database, VoucherDraft(VoucherKind.RECEIPT), step) == "not_allowed"
        assert refusal(funding_plans.create_plan, world.database, PlanDraft("x", "", None, []), step) == "not_allowed"
    assert Role.FINANCE in world.people["finance"].roles


def test_without_the_lock_a_step_would_be_taken_twice(postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why the project is locked first: without it, two orders of the same part both see that nothing stands."""
    database = Database(postgresql.create())
    world = funded(open_funding(database))
    line = lines_of(world, world.plan())[0]
    monkeypatch.setattr(payments, "lock_ledger", lambda session: None)
    monkeypatch.setattr(payments, "locked", lambda session, number, step: session.get_one(Project, number))
    meeting, asked = threading.Barrier(2, timeout=20), within_part

    def ask_together(*arguments: Any) -> Any:
        found = asked(*arguments)
        meeting.wait()
        return found

    monkeypatch.setattr(payments, "within_part", ask_together)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: world.prepare(line.id, 50, key=str(number)), range(2)))
    monkeypatch.undo()
    with database.reading() as session:
        assert session.scalar(select(func.sum(Payment.fen))) == 100 * WAN
        assert balance_of(session, LedgerAccount.PAID, "central", YEAR, world.projects[0]) == 0
    database.close()
