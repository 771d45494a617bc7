"""一企一策方案 as a letter, from the content with which it was issued."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marketplace.domain.money import range_text
from marketplace.domain.plans import ASPECTS, STEPS, USUAL
from marketplace.letters.letter import Grid, Letter, Paragraph, clean

# 词: key of a stage, an orientation or a priority → the pilot's word, by (kind, key).
Words = Mapping[tuple[str, str], str]
_STRENGTH = {1: "弱", 2: "一般", 3: "较强", 4: "强"}
_COVERAGE = {"strong": "完整", "partial": "部分", "uncovered": "未覆盖"}
_PARTS = {"fits": "符合", "assumed": "推断", "missing": "缺少", "ask": "待问"}
REASONS = 4


def plan_letter(content: Mapping[str, Any], *, words: Words, number: str, version: int, note: str, sign_off: str, date: str) -> Letter:
    """Problems, recommended solutions with their reasons, the road map, what nobody can do yet. Chinese only, like every letter."""
    parts = [*_opening(content, note), *_set(content), *_needs(content, words), *_road_map(content), *_open(content), *_closing(content)]
    return Letter(
        title="一企一策技术改造方案",
        number=f"{number}（第 {version} 版）",
        addressee=clean(content["enterprise"]),
        parts=tuple(parts),
        sign_off=clean(sign_off),
        date=date,
    )


def _opening(content: Mapping[str, Any], note: str) -> Iterator[Paragraph | Grid]:
    needs = content["needs"]
    covered = sum(need["coverage"] != "uncovered" for need in needs)
    diagnosed = f"根据 {content['diagnosed']} 的入企诊断，" if content.get("diagnosed") else ""
    yield Paragraph(
        f"{diagnosed}贵企业问题清单中有 {len(needs)} 条待对接。本方案能解决 {covered} 条，由 {len(content['set'])} 家服务商承担；"
        f"{len(needs) - covered} 条目前没有合适的方案，出路见第四部分。"
    )
    if note.strip():
        yield Paragraph(clean(note))
    moved = [f"{ASPECTS[name]} {value}" for name, value in content.get("emphasis", {}).items() if value != USUAL]
    if moved:
        yield Paragraph(f"排序按贵企业的侧重作了调整（0 不看，1 照常，5 最看重）：{'，'.join(moved)}。")


def _set(content: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    yield Paragraph("一、推荐的服务商组合", is_heading=True)
    if not content["set"]:
        yield Paragraph("没有可以推荐的组合。")
        return
    rows = tuple(
        (clean(row["provider"]), "、".join(f"问题 {number}" for number in row["needs"]), _price(row["cost_low_fen"], row["cost_high_fen"]))
        for row in content["set"]
    )
    yield Grid(("服务商", "解决哪几条", "报价"), rows)


def _needs(content: Mapping[str, Any], words: Words) -> Iterator[Paragraph | Grid]:
    yield Paragraph("二、问题、场景与推荐方案", is_heading=True)
    for need in content["needs"]:
        facts = [words.get((kind, need[kind]), need[kind]) for kind in ("stage", "orientation") if need[kind]]
        if need["priority"]:
            facts.append(f"优先级{words.get(('priority', need['priority']), need['priority'])}")
        facts.append(f"预算 {range_text(need['budget_low_fen'], need['budget_high_fen']) or '未填'}")
        if need["scenario"]:
            facts.append(f"对应场景“{clean(need['scenario'])}”")
        yield Paragraph(f"问题 {need['number']}（{_COVERAGE[need['coverage']]}）", is_heading=True)
        yield Paragraph(f"{clean(need['text'])}\n{'，'.join(facts)}。")
        yield from _matches(need)


def _matches(need: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    if need["matches"]:
        rows = tuple(
            (
                clean(match["solution"]) + ("（列入组合）" if match["solution_id"] == need["chosen"] else ""),
                clean(match["provider"]) + ("（诊断单位）" if match["of_diagnosing"] else ""),
                "人工加入" if match["by_hand"] else _STRENGTH[match["strength"]],
                _price(match["price_low_fen"], match["price_high_fen"]),
                _weeks(match["weeks_low"], match["weeks_high"]),
            )
            for match in need["matches"]
        )
        yield Grid(("方案", "服务商", "匹配", "报价", "工期"), rows)
    shown = next((match for match in need["matches"] if match["solution_id"] == need["chosen"]), None)
    if shown is not None and shown["reasons"]:
        lines = [f"{_PARTS[part]}：{'；'.join(_of(shown['reasons'], part))}" for part in _PARTS if _of(shown["reasons"], part)]
        yield Paragraph("推荐理由。" + "\n".join(lines))
    for one in need["excluded"]:
        yield Paragraph(f"未采用“{clean(one['solution'])}”（{clean(one['provider'])}）：{clean(one['why'])}")


def _of(reasons: Sequence[Mapping[str, str]], part: str) -> list[str]:
    return [clean(one["text"]).rstrip("。；") for one in reasons if one["part"] == part][:REASONS]


def _road_map(content: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    yield Paragraph("三、实施路线", is_heading=True)
    for place, title in enumerate(STEPS):
        numbers = [f"问题 {need['number']}" for need in content["needs"] if need["step"] == place]
        yield Paragraph(f"第{'一二三'[place]}步　{title}：{'、'.join(numbers) or '无'}。")


def _open(content: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    yield Paragraph("四、还没有合适方案的问题", is_heading=True)
    gaps = [need for need in content["needs"] if need["coverage"] == "uncovered"]
    if not gaps:
        yield Paragraph("没有。")
    for need in gaps:
        why = clean(need["uncovered"]) or "没有服务商的方案对得上这条问题。"
        yield Paragraph(f"问题 {need['number']}：{why}可请能力中心向资源池公开征集，或请专家到现场再看一次，把问题说细。")


def _closing(content: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    yield Paragraph(f"报价和工期以服务商正式报价为准。本方案按 {content['made'][:10]} 的数据作出，排序模型 {content['model']}。")


def _price(low: int | None, high: int | None) -> str:
    return range_text(low, high) or "面议"


def _weeks(low: int | None, high: int | None) -> str:
    known = list(dict.fromkeys(str(value) for value in (low, high) if value is not None))
    return f"{'–'.join(known)} 周" if known else "未填"
