"""Evidence: every state, event and role; what is refused and what is doubted; what an invoice's words say; photo hashes."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.access import Role
from marketplace.domain.evidence import (
    FINDING_TABLE,
    TABLE,
    EvidenceDraft,
    EvidenceState,
    FindingState,
    Frame,
    bands,
    check,
    distance,
    doubts,
    normal_number,
    says_something,
)
from marketplace.domain.invoice_reading import Suggestion, read_invoice
from marketplace.domain.lifecycle import Refused, Transition, decide

TODAY = date(2026, 11, 25)
FRAME = Frame(
    TODAY, frozenset({"invoice", "photo", "paid"}), frozenset({"equipment"}), frozenset({7}), date(2026, 1, 1), date(2026, 12, 31),
    {"甲公司": 10_000_000, "乙公司": None}, {"甲公司": 6_000_000}, 50_000_000,
)  # fmt: skip
INVOICE = EvidenceDraft("invoice", 3_000_000, "26112000000123456789", date(2026, 6, 1), "甲公司", "equipment", 7)


@pytest.mark.parametrize("table", ["evidence", "finding"])
def test_every_state_event_and_role(table: str) -> None:
    rows, states = (TABLE, EvidenceState) if table == "evidence" else (FINDING_TABLE, FindingState)
    expected = (
        {("uploaded", "count"): "counted", ("uploaded", "supersede"): "superseded", ("counted", "supersede"): "superseded"}
        if table == "evidence"
        else {("open", "explain"): "explained", ("open", "uphold"): "upheld", ("explained", "uphold"): "upheld"}
    )
    may = {Role.ENTERPRISE, Role.ADMIN} if table == "evidence" else {Role.MANAGER, Role.BUREAU, Role.ADMIN}
    for state, event, role in product(states, {row.event for row in rows}, Role):
        to = expected.get((str(state), event), "")
        found = decide(rows, state, event, {role})
        if not to or role not in may:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == ("not_allowed" if to else "wrong_state")
        else:
            assert isinstance(found, Transition)
            assert found.to == to


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"kind": "poem"}, "kind", "unknown_kind"),
        ({"amount_fen": None}, "amount", "amount_missing"),
        ({"amount_fen": 0}, "amount", "amount_not_positive"),
        ({"amount_fen": -1}, "amount", "amount_not_positive"),
        ({"amount_fen": 10**16}, "amount", "amount_too_large"),
        ({"invoice_number": " "}, "invoice_number", "required"),
        ({"invoice_number": "12;DROP"}, "invoice_number", "not_a_number"),
        ({"invoice_date": None}, "invoice_date", "date_missing"),
        ({"invoice_date": date(2026, 11, 26)}, "invoice_date", "future"),
        ({"cost": "champagne"}, "cost", "unknown_cost"),
        ({"milestone_id": 8}, "milestone", "unknown_milestone"),
        ({"kind": "photo"}, "place", "required"),
        ({"kind": "photo", "place": "车间", "taken_on": None}, "taken_on", "date_missing"),
        ({"note": "长" * 2_001}, "note", "too_long"),
    ],
)
def test_what_may_not_be_counted(changed: dict[str, object], field: str, code: str) -> None:
    draft = EvidenceDraft(**{**vars(INVOICE), **changed})
    assert (field, code) in [(name, refused.code) for name, refused in check(draft, FRAME)]


def test_what_may_be_counted_and_what_is_looked_at() -> None:
    assert list(check(INVOICE, FRAME)) == []
    assert doubts(INVOICE, FRAME) == []

    def doubted(**changed: object) -> list[str]:
        return [one.code for one in doubts(EvidenceDraft(**{**vars(INVOICE), **changed}), FRAME)]

    assert doubted(invoice_date=date(2025, 12, 31)) == ["before_term"]
    assert doubted(invoice_date=date(2027, 1, 1)) == ["after_term"]
    # The contract is 10 万元, 6 are invoiced: 4 more are the last.
    assert doubted(amount_fen=4_000_000) == []
    assert doubted(amount_fen=4_000_001) == ["above_contract"]
    assert doubted(seller="乙公司", amount_fen=44_000_001) == ["above_total"]
    assert doubted(seller="丙公司") == []
    only = Frame(**{**vars(FRAME), "only_suppliers": True})
    assert [one.code for one in doubts(EvidenceDraft(**{**vars(INVOICE), "seller": "丙公司"}), only)] == ["other_seller"]
    sentence = doubts(EvidenceDraft(**{**vars(INVOICE), "amount_fen": 5_000_000}), FRAME)[0].sentence()
    assert sentence == "“甲公司”的发票合计 11 万元，超过合同的 10 万元。"


def test_numbers_are_compared_without_blanks() -> None:
    assert normal_number(" 2611-2000 0000 1234 ") == "2611200000001234"


@given(st.integers(0, 2**64 - 1), st.lists(st.integers(0, 63), max_size=7))
def test_near_hashes_share_a_band(number: int, flips: list[int]) -> None:
    """That is why the index by bands finds all that differ in up to seven bits."""
    other = number
    for bit in flips:
        other ^= 1 << bit
    one, two = f"{number:016x}", f"{other:016x}"
    assert distance(one, two) <= 7
    assert set(bands(one)) & set(bands(two))


def test_a_picture_without_anything_in_it_says_nothing() -> None:
    assert not says_something("")
    assert not says_something("0" * 16)
    assert not says_something("f" * 16)
    assert says_something("00ff00ff00ff00ff")


PDF_WORDS = """电子发票（增值税专用发票）
发票号码：26112000000123456789
开票日期：2026年06月01日
购 名称：滨海某某化工有限公司
买 统一社会信用代码/纳税人识别号：91120116MA05TEST0X
销 名称：天津某某软件有限公司
售 统一社会信用代码/纳税人识别号：91120116MA05TEST1Y
合 计 ¥100000.00 ¥13000.00
价税合计（大写） 壹拾壹万叁仟圆整 （小写） ¥113,000.00"""


def test_what_the_words_of_an_invoice_say() -> None:
    assert read_invoice(PDF_WORDS) == Suggestion("26112000000123456789", date(2026, 6, 1), 11_300_000, "天津某某软件有限公司")
    named = "EIid\t26112000000000000001\nRequestTime\t2026-05-03T10:00:00\nSellerName\t甲公司\nTotalTax-includedAmount\t1234.56"
    assert read_invoice(named) == Suggestion("26112000000000000001", date(2026, 5, 3), 123_456, "甲公司")


@pytest.mark.parametrize(
    "words", ["", "\t\t\n\t", "发票号码：12", "开票日期：2026年13月40日", "（小写）¥0.00", "a" * 300_000, "EIid\t" + "9" * 90]
)
def test_what_says_nothing_suggests_nothing(words: str) -> None:
    assert not read_invoice(words)


def test_two_numbers_are_no_suggestion() -> None:
    assert read_invoice("发票号码：11112222\n发票号码：33334444").number == ""


@given(st.text(max_size=300))
def test_no_words_break_the_reading(words: str) -> None:
    found = read_invoice("发票号码：" + words + "\n开票日期：" + words + "（小写）" + words)
    assert found.amount_fen is None or found.amount_fen > 0
