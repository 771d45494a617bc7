"""What a problem leaves open, and what to ask next: how often, how much it costs, since when, limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from marketplace.domain.lifecycle import _
from marketplace.domain.matches import Part, Reason
from recommender.ask import Ask


@dataclass(frozen=True)
class _Open:
    """Asked unless the text already says it."""

    code: str
    said: re.Pattern[str]
    question: str


_NUMBER = r"[0-9０-９一二三四五六七八九十百千万两几半]"

_OPEN = (
    _Open(
        "how_often",
        re.compile(rf"每(天|班|周|月|年|次|批|小时|台)|{_NUMBER}+(多)?\s*(次|回|起|遍)|经常|频繁|总是|老是|天天|偶尔"),
        _("多久发生一次？（每班、每周或每批几次）"),
    ),
    _Open(
        "how_much",
        re.compile(rf"{_NUMBER}+(多)?\s*(%|％|元|万|吨|件|小时|分钟|天|公斤|千瓦时|度|个人|人|个点|套|台)|百分之|翻倍|一半|三成"),
        _("一次损失多少？（停机小时、报废件数或金额）"),
    ),
    _Open(
        "where",
        re.compile(r"车间|产线|生产线|装置|工序|工位|仓库|库房|罐区|机台|设备|釜|炉|线上|化验室|实验室|厂区|现场"),
        _("发生在哪个车间、哪段工序？"),
    ),
)


def open_questions(ask: Ask) -> Iterator[Reason]:
    """The questions, budget and time first: they decide most. At most four, so that somebody answers them."""
    found: list[Reason] = []
    if ask.budget_high_fen is None and ask.budget_low_fen is None:
        found.append(Reason(Part.ASK, "budget", _("预算未填：大概准备投入多少万元？")))
    if ask.weeks is None and ask.problem_id is None:
        found.append(Reason(Part.ASK, "weeks", _("希望多少周内用上？")))
    found += [Reason(Part.ASK, row.code, row.question) for row in _OPEN if not row.said.search(ask.text)]
    yield from found[:4]
