"""What may be stored, and the sentence when it may not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain import cases, enterprises, problems, providers, scenarios, solutions
from marketplace.domain.credit_code import ALPHABET, check_character, check_credit_code
from marketplace.domain.matches import OutcomeDraft, check_outcome
from marketplace.domain.money import fen_from_wan, range_text, wan_from_fen
from marketplace.domain.texts import as_written

GOOD = "919900006639233244"


def said(checks: object) -> list[tuple[str, str]]:
    return [(field, refused.sentence()) for field, refused in checks]  # type: ignore[attr-defined]


def test_a_good_credit_code() -> None:
    assert check_credit_code(GOOD) is None


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (GOOD[:17], "统一社会信用代码应为 18 位，现在是 17 位。"),
        (GOOD[:17] + "U", "统一社会信用代码第 18 位应为 4，现在是 U。请对照营业执照。"),
        ("91990000663923324O", "统一社会信用代码第 18 位“O”不是允许的字符（数字或大写字母，不含 I、O、S、V、Z）。"),
        ("9199000066I9233244", "统一社会信用代码第 11 位“I”不是允许的字符（数字或大写字母，不含 I、O、S、V、Z）。"),
    ],
)
def test_a_bad_credit_code_says_where(code: str, sentence: str) -> None:
    refused = check_credit_code(code)
    assert refused is not None
    assert refused.sentence() == sentence


@given(st.text(ALPHABET, min_size=17, max_size=17), st.integers(0, 16), st.sampled_from(ALPHABET))
def test_any_one_wrong_character_is_found(first: str, place: int, other: str) -> None:
    code = first + check_character(first)
    assert check_credit_code(code) is None
    changed = code[:place] + other + code[place + 1 :]
    # GB 32100 is a weighted sum modulo 31 whose weights are all invertible: one wrong character always shows.
    assert (check_credit_code(changed) is None) == (changed == code)


@given(st.integers(-(10**15), 10**15))
def test_money_survives_wan(fen: int) -> None:
    assert fen_from_wan(wan_from_fen(fen)) == fen
    assert fen_from_wan(str(wan_from_fen(fen))) == fen


@given(st.decimals(min_value=0, max_value=10**8, places=6))
def test_wan_survives_fen(wan: Decimal) -> None:
    assert wan_from_fen(fen_from_wan(wan)) == wan


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (None, None, ""),
        (45_000_000, 135_000_000, "45–135 万元"),
        (60_000_000, 60_000_000, "60 万元"),
        (None, 500_000, "0.5 万元"),
        (1_280_000_000, None, "1,280 万元"),
    ],
)
def test_ranges_as_text(low: int | None, high: int | None, text: str) -> None:
    assert range_text(low, high) == text


def test_solutions() -> None:
    draft = solutions.SolutionDraft(title="甲", sectors=["chem"], price_low_fen=90_000_000, price_high_fen=60_000_000, references=-1)
    assert said(solutions.check(draft)) == [
        ("price_wan", "报价最低 90 万元高于最高 60 万元，请对调或修改。"),
        ("references", "已实施数量不能是负数。"),
    ]
    assert said(solutions.check(solutions.SolutionDraft(title=" "))) == [
        ("title", "标题没有填。"),
        ("sectors", "适用行业没有填，至少选一个。"),
    ]
    long = solutions.SolutionDraft(title="长" * 201, summary="长" * 20_001, sectors=["chem"], weeks_low=9, weeks_high=4)
    assert said(solutions.check(long)) == [
        ("title", "标题有 201 个字，最多 200 个。"),
        ("summary", "简介有 20001 个字，最多 20,000 个。"),
        ("delivery_weeks", "工期最低 9 周高于最高 4 周，请对调或修改。"),
    ]
    assert said(solutions.check(solutions.SolutionDraft(title="甲", sectors=["chem"], solves=["长" * 501]))) == [
        ("solves", f"解决的痛点里“{'长' * 10}…”这一项有 501 个字，最多 500 个。多项请用顿号或分号隔开。"),
    ]


def test_enterprises() -> None:
    draft = enterprises.EnterpriseDraft(
        code=GOOD, name="甲", sector="chem", gbt4754="C26", staff=-3, revenue_fen=-1, above_scale_years=["2022", "22"]
    )
    assert said(enterprises.check(draft)) == [
        ("gbt4754", "国民经济行业代码应是 2 到 4 位数字，如 2651，现在是“C26”。"),
        ("above_scale_years", "规上年份应是 1900 到 2100 之间的年份，现在是 22。"),
        ("revenue_wan", "营业收入不能是负数。"),
        ("staff", "人数不能是负数。"),
    ]
    assert said(enterprises.check(enterprises.EnterpriseDraft())) == [("name", "企业名称没有填。"), ("sector", "行业没有填。")]


def test_providers() -> None:
    draft = providers.ProviderDraft(code=GOOD, name="甲", founded=20_011, staff=20_000_000, financials=[{"year": 2023, "debt_ratio": 38.0}])
    assert said(providers.check(draft)) == [
        ("founded", "成立年份应是 1900 到 2100 之间的年份，现在是 20011。"),
        ("staff", "人数最多 10,000,000，现在是 20,000,000。"),
        ("financials", "资产负债率应写成 0 到 1 的小数或百分数，现在是 38.0。"),
    ]
    assert providers.check_local_service(local_office=True, local_commitment=False) is None
    refused = providers.check_local_service(local_office=False, local_commitment=False)
    assert refused is not None
    assert refused.sentence() == "在本地没有团队或办公场地，也没有签署《本地化服务承诺》。"


def test_cases() -> None:
    draft = cases.CaseDraft(signed="2023-05", completed="2022-09", cost_fen=-1, effects=[{"indicator": " "}])
    assert said(cases.check(draft)) == [
        ("completed", "完成 2022-09 早于签约 2023-05，请对调或修改。"),
        ("cost_wan", "合同金额不能是负数。"),
        ("effects", "实施效果里有一项没有写指标名称。"),
    ]


def test_scenarios() -> None:
    own = scenarios.ScenarioDraft(code="X-1", name="甲", sector="chem", kind="individual")
    assert said(scenarios.check(own)) == [("enterprise_code", "企业个性化场景要写明是哪家企业（统一社会信用代码）。")]
    typical = scenarios.ScenarioDraft(code="X-1", name="甲", sector="chem", kind="typical", enterprise_code=GOOD)
    assert said(scenarios.check(typical)) == [("enterprise_code", "行业共性典型场景不属于某一家企业，请清空企业信用代码或改类别。")]


def test_problems() -> None:
    assert said(problems.check(problems.ProblemDraft(text="", budget_low_fen=-1))) == [
        ("text", "问题没有填。写一句现场的情况就可以。"),
        ("budget_wan", "预算不能是负数。"),
    ]
    assert problems.budget_band(None) is None
    assert problems.budget_band(60_000_000) == (50, 100)
    assert problems.budget_band(60_000_000_000) == (5000, None)
    assert problems.redacted("甲乙丙丁公司在东区的问题", "甲乙丙丁公司（示例）", ("东区",)) == "某企业在某园区的问题"


def test_outcomes() -> None:
    assert said(check_outcome(OutcomeDraft(decision="declined", acceptance="passed", score=120.0))) == [
        ("acceptance", "没有接受的对接不会有项目结果，请清空这一列或修改答复。"),
        ("score", "没有接受的对接不会有项目结果，请清空这一列或修改答复。"),
        ("score", "验收得分应在 0 到 100 之间，现在是 120。"),
    ]
    assert said(check_outcome(OutcomeDraft(decision="accepted", decline_reason="太贵", enterprise_rating=6.0))) == [
        ("decline_reason", "已接受的对接没有谢绝理由，请清空这一列或修改答复。"),
        ("enterprise_rating", "企业评分应在 1 到 5 之间，现在是 6。"),
    ]


def test_a_figure_is_shown_as_it_was_written() -> None:
    """A target of 0.35 is not 0.3, and two million are not 2e+06: both stand in agreements."""
    assert [as_written(value) for value in (0.35, 28.4, 12, 2_500_000, 0.000125, 0.0)] == [
        "0.35",
        "28.4",
        "12",
        "2,500,000",
        "0.000125",
        "0",
    ]
