"""One line of the scenario list (场景清单): a scenario that the enterprise wants, from which level to which, and how it would show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_text

# 1 tools help people record; 2 a system manages by rule; 3 systems work together; 4 models predict and optimise.
LEVELS = (1, 2, 3, 4)
LEVEL_WORDS = {1: _("一级：工具记录"), 2: _("二级：系统管理"), 3: _("三级：集成共享"), 4: _("四级：预测优化")}


@dataclass
class ScenarioNeedDraft:
    """A line as it is typed. `urgency` is a key of the pilot's priorities; None for a level: not said."""

    scenario_code: str = ""
    present_level: int | None = None
    target_level: int | None = None
    expected: str = ""
    urgency: str = ""


def check(draft: ScenarioNeedDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    if not draft.scenario_code:
        yield "scenario_code", Refused("required", _("场景没有选。"))
    for name, level in (("present_level", draft.present_level), ("target_level", draft.target_level)):
        if level is not None and level not in LEVELS:
            yield name, Refused("not_a_level", _("水平是一到四级，现在是 {level}。"), {"level": level})
    if draft.target_level is None:
        yield "target_level", Refused("required", _("目标水平没有选。"))
    elif draft.present_level is not None and draft.target_level < draft.present_level:
        yield "target_level", Refused("target_below_present", _("目标水平低于现在的水平，请核对。"))
    yield from check_text("expected", _("预期指标"), draft.expected, most=2_000)
    yield from check_text("urgency", _("紧迫程度"), draft.urgency, most=16)
