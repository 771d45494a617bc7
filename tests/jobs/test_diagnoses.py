"""The report of a diagnosis: both files hold the grade, the comparison and the lists, and only those who may read them can."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from docx import Document

from marketplace.letters.charts import Radar, picture
from marketplace.letters.diagnosis_report import Report, letter_of
from marketplace.letters.docx import written as as_word
from marketplace.letters.pdf import written as as_pdf

SECTIONS = [("数字化基础", 80.0, 62.5), ("数字化管理", 55.0, 48.0), ("供应链", None, 40.0)]
REPORT = Report(
    number="ZD-2026-0001",
    enterprise="天津某某（示例）化工有限公司",
    facts=[("行业", "化工"), ("入企日期", "2026-11-28")],
    summary="基础较好，\n数据没有打通。",
    grade="二级（规范级）",
    score="58.3",
    reached=["第一部分 58.3 分，二级（规范级）要求不低于 40 分。"],
    next_grade="三级（集成级）",
    next=[(False, "第一部分 58.3 分，三级（集成级）要求不低于 60 分，还差 1.7 分。"), (True, "8 个场景达到 3 级。")],
    sections=SECTIONS,
    peers=12,
    scenes=[("产品设计 ★", "2 级", "图纸由系统管理")],
    orientations=[("智能化", "设备联网率", "36 %", "未填")],
    outside=[("两化融合管理体系贯标", "AA", "2025-06-30")],
    problems=[("1", "压机停机多，=HYPERLINK(1) <b>", "设备管理", "高")],
    needs=[("设备预测维护", "1 级", "3 级", "停机减半")],
    investments=[("设备预测维护", "120 万元", "30 万元", "–", "2027", "自筹")],
    roadmap=[("第一步：先解决优先级高的问题，半年内", ["压机停机多"]), ("第二步：再解决优先级中的问题，一年内", [])],
    sign_off="能力中心",
    date="2026年12月1日",
)
WANTED = (
    "入企诊断报告", "ZD-2026-0001", "二级（规范级）", "58.3", "还差 1.7 分", "数字化基础", "62.5", "12 家", "产品设计 ★", "压机停机多，=HYPERLINK(1) <b>",
    "120 万元", "第一步", "这一步没有列出问题", "AA",
)  # fmt: skip


def text_of_pdf(data: bytes) -> str:
    with pypdfium2.PdfDocument(data) as document:
        return "".join(page.get_textpage().get_text_bounded() for page in document).replace("\r\n", "").replace("\ufffe", "")


def test_both_files_say_the_same() -> None:
    word, pdf = as_word(letter_of(REPORT)), as_pdf(letter_of(REPORT))
    document = Document(io.BytesIO(word))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    in_word = "\n".join([*(line.text for line in document.paragraphs), *cells])
    in_pdf = text_of_pdf(pdf)
    for wanted in WANTED:
        assert wanted in in_word
        assert wanted.replace(" ", "") in in_pdf.replace(" ", "").replace("\n", ""), wanted
    # The chart: drawn in the one, a picture with its sentence in the other.
    with zipfile.ZipFile(io.BytesIO(word)) as parts:
        assert any(name.startswith("word/media/") for name in parts.namelist())
        assert 'descr="各部分水平' in parts.read("word/document.xml").decode()


def test_the_same_report_is_the_same_file() -> None:
    assert as_pdf(letter_of(REPORT)) == as_pdf(letter_of(REPORT))


def test_without_others_nothing_is_compared() -> None:
    alone = dataclasses.replace(REPORT, peers=0, sections=[(name, own, None) for name, own, _mean in SECTIONS])
    text = text_of_pdf(as_pdf(letter_of(alone))).replace(" ", "")
    assert "同行业平均" not in text
    assert "暂不比较" in text


@pytest.mark.parametrize("values", [(None,) * 7, (0.0,) * 7, (100.0,) * 7, (50.0, None, 3.0, None, None, 99.0, 1.0)])
def test_a_chart_of_any_values(values: tuple[Any, ...]) -> None:
    labels = tuple(f"部分 {number}" for number in range(7))
    data = picture(Radar(labels, values, tuple(0.0 for _label in labels), "本企业", "平均"))
    assert data.startswith(b"\x89PNG")
    assert 5_000 < len(data) < 200_000


def test_empty_lists_are_said() -> None:
    nothing = dataclasses.replace(REPORT, problems=[], needs=[], investments=[], orientations=[], outside=[], next=[], summary="")
    text = text_of_pdf(as_pdf(letter_of(nothing)))
    for wanted in ("没有列出问题", "没有列出场景", "没有列出投入"):
        assert wanted in text


def show(folder: Path) -> None:
    """For looking at: every page as a picture."""
    with pypdfium2.PdfDocument(as_pdf(letter_of(REPORT))) as document:
        for number, page in enumerate(document):
            page.render(scale=1).to_pil().save(folder / f"report-{number}.png")
