"""The ledger: it only grows, it is balanced, no cap is passed by many at once, and what does not add up is found."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from marketplace.actions import fund_budgets, funds, vouchers
from marketplace.actions.funds import commit, post, release, usual_split
from marketplace.actions.funds_audit import audit_ledger, look_at_balances
from marketplace.actions.project_steps import locked
from marketplace.domain.fund_budgets import BudgetDraft, BudgetState, TargetDraft
from marketplace.domain.funds import Amount, EntryKind, LedgerAccount, Posting, check_ratio, postings
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.projects import ProjectClass
from marketplace.domain.vouchers import VoucherDraft, VoucherKind, VoucherState
from marketplace.records.database import Database
from marketplace.records.fund_budgets import FundBudget, FundTarget
from marketplace.records.funds import LedgerBalance, LedgerEntry, LedgerLine, balance_of, statement_sums, total_of
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.projects import Project
from marketplace.records.tasks import Task
from marketplace.records.vouchers import Voucher
from tests.actions.funding import RULES, TODAY, WAN, YEAR, Funding, open_funding
from tests.conftest import PostgreSQL

AVAILABLE, COMMITTED = LedgerAccount.AVAILABLE, LedgerAccount.COMMITTED


@pytest.fixture
def world(database: Database) -> Funding:
    return open_funding(database)


def refusal(act: Callable[..., Any], *arguments: Any, **values: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        act(*arguments, **values)
    return refused.value.refused.code


def faults(world: Funding) -> list[str]:
    with world.database.reading() as session:
        whole, quick = (look(session, RULES.fund) for look in (audit_ledger, look_at_balances))
        assert {found.code for found in quick} <= {found.code for found in whole} | {"unbalanced_source"}
        return [found.code for found in whole]


def held(world: Funding, account: LedgerAccount, source: str, project: int | None = None) -> int:
    with world.database.reading() as session:
        return balance_of(session, account, source, YEAR, project)


def test_a_budget_is_approved_by_another_and_posted_once(world: Funding) -> None:
    draft = BudgetDraft("city", YEAR, 500 * WAN, "津滨财预〔2026〕1号", "", (TargetDraft("支持项目", "个", 10),))
    budget = fund_budgets.create_budget(world.database, draft, world.step("finance"))
    assert refusal(fund_budgets.move_budget, world.database, budget.id, "approve", world.step("finance")) == "wrong_state"
    fund_budgets.move_budget(world.database, budget.id, "propose", world.step("finance"))
    with world.database.reading() as session:
        assert {row.role for row in session.scalars(select(Task).where(Task.done_at.is_(None)))} == {"bureau", "finance"}
    assert refusal(fund_budgets.move_budget, world.database, budget.id, "approve", world.step("finance")) == "same_person"
    assert refusal(fund_budgets.move_budget, world.database, budget.id, "approve", world.step("centre")) == "not_allowed"
    assert refusal(fund_budgets.move_budget, world.database, budget.id, "return", world.step("bureau")) == "reason_missing"
    assert held(world, AVAILABLE, "city") == 0
    fund_budgets.move_budget(world.database, budget.id, "approve", world.step("bureau"))
    assert refusal(fund_budgets.move_budget, world.database, budget.id, "approve", world.step("bureau2")) == "wrong_state"
    assert refusal(fund_budgets.edit_budget, world.database, budget.id, draft, world.step("finance")) == "budget_stands"
    assert held(world, AVAILABLE, "city") == 500 * WAN
    assert faults(world) == []
    with world.database.reading() as session:
        entry = session.scalars(select(LedgerEntry)).one()
        assert (entry.kind, entry.made_by, entry.confirmed_by) == (
            EntryKind.BUDGET, world.people["finance"].account_id, world.people["bureau"].account_id,
        )  # fmt: skip
        verbs = Counter((row.noun, row.verb) for row in session.scalars(select(HistoryEntry)))
        assert verbs["ledger_entry", "post"] == verbs["fund_budget", "approve"] == verbs["fund_budget", "create"] == 1
        assert session.scalar(select(Task).where(Task.done_at.is_(None))) is None
        assert find_broken_link(session) is None


def test_two_edit_one_budget(world: Funding) -> None:
    draft = BudgetDraft("city", YEAR, WAN, "文一", "", (TargetDraft("支持项目", "个", 10),))
    number = fund_budgets.create_budget(world.database, draft, world.step("finance")).id
    with world.database.reading() as session:
        seen = session.scalars(select(HistoryEntry.id).where(HistoryEntry.noun == "fund_budget")).one()
    fund_budgets.edit_budget(
        world.database, number, BudgetDraft("city", YEAR, 2 * WAN, "文二", "", draft.targets), world.step("bureau", seen=seen)
    )
    assert refusal(fund_budgets.edit_budget, world.database, number, draft, world.step("finance", seen=seen)) == "changed_meanwhile"
    with world.database.reading() as session:
        assert session.get_one(FundBudget, number).document == "文二"
        assert len(session.scalars(select(FundTarget)).all()) == 1


def test_a_budget_is_lowered_only_as_far_as_it_is_free(world: Funding) -> None:
    world.budget("city", 100)
    world.budget("central", 100)
    world.commit(world.projects[0], 60)
    low = BudgetDraft("city", YEAR, -41 * WAN, "调减", "", ())
    number = fund_budgets.create_budget(world.database, low, world.step("finance")).id
    fund_budgets.move_budget(world.database, number, "propose", world.step("finance"))
    # 41 are free, but then only 59 local would stand beside 60 central.
    assert refusal(fund_budgets.move_budget, world.database, number, "approve", world.step("bureau")) == "below_ratio"
    with world.database.reading() as session:
        assert session.get_one(FundBudget, number).state == BudgetState.PROPOSED
    world.budget("city", -40)
    assert refusal(world.budget, "central", -41) == "over_budget"
    assert held(world, AVAILABLE, "city") == 60 * WAN
    assert faults(world) == []


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_lines"])
@pytest.mark.parametrize("statement", ["UPDATE {table} SET {column} = {column}", "DELETE FROM {table}", "TRUNCATE {table} CASCADE"])
def test_what_is_in_the_ledger_cannot_be_changed(world: Funding, table: str, statement: str) -> None:
    world.budget("city", 1)
    engine = world.database.engine
    if statement.startswith("TRUNCATE") and engine.dialect.name == "sqlite":
        return
    column = "why" if table == "ledger_entries" else "fen"
    with pytest.raises(DBAPIError, match="the ledger only grows"), engine.begin() as connection:
        connection.execute(text(statement.format(table=table, column=column)))
    with pytest.raises(DBAPIError, match="the ledger only grows"), world.database.writing() as session:
        session.execute(update(LedgerLine).values(fen=LedgerLine.fen * 2))
    with pytest.raises(DBAPIError, match="the ledger only grows"), world.database.writing() as session:
        session.execute(delete(LedgerEntry))
    assert faults(world) == []


def test_the_check_is_the_last_line(world: Funding) -> None:
    world.budget("city", 1)
    with pytest.raises(IntegrityError), world.database.writing() as session:
        session.execute(update(LedgerBalance).where(LedgerBalance.account == AVAILABLE).values(fen=-1))


def test_no_unbalanced_posting_and_none_twice(world: Funding) -> None:
    world.budget("city", 10)
    step = world.step("finance")
    for lines in (
        [],
        [Posting(AVAILABLE, "city", YEAR, 5)],
        postings(EntryKind.COMMITMENT, [Amount("city", YEAR, 11 * WAN)], world.projects[0]),
    ):
        with world.database.writing() as session, pytest.raises(RefusedError):
            post(session, EntryKind.COMMITMENT, list(lines), step, key="x")
    good = postings(EntryKind.COMMITMENT, [Amount("city", YEAR, 3)], world.projects[0])
    numbers = set()
    for _time in range(3):
        with world.database.writing() as session:
            numbers.add(post(session, EntryKind.COMMITMENT, good, step, key="once").number)
    assert len(numbers) == 1
    assert held(world, COMMITTED, "city", world.projects[0]) == 3


def test_caps_of_a_commitment_with_figures(world: Funding) -> None:
    first, second = world.projects
    world.budget("central", 500)
    assert refusal(world.commit, first, 10) == "below_ratio"
    world.budget("district", 250)
    world.budget("policy", 50)
    # 20 % of 1000.
    assert refusal(world.commit, first, 200.000001) == "above_share"
    world.commit(first, 150)
    assert refusal(world.commit, first, 50.000001) == "above_share"
    world.commit(first, 50)
    assert refusal(world.commit, second, 100.000001) == "below_ratio"
    world.commit(second, 100)
    assert refusal(world.commit, second, 251, "district") == "over_budget"
    assert refusal(world.commit, second, 1, "central", year=YEAR - 1) == "over_budget"
    assert refusal(world.commit, second, 1, "nowhere") == "unknown_source"
    with world.database.writing() as session, pytest.raises(RefusedError):
        commit(session, session.get_one(Project, second), 5, {"district": 4}, world.step("bureau"))
    assert faults(world) == []


def test_other_projects_get_no_central_money(database: Database) -> None:
    world = open_funding(database, project_class=ProjectClass.OTHER)
    world.budget("central", 500)
    world.budget("policy", 500)
    assert refusal(world.commit, world.projects[0], 1, "central") == "wrong_source"
    with world.database.writing() as session:
        project = locked(session, world.projects[0], world.step("bureau"))
        split = usual_split(session, project, 30 * WAN, world.step("bureau"))
        assert split == {"policy": 30 * WAN}
        commit(session, project, 30 * WAN, split, world.step("bureau"))
        # What no budget reaches is refused with figures, not dropped.
        assert sum(usual_split(session, project, 900 * WAN, world.step("bureau")).values()) == 900 * WAN
    assert faults(world) == []


def test_release_gives_back_what_is_not_ordered(world: Funding) -> None:
    world.budget("central", 100)
    world.budget("city", 100)
    world.commit(world.projects[0], 60)
    with world.database.writing() as session:
        project = locked(session, world.projects[0], world.step("bureau"))
        with pytest.raises(RefusedError):
            release(session, project, world.step("bureau"), amounts=[Amount("central", YEAR, 61 * WAN)])
        release(session, project, world.step("bureau"), amounts=[Amount("central", YEAR, 10 * WAN)])
        release(session, project, world.step("bureau"), why="终止")
        assert release(session, project, world.step("bureau")) is None
    assert held(world, AVAILABLE, "central") == 100 * WAN
    assert faults(world) == []


def test_vouchers_by_two_persons(world: Funding) -> None:
    draft = VoucherDraft(VoucherKind.RECEIPT, "central", YEAR, 50 * WAN, TODAY, "进账单 1", "第一笔")
    numbers = {vouchers.propose_voucher(world.database, draft, world.step("finance"), key="k").id for _time in range(3)}
    assert len(numbers) == 1
    number = numbers.pop()
    assert refusal(vouchers.answer_voucher, world.database, number, "confirm", world.step("finance")) == "same_person"
    assert refusal(vouchers.answer_voucher, world.database, number, "confirm", world.step("manager")) == "not_allowed"
    assert refusal(vouchers.answer_voucher, world.database, number, "take_back", world.step("bureau")) == "not_own"
    assert refusal(vouchers.answer_voucher, world.database, number, "reject", world.step("bureau")) == "reason_missing"
    vouchers.answer_voucher(world.database, number, "confirm", world.step("bureau"))
    assert refusal(vouchers.answer_voucher, world.database, number, "confirm", world.step("bureau2")) == "wrong_state"
    with world.database.reading() as session:
        assert total_of(session, (LedgerAccount.RECEIVED,), sources=["central"]) == 50 * WAN
    assert faults(world) == []


def test_a_commitment_by_hand_and_its_reversal(world: Funding) -> None:
    world.budget("central", 100)
    world.budget("city", 100)
    project = world.projects[0]
    world.voucher(VoucherKind.COMMITMENT, 20, project_id=project)
    assert held(world, COMMITTED, "central", project) == 20 * WAN
    with world.database.reading() as session:
        entry = session.scalars(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.COMMITMENT)).one().id
        budget = session.scalars(select(LedgerEntry.id).where(LedgerEntry.kind == EntryKind.BUDGET).limit(1)).one()
    assert refusal(world.voucher, VoucherKind.REVERSAL, entry_id=budget) == "not_reversible"
    world.voucher(VoucherKind.REVERSAL, entry_id=entry)
    assert refusal(world.voucher, VoucherKind.REVERSAL, entry_id=entry) == "reversed_already"
    assert held(world, COMMITTED, "central", project) == 0
    assert held(world, AVAILABLE, "central") == 100 * WAN
    with world.database.reading() as session:
        undone = session.scalars(select(LedgerEntry).where(LedgerEntry.reverses_id == entry)).one()
        assert refusal(world.voucher, VoucherKind.REVERSAL, entry_id=undone.id) == "not_reversible"
        assert len(session.scalars(select(LedgerLine).where(LedgerLine.entry_id == entry)).all()) == 2
    assert faults(world) == []


def test_two_reversals_of_one_entry_are_one(world: Funding) -> None:
    world.budget("central", 100)
    world.budget("city", 100)
    world.commit(world.projects[0], 20)
    with world.database.reading() as session:
        entry = session.scalars(select(LedgerEntry.id).where(LedgerEntry.kind == EntryKind.COMMITMENT)).one()
    draft = VoucherDraft(VoucherKind.REVERSAL, day=TODAY, why="记错")
    both = [vouchers.propose_voucher(world.database, draft, world.step("finance"), entry_id=entry).id for _time in range(2)]
    vouchers.answer_voucher(world.database, both[0], "confirm", world.step("bureau"))
    assert refusal(vouchers.answer_voucher, world.database, both[1], "confirm", world.step("bureau")) == "reversed_already"
    with world.database.reading() as session:
        # Refused as a whole: the second one still waits, and may be rejected.
        assert session.get_one(Voucher, both[1]).state == VoucherState.PROPOSED
    assert faults(world) == []


def test_the_audit_finds_what_was_done_behind_its_back(world: Funding) -> None:
    world.budget("central", 100)
    world.budget("city", 100)
    world.commit(world.projects[0], 20)
    with world.database.writing() as session:
        session.execute(update(LedgerBalance).where(LedgerBalance.account == AVAILABLE, LedgerBalance.source == "city").values(fen=5))
    assert faults(world) == ["balance_differs"]
    with world.database.writing() as session:
        number = session.scalars(select(LedgerEntry.id).limit(1)).one()
        line = {"entry_id": number, "account": COMMITTED, "source": "central", "year": YEAR, "fen": 200 * WAN, "day": TODAY}
        session.execute(insert(LedgerLine).values(project_id=world.projects[0], **line))
    found = set(faults(world))
    assert {"uneven_entry", "balance_differs", "unbalanced_source", "below_ratio"} <= found


def test_an_evaluation_says_what_came_of_a_target(world: Funding) -> None:
    number = world.budget("city", 10)
    with world.database.reading() as session:
        target = session.scalars(select(FundTarget).where(FundTarget.budget_id == number)).one().id
    for actual, note in ((None, "说明"), (-1.0, "说明"), (5.0, "")):
        with pytest.raises(RefusedError):
            fund_budgets.evaluate(world.database, target, actual, note, world.step("finance"))
    assert refusal(fund_budgets.evaluate, world.database, target, 5.0, "x", world.step("centre")) == "not_allowed"
    fund_budgets.evaluate(world.database, target, 8.0, "两个项目推迟", world.step("finance"))
    with world.database.reading() as session:
        assert session.get_one(FundTarget, target).actual == 8.0


def test_a_statement_is_the_sum_of_its_lines(world: Funding) -> None:
    world.budget("central", 100)
    world.budget("city", 100)
    world.commit(world.projects[0], 20)
    with world.database.writing() as session:
        release(
            session, locked(session, world.projects[0], world.step("bureau")), world.step("bureau"), amounts=[Amount("central", YEAR, WAN)]
        )
    first, after = TODAY.replace(day=1), TODAY.replace(month=TODAY.month + 1, day=1)
    with world.database.reading() as session:
        rows = statement_sums(session, first, after)
        assert rows["central", AVAILABLE] == (0, 101 * WAN, 20 * WAN)
        assert rows["central", COMMITTED] == (0, 20 * WAN, WAN)
        assert statement_sums(session, after, after.replace(day=28))["central", AVAILABLE] == (81 * WAN, 0, 0)


THREADS, ROUNDS = 16, 12


def race(world: Funding, act: Callable[[int], object]) -> Counter[str]:
    """Many at the same moment; what each of them was told."""
    barrier = threading.Barrier(THREADS)

    def one(number: int) -> str:
        barrier.wait()
        try:
            act(number)
        except RefusedError as error:
            return error.refused.code
        except IntegrityError:
            return "check"
        return "ok"

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(one, range(THREADS)))


def test_many_at_once_pass_no_cap(database: Database) -> None:
    """64 × 200 of the same is in bench/funds.py."""
    world = open_funding(database, projects=THREADS, total_wan=10_000)
    for round_ in range(ROUNDS):
        # A year of its own for each round: 10 central of 1 million fen each, and local money for 7 of them.
        year = YEAR if round_ % 2 else YEAR - 1
        world.budget("central", 10, year=year)
        world.budget("city", 7, year=year)
        told = race(world, lambda number, year=year: world.commit(world.projects[number], 1, year=year))  # type: ignore[misc]
        assert told["ok"] == 7, told
        assert told["below_ratio"] + told["over_budget"] == THREADS - 7, told
    with database.reading() as session:
        assert total_of(session, (COMMITTED,), sources=["central"]) == 7 * ROUNDS * WAN
    assert faults(world) == []


def test_without_the_lock_the_ratio_is_passed(postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: on PostgreSQL, with the lock taken out, two look at the same ratio and both go on."""
    database = Database(postgresql.create())
    world = open_funding(database, total_wan=10_000)
    world.budget("central", 10)
    world.budget("city", 1)
    meeting = threading.Barrier(2, timeout=20)
    asked = check_ratio

    def check_together(*arguments: Any) -> Any:
        found = asked(*arguments)
        meeting.wait()
        return found

    monkeypatch.setattr(funds, "lock_ledger", lambda session: None)
    monkeypatch.setattr(funds, "check_ratio", check_together)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: world.commit(world.projects[number], 1), range(2)))
    monkeypatch.undo()
    assert faults(world) == ["below_ratio"]
    database.close()


def test_without_the_lock_the_check_still_holds_the_budget(postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(postgresql.create())
    world = open_funding(database, total_wan=10_000)
    world.budget("city", 1)
    meeting = threading.Barrier(2, timeout=20)
    asked = funds._too_little

    def look_together(*arguments: Any) -> Any:
        found = asked(*arguments)
        meeting.wait()
        return found

    def one(number: int) -> str:
        try:
            world.commit(world.projects[number], 1, "city")
        except IntegrityError:
            return "check"
        return "ok"

    monkeypatch.setattr(funds, "lock_ledger", lambda session: None)
    monkeypatch.setattr(funds, "_too_little", look_together)
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, range(2))) == ["check", "ok"]
    monkeypatch.undo()
    assert faults(world) == []
    database.close()
