"""The model card of a trained ranker, Markdown: what it is, what it learned from, what it was measured at, and what it is not for."""

from __future__ import annotations

from recommender.learned import NAMES, family_of
from recommender.training import Trained

# Less than this moves no place.
LEAST = 0.0005


def model_card(trained: Trained) -> str:
    """Everything in it is computed; the same numbers stand in the report."""
    change, bias = trained.difference, trained.examined
    lines = [
        f"# {trained.weights.version}",
        "",
        "手工权重之上的加法修正：得分 = 手工得分 + Σ 权重 ·（特征 − 均值）。每一分都属于一类依据，页面上的理由用的就是这些数。",
        "",
        "## 学了什么 / Data",
        "",
        f"- {trained.lists} 个问题的 {trained.rows} 条匹配记录，{trained.first:%Y-%m-%d} 至 {trained.last:%Y-%m-%d}；"
        f"{trained.left_out} 条的方案已查不到，没有用。",
        f"- 按时间划分：{trained.cut:%Y-%m-%d} 以前的用来学，以后的 {trained.held_out} 个问题只用来比较。",
        f"- 位置偏差：{'由展示和点开的次数估计' if bias.estimated else '记录太少，用先验 1/√名次'}；"
        f"第 1、5、10 名被看到的可能性 {', '.join(f'{bias.by_place[place - 1]:.2f}' for place in (1, 5, 10))}。",
        "- 特征按现在的排序程序重新计算；以往对接和业绩按当时已知的算。不用企业和服务商的名称。",
        "",
        "## 比较 / Measured",
        "",
        f"| | {trained.now.version}（现用） | {trained.weights.version} |",
        "| --- | --- | --- |",
        f"| nDCG@10 | {trained.now.ndcg.mean():.3f} | {trained.then.ndcg.mean():.3f} |",
        f"| 校准误差 ECE（{trained.decided} 条已答复的） | {trained.now.calibration.error:.3f} | {trained.then.calibration.error:.3f} |",
        f"| 前三名里新服务商的份额 | {trained.now.new:.1%} | {trained.then.new:.1%} |",
        "",
        f"差 {change.mean:+.3f}，95% 区间 [{change.low:+.3f}, {change.high:+.3f}]（按问题成对自助法）。",
        "",
        "| 说会被接受 | 条数 | 平均说 | 实际 |",
        "| --- | --- | --- | --- |",
        *(
            f"| {low:.0%}–{high:.0%} | {count} | {said:.1%} | {happened:.1%} |"
            for low, high, count, said, happened in trained.then.calibration.table
        ),
        "",
        "## 权重 / Weights",
        "",
        "| 特征 | 依据 | 修正 |",
        "| --- | --- | --- |",
        *(
            f"| {name} | {family_of(name)} | {trained.weights.moved[name]:+.3f} |"
            for name in NAMES
            if abs(trained.weights.moved.get(name, 0.0)) >= LEAST
        ),
        "",
        f"没有列出的修正不到 {LEAST}。",
        "",
        *_ablation(trained),
        "## 结论 / Decision",
        "",
        *([f"- {one}" for one in trained.objections] or ["通过：可以启用。"]),
        "",
        "不适合：判断一家服务商好不好（看评价），或替人作决定。",
    ]
    return "\n".join(lines) + "\n"


def _ablation(trained: Trained) -> list[str]:
    if not trained.ablation:
        return []
    rows = [
        f"| {family} | {mean:.3f} | {change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}] |"
        for family, (mean, change) in trained.ablation.items()
    ]
    return ["## 少学一类 / Ablation", "", "| 依据 | nDCG@10 | 与全部相比 |", "| --- | --- | --- |", *rows, ""]
