"""Cells as people write them, and the sentence when they cannot be read."""

from __future__ import annotations

import contextlib
import time
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.money import fen_from_wan
from marketplace.pilot import Pilot
from marketplace.sheets.columns import Column, Shape
from marketplace.sheets.nouns import SHEETS
from marketplace.sheets.rows import match_header
from marketplace.sheets.tables import effect_text, effects
from marketplace.sheets.values import BETWEEN_TERMS, LONGEST_NAME, parse

WAN = 1_000_000
SECTOR = Column("sector", "行业", Shape.TERM, kind="sector")
SECTORS = Column("sectors", "行业", Shape.TERMS, kind="sector")
AREA = Column("park", "园区", Shape.TERM, kind="area")


def column(shape: Shape) -> Column:
    return Column("x", "某列", shape)


@pytest.mark.parametrize(
    ("raw", "unit", "value"),
    [
        (126, "", 126 * WAN),
        (126.5, "", 126_500_000),
        ("126", "", 126 * WAN),
        ("1,280", "", 1280 * WAN),
        ("126万", "", 126 * WAN),
        ("126 万元", "", 126 * WAN),
        ("1.2亿", "", 12_000 * WAN),
        ("1.2 亿元", "元", 12_000 * WAN),
        ("800000元", "", 80 * WAN),
        ("¥800,000元", "", 80 * WAN),
        (800_000, "元", 80 * WAN),
        ("约60万", "", 60 * WAN),
        ("１２０", "", 120 * WAN),
        ("0.1", "", 100_000),
        (0.1, "", 100_000),
        (0, "", 0),
        ("-5", "", -5 * WAN),
        ("面议", "", None),
        ("价格面议", "", None),
        ("", "", None),
        ("—", "", None),
        (None, "", None),
    ],
)
def test_money(pilot: Pilot, raw: Any, unit: str, value: int | None) -> None:
    assert parse(column(Shape.MONEY), raw, unit, pilot) == value


@pytest.mark.parametrize(
    ("raw", "unit", "value"),
    [
        ([240, 480], "", (240 * WAN, 480 * WAN)),
        ([240, None], "", (240 * WAN, None)),
        ("45-135", "", (45 * WAN, 135 * WAN)),
        ("45–135", "", (45 * WAN, 135 * WAN)),
        ("45—135万元", "", (45 * WAN, 135 * WAN)),
        ("45 ~ 135", "", (45 * WAN, 135 * WAN)),
        ("45～135", "", (45 * WAN, 135 * WAN)),
        ("45万至1.2亿", "", (45 * WAN, 12_000 * WAN)),
        ("1-2亿", "", (10_000 * WAN, 20_000 * WAN)),
        ("450000-1350000", "元", (45 * WAN, 135 * WAN)),
        ("60", "", (60 * WAN, 60 * WAN)),
        (60, "", (60 * WAN, 60 * WAN)),
        ("60以内", "", (None, 60 * WAN)),
        ("不超过60万", "", (None, 60 * WAN)),
        ("60万以上", "", (60 * WAN, None)),
        ("-5-10", "", (-5 * WAN, 10 * WAN)),
        ("面议", "", None),
        (None, "", None),
    ],
)
def test_ranges_of_money(pilot: Pilot, raw: Any, unit: str, value: Any) -> None:
    assert parse(column(Shape.MONEY_RANGE), raw, unit, pilot) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [("4-10", (4, 10)), ("4-10周", (4, 10)), ("3个月", (13, 13)), ("2-3个月", (9, 13)), ("14天", (2, 2)), ([4, 10], (4, 10)), (8, (8, 8))],
)
def test_ranges_of_weeks(pilot: Pilot, raw: Any, value: Any) -> None:
    assert parse(column(Shape.WEEKS_RANGE), raw, "", pilot) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("2024-05", "2024-05"),
        ("2024-5", "2024-05"),
        ("2024/05/03", "2024-05"),
        ("2024.5", "2024-05"),
        ("2024年5月", "2024-05"),
        ("2024年5月3日", "2024-05"),
        ("202405", "2024-05"),
        (202405.0, "2024-05"),
        (date(2024, 5, 1), "2024-05"),
        (datetime(2024, 5, 1, 10, 0), "2024-05"),  # noqa: DTZ001
        ("", ""),
    ],
)
def test_months(pilot: Pilot, raw: Any, value: str) -> None:
    assert parse(column(Shape.MONTH), raw, "", pilot) == value


