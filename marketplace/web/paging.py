"""Which page of a list is asked for, and the addresses of those beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request, url_for


@dataclass(frozen=True)
class Paging:
    """One page of `size` rows out of `total`. `previous` and `next` are addresses, "" where there is none."""

    number: int
    size: int
    total: int
    previous: str
    next: str

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def paged(total: int, size: int, endpoint: str, *, parameter: str = "page", **values: str) -> Paging:
    """The page that the address asks for with ?page=; what is no number, or beyond the end, is the nearest that there is.

    `parameter`: how a list is asked for that is not the only one of its page; the others then stand at their beginning.
    """
    asked = request.args.get(parameter, "1")
    last = max(1, -(-total // size))
    number = min(last, max(1, int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1))
    kept: dict[str, Any] = {name: value for name, value in values.items() if value}

    def at(page: int) -> str:
        address: dict[str, Any] = {**kept, parameter: page}
        return url_for(endpoint, **address) if 1 <= page <= last and page != number else ""

    return Paging(number, size, total, at(number - 1), at(number + 1))
