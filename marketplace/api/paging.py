"""Lists by keyset: a cursor says after which row the next part begins, so that nothing is skipped while rows come and go."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import Field
from sqlalchemy import Select
from sqlalchemy.orm import Session

from marketplace.api.operation import Model, refuse_field
from marketplace.domain.lifecycle import _
from marketplace.records.columns import Record

Row = TypeVar("Row", bound=Record)
_MOST = 2**63


class ListQuery(Model):
    """Which part of a list."""

    limit: int = Field(20, ge=1, le=100)
    """How many at most."""
    cursor: str = Field("", max_length=40)
    """`next` of the part before; empty for the first."""


def cursor_of(number: int) -> str:
    return base64.urlsafe_b64encode(f"after:{number}".encode()).decode()


def number_of(cursor: str) -> int:
    """The row after which to begin. A cursor that is not one of ours is refused, not read as the first part."""
    if not cursor:
        return 0
    try:
        word, _colon, number = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode("ascii").partition(":")
        row = int(number) if word == "after" and number.isdigit() else -1
    except (UnicodeError, binascii.Error):
        row = -1
    return row if 0 <= row < _MOST else refuse_field("query.cursor", "bad_cursor", _("这个翻页标记不能用，请从第一页重新读取。"))


def part_of(session: Session, rows: Select[Any], entity: type[Row], query: ListQuery) -> tuple[Sequence[Row], str | None]:
    """One part of a list in the order of ids, and the cursor of the next part."""
    key = entity.id  # type: ignore[attr-defined]
    found: Sequence[Any] = session.scalars(rows.where(key > number_of(query.cursor)).order_by(key).limit(query.limit + 1)).all()
    part = found[: query.limit]
    return part, cursor_of(part[-1].id) if len(found) > len(part) else None
