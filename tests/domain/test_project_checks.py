"""A whole project and everything that may be wrong with it: each fault at its section and field, and only that one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.project_checks import NamedSupplier, Whole, check_project, share_fen, supported_fen
from marketplace.domain.project_plans import (
    BasicDraft,
    CostDraft,
    IndicatorDraft,
    Known,
    MemberDraft,
    MilestoneDraft,
    SupplierDraft,
    check_basic,
    check_costs,
    check_indicators,
    check_members,
    check_milestones,
    check_suppliers,
    check_texts,
    sections_of,
)
from marketplace.domain.projects import ProjectClass
from marketplace.pilot import load_pilot

PILOT = load_pilot()
RULES = PILOT.project
WAN = 1_000_000
BASIC = BasicDraft(
    "压床改造", "point", "teda", "auto", ("smart",), (), date(2026, 3, 1), date(2026, 11, 30), 500 * WAN, 80 * WAN, promised=True
)
SUPPLIERS = (
    NamedSupplier(SupplierDraft(1, "general", contract_fen=300 * WAN, signed=date(2026, 2, 1), share=0.7), "甲公司"),
    NamedSupplier(SupplierDraft(2, "sub", contract_fen=50 * WAN, share=0.3), "乙公司"),
)
COSTS = (
    CostDraft(2026, 1, "equipment", "压床", 300 * WAN, 60 * WAN, 240 * WAN),
    CostDraft(2026, 3, "software", "软件", 150 * WAN, 20 * WAN, 130 * WAN),
    CostDraft(2026, 4, "building", "地基", 50 * WAN, 0, 50 * WAN),
)
WHOLE = Whole(
    ProjectClass.CENTRAL,
    BASIC,
    {"background": "旧", "content": "新", "effect": "好"},
    problems=1,
    suppliers=SUPPLIERS,
    indicators=(IndicatorDraft("停机", "小时", "down", 26, 8, 60), IndicatorDraft("产量", "箱", "up", 100, 130, 40)),
    costs=COSTS,
    milestones=(MilestoneDraft("到货", date(2026, 6, 1)),),
    documents=frozenset({"plan", "licence"}),
)


def codes(whole: Whole, **values: Any) -> list[tuple[str, str, str]]:
    found = list(check_project(whole, RULES, documents=("plan", "licence"), **values))
    for fault in found:
        assert "{" not in fault.refused.sentence(), fault
    return [(str(fault.section), fault.field, fault.refused.code) for fault in found]


def test_a_whole_project_has_no_fault() -> None:
    assert codes(WHOLE) == []


def basic(**values: Any) -> Whole:
    return replace(WHOLE, basic=replace(BASIC, **values))


def supplier(number: int, **values: Any) -> Whole:
    rows = list(SUPPLIERS)
    rows[number] = replace(rows[number], draft=replace(rows[number].draft, **values))
    return replace(WHOLE, suppliers=tuple(rows))


@pytest.mark.parametrize(
    ("whole", "section", "field", "code"),
    [
        (basic(title=" "), "basic", "title", "required"),
        (basic(area=""), "basic", "area", "required"),
        (basic(sector=""), "basic", "sector", "required"),
        (basic(orientations=()), "basic", "orientations", "required"),
        (basic(promised=False), "basic", "promised", "not_promised"),
        (basic(starts=date(2024, 3, 31)), "basic", "starts", "outside_term"),
        (replace(WHOLE, is_enterprise=False), "basic", "title", "not_for_services"),
        (basic(asked_fen=None), "basic", "asked_fen", "required"),
        (replace(WHOLE, texts={"background": "旧", "content": "新"}), "content", "effect", "required"),
        (replace(WHOLE, problems=0), "problems", "problem", "no_problem"),
        (basic(level="chain"), "members", "members", "no_members"),
        (replace(WHOLE, members=(MemberDraft(7, "配套", 0.2),)), "basic", "level", "members_of_a_point"),
        (replace(WHOLE, suppliers=()), "suppliers", "suppliers", "no_supplier"),
        (supplier(1, share=0.2), "suppliers", "suppliers", "shares_not_whole"),
        (supplier(0, role="sub"), "suppliers", "suppliers", "no_general"),
        (supplier(0, contract_fen=501 * WAN), "suppliers", "suppliers", "contracts_over_total"),
        (supplier(0, signed=date(2024, 1, 1)), "suppliers", "0.signed", "contract_outside_term"),
        (
            replace(WHOLE, suppliers=(SUPPLIERS[0], replace(SUPPLIERS[1], in_pool=False))),
            "suppliers", "1.provider", "supplier_not_in_pool",
        ),
        (replace(WHOLE, indicators=()), "indicators", "indicators", "no_indicator"),
        (replace(WHOLE, indicators=(IndicatorDraft("停机", "时", "down", 26, 8, 99),)), "indicators", "indicators", "weights_not_whole"),
        (replace(WHOLE, indicators=(IndicatorDraft("停机", "时", "up", 26, 8, 100),)), "indicators", "0.target", "target_not_better"),
        (replace(WHOLE, indicators=(IndicatorDraft("停机", "时", "down", 8, 8, 100),)), "indicators", "0.target", "target_not_better"),
        (replace(WHOLE, costs=()), "costs", "costs", "no_costs"),
        (replace(WHOLE, milestones=()), "milestones", "milestones", "no_milestone"),
        (replace(WHOLE, milestones=(MilestoneDraft("晚", date(2026, 12, 1)),)), "milestones", "0.planned", "milestone_outside_project"),
        (replace(WHOLE, documents=frozenset({"plan"})), "documents", "licence", "no_document"),
    ],
)  # fmt: skip
def test_each_fault_by_itself(whole: Whole, section: str, field: str, code: str) -> None:
    assert codes(whole) == [(section, field, code)]


def test_days_that_are_missing_or_turned_around() -> None:
    assert ("basic", "ends", "required") in codes(basic(ends=None))
    assert ("basic", "ends", "ends_before_start") in codes(basic(ends=date(2026, 2, 1)))
    assert ("basic", "ends", "outside_term") in codes(basic(ends=date(2027, 1, 1)))


def test_amounts_that_do_not_add_up() -> None:
    """Each line, all lines against the total, the public money against what is asked for."""
    costs = (replace(COSTS[0], own_fen=239 * WAN), *COSTS[1:])
    assert codes(replace(WHOLE, costs=costs)) == [("costs", "0.amount_fen", "line_does_not_add_up")]
    # One fen is enough.
    costs = (replace(COSTS[0], amount_fen=300 * WAN + 1, own_fen=240 * WAN + 1), *COSTS[1:])
    assert codes(replace(WHOLE, costs=costs)) == [("costs", "costs", "costs_not_total")]
    costs = (replace(COSTS[0], fiscal_fen=60 * WAN - 1, own_fen=240 * WAN + 1), *COSTS[1:])
    assert codes(replace(WHOLE, costs=costs)) == [("costs", "costs", "fiscal_not_asked")]
    costs = (replace(COSTS[0], year=2025, quarter=4), *COSTS[1:])
    assert codes(replace(WHOLE, costs=costs)) == [("costs", "0.quarter", "cost_outside_project")]


def asked(fen: int, whole: Whole = WHOLE) -> Whole:
    """The same with so much asked for, in the plan as well."""
    first = whole.costs[0]
    rest = sum(row.fiscal_fen or 0 for row in whole.costs[1:])
    costs = (replace(first, fiscal_fen=fen - rest, own_fen=(first.amount_fen or 0) - fen + rest), *whole.costs[1:])
    return replace(whole, basic=replace(whole.basic, asked_fen=fen), costs=costs)


def test_the_share_of_the_class_to_the_fen() -> None:
    """A fifth of what counts: buildings do not, so that 450 of the 500 do."""
    assert supported_fen(COSTS, RULES) == 450 * WAN
    assert codes(asked(90 * WAN)) == []
    assert codes(asked(90 * WAN + 1)) == [("basic", "asked_fen", "over_share_of_supported")]
    assert codes(asked(100 * WAN + 1)) == [("basic", "asked_fen", "over_share_of_total")]


def test_the_cap_of_the_class_and_the_money_of_the_guide() -> None:
    whole = replace(WHOLE, project_class=ProjectClass.OTHER, problems=0)
    big = replace(
        whole, basic=replace(BASIC, total_fen=5_000 * WAN), costs=(CostDraft(2026, 2, "software", "软件", 5_000 * WAN, 0, 5_000 * WAN),)
    )
    assert codes(asked(300 * WAN, big)) == []
    assert codes(asked(300 * WAN + 1, big)) == [("basic", "asked_fen", "over_cap")]
    assert codes(WHOLE, left_fen=80 * WAN) == []
    assert codes(WHOLE, left_fen=80 * WAN - 1) == [("basic", "asked_fen", "over_budget")]


def test_the_least_total_of_the_municipal_class() -> None:
    whole = asked(40 * WAN, replace(WHOLE, project_class=ProjectClass.MUNICIPAL))
    assert codes(whole) == [("basic", "total_fen", "total_too_small")]


def test_class_three_is_for_services_and_asks_for_less() -> None:
    whole = Whole(
        ProjectClass.OTHER, replace(BASIC, promised=False), WHOLE.texts, costs=COSTS, documents=WHOLE.documents, is_enterprise=False
    )  # fmt: skip
    assert codes(whole) == []


def test_an_empty_project_names_every_section() -> None:
    found = {section for section, _field, _code in codes(Whole())}
    assert found == {"basic", "content", "problems", "suppliers", "indicators", "costs", "milestones", "documents"}


def test_sections_by_level_and_applicant() -> None:
    assert "members" not in sections_of("point", is_enterprise=True)
    assert "members" in sections_of("chain", is_enterprise=True)
    assert "problems" not in sections_of("point", is_enterprise=False)


@given(st.integers(0, 10**15), st.sampled_from([0.1, 0.15, 0.2, 0.3, 0.5, 1.0]))
def test_a_share_is_never_above_itself(total: int, share: float) -> None:
    """In whole fen, and never above what exact arithmetic gives."""
    found = share_fen(total, share)
    hundredths = round(share * 100)
    assert found * 100 <= total * hundredths < (found + 1) * 100


KNOWN = Known(frozenset({1}), frozenset({5}), frozenset({"equipment"}))


@pytest.mark.parametrize(
    ("found", "field"),
    [
        (check_basic(BasicDraft()), "title"),
        (check_basic(BasicDraft("x", area="a" * 65)), "area"),
        (check_basic(BasicDraft("x", total_fen=-1)), "total_fen"),
        (check_basic(BasicDraft("x", asked_fen=10**16)), "asked_fen"),
        (check_basic(BasicDraft("x", starts=date(2026, 2, 1), ends=date(2026, 1, 1))), "ends"),
        (check_texts({"content": "长" * 10_001}), "content"),
        (check_members([MemberDraft(6, "x", 0.1)], KNOWN, most=9), "0.enterprise"),
        (check_members([MemberDraft(5), MemberDraft(5)], KNOWN, most=9), "0.enterprise"),
        (check_members([MemberDraft(5, "x", 1.5)], KNOWN, most=9), "0.share"),
        (check_members([MemberDraft(5)], KNOWN, most=0), "members"),
        (check_suppliers([SupplierDraft(2)], KNOWN, most=9), "0.provider"),
        (check_suppliers([SupplierDraft(1, "boss")], KNOWN, most=9), "0.role"),
        (check_suppliers([SupplierDraft(1, share=None)], KNOWN, most=9), "0.share"),
        (check_suppliers([SupplierDraft(1, contract_fen=-5)], KNOWN, most=9), "0.contract_fen"),
        (check_suppliers([SupplierDraft(1)] * 3, KNOWN, most=2), "suppliers"),
        (check_indicators([IndicatorDraft("", "", "up", 1, 2, 10)]), "0.name"),
        (check_indicators([IndicatorDraft("x", "", "up", None, 2, 10)]), "0.baseline"),
        (check_indicators([IndicatorDraft("x", "", "up", 1, 1e300, 10)]), "0.target"),
        (check_indicators([IndicatorDraft("x", "", "aside", 1, 2, 10)]), "0.direction"),
        (check_indicators([IndicatorDraft("x", "", "up", 1, 2, 0)]), "0.weight"),
        (check_costs([CostDraft(2026, 5, "equipment", "x", 2, 1, 1)], KNOWN), "0.quarter"),
        (check_costs([CostDraft(2026, 1, "party", "x", 2, 1, 1)], KNOWN), "0.kind"),
        (check_costs([CostDraft(2026, 1, "equipment", "", 2, 1, 1)], KNOWN), "0.item"),
        (check_costs([CostDraft(2026, 1, "equipment", "x", 2, 3, -1)], KNOWN), "0.amount_fen"),
        (check_costs([CostDraft(2026, 1, "equipment", "x", 2, 1, 2)], KNOWN), "0.amount_fen"),
        (check_costs([CostDraft(2026, 1, "equipment", "x", 0, 0, 0)], KNOWN), "0.amount_fen"),
        (check_costs([CostDraft(2026, 1, "equipment", "x", 2, None, 2)], KNOWN), "0.amount_fen"),
        (check_milestones([MilestoneDraft("", date(2026, 1, 1))]), "0.title"),
        (check_milestones([MilestoneDraft("x", None)]), "0.planned"),
    ],
)
def test_what_may_not_be_stored(found: Any, field: str) -> None:
    rows = list(found)
    assert field in [name for name, _refused in rows]
    for _name, refused in rows:
        assert "{" not in refused.sentence()
