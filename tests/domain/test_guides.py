"""Guides: what may be kept, every machine rule with a sentence, and when one takes submissions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest

from marketplace.domain.access import Role
from marketplace.domain.guides import (
    RULE_WORDS,
    TABLE,
    GuideDraft,
    GuideState,
    Rule,
    check,
    check_conditions,
    is_open,
)
from marketplace.domain.lifecycle import Refused, decide
from marketplace.domain.project_checks import NamedSupplier, Whole
from marketplace.domain.project_plans import BasicDraft, SupplierDraft

GOOD = GuideDraft("central", "2026 年第一批", "重点支持……", opens=date(2026, 11, 1), closes=date(2026, 12, 31), documents=("plan",))
BASIC = BasicDraft(
    "改造", "point", "development", "auto", ("smart",), (), date(2026, 1, 1), date(2026, 12, 1), 500_000_000, 50_000_000, promised=True
)
WHOLE = Whole(basic=BASIC, above_scale=True, diagnosed=True, suppliers=(NamedSupplier(SupplierDraft(1), "甲公司"),))


def codes(draft: GuideDraft) -> set[tuple[str, str]]:
    return {(field, refused.code) for field, refused in check(draft, documents=["plan", "licence"])}


def test_a_good_draft_has_no_fault() -> None:
    assert codes(GOOD) == set()
    conditions: tuple[dict[str, Any], ...] = (
        {"rule": "least_total", "value": 500}, {"rule": "sectors", "value": ["auto"]}, {"rule": "finish_by", "value": "2026-12-31"},
        {"rule": "above_scale"}, {"rule": "text", "text": "近两年没有重大事故"},
    )  # fmt: skip
    assert codes(replace(GOOD, conditions=conditions)) == set()


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"project_class": "national"}, "project_class", "required"),
        ({"title": " "}, "title", "required"),
        ({"title": "长" * 201}, "title", "too_long"),
        ({"text": ""}, "text", "required"),
        ({"opens": None}, "opens", "no_day"),
        ({"closes": None}, "closes", "no_day"),
        ({"closes": date(2026, 10, 31)}, "closes", "closes_before_it_opens"),
        ({"budget_fen": 0}, "budget", "bad_budget"),
        ({"budget_fen": -5}, "budget", "bad_budget"),
        ({"budget_fen": 10**18}, "budget", "bad_budget"),
        ({"documents": ("plan", "secret")}, "documents", "unknown_document"),
        ({"conditions": ({"rule": "magic"},)}, "0.rule", "unknown_rule"),
        ({"conditions": ({},)}, "0.rule", "unknown_rule"),
        ({"conditions": ({"rule": "least_total", "value": "much"},)}, "0.value", "no_amount_of_rule"),
        ({"conditions": ({"rule": "most_total", "value": -1},)}, "0.value", "no_amount_of_rule"),
        ({"conditions": ({"rule": "most_total", "value": True},)}, "0.value", "no_amount_of_rule"),
        ({"conditions": ({"rule": "sectors", "value": []},)}, "0.value", "no_keys_of_rule"),
        ({"conditions": ({"rule": "areas", "value": "all"},)}, "0.value", "no_keys_of_rule"),
        ({"conditions": ({"rule": "finish_by", "value": "soon"},)}, "0.value", "no_day_of_rule"),
        ({"conditions": ({"rule": "text", "text": ""},)}, "0.text", "required"),
        ({"conditions": ({"rule": "diagnosed"},) * 51}, "conditions", "too_many_rows"),
    ],
)
def test_what_may_not_be_kept(values: dict[str, Any], field: str, code: str) -> None:
    assert (field, code) in codes(replace(GOOD, **values))


@pytest.mark.parametrize(
    ("row", "whole", "field", "code"),
    [
        ({"rule": "least_total", "value": 501}, WHOLE, "total_fen", "guide_least_total"),
        ({"rule": "most_total", "value": 499.9}, WHOLE, "total_fen", "guide_most_total"),
        ({"rule": "sectors", "value": ["chem"]}, WHOLE, "sector", "guide_sectors"),
        ({"rule": "levels", "value": ["chain", "cluster"]}, WHOLE, "level", "guide_levels"),
        ({"rule": "areas", "value": ["port"]}, WHOLE, "area", "guide_areas"),
        ({"rule": "finish_by", "value": "2026-11-30"}, WHOLE, "ends", "guide_finish_by"),
        ({"rule": "above_scale"}, replace(WHOLE, above_scale=False), "title", "guide_above_scale"),
        ({"rule": "diagnosed"}, replace(WHOLE, diagnosed=False), "title", "guide_diagnosed"),
        ({"rule": "no_double_support"}, replace(WHOLE, basic=replace(BASIC, promised=False)), "promised", "not_promised"),
        (
            {"rule": "suppliers_in_pool"},
            replace(WHOLE, suppliers=(NamedSupplier(SupplierDraft(1), "甲公司", in_pool=False),)),
            "0.provider",
            "supplier_not_in_pool",
        ),
    ],
)
def test_every_machine_rule_refuses_with_a_sentence(row: dict[str, Any], whole: Whole, field: str, code: str) -> None:
    (fault,) = check_conditions(whole, [row], {"chem": "化工"})
    assert (fault.field, fault.refused.code) == (field, code)
    assert fault.refused.sentence()
    assert "{" not in fault.refused.sentence()


def test_every_machine_rule_lets_pass_what_fulfils_it() -> None:
    rows: list[dict[str, Any]] = [
        {"rule": "least_total", "value": 500}, {"rule": "most_total", "value": 500}, {"rule": "sectors", "value": ["auto"]},
        {"rule": "levels", "value": ["point"]}, {"rule": "areas", "value": ["development"]}, {"rule": "finish_by", "value": "2026-12-01"},
        {"rule": "above_scale"}, {"rule": "diagnosed"}, {"rule": "no_double_support"}, {"rule": "suppliers_in_pool"},
        {"rule": "text", "text": "没有重大事故"}, {"rule": "of a later version", "value": 1},
    ]  # fmt: skip
    assert {row["rule"] for row in rows} - {"of a later version"} == set(Rule)
    assert list(check_conditions(WHOLE, rows)) == []
    assert set(RULE_WORDS) == set(Rule)


def test_words_of_keys_stand_in_the_sentence() -> None:
    (fault,) = check_conditions(WHOLE, [{"rule": "sectors", "value": ["chem", "electronics"]}], {"chem": "化工"})
    assert "化工、electronics" in fault.refused.sentence()


def test_open_until_its_last_day() -> None:
    opens, closes = date(2026, 11, 1), date(2026, 11, 30)
    for state, day, found in (
        (GuideState.PUBLISHED, opens, True), (GuideState.PUBLISHED, closes, True), (GuideState.PUBLISHED, date(2026, 12, 1), False),
        (GuideState.PUBLISHED, date(2026, 10, 31), False), (GuideState.DRAFT, opens, False), (GuideState.CLOSED, opens, False),
    ):  # fmt: skip
        assert is_open(state, opens, closes, day) is found, (state, day)


def test_every_state_event_and_role() -> None:
    expected = {("draft", "publish"): "published", ("published", "close"): "closed", ("closed", "announce"): "announced"}
    for state, event, role in product(GuideState, ("publish", "close", "announce", "none"), Role):
        found = decide(TABLE, state, event, {role})
        to = expected.get((state, event))
        if to and role in (Role.BUREAU, Role.ADMIN):
            assert not isinstance(found, Refused)
            assert found.to == to
        else:
            assert isinstance(found, Refused)
