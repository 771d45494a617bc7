"""排序模型: what a trained ranker may become, and what it must show before anybody sees its order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Table, Transition, _

# What the site ranks with while no learned ranker is in use.
HAND = "hand-1"


class RankerState(StrEnum):
    KEPT = "kept"
    IN_USE = "in_use"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"


class RankerMissingError(Exception):
    """The ranker in use cannot be read. Nothing ranks in its stead until somebody decides: the sentence says by which command."""

    MESSAGE = _("正在使用的排序模型 {version} 不能用：{why}。请恢复模型文件，或运行 jigai rankers roll-back 退回上一个。")
    # For everybody: where a file lies is nobody's business.
    TOLD = _("正在使用的排序模型 {version} 读不了，推荐暂停。请管理员恢复模型文件，或运行 jigai rankers roll-back 退回上一个。")

    def __init__(self, version: str, why: str) -> None:
        super().__init__(self.MESSAGE.format(version=version, why=why))
        self.version, self.why = version, why


_BY = (Role.ADMIN,)

# What the gate refused stays refused: train again instead.
TABLE: Table = (
    Transition((RankerState.KEPT, RankerState.ROLLED_BACK), "promote", RankerState.IN_USE, _BY, "启用"),
    Transition((RankerState.IN_USE,), "take_out", RankerState.KEPT, _BY, "换下"),
    Transition((RankerState.IN_USE,), "roll_back", RankerState.ROLLED_BACK, _BY, "退回"),
)


@dataclass(frozen=True, kw_only=True)
class LearningRules:
    """The bounds of the gate (table [learning] of pilot.toml).

    `least_lists`: so many problems at least in the later part that is held out; `held_out`: its share of the time-ordered lists;
    `most_error`: the expected calibration error may be so large, or as large as that of the ranker in use; `keep_new`: the share of
    the first three places that goes to new providers may not fall below this part of what it is now; `half_life_days`: a match so
    long ago teaches half as much; `most_lists`: only the newest so many problems are learned from.
    """

    least_lists: int
    held_out: float
    most_error: float
    keep_new: float
    half_life_days: float
    most_lists: int


@dataclass(frozen=True)
class Measured:
    """What the gate looks at. `difference`, `low`, `high`: of nDCG@10 against the ranker in use, with its 95 % interval;
    `error`: expected calibration error; `new`: share of the first three places that goes to new providers; `was`: of the one in use."""

    lists: int
    difference: float
    low: float
    high: float
    error: float
    error_was: float
    new: float
    new_was: float


def objections(found: Measured, rules: LearningRules) -> Sequence[str]:
    """Every reason not to promote, as a Chinese sentence; none: it is promoted."""
    said = []
    if found.lists < rules.least_lists:
        said.append(_("留出的后一段只有 {lists} 个问题，至少要 {least} 个。").format(lists=found.lists, least=rules.least_lists))
    if found.low <= 0:
        said.append(
            _("nDCG@10 之差 {mean:+.3f}，区间 [{low:+.3f}, {high:+.3f}] 的下端不高于 0：可能只是偶然。").format(
                mean=found.difference, low=found.low, high=found.high
            )
        )
    if found.error > max(rules.most_error, found.error_was):
        said.append(
            _("校准误差 {error:.3f}，高于上限 {most:.3f}，也高于现用的 {was:.3f}。").format(
                error=found.error, most=rules.most_error, was=found.error_was
            )
        )
    if found.new < rules.keep_new * found.new_was:
        said.append(
            _("前三名里新服务商的份额 {new:.1%}，低于现用的 {was:.1%} 的 {keep:.0%}。").format(
                new=found.new, was=found.new_was, keep=rules.keep_new
            )
        )
    return said
