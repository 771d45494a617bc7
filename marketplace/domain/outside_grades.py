"""Grades that an enterprise has from elsewhere: 智能制造能力成熟度 (CMMM), 两化融合管理体系贯标, 数字化转型成熟度."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from marketplace.domain.lifecycle import Refused, _

# Model → its name, and its grades from the lowest (GB/T 39116-2020; GB/T 23001; T/AIITRE 10004).
MODELS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "cmmm": (_("智能制造能力成熟度（CMMM）"), (_("一级 规划级"), _("二级 规范级"), _("三级 集成级"), _("四级 优化级"), _("五级 引领级"))),
    "iii": (_("两化融合管理体系贯标"), ("A", "AA", "AAA", "AAAA", "AAAAA")),
    "dtmm": (_("数字化转型成熟度"), (_("规范级"), _("场景级"), _("领域级"), _("平台级"), _("生态级"))),
}
_EARLIEST = date(2009, 1, 1)


@dataclass
class OutsideGradeDraft:
    """`place`: the number of the grade in its model, from 1."""

    model: str = ""
    place: int | None = None
    on: date | None = None
    by: str = ""


def check(draft: OutsideGradeDraft, *, today: date) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a grade as it is typed."""
    if draft.model not in MODELS:
        yield "model", Refused("required", _("评估模型没有选。"))
    if draft.place is None or (draft.model in MODELS and not 1 <= draft.place <= len(MODELS[draft.model][1])):
        yield "place", Refused("required", _("等级没有选，或不是这个模型的等级。"))
    if draft.on is None:
        yield "on", Refused("required", _("取得日期没有填，请写成 2025-06-30。"))
    elif not _EARLIEST <= draft.on <= today:
        values = {"day": draft.on.isoformat()}
        yield "on", Refused("out_of_range", _("取得日期 {day} 不对：应在 2009 年以后、不晚于今天。"), values)
    if len(draft.by) > 200:
        yield (
            "by",
            Refused(
                "too_long", _("{label}有 {length} 个字，最多 {most:,} 个。"), {"label": _("评估机构"), "length": len(draft.by), "most": 200}
            ),
        )


def grade_name(model: str, place: int) -> str:
    """What the model calls this grade; "" for none."""
    _name, grades = MODELS.get(model, ("", ()))
    return grades[place - 1] if 1 <= place <= len(grades) else ""
