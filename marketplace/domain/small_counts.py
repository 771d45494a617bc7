"""A count of few is no count: whoever knows two of three enterprises of a trade would know the third one's problem."""

from __future__ import annotations

LEAST = 3


def told_count(count: int, *, openly: bool) -> int | None:
    """The count as it may be told; None: fewer than LEAST, and not said how many (nor whether any)."""
    return count if openly or count >= LEAST else None
