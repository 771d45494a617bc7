"""任务书 as a letter, from the content with which it was drawn up: parties, content, indicators, money, milestones, duties, seals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from marketplace.domain.agreements import instalments
from marketplace.domain.money import exact_text
from marketplace.domain.texts import as_written
from marketplace.letters.letter import Grid, Letter, Paragraph, clean

# Key of the pilot → its word, by (kind, key).
Words = Mapping[tuple[str, str], str]
TITLE = "制造业新型技术改造项目任务书"
_ROLES = {"general": "总包", "sub": "分包", "consortium": "联合体"}


def agreement_letter(
    content: Mapping[str, Any], *, words: Words, number: str, version: int, code: str, bureau: str, due: str, date: str
) -> Letter:
    """Chinese only, like every letter. `due`: until when both sides sign; `code`: by which anybody can verify it."""
    parts = [
        *_parties(content, words, bureau),
        *_content(content, words),
        *_indicators(content),
        *_money(content, words),
        *_milestones(content),
        *_duties(content),
        *_seals(content, bureau, code, due),
    ]
    shown = number if version == 1 else f"{number}（第 {version} 版）"
    return Letter(title=TITLE, number=shown, addressee=clean(content["applicant"]), parts=tuple(parts), sign_off=clean(bureau), date=date)


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


def _duties(content: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    yield Paragraph("六、双方责任", is_heading=True)
    yield Paragraph("甲方：按资金计划拨付资金，组织专家指导、监督和现场抽查核验，组织验收。")
    yield Paragraph(
        "乙方：按本任务书实施；在公共服务平台按月报送进度，及时上传现场图片、合同、发票、付款凭证；接受指导、抽查核验和审计；"
        "内容、服务商、期限、指标有变更的，事先书面申请并经甲方同意；完成后按规定申请验收。"
    )
    yield Paragraph(
        f"项目不实、进度滞后或成效不佳的，甲方可以警示并责令限期整改（{content['rectification_days']} 天）；"
        "整改不到位、骗取或挪用资金的，终止项目并追回已拨付的资金。"
    )


def _seals(content: Mapping[str, Any], bureau: str, code: str, due: str) -> Iterator[Paragraph | Grid]:
    yield Paragraph("七、签署", is_heading=True)
    until = f"请在 {due} 24:00 前由双方盖章，并把扫描件上传公共服务平台。" if due else ""
    yield Paragraph(f"{until}双方盖章后生效，一式两份。")
    lines = "\n（盖章）\n日期："
    yield Grid(("甲方", "乙方"), ((f"{clean(bureau)}{lines}", f"{clean(content['applicant'])}{lines}"),))
    yield Paragraph(f"核验码 {code}。任何人都可以在公共服务平台的“任务书核验”页面核对本任务书的编号、项目和金额。")