@pytest.mark.parametrize("raw", ["2024-12-03", "2024/12/3", "2024年12月3日", "20241203", date(2024, 12, 3), "2024-12-03 10:00"])
def test_days(pilot: Pilot, raw: Any) -> None:
    assert parse(column(Shape.DAY), raw, "", pilot) == date(2024, 12, 3)


YES = (True, "是", "有", "TRUE", "1", 1.0, "√")
NO = (False, "否", "无", "false", "0", 0)


@pytest.mark.parametrize(
    ("raw", "value"), [*((raw, True) for raw in YES), *((raw, False) for raw in NO), *((raw, None) for raw in ("", None, "-"))]
)
def test_flags(pilot: Pilot, raw: Any, value: bool | None) -> None:
    assert parse(column(Shape.FLAG), raw, "", pilot) is value


@pytest.mark.parametrize(
    "raw",
    [
        "化工、汽车",
        "化工，汽车",
        "chem,auto",
        "化工;汽车",
        "化工；汽车",
        "化工|汽车",
        "化工／汽车",
        "化工/汽车",
        "化工\n汽车",
        ["chem", "auto"],
    ],
)
def test_lists(pilot: Pilot, raw: Any) -> None:
    assert parse(SECTORS, raw, "", pilot) == ["chem", "auto"]


def test_names_that_hold_a_separator(pilot: Pilot) -> None:
    both = "汽车制造业、计算机、通信和其他电子设备制造业、化工"
    assert parse(SECTORS, both, "", pilot) == ["auto", "elec", "chem"]
    assert parse(column(Shape.WORDS), "DCS/PLC 接口、OPC UA", "", pilot) == ["DCS/PLC 接口", "OPC UA"]


@pytest.mark.parametrize("raw", ["chem", "化工", "化学原料和化学制品制造业", "化工行业", "26", "C26", "2651", "C2651", " 化 工 "])
def test_a_sector_by_any_of_its_names(pilot: Pilot, raw: str) -> None:
    assert parse(SECTOR, raw, "", pilot) == "chem"


def test_scenarios_of_both_lists(pilot: Pilot) -> None:
    codes = column(Shape.SCENARIOS)
    assert parse(codes, "CH-05", "", pilot) == ["CH-05"]
    assert parse(codes, "CHEM-02", "", pilot) == ["CH-05"]
    assert parse(codes, "CHEM-07、ch-05", "", pilot) == ["CH-11", "CH-12", "CH-05"]
    assert parse(codes, "我们的-1", "", pilot) == ["我们的-1"]


def test_codes_lose_spaces_and_case(pilot: Pilot) -> None:
    assert parse(column(Shape.CREDIT_CODE), " 91990000 mau3dk6wxx ", "", pilot) == "91990000MAU3DK6WXX"
    assert parse(column(Shape.CREDIT_CODE), "９１９９００００MAU3DK6WXX", "", pilot) == "91990000MAU3DK6WXX"


def test_numbers_of_rows_lose_the_point_of_excel(pilot: Pilot) -> None:
    assert parse(column(Shape.REFERENCE), 12.0, "", pilot) == "12"
    assert parse(column(Shape.COUNT), 138.0, "", pilot) == 138
    assert parse(column(Shape.TEXT), 5, "", pilot) == "5"


def test_texts_lose_what_no_database_takes(pilot: Pilot) -> None:
    assert parse(column(Shape.TEXT), "a\x00b\ud800c\r\nd", "", pilot) == "abc\nd"
    assert parse(column(Shape.LINE), "  一行\n两行 ", "", pilot) == "一行 两行"


