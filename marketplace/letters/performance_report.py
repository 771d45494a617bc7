"""绩效自评报告、终期绩效评价报告 as a letter, from the frozen content with which it was issued (or, marked as a draft, from what is there)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from marketplace.domain.money import FEN_PER_WAN
from marketplace.domain.performance_rules import Group, Unit
from marketplace.domain.performance_words import figure_text, target_text
from marketplace.letters.letter import Grid, Letter, Paragraph, clean

_GROUPS = {Group.OUTPUT: "产出", Group.BENEFIT: "效益", Group.SATISFACTION: "满意度"}
_NUMBERS = "一二三四五六七八九"
_UNITS = {Unit.WAN: " 万元", Unit.MARK: " 分（满分 5 分）"}
# 词: (kind, key) of a sector or an orientation → the pilot's word.
Words = Mapping[tuple[str, str], str]


def report_letter(
    content: Mapping[str, Any],
    *,
    words: Words,
    title: str,
    subject: str,
    number: str,
    addressee: str,
    sign_off: str,
    date: str,
    before: Sequence[tuple[str, float]] = (),
    is_draft: bool = False,
) -> Letter:
    """`before`: name and points of the evaluations of earlier years. Chinese only, like every letter."""
    parts = [
        *_opening(content, subject, is_draft),
        *_conclusion(content, before),
        *_table(content, words),
        *_money(content),
        *_goals(content, words),
        *_gaps(content, words),
        *_work(content),
        *_evidence(content, words),
        *_closing(content),
    ]
    name = f"{title}（草稿，未审核）" if is_draft else title
    return Letter(name, number, clean(addressee), tuple(_numbered(parts)), clean(sign_off), date)


def _numbered(parts: Iterable[Paragraph | Grid]) -> Iterator[Paragraph | Grid]:
    """Headings get their number here: an area's report has no section on money."""
    number = 0
    for part in parts:
        if isinstance(part, Paragraph) and part.is_heading:
            yield Paragraph(f"{_NUMBERS[number]}、{part.text}", is_heading=True)
            number += 1
        else:
            yield part


def name_of(line: Mapping[str, Any], words: Words) -> str:
    name = clean(line["name"])
    return f"{name}：{words.get(('sector', line['sector']), line['sector'])}" if line["sector"] else name


def value_text(line: Mapping[str, Any], *, parts: bool = True) -> str:
    """A figure with its unit and, of a share, with what it is a share of."""
    if line["value"] is None:
        return "没有数值"
    unit = _UNITS.get(line["unit"], f" {line['measure']}" if line["measure"] else "")
    of = f"（{line['part']:,} / {line['whole']:,}）" if parts and line["unit"] == Unit.SHARE and line["whole"] else ""
    return f"{figure_text(line['value'], line['unit'])}{unit}{of}"


def wanted_text(line: Mapping[str, Any]) -> str:
    unit = {Unit.WAN: " 万元", Unit.MARK: " 分"}.get(line["unit"], f" {line['measure']}" if line["measure"] else "")
    return f"{target_text(line['target'], line['unit'], line['comparison'])}{unit}"


def _opening(content: Mapping[str, Any], subject: str, is_draft: bool) -> Iterator[Paragraph | Grid]:
    yield Paragraph("评价概况", is_heading=True)
    lines = content["lines"]
    by_hand = sum(bool(line["by_hand"]) for line in lines)
    yield Paragraph(
        f"评价对象：{clean(subject)}。数据截至 {content['as_of']}。指标共 {len(lines)} 条，权重合计 100，"
        f"其中 {len(lines) - by_hand} 条由平台数据直接得出，{by_hand} 条由填报单位填写并附佐证。"
    )
    if is_draft:
        yield Paragraph("本稿尚未审核印发，数值和得分还会变动，不作为评价结论。")


def _conclusion(content: Mapping[str, Any], before: Sequence[tuple[str, float]]) -> Iterator[Paragraph | Grid]:
    yield Paragraph("评价结论", is_heading=True)
    lines = content["lines"]
    reached = sum(bool(line["reached"]) for line in lines)
    yield Paragraph(
        f"得分 {content['total']:g} 分（满分 100 分），等次为“{content['grade_name']}”。{len(lines)} 条指标中 {reached} 条达到目标，"
        f"{len(lines) - reached} 条没有达到。"
    )
    rows = []
    for group, word in _GROUPS.items():
        own = [line for line in lines if line["group"] == group]
        if own:
            weight, score = sum(line["weight"] for line in own), sum(line["score"] for line in own)
            rows.append((f"{word}指标", str(len(own)), f"{round(weight, 2):g}", f"{round(score, 2):g}"))
    rows.append(("合计", str(len(lines)), "100", f"{content['total']:g}"))
    yield Grid(("指标类别", "条数", "权重", "得分"), tuple(rows), (4, 2, 2, 2))
    if before:
        yield Paragraph("以往评价：" + "；".join(f"{clean(name)} {total:g} 分" for name, total in before) + "。")


