"""The report of a diagnosis (入企诊断报告) as a letter: the grade and how it came about, the three lists, the roadmap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from marketplace.letters.charts import Radar
from marketplace.letters.letter import Grid, Letter, Paragraph, Picture, clean

Part = Paragraph | Grid | Picture
_NUMERALS = "一二三四五六七八九十"


@dataclass(frozen=True)
class Report:
    """Everything in words. `sections`: (name, own, mean) of 100; `peers`: of how many others the mean is, 0: none is shown."""

    number: str
    enterprise: str
    facts: Sequence[tuple[str, str]]
    summary: str
    grade: str
    score: str
    reached: Sequence[str]
    next_grade: str
    next: Sequence[tuple[bool, str]]
    sections: Sequence[tuple[str, float | None, float | None]]
    peers: int
    scenes: Sequence[tuple[str, str, str]]
    orientations: Sequence[tuple[str, str, str, str]]
    outside: Sequence[tuple[str, str, str]]
    problems: Sequence[tuple[str, ...]]
    needs: Sequence[tuple[str, ...]]
    investments: Sequence[tuple[str, ...]]
    roadmap: Sequence[tuple[str, Sequence[str]]]
    sign_off: str
    date: str


def letter_of(report: Report) -> Letter:
    parts: list[Part] = []
    chapters = (
        ("诊断概况", _facts),
        ("总体评价", _summary),
        ("数字化水平等级", _grade),
        ("各场景水平", _scenes),
        ("五个转型方向", _orientations),
        ("问题清单", _problems),
        ("场景清单", _needs),
        ("投入清单", _investments),
        ("路线图", _roadmap),
    )
    for numeral, (title, write) in zip(_NUMERALS, chapters, strict=False):
        parts.append(Paragraph(f"{numeral}、{title}", is_heading=True))
        parts += write(report)
    return Letter("入企诊断报告", report.number, clean(report.enterprise), tuple(parts), report.sign_off, report.date)


def _facts(report: Report) -> Iterator[Part]:
    yield Grid(("项目", "内容"), tuple((clean(name), clean(value)) for name, value in report.facts), (1, 3))


def _summary(report: Report) -> Iterator[Part]:
    yield Paragraph(clean(report.summary))


def _grade(report: Report) -> Iterator[Part]:
    yield Paragraph(f"等级：{report.grade}。第一部分得分 {report.score}（满分 100）。")
    yield from (Paragraph(f"达到这一级：{sentence}") for sentence in report.reached)
    if report.next:
        yield Paragraph(f"离{report.next_grade}还差什么：")
        yield from (
            Paragraph(f"（{number}）{'已达到：' if met else '未达到：'}{said}") for number, (met, said) in enumerate(report.next, 1)
        )
    names = tuple(name for name, _own, _mean in report.sections)
    others = tuple(mean for _name, _own, mean in report.sections) if report.peers else ()
    chart = Radar(names, tuple(own for _name, own, _mean in report.sections), others, "本企业", f"同行业平均（{report.peers} 家）")
    compared = f"，虚线为同行业另外 {report.peers} 家的平均" if report.peers else "。同行业已定级的企业还少，暂不比较"
    yield Picture(chart, f"各部分水平，满分 100{compared}。".replace("。。", "。"))
    head = ("部分", "本企业", "同行业平均") if report.peers else ("部分", "本企业")
    rows = tuple((name, _figure(own), _figure(mean))[: len(head)] for name, own, mean in report.sections)
    yield Grid(head, rows)
    for model, grade, on in report.outside:
        yield Paragraph(f"其他评估：{clean(model)}，{clean(grade)}，{on} 取得。")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _scenes(report: Report) -> Iterator[Part]:
    yield Paragraph("带 ★ 的是约束性场景。")
    yield Grid(("场景", "水平", "现状"), tuple(tuple(clean(cell) for cell in row) for row in report.scenes), (3, 2, 6))


def _orientations(report: Report) -> Iterator[Part]:
    yield from _table(("方向", "指标", "现值", "目标"), report.orientations, (2, 4, 2, 2), "没有填写各方向的现值和目标。")


def _problems(report: Report) -> Iterator[Part]:
    yield from _table(("序号", "问题", "环节", "优先级"), report.problems, (1, 7, 2, 2), "没有列出问题。")


def _needs(report: Report) -> Iterator[Part]:
    yield from _table(("场景", "现在", "目标", "预期成效"), report.needs, (4, 1, 1, 4), "没有列出场景。")


def _investments(report: Report) -> Iterator[Part]:
    yield from _table(("场景", "设备", "软件", "服务", "年份", "来源"), report.investments, (4, 2, 2, 2, 1, 2), "没有列出投入。")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], widths: tuple[int, ...], otherwise: str) -> Iterator[Part]:
    if rows:
        yield Grid(head, tuple(tuple(clean(cell) for cell in row) for row in rows), widths)
    else:
        yield Paragraph(otherwise)


def _roadmap(report: Report) -> Iterator[Part]:
    for title, items in report.roadmap:
        yield Paragraph(title, is_heading=True)
        yield Paragraph(
            "\n".join(f"（{number}）{clean(item)}" for number, item in enumerate(items, 1)) if items else "这一步没有列出问题。"
        )
