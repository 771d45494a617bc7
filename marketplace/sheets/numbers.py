"""Numbers as people write them: 1,280 · 45-135 · 1.2亿 · 80万元 · 3个月."""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import FEN_PER_WAN
from marketplace.sheets.columns import MONEY_UNITS

# Ten trillion yuan: more than any enterprise turns over, and far below what a big integer holds.
LARGEST_WAN = Decimal(1_000_000_000)
LARGEST_WEEKS = 52 * 30
WEEK_UNITS = {
    "周": Decimal(1),
    "个月": Decimal(52) / 12,
    "月": Decimal(52) / 12,
    "天": 1 / Decimal(7),
    "日": 1 / Decimal(7),
    "年": Decimal(52),
}

_NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?|[-+]?\.\d+"
_UNIT = r"亿元|亿|万元|万|千元|元|周|个月|月|天|日|年"
_ONE = re.compile(rf"^[¥￥约]*\s*(?P<number>{_NUMBER})\s*(?P<unit>{_UNIT})?(?:人民币)?$")
_TWO = re.compile(
    rf"^[¥￥约]*\s*(?P<low>{_NUMBER})\s*(?P<low_unit>{_UNIT})?\s*(?:--|-|~|–|—|―|至|到|～)\s*[¥￥]*(?P<high>{_NUMBER})\s*(?P<high_unit>{_UNIT})?$"
)
_UP_TO = re.compile(
    rf"^(?:(?:≤|<=|不超过|不高于|最高)\s*(?P<a>{_NUMBER})\s*(?P<a_unit>{_UNIT})?|(?P<b>{_NUMBER})\s*(?P<b_unit>{_UNIT})?(?:以内|以下|封顶))$"
)
_FROM = re.compile(
    rf"^(?:(?:≥|>=|不低于|最低)\s*(?P<a>{_NUMBER})\s*(?P<a_unit>{_UNIT})?|(?P<b>{_NUMBER})\s*(?P<b_unit>{_UNIT})?(?:以上|起))$"
)


def not_a_number(value: Any) -> RefusedError:
    return RefusedError(Refused("not_a_number", _("“{value}”不是数。只写数字，如 120 或 1.5。"), {"value": shown(value)}))


def shown(value: Any, *, most: int = 40) -> str:
    """A value as it may stand in a sentence: short, on one line."""
    words = "、".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    text = " ".join(words.split())
    return text if len(text) <= most else f"{text[:most]}…"


def plain(text: str) -> str:
    """Full-width digits and signs become plain ones, without any space: a long run of it would keep the patterns busy."""
    return "".join(unicodedata.normalize("NFKC", text).replace("−", "-").split())


def decimal(value: Any) -> Decimal:
    """One plain number out of a cell."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise not_a_number(value)
    text = plain(value).replace(",", "") if isinstance(value, str) else str(value)
    percent = isinstance(value, str) and text.endswith("%")
    try:
        number = Decimal(text.rstrip("%"))
    except InvalidOperation:
        raise not_a_number(value) from None
    # NaN and infinity are numbers to Python, not to a budget; and nobody writes a number of a thousand digits.
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise not_a_number(value)
    return number / 100 if percent else number


def whole(value: Any) -> int:
    """A whole number out of a cell; 138.0 counts as one, as Excel keeps them so."""
    number = decimal(value)
    if number != number.to_integral_value():
        raise RefusedError(Refused("not_whole", _("“{value}”应是整数。"), {"value": shown(value)}))
    return int(number)


def _money(number: Decimal, unit: str) -> int:
    wan = number * MONEY_UNITS[unit]
    if abs(wan) > LARGEST_WAN:
        raise RefusedError(Refused("too_large", _("{value} 万元过大，请核对单位。"), {"value": f"{wan:f}"}))
    return int((wan * FEN_PER_WAN).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _weeks(number: Decimal, unit: str) -> int:
    weeks = number * WEEK_UNITS[unit]
    if unit == "周" and weeks != weeks.to_integral_value():
        raise RefusedError(Refused("not_whole", _("“{value}”应是整数。"), {"value": f"{number:f}"}))
    if abs(weeks) > LARGEST_WEEKS:
        raise RefusedError(Refused("too_large", _("{value} 周过长，请核对单位。"), {"value": f"{weeks:.0f}"}))
    return int(weeks.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _scaled(text: str, unit: str, weeks: bool) -> int:
    number = Decimal(text.replace(",", ""))
    if abs(number.adjusted()) > 30:
        raise not_a_number(text)
    if (unit in WEEK_UNITS) != weeks:
        raise RefusedError(Refused("wrong_unit", _("“{value}”的单位不对。"), {"value": shown(text + unit)}))
    return _weeks(number, unit) if weeks else _money(number, unit)


def quantity(value: Any, unit: str, *, weeks: bool = False) -> int:
    """One amount of money in fen, or one duration in weeks; `unit` holds where the cell names none."""
    if not isinstance(value, str):
        # The usual case first: a whole figure in 万元.
        if type(value) is int and unit == "万元" and abs(value) <= LARGEST_WAN:
            return value * FEN_PER_WAN
        return _scaled(f"{decimal(value):f}", unit, weeks)
    found = _ONE.match(plain(value))
    if not found:
        raise not_a_number(value)
    return _scaled(found["number"], found["unit"] or unit, weeks)


def span(value: Any, unit: str, *, weeks: bool = False) -> tuple[int | None, int | None]:
    """Both ends of a range: [45, 135] · 45-135 · 45万至1.2亿 · 60 (both ends) · 60以内 · 60以上."""
    if isinstance(value, list):
        if len(value) != 2:
            raise RefusedError(Refused("not_a_range", _("区间应有下限和上限两个数，现在是 {count} 个。"), {"count": len(value)}))
        low, high = (None if end is None or end == "" else quantity(end, unit, weeks=weeks) for end in value)
        return low, high
    if isinstance(value, str):
        text = plain(value)
        if found := _TWO.match(text):
            high_unit = found["high_unit"] or unit
            return _scaled(found["low"], found["low_unit"] or high_unit, weeks), _scaled(found["high"], high_unit, weeks)
        if found := _UP_TO.match(text):
            return None, _scaled(found["a"] or found["b"], found["a_unit"] or found["b_unit"] or unit, weeks)
        if found := _FROM.match(text):
            return _scaled(found["a"] or found["b"], found["a_unit"] or found["b_unit"] or unit, weeks), None
        if not _ONE.match(text):
            raise RefusedError(Refused("not_a_range", _("“{value}”不是区间。请写成 45-135。"), {"value": shown(value)}))
    both = quantity(value, unit, weeks=weeks)
    return both, both
