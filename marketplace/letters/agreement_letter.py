"""任务书 as a letter, from the content with which it was drawn up: parties, content, indicators, money, milestones, duties, seals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from marketplace.domain.agreements import instalments
from marketplace.domain.letter_texts import LetterText
from marketplace.domain.money import exact_text
from marketplace.domain.texts import as_written
from marketplace.letters.letter import Grid, Letter, Paragraph, clean, worded

# Key of the pilot → its word, by (kind, key).
Words = Mapping[tuple[str, str], str]
# The form with the sentences that may be reworded (templates/letters).
FORM = "agreement"
_ROLES = {"general": "总包", "sub": "分包", "consortium": "联合体"}


def agreement_letter(
    content: Mapping[str, Any], *, words: Words, number: str, version: int, code: str, usual: Mapping[str, Any], due: str, date: str,
    reworded: LetterText | None = None,
) -> Letter:  # fmt: skip
    """Chinese only, like every letter. `due`: until when both sides sign; `code`: by which anybody can verify it; `usual`: what every
    letter may name; `reworded`: the fixed sentences where somebody has given them other words."""
    shown = number if version == 1 else f"{number}（第 {version} 版）"
    own = {
        "organisation": content["applicant"],
        "number": shown,
        "date": date,
        "days": content["rectification_days"],
        "until": due,
        "code": code,
    }
    fixed, bureau = worded(FORM, {**usual, **own}, reworded), f"{usual['city']}{usual['bureau']}"
    parts = [
        *_parties(content, words, bureau),
        *_content(content, words),
        *_indicators(content),
        *_money(content, words),
        *_milestones(content),
        *_duties(fixed),
        *_seals(content, bureau, fixed),
    ]
    return Letter(
        title=fixed.title, number=shown, addressee=clean(content["applicant"]), parts=tuple(parts), sign_off=fixed.sign_off, date=date
    )


def _parties(content: Mapping[str, Any], words: Words, bureau: str) -> Iterator[Paragraph | Grid]:
    yield Paragraph("一、双方和项目", is_heading=True)
    code = f"（统一社会信用代码 {content['applicant_code']}）" if content["applicant_code"] else ""
    rows = [
        ("甲方", clean(bureau)),
        ("乙方（实施单位）", f"{clean(content['applicant'])}{code}"),
        ("项目名称", clean(content["title"])),
        ("项目编号", content["project"]),
        ("申报指南", clean(content["guide"]) or "–"),
        ("层面", words.get(("level", content["level"]), content["level"])),
        ("所在区域", words.get(("area", content["area"]), content["area"]) or "–"),
        ("实施期限", f"{content['starts'] or '–'} 至 {content['ends'] or '–'}"),
    ]
    if content["members"]:
        rows.append(("成员企业", "、".join(clean(row["name"]) for row in content["members"])))
    yield Grid(("事项", "内容"), tuple(rows), (1, 3))


def _content(content: Mapping[str, Any], words: Words) -> Iterator[Paragraph | Grid]:
    yield Paragraph("二、建设内容", is_heading=True)
    for key, text in content["texts"].items():
        yield Paragraph(f"{words.get(('text', key), '内容')}：{clean(text)}")
    if content["suppliers"]:
        rows = tuple(
            (clean(row["name"]), _ROLES.get(row["role"], row["role"]), clean(row["content"]) or "–") for row in content["suppliers"]
        )  # fmt: skip
        yield Grid(("服务商", "角色", "承担内容"), rows)


def _indicators(content: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    yield Paragraph("三、绩效指标", is_heading=True)
    if not content["indicators"]:
        yield Paragraph("没有另列指标，以申报材料为准。")
        return
    rows = tuple(
        (clean(row["name"]), clean(row["unit"]) or "–", as_written(row["baseline"]), as_written(row["target"]), as_written(row["weight"]))
        for row in content["indicators"]
    )
    yield Grid(("指标", "单位", "基线", "目标", "权重"), rows)


def _money(content: Mapping[str, Any], words: Words) -> Iterator[Paragraph | Grid]:
    yield Paragraph("四、投资和支持资金", is_heading=True)
    first, rest = instalments(content["amount_fen"], content["first_share"])
    total = f"项目总投资 {exact_text(content['total_fen'])} 万元。" if content["total_fen"] else ""
    waits = "，并与中央财政资金的拨付进度相衔接" if content["final_waits_for_central"] else ""
    yield Paragraph(
        f"{total}甲方支持资金最高 {exact_text(content['amount_fen'])} 万元：资金计划下达后拨付 {exact_text(first)} 万元，"
        f"验收通过后拨付余款 {exact_text(rest)} 万元{waits}。支持资金专款专用、单独核算。"
    )
    if content["costs"]:
        rows = tuple(
            (clean(row["item"]), words.get(("cost", row["kind"]), row["kind"]), *(exact_text(row[name]) for name in _AMOUNTS))
            for row in content["costs"]
        )
        yield Grid(("经费项目", "类别", "合计（万元）", "财政（万元）", "自筹（万元）"), rows, (3, 2, 2, 2, 2))


_AMOUNTS = ("amount_fen", "fiscal_fen", "own_fen")


def _milestones(content: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    yield Paragraph("五、里程碑", is_heading=True)
    if not content["milestones"]:
        yield Paragraph("没有另列里程碑，以实施期限为准。")
        return
    yield Grid(("里程碑", "计划日期"), tuple((clean(row["title"]), row["planned"]) for row in content["milestones"]), (3, 1))


def _duties(fixed: LetterText) -> Iterator[Paragraph | Grid]:
    yield Paragraph("六、双方责任", is_heading=True)
    yield from (Paragraph(text) for text in fixed.parts[:3] if text)


def _seals(content: Mapping[str, Any], bureau: str, fixed: LetterText) -> Iterator[Paragraph | Grid]:
    yield Paragraph("七、签署", is_heading=True)
    if until := "".join(fixed.parts[3:5]):
        yield Paragraph(until)
    lines = "\n（盖章）\n日期："
    yield Grid(("甲方", "乙方"), ((f"{clean(bureau)}{lines}", f"{clean(content['applicant'])}{lines}"),))
    yield from (Paragraph(text) for text in fixed.parts[5:] if text)
