"""What the journey from a diagnosis to a brokered match is made of: four accounts, their windows, and what they type.

The centre and the enterprise are those of the demonstration set, and so is one provider; the other provider gets an account when the
plan has named it. Whoever is asked by a one-time link has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Locator, ViewportSize

from marketplace.domain.questionnaires import Kind, Question
from tests.journeys.pool import Journey, Window

CENTRE, ENTERPRISE, PROVIDER, SECOND, STRANGER = "centre", "enterprise", "provider", "second", "stranger"
WIDE, NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)

BATCH = "二车间六台间歇釜投料、升温全靠操作工看单子手动拧，同一配方批间粘度差两成，今年已有五批降级，一批少卖十几万；釜不能停产改，只能在七月大修时接线。"
TANKS = "罐区三十多个储罐的存量靠人工检尺、回来查表算，月底盘库和财务账差三百多吨。"
TANKS_SAID = TANKS + "去年起每个月都对不上，一年说不清的损耗折两百多万；防爆区里不能随便动火打孔。"
SUMMARY = "装置自控基础好，批次和罐区靠人记、靠人算。建议先把二车间的配方执行和罐区账做起来，再谈全厂优化。"
EXPECTED = "批间粘度差由两成降到百分之五以内，降级批次为零"
LIST_NOTE = "化工行业第一批，附一个企业个性化场景。"
NOTE = "先做二车间批次执行，七月大修时接线；罐区账同步做，不用停产。"
NOT_HERE = "现场是间歇釜，连续装置的多变量控制用不上。"
CRITERIA = (
    ("能在七月大修的十天内接完线", "essential", "40"),
    ("与现有控制系统衔接，不换主机", "essential", "35"),
    ("有同行业间歇釜案例", "nice", "25"),
)
BUSY = "年底前工程师都在别的现场。"
SCOPE = "六台釜的配方执行和电子批记录，含接线、调试、培训和一年质保；不含仪表更换。"
SCOPE_SECOND = "风险评估和一台釜的连续流试验，其余五台另议；含报告和培训。"
HOW = "七月十日进场，十天内接完。"
HOW_SECOND = "十天只够接一台釜的线。"
REASON = "两条必备项都满足，价格在预算内，案例看过现场。"
FEEDBACK = "试验方案扎实，但只覆盖一台釜，七月前做不完六台；今后有工艺研发的需求再请贵单位。"
EFFECT = "六台釜全部上线，批记录自动生成，粘度差降到百分之四。"
REMARK = "按期上线，培训到位。"
# Answers to questions that want a number; any other is answered with a dozen.
FIGURES = {
    "revenue": "52000", "revenue_before": "49000", "cost": "46000", "staff": "860", "equipment": "240", "equipment_digital": "180",
    "equipment_networked": "120", "control_rate": "92", "sis_coverage": "85", "hazop_year": "2023",
}  # fmt: skip


def answers_to(questions: tuple[Question, ...]) -> dict[str, str | list[str]]:
    """The fields of one section: something in the middle to each question that has to be answered."""
    filled: dict[str, str | list[str]] = {}
    for one in questions:
        name = f"q.{one.key}"
        if one.kind == Kind.MULTI:
            filled[name] = [option.key for option in one.options[:2]]
        elif one.kind == Kind.SINGLE:
            filled[name] = one.options[len(one.options) // 2].key
        elif one.kind == Kind.LEVEL:
            filled[name] = "2"
        elif one.kind == Kind.PAIR:
            filled |= {f"{name}.present": "35", f"{name}.target": "60"}
        elif one.kind == Kind.NUMBER:
            filled[name] = FIGURES.get(one.key, "12")
    return filled


@dataclass
class Brokered(Journey):
    """One walk from the first visit to what was learned. `kept`: addresses and names that a later step needs."""

    kept: dict[str, str] = field(default_factory=dict)

    def login(self, who: str) -> str:
        return who

    def look(self, window: Window, name: str, *, narrow: bool = False) -> None:
        """A screenshot under the rules of every page; of the main pages one in a narrow window too."""
        window.person.look(f"brokering-{name}")
        if narrow:
            window.page.set_viewport_size(NARROW)
            window.person.picture(f"brokering-{name}-narrow")
            assert window.person.overflow() == 0, f"{name} scrolls sideways in a narrow window"
            window.page.set_viewport_size(WIDE)

    def step(self, window: Window, values: Mapping[str, Any], press: str, *, inside: str = "main", **words: Any) -> None:
        """Fill one form and send it."""
        window.fill(values, inside)
        window.press(press, inside=window.page.locator(inside), **words)

    def at_thing(self, window: Window, part: Locator, words: str) -> None:
        """A button or a link whose words go on, unseen, with the name of the thing it is about."""
        with window.page.expect_navigation():
            part.locator("a, button").filter(has_text=words).first.click()
