"""How figures, money and dates are written, and how a search becomes an address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape
from werkzeug.datastructures import MultiDict

from indexer.query import Kind, Sort
from marketplace.domain.problems import names_of
from marketplace.domain.ratings import TrackRecord
from marketplace.search_address import KINDS, parse, query_of
from marketplace.web import budgets, help, wording
from marketplace.web.marking import spans
from recommender.ranking import BUSINESS, CONTENT

WAN = 1_000_000


@pytest.fixture
def chinese(demo_app: Flask) -> Iterator[None]:
    with demo_app.test_request_context("/?lang=zh"):
        yield


@pytest.fixture
def english(demo_app: Flask) -> Iterator[None]:
    with demo_app.test_request_context("/?lang=en"):
        yield


@pytest.mark.usefixtures("chinese")
def test_money_and_figures_in_chinese() -> None:
    assert wording.price(45 * WAN, 135 * WAN) == "45–135 万元"
    assert wording.price(None, None) == "价格面议"
    assert wording.price(WAN // 2, WAN // 2) == "0.5 万元"
    assert wording.amount(725 * WAN // 10) == "72.5 万元"
    assert wording.amount(1_280 * WAN) == "1,280 万元"
    assert wording.amount(None) == ""
    assert wording.revenue(156_000 * WAN) == "15.60 亿元"
    assert wording.revenue(8_620 * WAN) == "8,620 万元"
    assert wording.band(30 * WAN) == "20–50 万元"
    assert wording.band(10 * WAN) == "20 万元以内"
    assert wording.band(9_000 * WAN) == "5,000 万元以上"
    assert wording.band(None) == "未填"
    assert wording.weeks(8, 14) == "8–14 周"
    assert wording.weeks(None, None) == "未填"
    assert wording.figure(1234.5) == "1,234.5"
    assert wording.percent(54, 78) == "69 %"
    assert wording.percent(0, 0) == "–"


@pytest.mark.usefixtures("english")
def test_money_in_english() -> None:
    assert wording.price(45 * WAN, 135 * WAN) == "CNY 450,000–1,350,000"
    assert wording.price(None, None) == "Price on request"
    assert wording.amount(725 * WAN // 10 + 5) == "CNY 725,000.05"
    assert wording.band(30 * WAN) == "CNY 200,000–500,000"
    assert wording.term("sector", "auto") == "Automobile manufacturing"


@pytest.mark.usefixtures("chinese")
def test_effects_before_and_after() -> None:
    assert wording.effect({"before": 26, "after": 8, "unit": "人"}) == "26 → 8 人（少 69 %）"
    assert wording.effect({"before": 94.2, "after": 97.6, "unit": "%"}) == "94.2 → 97.6 %"
    assert wording.effect({"before": 1800, "after": 4600, "unit": "个"}) == "1,800 → 4,600 个（2.6 倍）"
    assert wording.effect({"before": 0, "after": 34, "unit": "项"}) == "0 → 34 项"
    assert wording.effect({"before": "无", "after": "有", "unit": ""}) == "无 → 有"
    assert wording.effect({}) == "没有前后数据"


@pytest.mark.usefixtures("chinese")
def test_few_projects_are_said_to_be_few_and_none_is_new() -> None:
    assert wording.rating(TrackRecord()) == "暂无完工项目（新，不减分）"
    assert wording.rating(TrackRecord(finished=1, mean_score=80.0)) == "80 分（1 次完工，样本少）"
    assert wording.rating(TrackRecord(finished=9, mean_score=80.0)) == "80 分（9 次完工）"


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("budget", "price", "sentence"),
    [
        ((160, 220), (45, 135), "低于预算，可余 25 万元以上"),
        ((85, 140), (26, 90), "在预算内"),
        ((50, 60), (50, 50), "在预算内"),
        ((100, 120), (90, 300), "报价上限比预算高 180 万元，下限在预算内"),
        ((10, 20), (50, 90), "超出预算 30 万元以上"),
        ((None, None), (50, 90), "预算未填，待问"),
        ((10, 20), (None, None), "价格面议，待问"),
        ((None, 60), (70, None), "超出预算 10 万元以上"),
    ],
)
def test_a_budget_against_a_price(budget: budgets.Span, price: budgets.Span, sentence: str) -> None:
    fen = [tuple(None if wan is None else wan * WAN for wan in span) for span in (budget, price)]
    assert budgets.verdict(fen[0], fen[1]) == sentence  # type: ignore[arg-type]


def test_sums_count_only_what_is_known() -> None:
    assert budgets.total([(10, 20), (None, None), (None, 5)]) == (15, 25)
    assert budgets.total([(None, None)]) == (None, None)


def test_the_first_clause_stands_for_a_problem() -> None:
    assert wording.opening("压床一停，后面四条焊线全等着。") == "压床一停"
    assert wording.opening("短") == "短"
    assert len(wording.opening("很" * 100)) == 18


@pytest.mark.usefixtures("chinese")
def test_every_weight_of_the_ranking_is_explained() -> None:
    assert set(help.ground_words()) >= {*CONTENT, *BUSINESS}


def test_a_company_is_recognised_by_its_short_name() -> None:
    assert names_of("天津津驰车身部件有限公司（示例）") == (
        "天津津驰车身部件有限公司（示例）",
        "天津津驰车身部件有限公司",
        "天津津驰车身部件",
    )


@given(st.text(), st.lists(st.tuples(st.integers(-3, 40), st.integers(-3, 40))))
def test_marking_changes_nothing_but_adds_marks(text: str, marks: list[tuple[int, int]]) -> None:
    shown = spans(text, marks)
    assert shown.replace("<mark>", "").replace("</mark>", "") == escape(text)
    assert shown.count("<mark>") == shown.count("</mark>")
    assert isinstance(shown, Markup)


ADDRESSES = st.dictionaries(
    st.sampled_from(["q", "kind", "sector", "stage", "price_min", "price_max", "weeks_max", "sort", "page", "region", "other"]),
    st.one_of(st.text(max_size=30), st.sampled_from(["solution", "problem", "chem", "12", "1e3", "price", "2"])),
)


@given(ADDRESSES)
def test_an_address_is_read_back_as_it_was_written(args: dict[str, str]) -> None:
    address = parse(MultiDict(args), KINDS)
    from urllib.parse import parse_qsl, urlsplit

    again = parse(MultiDict(parse_qsl(urlsplit(address.url("/search")).query)), KINDS)
    assert again == address
    query = query_of(address, audience=frozenset({"public"}), hidden=frozenset(), size=20, depth=200)
    assert query.page >= 1
    assert query.audience == {"public"}


def test_conditions_are_added_and_taken_away() -> None:
    address = parse(MultiDict([("q", "压机"), ("sector", "auto"), ("price_max", "120"), ("page", "3"), ("sort", "price")]), KINDS)
    assert address.sort is Sort.PRICE
    assert address.conditions == 2
    assert address.turned("sector", "auto").filters == ()
    assert address.turned("stage", "quality").filters == (("sector", "auto"), ("stage", "quality"))
    assert address.turned("stage", "quality").page == 1
    assert address.of_kind(Kind.PROVIDER).url("/search") == "/search?q=%E5%8E%8B%E6%9C%BA&kind=provider&sector=auto"
    assert address.without("price").conditions == 1


def test_a_kind_that_may_not_be_searched_falls_back() -> None:
    assert parse(MultiDict({"kind": "problem"}), [Kind.SOLUTION]).kind is Kind.SOLUTION
