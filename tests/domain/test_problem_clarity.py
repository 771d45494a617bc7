"""Hints on what a problem does not say, and which lines of a report may state one."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from marketplace.domain.investments import InvestmentDraft
from marketplace.domain.investments import check as check_investment
from marketplace.domain.problem_clarity import HINTS, SHORT, clarity, hints
from marketplace.domain.report_imports import LONGEST_PASTE, check_paste
from marketplace.domain.report_reading import candidates, likeness
from marketplace.domain.small_counts import told_count

WHOLE = "二车间三号包装线封口不牢，去年换膜以后每班停两三次，每次二十分钟；只能在七月大修时改，设备不能联外网。"


def keys(text: str, **more: object) -> list[str]:
    return [hint.key for hint in hints(text, **more)]  # type: ignore[arg-type]


def test_a_whole_statement_has_no_hint_and_every_example_says_what_it_is_an_example_of() -> None:
    assert hints(WHOLE) == ()
    assert clarity(WHOLE) == (5, 5)
    for hint in HINTS:
        assert hint.key not in keys(hint.example), hint.key


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("循环气压缩机去年两次没有征兆就联锁停车，停一回损失三百多万", ["limits"]),
        ("我们想把数字化水平再往上提升一个台阶", ["what", "where", "how_much", "how_often", "limits"]),
        ("质检记录全靠手抄，翻起来很慢", ["how_much", "how_often", "limits"]),
        ("", []),
    ],
)
def test_what_is_missing_is_named(text: str, missing: list[str]) -> None:
    assert keys(text) == missing


def test_a_few_letters_get_one_hint_and_other_fields_count() -> None:
    assert hints("仓库乱") == (SHORT,)
    text = "质检记录全靠手抄，每天都要加班"
    assert "how_much" in keys(text)
    assert "how_much" not in keys(text, effect="一年多花二十万元")
    assert "limits" not in keys(text, has_budget=True)


def test_a_report_gives_its_problems_and_not_its_introduction_or_advice() -> None:
    report = """企业概况
公司成立于2003年，位于开发区，员工 268 人，年产值六亿元，产品质量稳定。
三、存在的主要问题
1、二号釜温度忽高忽低，内操一个班要手动调上百次；
2、仓库找料靠翻台账，一次要半天。
四、建议措施
建议引入 WMS 系统，解决找料慢的问题。
通过部署 APC，减少手动操作不及时。
"""
    found = candidates(report, most=50)
    assert [one.text for one in found] == ["二号釜温度忽高忽低，内操一个班要手动调上百次；", "仓库找料靠翻台账，一次要半天。"]
    assert all(one.take and one.under == "存在的主要问题" for one in found)
    # Said twice, it stands there once.
    assert len(candidates(report + report, most=50)) == 2
    assert len(candidates(report, most=1)) == 1
    assert candidates("公司成立于2003年，位于开发区。感谢诊断组。", most=9) == []


def test_a_pdf_breaks_its_lines_and_a_list_ends_with_its_points() -> None:
    report = """存在的主要问题
1. 循环气压缩机去年两次没有征兆就联锁停车，停一回损失三百多
万；离线测振一个月才做一次。
2. 仓库找料靠翻台账，一次要半天。
本章说明评估的依据、方法和过程，供各方参考。
"""
    found = [one.text for one in candidates(report, most=9)]
    assert found == [
        "循环气压缩机去年两次没有征兆就联锁停车，停一回损失三百多万；离线测振一个月才做一次。",
        "仓库找料靠翻台账，一次要半天。",
    ]


def test_demonstration_problems_read_like_problems_and_solutions_do_not() -> None:
    folder = files("marketplace") / "data" / "demo"
    problems = [json.loads(line)["text"] for line in (folder / "problems.jsonl").read_text(encoding="utf-8").splitlines()]
    taken = [bool(candidates(f"存在的问题\n{text}", most=1)) for text in problems]
    assert sum(taken) / len(taken) > 0.95
    assert likeness("建议引入制造执行系统") <= 0


def test_limits_of_what_is_pasted_and_spent() -> None:
    assert check_paste("字" * LONGEST_PASTE) is None
    assert check_paste("字" * (LONGEST_PASTE + 1)) is not None
    assert check_paste(" 。 ") is not None
    assert [name for name, _refused in check_investment(InvestmentDraft(hardware_fen=-1))] == ["hardware_wan"]
    assert not list(check_investment(InvestmentDraft(service_fen=0)))


def test_few_are_not_counted_out_loud() -> None:
    assert [told_count(count, openly=False) for count in (0, 2, 3)] == [None, None, 3]
    assert told_count(1, openly=True) == 1
