"""A showcase as a Word file to be read and quoted elsewhere, and the outline of a requirements paper that others start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from marketplace.letters.letter import Grid, Letter, Paragraph, clean

_CHAPTERS = (
    ("一、企业和现状", "写明产线、设备、产量、班次和现有系统；附平面图和设备清单。"),
    ("二、要解决的问题", "按问题清单逐条写：在哪个环节、多久一次、一次损失多少。"),
    ("三、建设内容和范围", "写明做什么、不做什么；利旧的设备和系统单列。"),
    ("四、指标要求", "每项指标写明改造前数值、要求达到的数值和测量办法，与基线测量表一致。"),
    ("五、接口和数据", "与哪些系统对接、用什么协议、数据归谁、保存多久。"),
    ("六、施工和停机", "可以停机的时间窗、动火和高处作业要求、恢复生产的条件。"),
    ("七、安全和环保", "防爆分区、网络安全、危化品和特种设备的要求，没有的写“无”。"),
    ("八、验收", "分几步验收、每步看什么、不合格怎么办。"),
    ("九、培训、移交和质保", "培训几次、移交哪些资料、质保多久、多长时间到现场。"),
    ("十、报价和服务商条件", "报价按设备、软件、实施、培训分列；列出同行业已验收项目。"),
)


@dataclass(frozen=True, kw_only=True)
class ShowcaseText:
    """As everybody may read it. `about`: (what, words); `effects`: (indicator, unit, before, after, change)."""

    number: str
    title: str
    summary: str
    problem: str
    approach: str
    experience: str
    effect_note: str
    about: Sequence[tuple[str, str]]
    effects: Sequence[tuple[str, str, str, str, str]]
    source: str
    date: str


def showcase_letter(text: ShowcaseText) -> Letter:
    """Problem, what was done, before and after, what can be taken over."""
    return Letter(
        title=clean(text.title), number=text.number, addressee="", parts=tuple(_parts(text)), sign_off=clean(text.source), date=text.date
    )


def _parts(text: ShowcaseText) -> Iterator[Paragraph | Grid]:
    if text.summary:
        yield Paragraph(clean(text.summary))
    yield Grid(("事项", "内容"), tuple((name, clean(words)) for name, words in text.about if words), (1, 3))
    for heading, words in (("一、要解决的问题", text.problem), ("二、怎样做的", text.approach)):
        yield Paragraph(heading, is_heading=True)
        yield Paragraph(clean(words))
    yield Paragraph("三、改造前后", is_heading=True)
    if text.effects:
        rows = tuple(tuple(clean(cell) for cell in row) for row in text.effects)
        yield Grid(("指标", "单位", "改造前", "改造后", "变化"), rows, (3, 2, 2, 2, 2))
    if text.effect_note:
        yield Paragraph(clean(text.effect_note))
    if text.experience:
        yield Paragraph("四、可以推广的经验", is_heading=True)
        yield Paragraph(clean(text.experience))


def requirements_letter(title: str, effects: Sequence[tuple[str, str, str, str, str]]) -> Letter:
    """技术要求书提纲: chapters with a hint in each, and the indicators of the showcase to be filled with one's own figures."""
    parts: list[Paragraph | Grid] = [Paragraph(f"参考案例：{clean(title)}。各章按本企业情况填写，写完删去提示。")]
    for heading, hint in _CHAPTERS:
        parts += [Paragraph(heading, is_heading=True), Paragraph(hint)]
        if heading.startswith("四") and effects:
            rows = tuple((clean(name), clean(unit), f"{before} → {after}", "", "") for name, unit, before, after, _change in effects)
            parts.append(Grid(("指标", "单位", "案例前后", "本企业现状", "要求达到"), rows, (3, 2, 3, 2, 2)))
    return Letter(title="技术要求书（提纲）", number="", addressee="", parts=tuple(parts), sign_off="（单位名称）", date="（日期）")