def _table(content: Mapping[str, Any], words: Words) -> Iterator[Paragraph | Grid]:
    yield Paragraph("指标完成情况", is_heading=True)
    rows = tuple(
        (
            name_of(line, words),
            f"{line['weight']:g}",
            wanted_text(line),
            value_text(line),
            "平台" if not line["by_hand"] else "填报",
            f"{line['score']:g}",
        )
        for line in content["lines"]
    )
    yield Grid(("指标", "权重", "目标", "完成", "来源", "得分"), rows, (8, 2, 4, 5, 2, 2))


def _money(content: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    """How far the money has come; rounds that were issued before this was kept have none."""
    money = content.get("money")
    if not money:
        return
    yield Paragraph("资金安排和执行情况", is_heading=True)
    whole = {key: money["central"][key] + money["local"][key] for key in ("budget", "committed", "paid")}
    rows = tuple(
        (
            word,
            *(f"{row[key] / FEN_PER_WAN:,.2f}" for key in ("budget", "committed", "paid")),
            _part(row["committed"], row["budget"]),
            _part(row["paid"], row["committed"]),
        )
        for word, row in (("中央财政资金", money["central"]), ("地方财政资金", money["local"]), ("合计", whole))
    )
    yield Grid(("资金（万元）", "预算", "已安排", "已拨付", "安排率", "拨付率"), rows, (5, 3, 3, 3, 2, 2))
    yield Paragraph("安排率为已安排占预算，拨付率为已拨付占已安排；数据取自平台账簿，含各年度累计，不含待追回和已收回的拨付。")


def _part(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _goals(content: Mapping[str, Any], words: Words) -> Iterator[Paragraph | Grid]:
    """How the five goals of the pilot stand, each by the indicators that belong to it."""
    yield Paragraph("工作目标的完成情况", is_heading=True)
    goals = dict.fromkeys(goal for line in content["lines"] for goal in line["goals"])
    rows = []
    for goal in (key for kind, key in words if kind == "orientation" and key in goals):
        own = [line for line in content["lines"] if goal in line["goals"]]
        reached = [line for line in own if line["reached"]]
        missing = "、".join(name_of(line, words) for line in own if not line["reached"]) or "无"
        rows.append((words[("orientation", goal)], f"{len(reached)} / {len(own)}", missing))
    yield Grid(("目标", "达到的指标", "没有达到的指标"), tuple(rows), (2, 2, 8))


def _gaps(content: Mapping[str, Any], words: Words) -> Iterator[Paragraph | Grid]:
    yield Paragraph("没有达到目标的指标：原因和改进措施", is_heading=True)
    short = [line for line in content["lines"] if not line["reached"]]
    if not short:
        yield Paragraph("全部指标都达到了目标。")
    for number, line in enumerate(short, 1):
        why = clean(line["explanation"]) or "（还没有写原因）"
        yield Paragraph(f"{number}．{name_of(line, words)}：目标 {wanted_text(line)}，完成 {value_text(line)}。{why}")


def _work(content: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    yield Paragraph("工作开展情况、存在的问题和下一步", is_heading=True)
    yield Paragraph(clean(content["summary"]) or "（没有另写说明。）")


def _evidence(content: Mapping[str, Any], words: Words) -> Iterator[Paragraph | Grid]:
    yield Paragraph("佐证材料清单", is_heading=True)
    rows = tuple(
        (name_of(line, words), clean(line["evidence"]) or "–", "\n".join(clean(name) for name, _hash in line["files"]) or "平台记录")
        for line in content["lines"]
    )
    yield Grid(("指标", "要求的佐证", "已有材料"), rows, (5, 6, 5))
    noted = [line for line in content["lines"] if line["by_hand"] and line["figure"] and line["platform"] is not None]
    for line in noted:
        told = value_text({**line, "value": line["platform"]}, parts=False)
        yield Paragraph(f"注：{name_of(line, words)}采用填报数，平台记录为 {told}。")


def _closing(content: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    yield Paragraph("指标依据", is_heading=True)
    yield Paragraph(clean(content["source"]))
