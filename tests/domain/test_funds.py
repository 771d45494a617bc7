"""Money: every state, event and role of its processes, postings that sum to nothing, caps and the ratio to the fen, what may be typed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain import financing, fund_budgets, funding_plans, payments, reclaims, vouchers
from marketplace.domain.access import Role
from marketplace.domain.financing import FinancingDraft, FinancingState, OfferDraft, check_application, check_offer, may_still_read
from marketplace.domain.fund_budgets import BudgetDraft, TargetDraft, attainment
from marketplace.domain.funding_plans import LineDraft, PlanDraft, may_be_proposed, within_commitment
from marketplace.domain.funds import (
    COUNTERPARTS,
    OF_PROJECTS,
    Amount,
    Balance,
    EntryKind,
    LedgerAccount,
    Posting,
    check_amounts,
    check_available,
    check_balances,
    check_lines,
    check_ratio,
    check_share,
    check_source,
    most_central,
    postings,
    reversed_lines,
    split_parts,
)
from marketplace.domain.lifecycle import Refused, Table, Transition, decide
from marketplace.domain.payments import Receipt, check_receipt, rest_may_be_paid, within_part
from marketplace.domain.projects import ProjectState
from marketplace.domain.reclaims import ReclaimDraft
from marketplace.domain.vouchers import VoucherDraft, VoucherKind
from marketplace.pilot import load_pilot

DAY = date(2026, 11, 25)
PILOT = load_pilot()
RULES = PILOT.fund
OFFICES, BUREAU, FINANCE = "bureau finance admin", "bureau admin", "finance admin"
TWO = {"reject": "rejected", "take_back": "taken_back"}
# process → (state, event) → (state after, roles that may).
EXPECTED: dict[str, dict[tuple[str, str], tuple[str, str]]] = {
    "budget": {
        ("draft", "propose"): ("proposed", OFFICES),
        ("proposed", "approve"): ("effective", OFFICES),
        ("proposed", "return"): ("draft", OFFICES),
        ("proposed", "take_back"): ("draft", OFFICES),
        ("draft", "drop"): ("dropped", OFFICES),
    },
    "voucher": {("proposed", "confirm"): ("posted", OFFICES), **{("proposed", event): (to, OFFICES) for event, to in TWO.items()}},
    "plan": {
        ("draft", "propose"): ("proposed", BUREAU),
        ("proposed", "issue"): ("issued", BUREAU),
        ("proposed", "return"): ("draft", BUREAU),
        ("proposed", "take_back"): ("draft", BUREAU),
        ("draft", "drop"): ("dropped", BUREAU),
    },
    "payment": {
        ("prepared", "check"): ("checked", OFFICES),
        ("prepared", "reject"): ("cancelled", OFFICES),
        ("prepared", "take_back"): ("cancelled", OFFICES),
        ("checked", "release"): ("released", FINANCE),
        ("checked", "refuse"): ("cancelled", FINANCE),
        ("released", "pay"): ("paid", FINANCE),
        ("released", "bounce"): ("returned", FINANCE),
        ("paid", "bounce"): ("returned", FINANCE),
    },
    "reclaim": {
        ("proposed", "order"): ("ordered", OFFICES),
        ("ordered", "recover"): ("recovered", OFFICES),
        **{("proposed", event): (to, OFFICES) for event, to in TWO.items()},
    },
    "offer": {
        ("draft", "publish"): ("published", "centre admin"),
        ("withdrawn", "publish"): ("published", "centre admin"),
        ("published", "withdraw"): ("withdrawn", "centre admin"),
    },
    "financing": {
        ("draft", "send"): ("sent", "enterprise"),
        ("sent", "offer"): ("offered", "centre admin"),
        ("sent", "decline"): ("declined", "centre admin"),
        ("offered", "take"): ("taken", "centre admin"),
        **{(state, "withdraw"): ("withdrawn", "enterprise centre admin") for state in ("draft", "sent", "offered")},
    },
}
STATES: dict[str, tuple[Table, Iterable[str]]] = {
    "budget": (fund_budgets.TABLE, fund_budgets.BudgetState),
    "voucher": (vouchers.TABLE, vouchers.VoucherState),
    "plan": (funding_plans.TABLE, funding_plans.FundingPlanState),
    "payment": (payments.TABLE, payments.PaymentState),
    "reclaim": (reclaims.TABLE, reclaims.ReclaimState),
    "offer": (financing.OFFERS, financing.OfferState),
    "financing": (financing.TABLE, FinancingState),
}


@dataclass
class Paper:
    """Proposed by 1; `second_person` and `released_by` are whoever acts. `outstanding_fen`: of a reclaim."""

    second_person: int = 2
    released_by: int = 3
    proposed_by: int = 1
    outstanding_fen: int = 0


def subjects(event: str) -> Paper:
    """For whom the guards are silent: who takes something back is the one who proposed it."""
    return Paper(second_person=1) if event == "take_back" else Paper()


@pytest.mark.parametrize("process", list(EXPECTED))
def test_every_state_event_and_role(process: str) -> None:
    table, states = STATES[process]
    expected = EXPECTED[process]
    events = {row.event for row in table} | {"unknown"}
    for state, event, role in product([str(state) for state in states], events, Role):
        found = decide(table, state, event, [role], subjects(event))
        row = expected.get((state, event))
        if row is None:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "wrong_state", (state, event, role)
        elif str(role) in row[1].split():
            assert isinstance(found, Transition), (state, event, role)
            assert found.to == row[0], (state, event, role)
        else:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "not_allowed", (state, event, role)


SECOND = [("budget", "proposed", "approve"), ("budget", "proposed", "return"), ("voucher", "proposed", "confirm"), ("voucher", "proposed", "reject"),
    ("plan", "proposed", "issue"), ("plan", "proposed", "return"), ("payment", "prepared", "check"), ("payment", "prepared", "reject"),
    ("reclaim", "proposed", "order"), ("reclaim", "proposed", "reject")]  # fmt: skip


@pytest.mark.parametrize(("process", "state", "event"), SECOND)
def test_nobody_is_both_persons(process: str, state: str, event: str) -> None:
    found = decide(STATES[process][0], state, event, [Role.ADMIN], Paper(second_person=1))
    assert isinstance(found, Refused)
    assert found.code == "same_person"


def test_who_prepared_does_not_release_and_only_the_proposer_takes_back() -> None:
    for event in ("release", "refuse"):
        found = decide(payments.TABLE, "checked", event, [Role.FINANCE], Paper(released_by=1))
        assert isinstance(found, Refused)
        assert found.code == "same_person"
    # Whoever checked may release, if it is a third person or the second one: two of three are enough.
    assert isinstance(decide(payments.TABLE, "checked", "release", [Role.FINANCE], Paper(released_by=2)), Transition)
    for process in ("budget", "voucher", "plan", "payment", "reclaim"):
        state = "prepared" if process == "payment" else "proposed"
        found = decide(STATES[process][0], state, "take_back", [Role.ADMIN], Paper(second_person=2))
        assert isinstance(found, Refused)
        assert found.code == "not_own"


def test_a_reclaim_ends_when_all_is_back() -> None:
    found = decide(reclaims.TABLE, "ordered", "recover", [Role.FINANCE], Paper(outstanding_fen=1))
    assert isinstance(found, Refused)
    assert "0.000001 万元" in found.sentence()


FEN = st.integers(min_value=1, max_value=10**15)
AMOUNTS = st.lists(
    st.builds(Amount, st.sampled_from(["central", "city", "district"]), st.integers(2024, 2027), FEN), min_size=1, max_size=6
)
KINDS = [kind for kind in EntryKind if kind != EntryKind.REVERSAL]


@given(kind=st.sampled_from(KINDS), amounts=AMOUNTS)
def test_every_posting_sums_to_nothing_and_is_undone_by_its_reversal(kind: EntryKind, amounts: list[Amount]) -> None:
    lines = postings(kind, amounts, 7)
    assert check_lines(lines) is None
    assert sum(line.fen for line in lines) == 0
    assert check_lines(reversed_lines(lines)) is None
    assert sum(line.fen for line in (*lines, *reversed_lines(lines))) == 0
    assert all((line.project_id == 7) == (line.account in OF_PROJECTS) for line in lines)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "no_lines"),
        ([Posting(LedgerAccount.AVAILABLE, "city", 2026, 0)], "empty_line"),
        ([Posting(LedgerAccount.PAID, "city", 2026, 1), Posting(LedgerAccount.AVAILABLE, "city", 2026, -1)], "no_project"),
        ([Posting(LedgerAccount.BUDGET, "city", 2026, -1, 3), Posting(LedgerAccount.AVAILABLE, "city", 2026, 1)], "no_project"),
        ([Posting(LedgerAccount.BUDGET, "city", 2026, -1), Posting(LedgerAccount.AVAILABLE, "city", 2026, 2)], "unbalanced"),
        # Balanced as a whole, but not in each source and year: that would be money moved from one to another.
        ([Posting(LedgerAccount.BUDGET, "city", 2026, -1), Posting(LedgerAccount.AVAILABLE, "central", 2026, 1)], "unbalanced"),
        ([Posting(LedgerAccount.BUDGET, "city", 2025, -1), Posting(LedgerAccount.AVAILABLE, "city", 2026, 1)], "unbalanced"),
        ([Posting(LedgerAccount.BUDGET, "city", 2026, -1), Posting(LedgerAccount.RECEIVED, "city", 2026, 1)], "unbalanced"),
    ],
)
def test_what_no_entry_may_be(lines: list[Posting], code: str) -> None:
    found = check_lines(lines)
    assert found is not None
    assert found.code == code


@given(fen=st.integers(0, 10**15), share=st.decimals(0, 1, places=4))
def test_parts_add_up_to_the_fen(fen: int, share: object) -> None:
    first, rest = split_parts(fen, float(share))  # type: ignore[arg-type]
    assert first + rest == fen
    assert 0 <= first <= fen
    assert rest >= 0


@pytest.mark.parametrize(
    ("fen", "share", "first"),
    [(1, 0.5, 1), (3, 0.5, 2), (101, 0.3, 30), (105, 0.3, 32), (99_999_999, 0.5, 50_000_000), (7, 1.0, 7), (7, 0.0, 0)],
)
def test_rounding_to_the_fen(fen: int, share: float, first: int) -> None:
    assert split_parts(fen, share) == (first, fen - first)


def test_the_share_is_never_passed_by_a_fen() -> None:
    # 20 % of 1,000,004 fen is 200,000.8: the last whole fen below.
    assert most_central(1_000_004, 0.2) == 200_000
    assert check_share(200_000, 1_000_004, 0.2) is None
    found = check_share(200_001, 1_000_004, 0.2)
    assert found is not None
    assert found.code == "above_share"
    assert "20 %" in found.sentence()
    missing = check_share(1, None, 0.2)
    assert missing is not None
    assert missing.code == "no_total"


def test_the_ratio_speaks_with_figures() -> None:
    assert check_ratio(5_000_000, 5_000_000, 1.0) is None
    assert check_ratio(0, 0, 1.0) is None
    assert check_ratio(3, 4, 1.2) is None
    found = check_ratio(5_000_000, 4_999_999, 1.0)
    assert found is not None
    assert found.sentence() == "地方配套资金预算共 4.999999 万元，中央资金将安排 5 万元，达不到 1:1，还差地方资金 0.000001 万元。"


def test_sources_amounts_and_budgets() -> None:
    assert check_source(RULES.of("central"), "central", "中央") is None
    for source, kind in ((None, "central"), (RULES.of("central"), "other"), (RULES.of("policy"), "municipal")):
        assert check_source(source, kind, "x") is not None
    assert check_amounts([Amount("city", 2026, 3), Amount("central", 2026, 4)], 7) is None
    for amounts, total in (([Amount("city", 2026, 3)], 4), ([], 0), ([Amount("city", 2026, 0)], 0), ([Amount("city", 2026, -1)], -1)):
        assert check_amounts(amounts, total) is not None
    assert check_available(RULES.of("city"), 2026, 5, 5) is None
    found = check_available(RULES.of("city"), 2026, 2_000_000, 1_000_000)
    assert found is not None
    assert found.sentence() == "2026 年市级制造业高质量发展专项资金预算还剩 1 万元，不够安排 2 万元。"


def test_balances_that_cannot_be() -> None:
    account = LedgerAccount
    good = [
        Balance(account.BUDGET, "city", 2026, None, -100), Balance(account.AVAILABLE, "city", 2026, None, 60), Balance(account.COMMITTED, "city", 2026, 1, 40),
        Balance(account.BUDGET, "central", 2026, None, -50), Balance(account.AVAILABLE, "central", 2026, None, 10), Balance(account.PAID, "central", 2026, 1, 40),
        Balance(account.EXPECTED, "central", 2026, None, -30), Balance(account.RECEIVED, "central", 2026, None, 30),
    ]  # fmt: skip
    assert list(check_balances(good, RULES)) == []
    for place, fen, codes in ((2, -40, {"negative_balance", "unbalanced_source"}), (7, 29, {"unbalanced_source"})):
        rows = list(good)
        rows[place] = Balance(rows[place].account, rows[place].source, 2026, rows[place].project_id, fen)
        assert {found.code for found in check_balances(rows, RULES)} == codes
    little = [Balance(row.account, row.source, 2026, row.project_id, row.fen // 10 if row.source == "city" else row.fen) for row in good]
    assert {found.code for found in check_balances(little, RULES)} == {"below_ratio"}
    assert len(COUNTERPARTS) == 2


def codes(found: Iterable[tuple[str, Refused]]) -> list[tuple[str, str]]:
    return [(field, refused.code) for field, refused in found]


BUDGET = BudgetDraft("city", 2026, 5_000_000, "津滨财预〔2026〕1号", "", (TargetDraft("项目数", "个", 10),))


@pytest.mark.parametrize(
    ("draft", "wrong"),
    [
        (BUDGET, []),
        (BudgetDraft("city", 2026, -5, "文", "", ()), []),
        (
            BudgetDraft("", 2023, None, "", "", ()),
            [("source", "no_source"), ("year", "year_outside"), ("amount", "no_amount"), ("document", "required")],
        ),
        (BudgetDraft("city", 2026, 10**13, "文", "", BUDGET.targets), [("amount", "amount_too_large")]),
        (BudgetDraft("city", 2026, 1, "文", "", ()), [("targets", "no_targets")]),
        (
            BudgetDraft("city", 2026, 1, "文", "", (TargetDraft("", "个", 1), TargetDraft("产值", "万元", 0))),
            [("targets", "required"), ("targets", "no_target")],
        ),
    ],
)
def test_what_a_budget_must_say(draft: BudgetDraft, wrong: list[tuple[str, str]]) -> None:
    assert codes(fund_budgets.check(draft, first_year=2024, last_year=2027)) == wrong


def test_what_a_plan_must_say() -> None:
    line = LineDraft(1, "city", 2026, 3, 4)
    assert line.fen == 7
    assert codes(funding_plans.check(PlanDraft("计划", "", None, (line,)), today=DAY)) == []
    assert codes(funding_plans.check(PlanDraft("", "", DAY + timedelta(1), (line, line)), today=DAY)) == [
        ("title", "required"), ("held", "day_in_future"), ("lines", "line_twice"),
    ]  # fmt: skip
    for wrong in (LineDraft(1, "city", 2026, 0, 0), LineDraft(1, "city", 2026, -1, 5), LineDraft(1, "city", 2026, 5, -1)):
        assert codes(funding_plans.check(PlanDraft("计划", "", None, (wrong,)), today=DAY)) == [("lines", "no_amount")]
    assert may_be_proposed("纪要〔2026〕3号", DAY, 1) is None
    for minutes, held, count in (("", DAY, 1), ("纪要", None, 1), ("纪要", DAY, 0)):
        assert may_be_proposed(minutes, held, count) is not None
    assert within_commitment("XM-1", 5, 5) is None
    assert within_commitment("XM-1", 6, 5) is not None


def test_payments_keep_within_their_part_and_wait() -> None:
    assert within_part(5, 10, 5) is None
    for fen, planned, standing in ((0, 10, 0), (-1, 10, 0), (6, 10, 5)):
        assert within_part(fen, planned, standing) is not None
    for state in ProjectState:
        found = rest_may_be_paid(state, waits_for_central=False, received_fen=0, going_fen=0, fen=5)
        assert (found is None) == (state in (ProjectState.PASSED, ProjectState.FINISHED)), state
    waits = {"waits_for_central": True, "going_fen": 5, "fen": 5}
    assert rest_may_be_paid(ProjectState.PASSED, received_fen=10, **waits) is None  # type: ignore[arg-type]
    found = rest_may_be_paid(ProjectState.PASSED, received_fen=9, **waits)  # type: ignore[arg-type]
    assert found is not None
    assert found.code == "waits_for_central"
    assert codes(check_receipt(Receipt(DAY, "2026-1"), today=DAY)) == []
    assert codes(check_receipt(Receipt(), today=DAY)) == [("day", "no_day"), ("reference", "required")]
    assert codes(check_receipt(Receipt(DAY + timedelta(1), "1"), today=DAY)) == [("day", "day_in_future")]


def test_what_vouchers_and_reclaims_must_say() -> None:
    assert codes(vouchers.check(VoucherDraft(VoucherKind.RECEIPT, "central", 2026, 5, DAY, "进账 1", "第二笔"), today=DAY)) == []
    assert codes(vouchers.check(VoucherDraft(VoucherKind.REVERSAL, day=DAY, why="记错"), today=DAY)) == []
    assert codes(vouchers.check(VoucherDraft(VoucherKind.RECEIPT), today=DAY)) == [
        ("why", "required"), ("reference", "required"), ("day", "no_day"), ("source", "no_source"), ("amount", "no_amount"),
    ]  # fmt: skip
    assert codes(reclaims.check(ReclaimDraft(5, DAY, "虚报"), paid_fen=5, today=DAY)) == []
    assert codes(reclaims.check(ReclaimDraft(6, DAY - timedelta(1), ""), paid_fen=5, today=DAY)) == [
        ("why", "required"),
        ("amount", "over_paid"),
        ("due", "no_due"),
    ]


def test_financing_needs_consent_with_a_day() -> None:
    offer = OfferDraft("银行", "技改贷", "loan", 100, 200, "LPR", "有任务书", "张三")
    assert codes(check_offer(offer)) == []
    assert [field for field, _code in codes(check_offer(OfferDraft("", "", "x", 5, 4, "", "", "")))] == [
        "institution", "product", "rate", "conditions", "contact", "kind", "high",
    ]  # fmt: skip
    assert codes(check_application(FinancingDraft(5, "买设备", (), None, False), today=DAY)) == []
    assert codes(check_application(FinancingDraft(5, "买设备", ("a",), None, False), today=DAY)) == [
        ("consent", "no_consent"),
        ("until", "no_until"),
    ]
    assert codes(check_application(FinancingDraft(0, "", ("a",), DAY, True), today=DAY)) == [
        ("purpose", "required"),
        ("amount", "no_amount"),
    ]
    for state in FinancingState:
        assert may_still_read(DAY, state, DAY) == (state in ("sent", "offered", "taken"))
    assert not may_still_read(DAY - timedelta(1), FinancingState.SENT, DAY)
    assert not may_still_read(None, FinancingState.SENT, DAY)


def test_attainment() -> None:
    assert attainment(10, None) is None
    assert attainment(10, 5) == 0.5
