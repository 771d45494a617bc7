"""Showcases, policies and complaints by their tables: who may, what may be kept, what is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest

from marketplace.domain import complaints, policies, showcases
from marketplace.domain.access import Role
from marketplace.domain.complaints import ComplaintDraft
from marketplace.domain.lifecycle import Refused, decide
from marketplace.domain.policies import PolicyDraft, PolicyVersionState, Standing, standing_of
from marketplace.domain.showcases import ShowcaseDraft, Subject, change_of, effects_of, names_told, tells_cost
from marketplace.pilot import load_pilot

EFFECT = {"name": "停机", "unit": "小时/月", "before": 26, "after": 8}
GOOD = ShowcaseDraft("压床改造", "停机少了", "point", "auto", problem="停机多", approach="加传感器", effects=(EFFECT,))
POLICY = PolicyDraft("funds", "资金管理办法", "津滨工信〔2026〕1 号", "区工信局", date(2026, 3, 1), text="第一条……")
WRITTEN = ComplaintDraft("complaint", "provider", "服务商答应三天到场，等了两周没有人来。")
WORDS = load_pilot().catalogue


def codes(found: Any) -> set[tuple[str, str]]:
    return {(field, refused.code) for field, refused in found}


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"title": ""}, "title", "required"),
        ({"problem": " "}, "problem", "required"),
        ({"approach": "长" * 10_001}, "approach", "too_long"),
        ({"level": ""}, "level", "required"),
        ({"sector": ""}, "sector", "required"),
        ({"cost_fen": 0}, "cost", "bad_cost"),
        ({"starts": date(2026, 5, 1), "finished": date(2026, 4, 1)}, "finished", "ends_before_start"),
        ({"effects": ()}, "effects", "no_effect"),
        ({"effects": ({"name": "", "before": 1, "after": 2},)}, "effects", "bad_row"),
        ({"effects": ({"name": "停机", "before": None, "after": 2},)}, "effects", "no_figures"),
        ({"effects": (EFFECT,) * 21}, "effects", "too_many_rows"),
        ({"templates": ({"name": " "},)}, "templates", "bad_row"),
    ],
)
def test_what_a_showcase_may_not_hold(values: dict[str, Any], field: str, code: str) -> None:
    assert codes(showcases.check(GOOD)) == set()
    assert (field, code) in codes(showcases.check(replace(GOOD, **values)))


def test_nothing_is_let_out_before_all_agreed_nor_by_its_writer() -> None:
    agreed, manager = Subject(("agreed", "agreed"), 1, 2), {Role.MANAGER}
    assert not isinstance(decide(showcases.TABLE, "reviewing", "publish", manager, agreed), Refused)
    for subject, code in (
        (replace(agreed, actor=1), "same_person"), (replace(agreed, answers=("agreed", "asked")), "consent_missing"),
        (replace(agreed, answers=("declined",)), "consent_missing"), (replace(agreed, answers=()), "consent_missing"),
    ):  # fmt: skip
        found = decide(showcases.TABLE, "reviewing", "publish", manager, subject)
        assert isinstance(found, Refused)
        assert found.code == code


def test_only_the_offices_publish_and_only_parties_agree() -> None:
    subject = Subject(("agreed",), 1, 2)
    for role, event, state in product(Role, ("publish", "agree"), showcases.ShowcaseState):
        allowed = {
            "publish": ("reviewing", {Role.MANAGER, Role.BUREAU, Role.ADMIN}),
            "agree": ("consenting", {Role.ENTERPRISE, Role.PROVIDER}),
        }
        wanted, roles = allowed[event]
        passes = not isinstance(decide(showcases.TABLE, state, event, {role}, subject), Refused)
        assert passes == (state == wanted and role in roles), (role, event, state)


def test_what_a_text_gives_away() -> None:
    assert tells_cost(["总投资 1,280 万元，分两期"], 1_280_000_000)
    assert tells_cost(["投了72.5万"], 72_500_000)
    assert not tells_cost(["总投资未写"], 1_280_000_000)
    assert not tells_cost(["1280 小时"], 1_280_000_000)
    assert not tells_cost(["1280 万元"], None)
    assert names_told(["由滨海秘名轴承一起做"], ["天津滨海秘名轴承有限公司", "滨海秘名轴承（示例）"]) == ["滨海秘名轴承（示例）"]


def test_before_and_after_come_from_the_measures() -> None:
    rows = [
        {"name": "停机", "unit": "小时", "baseline": 26, "target": 10, "measured": 8},
        {"name": "没有测", "baseline": 1, "measured": None},
    ]
    assert effects_of(rows) == [{"name": "停机", "unit": "小时", "before": 26, "after": 8}]
    assert change_of(26, 8) == pytest.approx(-0.6923, abs=1e-4)
    assert change_of(-2, -1) == 0.5
    assert change_of(0, 8) is None


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"topic": "weather"}, "topic", "required"),
        ({"title": ""}, "title", "required"),
        ({"issuer": ""}, "issuer", "required"),
        ({"issued": None}, "issued", "no_day"),
        ({"valid_from": date(2026, 5, 1), "valid_until": date(2026, 4, 30)}, "valid_until", "ends_before_start"),
    ],
)
def test_what_a_policy_may_not_hold(values: dict[str, Any], field: str, code: str) -> None:
    assert codes(policies.check(POLICY)) == set()
    assert (field, code) in codes(policies.check(replace(POLICY, **values)))


def test_a_policy_holds_between_its_days() -> None:
    first, last, state = date(2026, 4, 1), date(2026, 6, 30), PolicyVersionState.PUBLISHED
    days = {date(2026, 3, 31): Standing.COMING, first: Standing.VALID, last: Standing.VALID, date(2026, 7, 1): Standing.EXPIRED}
    assert {day: standing_of(state, first, last, day) for day in days} == days
    assert standing_of(state, None, None, first) == Standing.VALID
    assert standing_of(PolicyVersionState.REPEALED, None, None, first) == Standing.REPEALED
    assert standing_of(PolicyVersionState.SUPERSEDED, first, last, first) == Standing.SUPERSEDED
    assert standing_of(PolicyVersionState.DRAFT, None, None, first) == Standing.DRAFT
    found = decide(policies.TABLE, "draft", "publish", {Role.BUREAU}, policies.Subject(False))
    assert isinstance(found, Refused)
    assert found.code == "no_content"


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"kind": ""}, "kind", "required"),
        ({"about": "weather"}, "about", "required"),
        ({"text": "太短"}, "text", "too_short"),
        ({"text": "长短不一的话" * 400}, "text", "too_long"),
        ({"text": "请打 13812345678 找王先生，服务商一直没有来。"}, "text", "contact_in_text"),
        ({"text": "请加微信号 jigai2026 联系，服务商一直没有来。"}, "text", "contact_in_text"),
        ({"text": "退钱退钱退钱退钱退钱退钱退钱退钱退钱退钱退钱退钱"}, "text", "repeated"),
        ({"contact": "1" * 101}, "contact", "too_long"),
    ],
)
def test_what_a_complaint_may_not_hold(values: dict[str, str], field: str, code: str) -> None:
    assert codes(complaints.check(WRITTEN, WORDS)) == set()
    assert (field, code) in codes(complaints.check(replace(WRITTEN, **values), WORDS))


def test_praise_and_blame_are_the_writers_own() -> None:
    """What a provider may not say of itself, a complaint may quote."""
    assert codes(complaints.check(replace(WRITTEN, text="服务商自称国家级最佳产品，来了以后什么也没有做。"), WORDS)) == set()


def test_what_is_about_an_office_is_not_for_that_office() -> None:
    assert complaints.handlers_of("provider") == {Role.MANAGER, Role.BUREAU, Role.ADMIN}
    assert complaints.handlers_of("manager") == {Role.BUREAU, Role.ADMIN}
    assert complaints.hidden_from(frozenset({Role.MANAGER})) == ["manager"]
    assert complaints.hidden_from(frozenset({Role.BUREAU})) == []
    assert complaints.hidden_from(frozenset({Role.CENTRE})) == list(complaints.ABOUT)