def test_effects_financials_experts(pilot: Pilot) -> None:
    rows = parse(column(Shape.EFFECTS), "投料差错 9→1 起/年；一次合格率：94.2→97.6 %；等待由30分钟降至12分钟", "", pilot)
    assert rows == [
        {"indicator": "投料差错", "before": 9, "after": 1, "unit": "起/年"},
        {"indicator": "一次合格率", "before": 94.2, "after": 97.6, "unit": "%"},
        {"indicator": "等待", "before": 30, "after": 12, "unit": "分钟"},
    ]
    assert effects(effect_text(rows)) == rows
    assert parse(column(Shape.FINANCIALS), "2023 营收8,620 利润-764 负债率38%；2022年 营业收入7910.5", "", pilot) == [
        {"year": 2023, "revenue_fen": 8620 * WAN, "profit_fen": -764 * WAN, "debt_ratio": 0.38},
        {"year": 2022, "revenue_fen": 7_910_500_000, "profit_fen": None, "debt_ratio": None},
    ]
    assert parse(column(Shape.EXPERTS), "首席实施顾问，18年，化工装置；产品总监", "", pilot) == [
        {"title": "首席实施顾问", "years": 18, "expertise": "化工装置"},
        {"title": "产品总监", "years": None, "expertise": ""},
    ]


@pytest.mark.parametrize(
    ("shape", "raw", "sentence"),
    [
        (Shape.MONEY, "十万", "“十万”不是数。只写数字，如 120 或 1.5。"),
        (Shape.MONEY, "3周", "“3周”的单位不对。"),
        (Shape.MONEY, True, "“True”不是数。只写数字，如 120 或 1.5。"),
        (Shape.MONEY, float("nan"), "“nan”不是数。只写数字，如 120 或 1.5。"),
        (Shape.MONEY, "9999999999999", "9999999999999 万元过大，请核对单位。"),
        (Shape.MONEY, [1, 2], "“1、2”不是数。只写数字，如 120 或 1.5。"),
        (Shape.MONEY_RANGE, "四五十万", "“四五十万”不是区间。请写成 45-135。"),
        (Shape.MONEY_RANGE, [1, 2, 3], "区间应有下限和上限两个数，现在是 3 个。"),
        (Shape.MONEY_RANGE, date(2024, 4, 10), "区间被表格软件改成了日期（2024-04-10）。请把这一列设为文本后重填。"),
        (Shape.WEEKS, "4.5", "“4.5”应是整数。"),
        (Shape.WEEKS, 99_999, "99999 周过长，请核对单位。"),
        (Shape.COUNT, "3.5", "“3.5”应是整数。"),
        (Shape.COUNT, "很多", "“很多”不是数。只写数字，如 120 或 1.5。"),
        (Shape.FLAG, "也许", "“也许”应填 是 或 否。"),
        (Shape.MONTH, "去年", "“去年”不是日期。请写成 2024-05 或 2024-05-03。"),
        (Shape.MONTH, "2024-13", "“2024-13”不是日期。请写成 2024-05 或 2024-05-03。"),
        (Shape.DAY, "2024-05", "“2024-05”缺少日。请写成 2024-05-03。"),
        (Shape.DAY, "2024-02-30", "“2024-02-30”不是日期。请写成 2024-05 或 2024-05-03。"),
        (Shape.CREDIT_CODE, 9.19900006639233e17, "信用代码被表格软件存成了数字，末几位已丢失。请把这一列设为文本后重填。"),
        (Shape.CREDIT_CODE, "9.199E+17", "信用代码被表格软件存成了数字，末几位已丢失。请把这一列设为文本后重填。"),
        (Shape.TEXT, {"a": 1}, "这里应是文字，现在是一组数据。"),
        (Shape.REFERENCE, "长" * 129, "编号有 129 个字，最多 128 个。"),
        (Shape.EFFECTS, "好多了", "“好多了”读不出来。每项写成：指标 改造前→改造后 单位，项之间用分号。"),
        (Shape.EFFECTS, ["x"], "“x”读不出来，应是一组条目。"),
        (Shape.FINANCIALS, "不错", "“不错”读不出来。每年写成：2023 营收8620 利润764 负债率38%，年之间用分号。"),
    ],
)
def test_what_cannot_be_read_is_said(pilot: Pilot, shape: Shape, raw: Any, sentence: str) -> None:
    with pytest.raises(RefusedError) as error:
        parse(column(shape), raw, "", pilot)
    assert error.value.refused.sentence() == sentence


