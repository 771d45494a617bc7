"""A draw of experts that found too few: why, by how many people, and what can be done about it, for the desks of both kinds of review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from marketplace.domain.lifecycle import _
from marketplace.web.language import say
from marketplace.web.wording import sep

# Why somebody could not be drawn → how it is called, and what would change it ("": nothing should).
_REASONS: Mapping[str, tuple[str, str]] = {
    "other_field": (_("专业领域不符"), _("在专家库加入这一行业、环节的专家，或补全现有专家的专业领域")),
    "own_organisation": (_("与申报单位是同一单位"), ""),
    "own_member": (_("与成员企业是同一单位"), ""),
    "own_supplier": (_("与服务商是同一单位"), ""),
    "avoided": (_("已登记回避"), ""),
    "avoided_member": (_("已登记回避"), ""),
    "avoided_supplier": (_("已登记回避"), ""),
    "named": (_("与申报材料里的人同名"), ""),
    "taken_part": (_("已在本次评审中，或已回避、已更换"), ""),
    "paused": (_("已暂停抽取"), _("在专家库恢复暂停抽取的专家")),
    "no_account": (_("没有平台账号"), _("请管理员给还没有账号的专家开通账号，再在专家库填上")),
    "away": (_("评审期间不在"), _("等不在的专家回来，或在专家库更正不在的日期")),
    "overloaded": (_("手上的评审已满"), _("等专家交出手上的评审后再抽")),
}


class _Log(Protocol):
    """What the log of either kind of draw holds."""

    wanted: Any
    drawn: Any
    excluded: Any


@dataclass(frozen=True)
class Shortfall:
    """`reasons`: word → how many people; `advice`: what can be done, each once."""

    wanted: int
    drawn: int
    reasons: Sequence[tuple[str, int]]
    advice: Sequence[str]

    @property
    def why(self) -> str:
        return sep("、").join(f"{word} {count}" for word, count in self.reasons)


def shortfall(draws: Sequence[_Log]) -> Shortfall | None:
    """Of the newest draw, where it found fewer than were wanted."""
    if not draws or len(draws[0].drawn) >= draws[0].wanted:
        return None
    log = draws[0]
    counts = Counter(str(row["code"]) for row in log.excluded)
    words: Counter[str] = Counter()
    for code, count in counts.items():
        words[say(_REASONS[code][0]) if code in _REASONS else code] += count
    advice = [say(_REASONS[code][1]) for code, _count in counts.most_common() if code in _REASONS and _REASONS[code][1]]
    advice = advice or [say(_("在专家库加入与这个项目没有利害关系的专家"))]
    return Shortfall(log.wanted, len(log.drawn), words.most_common(), advice)
