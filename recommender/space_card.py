"""The card of a trained delta or adapter, Markdown: what it learned from and how much of it came from where, and what the gate measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recommender.evaluation.delta_gate import Comparison, Gate

NAMES = {"recorded": "本站留出的后一段", "demonstration": "示例评测集", "demands": "另一个评测集"}


def sets_of(gate: Gate) -> dict[str, Comparison]:
    """What was measured, what counts first."""
    found = {"recorded": gate.recorded, "demonstration": gate.demonstration, "demands": gate.demands}
    return {name: one for name, one in found.items() if one is not None}


def sources(learned: Mapping[str, Any]) -> list[str]:
    """How many pairs came from where, a sentence each. `learned`: statements, recorded (counts or None) and why."""
    said = [f"难题知识库：{learned['statements']} 条陈述和解法。"]
    recorded = learned["recorded"]
    if recorded is None:
        return [*said, str(learned["why"])]
    return [
        *said,
        f"本站的对接记录：{recorded['problems']} 个问题的 {recorded['pairs']} 对（已接受 {recorded['accepted']}、中选 {recorded['awarded']}、"
        f"完工且好 {recorded['finished_well']}）；难的反例 {recorded['declined_as_unfit'] + recorded['passed_over']} 条（因不合适谢绝 "
        f"{recorded['declined_as_unfit']}、排在前面却没有人点开 {recorded['passed_over']}）；方案或问题已查不到的 {recorded['left_out']} 对没有用。",
        f"按时间划分：以后的 {recorded['held_out_problems']} 个问题只用来比较。",
    ]


def space_card(title: str, notes: Sequence[str], learned: Mapping[str, Any], gate: Gate) -> str:
    """`notes`: what it is, a sentence each."""
    lines = [
        f"# {title}", "", *notes, "", "## 学了什么 / Data", "",
        *(f"- {one}" for one in sources(learned)),
        "- 问题的文字是索引里的那一份：没有企业名称和园区、街道。训练在本机进行，没有任何文字离开这台机器；文件是从本站的文字里学来的，请不要外传。",
        "", "## 比较 / Measured", "",
        "| 评测 | 问题 | 以前 nDCG@10 | 以后 | 差和 95% 区间 |", "| --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for name, one in sets_of(gate).items():
        change = one.difference
        lines.append(
            f"| {NAMES[name]} | {one.queries} | {one.base:.3f} | {one.changed:.3f} "
            f"| {change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}] |"
        )
    verdict = "通过：第一行的区间全部高于 0，其余没有变差。" if gate.is_kept else "没有通过：第一行的区间不全高于 0，或别的评测变差了。"
    return "\n".join([*lines, "", "## 结论 / Decision", "", verdict]) + "\n"