def test_an_unknown_word_names_the_choices(pilot: Pilot) -> None:
    with pytest.raises(RefusedError, match=r"^没有“机械”这个行业，可填：化工、汽车、电子。$"):
        parse(SECTOR, "机械", "", pilot)
    # Of forty areas the nearest are named.
    with pytest.raises(RefusedError, match=r"^没有“南港工业园”这个园区或街镇，可填：南港工业区"):
        parse(AREA, "南港工业园", "", pilot)
    with pytest.raises(RefusedError, match=r"^没有“火星”这个园区或街镇，请从模板的下拉列表里选。$"):
        parse(AREA, "火星", "", pilot)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates()
    | st.sampled_from(["1e999999", "9" * 5000, "²", "٣-٤", "1.2.3", "-", "--5"]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)


@given(raw=anything, unit=st.sampled_from(["", "元", "万元"]))
def test_no_cell_breaks_the_reading(pilot: Pilot, raw: Any, unit: str) -> None:
    for sheet in SHEETS.values():
        for one in sheet.columns:
            with contextlib.suppress(RefusedError):
                parse(one, raw, unit if one.shape in (Shape.MONEY, Shape.MONEY_RANGE) else "", pilot)


@pytest.mark.parametrize("piece", ["9", "1 ", "1,", "\t", "1\t", "1→", "→ ", "1到", "1.", "a1 ", "-", "年1", "1人"])
def test_a_long_cell_is_read_in_a_moment(pilot: Pilot, piece: str) -> None:
    """The longest text that a cell of Excel holds; a pattern that goes back and forth over it would take hours."""
    raw = (piece * 32_767)[:32_767]
    started = time.perf_counter()
    for sheet in SHEETS.values():
        for one in sheet.columns:
            with contextlib.suppress(RefusedError):
                parse(one, raw, "", pilot)
    assert time.perf_counter() - started < 20


def test_every_name_of_the_pilot_can_be_found_in_a_cell_of_several(pilot: Pilot) -> None:
    kinds = sorted({one.kind for sheet in SHEETS.values() for one in sheet.columns if one.shape is Shape.TERMS})
    assert len(kinds) > 3
    for kind in kinds:
        for word in pilot.terms(kind).index:
            assert len(BETWEEN_TERMS.split(word)) <= LONGEST_NAME, word


@given(st.integers(0, 10**14))
def test_money_written_in_wan_comes_back(pilot: Pilot, fen: int) -> None:
    wan = f"{fen // WAN}.{fen % WAN:06}"
    assert parse(column(Shape.MONEY), wan, "", pilot) == fen == fen_from_wan(wan)
    assert parse(column(Shape.MONEY), f"{wan}万元", "元", pilot) == fen


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["-", "–", "~", "至", " - ", "—"]), st.sampled_from(["", "万", "万元"])
)
def test_ranges_come_back(pilot: Pilot, low: int, high: int, between: str, unit: str) -> None:
    assert parse(column(Shape.MONEY_RANGE), f"{low}{between}{high}{unit}", "", pilot) == (low * WAN, high * WAN)
    assert parse(column(Shape.MONEY_RANGE), [low, high], "", pilot) == (low * WAN, high * WAN)


@pytest.mark.parametrize(
    ("noun", "header", "key", "unit"),
    [
        ("solutions", "报价下限（万元） *", "price_low_wan", "万元"),
        ("solutions", "报价下限(元)", "price_low_wan", "元"),
        ("solutions", "报价下限", "price_low_wan", ""),
        ("solutions", "price_low_wan", "price_low_wan", ""),
        ("solutions", "PRICE_WAN", "price_wan", ""),
        ("solutions", "方案名称", "title", ""),
        ("enterprises", "企业名称（全称）", "name", ""),
        ("problems", "预算（万元）", "budget_wan", "万元"),
    ],
)
def test_headers(noun: str, header: str, key: str, unit: str) -> None:
    found = match_header(SHEETS[noun], header)
    assert found is not None
    assert (found[0].key, found[1]) == (key, unit)


def test_no_word_of_a_sheet_means_two_columns() -> None:
    for sheet in SHEETS.values():
        seen: dict[str, str] = {}
        for one in sheet.columns:
            for word in (one.key, one.header, *one.aliases):
                found = match_header(sheet, word)
                assert found is not None
                assert found[0].key == one.key, f"{sheet.noun}: {word} means {found[0].key} and {one.key}"
                assert seen.setdefault(word, one.key) == one.key
