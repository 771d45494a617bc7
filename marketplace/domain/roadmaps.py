"""The roadmap of a diagnosis report: three steps, in the order of the priorities (行动路线图)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

# As the report has them, which is in Chinese.
STEPS = ("第一步：先解决优先级高的问题，半年内", "第二步：再解决优先级中的问题，一年内", "第三步：其余问题，两年内")
T = TypeVar("T")


def roadmap(items: Iterable[tuple[str, T]], priorities: Sequence[str]) -> tuple[list[T], ...]:
    """(priority, item) → the items of each step. `priorities`: keys, the highest first. What has no priority comes last."""
    steps: tuple[list[T], ...] = tuple([] for _step in STEPS)
    for priority, item in items:
        place = priorities.index(priority) if priority in priorities else len(STEPS) - 1
        steps[min(place, len(STEPS) - 1)].append(item)
    return steps
