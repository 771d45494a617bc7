"""Every kind of bad row, with the very sentence that a person reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.actions.imports import BadCell, ImportReport, import_path
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.sheets.nouns import SHEETS
from tests.actions.files import code, csv_file, enterprise, jsonl, market, problem, provider, solution
from tests.conftest import NOW

CASE = {"provider_code": code(1), "solution_id": "F-1", "client_sector": "chem", "signed": "2023-05"}
OUTCOME = {"problem_id": "W-1", "solution_id": "F-1", "proposed": "2024-12-03", "decision": "accepted"}
EVENT = {"provider_code": code(1), "kind": "on_time", "on": "2026-05-08", "project": "P-1", "on_time": "是"}
SCENARIO = {"code": "X-1", "sector": "chem", "name": "场景"}
WRONG_CODE = code(1)[:17] + ("0" if code(1)[17] != "0" else "1")


@pytest.fixture
def base(sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> Database:
    """A database with one provider, one enterprise, one solution and one problem."""
    folder = tmp_path / "base"
    folder.mkdir()
    assert import_path(sqlite_database, pilot, market(folder), actor="x", at=NOW).written
    return sqlite_database


def check(database: Database, pilot: Pilot, path: Path) -> ImportReport:
    return import_path(database, pilot, path, actor="x", at=NOW, dry_run=True)


BAD: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    # Credit codes.
    (
        "providers",
        [provider(code=WRONG_CODE)],
        [f"第 1 行“code”列：统一社会信用代码第 18 位应为 {code(1)[17]}，现在是 {WRONG_CODE[17]}。请对照营业执照。"],
    ),
    ("providers", [provider(code="9199")], ["第 1 行“code”列：统一社会信用代码应为 18 位，现在是 4 位。"]),
    ("enterprises", [enterprise(code=code(1)[:16] + "I" + code(1)[17])], ["第 1 行“code”列：统一社会信用代码第 17 位“I”不是允许的字符（数字或大写字母，不含 I、O、S、V、Z）。"]),
    # Words that the pilot does not know.
    ("enterprises", [enterprise(sector="机械")], ["第 1 行“sector”列：没有“机械”这个行业，可填：化工、汽车、电子。"]),
    ("solutions", [solution(sectors=["化工", "纺织"])], ["第 1 行“sectors”列：没有“纺织”这个行业，可填：化工、汽车、电子。"]),
    ("solutions", [solution(form="软件")], ["第 1 行“form”列：没有“软件”这个方案形式，可填：产品、解决方案、专业化服务。"]),
    ("problems", [problem(priority="很急")], ["第 1 行“priority”列：没有“很急”这个优先级，可填：高、中、低。"]),
    ("problems", [problem(stage="吃饭")], ["第 1 行“stage”列：没有“吃饭”这个环节，可填：研发设计、生产制造、质量管理、设备管理、供应链、仓储物流、能源环保、安全应急、销售服务、经营管理、基础设施。"]),
    ("history", [OUTCOME | {"decision": "也许"}], ["第 1 行“decision”列：“也许”不在可填的内容里，可填：接受、谢绝、未答复。"]),
    # Ranges and numbers.
    ("solutions", [solution(price_wan=[90, 60])], ["第 1 行“price_wan”列：报价最低 90 万元高于最高 60 万元，请对调或修改。"]),
    ("solutions", [solution(price_low_wan=90, price_high_wan=60)], ["第 1 行“price_low_wan”列：报价最低 90 万元高于最高 60 万元，请对调或修改。"]),
    ("solutions", [solution(price_wan="-5-10")], ["第 1 行“price_wan”列：报价不能是负数。"]),
    ("solutions", [solution(delivery_weeks=[10, 4])], ["第 1 行“delivery_weeks”列：工期最低 10 周高于最高 4 周，请对调或修改。"]),
    ("solutions", [solution(references=-2)], ["第 1 行“references”列：已实施数量不能是负数。"]),
    ("problems", [problem(budget_wan="四五十万")], ["第 1 行“budget_wan”列：“四五十万”不是区间。请写成 45-135。"]),
    ("problems", [problem(budget_wan=[60, 20])], ["第 1 行“budget_wan”列：预算最低 60 万元高于最高 20 万元，请对调或修改。"]),
    ("enterprises", [enterprise(staff="三百")], ["第 1 行“staff”列：“三百”不是数。只写数字，如 120 或 1.5。"]),
    ("cases", [CASE | {"signed": "去年"}], ["第 1 行“signed”列：“去年”不是日期。请写成 2024-05 或 2024-05-03。"]),
    ("cases", [CASE | {"completed": "2022-01"}], ["第 1 行“completed”列：完成 2022-01 早于签约 2023-05，请对调或修改。"]),
    ("history", [OUTCOME | {"project": {"score": 120}}], ["第 1 行“验收得分”列：验收得分应在 0 到 100 之间，现在是 120。"]),
    # What is missing, and what is too long.
    ("solutions", [solution(title="")], ["第 1 行“title”列：这一列必填，现在是空的。"]),
    ("solutions", [{"id": "1", "provider_code": code(1)}], ["“标题”列：文件里没有这一列，它是必填的。"]),
    ("problems", [problem(1), problem(2, text=None)], ["第 2 行“text”列：这一列必填，现在是空的。"]),
    ("solutions", [solution(title="长" * 201)], ["第 1 行“title”列：标题有 201 个字，最多 200 个。"]),
    ("problems", [problem(text="长" * 10_001)], ["第 1 行“text”列：问题有 10001 个字，最多 10,000 个。"]),
    ("solutions", [solution(title={"zh": "甲"})], ["第 1 行“title”列：这里应是文字，现在是一组数据。"]),
    # Duplicates.
    ("solutions", [solution(1), solution(2), solution(1, title="又一个")], ["第 3 行“id”列：“F-1”与 solutions.jsonl 第 1 行重复，请删去一行或修改。"]),
    ("providers", [provider(2), provider(2)], [f"第 2 行“code”列：“{code(2)}”与 providers.jsonl 第 1 行重复，请删去一行或修改。"]),
    ("cases", [CASE, CASE], ["第 2 行：与 cases.jsonl 第 1 行重复，请删去一行或各写一个编号。"]),
    # References to nothing.
    ("solutions", [solution(provider_code=code(7))], [f"第 1 行“provider_code”列：没有信用代码为“{code(7)}”的服务商，库里和文件里都没有。"]),
    ("problems", [problem(enterprise_code=code(7))], [f"第 1 行“enterprise_code”列：没有信用代码为“{code(7)}”的企业，库里和文件里都没有。"]),
    ("cases", [CASE | {"solution_id": "无此号"}], ["第 1 行“solution_id”列：没有编号为“无此号”的方案，库里和文件里都没有。"]),
    ("history", [OUTCOME | {"problem_id": "无此号"}], ["第 1 行“problem_id”列：没有编号为“无此号”的问题，库里和文件里都没有。"]),
    ("scenarios", [SCENARIO | {"enterprise_code": code(7)}], [f"第 1 行“enterprise_code”列：没有信用代码为“{code(7)}”的企业，库里和文件里都没有。"]),
    # What contradicts itself.
    ("scenarios", [SCENARIO | {"kind": "个性化"}], ["第 1 行“企业信用代码”列：企业个性化场景要写明是哪家企业（统一社会信用代码）。"]),
    ("history", [OUTCOME | {"decision": "declined", "acceptance": "passed"}], ["第 1 行“acceptance”列：没有接受的对接不会有项目结果，请清空这一列或修改答复。"]),
]  # fmt: skip


@pytest.mark.parametrize(("noun", "rows", "sentences"), BAD, ids=[f"{noun}-{number}" for number, (noun, *_rest) in enumerate(BAD)])
def test_the_sentence(base: Database, pilot: Pilot, tmp_path: Path, noun: str, rows: list[dict[str, Any]], sentences: list[str]) -> None:
    report = check(base, pilot, jsonl(tmp_path / f"{noun}.jsonl", *rows))
    assert [cell.sentence() for cell in report.bad] == sentences
    assert all(cell.file == f"{noun}.jsonl" for cell in report.bad)


def test_a_number_of_somebody_else_does_not_take_the_row(base: Database, pilot: Pilot, tmp_path: Path) -> None:
    jsonl(tmp_path / "providers.jsonl", provider(2))
    jsonl(tmp_path / "solutions.jsonl", solution(1, provider_code=code(2)))
    report = check(base, pilot, tmp_path)
    assert [cell.sentence() for cell in report.bad] == [
        "第 1 行“id”列：编号“F-1”已经属于另一家单位，请换一个编号，或用 --source 另起一个来源名。"
    ]


def test_a_solution_of_another_provider(base: Database, pilot: Pilot, tmp_path: Path) -> None:
    jsonl(tmp_path / "providers.jsonl", provider(2))
    jsonl(tmp_path / "history.jsonl", OUTCOME | {"provider_code": code(2)})
    report = check(base, pilot, tmp_path)
    assert [cell.sentence() for cell in report.bad] == ["第 1 行“provider_code”列：方案“F-1”不是这家服务商的，请核对。"]


def test_two_names_of_one_organisation(base: Database, pilot: Pilot, tmp_path: Path) -> None:
    jsonl(tmp_path / "providers.jsonl", provider(5, name="乙"))
    jsonl(tmp_path / "enterprises.jsonl", enterprise(code=code(5), name="甲"))
    report = check(base, pilot, tmp_path)
    assert [cell.sentence() for cell in report.bad] == ["第 1 行“name”列：同一个信用代码在企业表第 1 行叫“甲”，请统一名称。"]


def test_a_bad_cell_knows_its_place(base: Database, pilot: Pilot, tmp_path: Path) -> None:
    rows = [["方案清单"], [], ["编号", "服务商信用代码", "标题", "适用行业"], ["1", code(1), "甲", "化工"], ["2", code(1), "乙", "机械"]]
    report = check(base, pilot, csv_file(tmp_path / "方案.csv", *rows))
    [cell] = report.bad
    assert isinstance(cell, BadCell)
    assert (cell.file, cell.sheet, cell.row, cell.column, cell.value, cell.message.code) == (
        "方案.csv",
        "",
        5,
        "适用行业",
        "机械",
        "unknown_term",
    )
    assert cell.as_json()["message"] == "第 5 行“适用行业”列：没有“机械”这个行业，可填：化工、汽车、电子。"


def test_a_line_that_is_no_json(base: Database, pilot: Pilot, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "solutions.jsonl", solution(5))
    path.write_text(path.read_text(encoding="utf-8") + '{"id": \n[1]\n' + "[" * 100_000 + "\n", encoding="utf-8")
    report = check(base, pilot, path)
    assert [cell.sentence() for cell in report.bad] == [
        f"第 {row} 行：不是一个完整的 JSON 对象。每行应是花括号括起的一个对象。" for row in (2, 3, 4)
    ]


def test_ten_thousand_rows_without_a_column_are_one_mistake(base: Database, pilot: Pilot, tmp_path: Path) -> None:
    report = check(base, pilot, jsonl(tmp_path / "solutions.jsonl", *({"id": str(n), "title": f"成果 {n}"} for n in range(10_000))))
    assert [cell.sentence() for cell in report.bad] == ["“服务商信用代码”列：文件里没有这一列，它是必填的。"]
    assert report.counts["solutions"].bad == 10_000


cells = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.lists(st.text(max_size=5), max_size=3)
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1",
    "＋1",
    "'; DROP TABLE solutions; --",
    "{{7*7}}",
    "<script>",
    "\x00",
    "\ud800",
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(noun=st.sampled_from(list(SHEETS)), data=st.data())
def test_no_text_of_a_cell_breaks_the_import(base: Database, pilot: Pilot, tmp_path: Path, noun: str, data: st.DataObject) -> None:
    whole = {
        "providers": provider(9),
        "enterprises": enterprise(9),
        "solutions": solution(9),
        "problems": problem(9),
        "cases": CASE,
        "history": OUTCOME,
        "scenarios": SCENARIO,
        "rating_events": EVENT,
    }[noun]
    key = data.draw(st.sampled_from([column.key for column in SHEETS[noun].columns]))
    row = whole | {key: data.draw(cells | st.sampled_from(FORMULAS))}
    path = tmp_path / f"{noun}.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    report = import_path(base, pilot, path, actor="x", at=NOW, skip_bad=True)
    assert report.written or report.bad
    for cell in report.bad:
        assert cell.sentence()
    # Whatever went in comes out unchanged the second time.
    again = import_path(base, pilot, path, actor="x", at=NOW, skip_bad=True)
    assert again.changes == 0
