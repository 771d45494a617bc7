"""试点数据: what differs between two versions of what is in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def changed_values(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(place, old, new) of every value that is not the same, by place; None where there was or is none."""
    places = sorted(place for place in before.keys() | after.keys() if before.get(place) != after.get(place))
    return [(place, before.get(place), after.get(place)) for place in places]
