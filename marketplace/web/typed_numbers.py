"""Numbers that people type: with a comma or a blank between thousands, in half or full width; None for what is no number."""

from __future__ import annotations

import unicodedata
from decimal import Decimal, InvalidOperation

from marketplace.domain.money import fen_from_wan

_LONGEST = 24


def _decimal(text: str) -> Decimal | None:
    plain = unicodedata.normalize("NFKC", text).replace(",", "").replace(" ", "")
    if not plain or len(plain) > _LONGEST or not plain.isascii() or plain.lower().strip("+-0123456789.") != "":
        return None
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def typed_number(text: str) -> float | None:
    found = _decimal(text)
    return None if found is None else float(found)


def typed_whole(text: str) -> int | None:
    found = _decimal(text)
    return int(found) if found is not None and found == found.to_integral_value() and abs(found) < 10**12 else None


def typed_fen(text: str) -> int | None:
    """万元, as it is typed."""
    found = _decimal(text)
    return None if found is None or abs(found) > 10**9 else fen_from_wan(found)
