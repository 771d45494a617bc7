"""Lists of small rows inside one cell: effects of a case, financials and experts of a provider."""

from __future__ import annotations

import re
from bisect import bisect_right
from decimal import Decimal
from typing import Any

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import fen_from_wan
from marketplace.sheets.numbers import LARGEST_WAN, decimal, plain, shown, whole

_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d*)?")
_BECOMES = re.compile(r"→|->|—>|至|到|降至|升至|降到|升到|提高到")
_AFTER = re.compile(rf"\s*(?P<after>{_NUMBER.pattern})\s*(?P<unit>.*)$")
_PARTS = re.compile(r"[;；|\n]+")


def _parts(text: str) -> list[str]:
    return [part.strip() for part in _PARTS.split(text) if part.strip()]


def number_of(value: Any) -> int | float:
    """A number as JSON keeps it: whole where it is whole."""
    found = decimal(value)
    return int(found) if found == found.to_integral_value() else float(found)


def _rows(value: Any) -> list[dict[str, Any]]:
    """A JSON list of objects, or a refusal."""
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    raise RefusedError(Refused("not_rows", _("“{value}”读不出来，应是一组条目。"), {"value": shown(value)}))


def _words(row: dict[str, Any], name: str, most: int = 200) -> str:
    value = row.get(name)
    return " ".join(str(value).split())[:most] if isinstance(value, (str, int, float)) else ""


def effects(value: Any) -> list[dict[str, Any]]:
    """投料差错 9→1 起/年；一次合格率 94.2→97.6 %, or JSON rows of indicator, before, after, unit."""
    if not isinstance(value, str):
        return [
            {
                "indicator": _words(row, "indicator"),
                "before": None if row.get("before") is None else number_of(row["before"]),
                "after": None if row.get("after") is None else number_of(row["after"]),
                "unit": _words(row, "unit", 40),
            }
            for row in _rows(value)
        ]
    found = []
    for part in _parts(value):
        row = _effect(part)
        if row is None:
            raise RefusedError(
                Refused("not_an_effect", _("“{value}”读不出来。每项写成：指标 改造前→改造后 单位，项之间用分号。"), {"value": shown(part)})
            )
        found.append(row)
    return found


def _effect(part: str) -> dict[str, Any] | None:
    """指标 改造前 (单位) → 改造后 单位, read around the first arrow that stands between two numbers. Takes time in proportion to the text."""
    numbers = list(_NUMBER.finditer(part))
    ends = [number.end() for number in numbers]
    for arrow in _BECOMES.finditer(part):
        place = bisect_right(ends, arrow.start()) - 1
        after = _AFTER.match(part, arrow.end()) if place >= 0 else None
        if after is None:
            continue
        before = numbers[place]
        unit = part[before.end() : arrow.start()].strip()
        indicator = part[: before.start()].rstrip(" \t:：")
        indicator = indicator.removesuffix("由").removesuffix("从").rstrip(" \t:：")
        if indicator and len(unit.split()) <= 1 and "→" not in unit:
            return {
                "indicator": indicator[:200],
                "before": number_of(before[0]),
                "after": number_of(after["after"]),
                "unit": (after["unit"].strip() or unit)[:40],
            }
    return None


def _money(value: Any) -> int | None:
    if value is None or value == "":
        return None
    wan = decimal(value)
    if abs(wan) > LARGEST_WAN:
        raise RefusedError(Refused("too_large", _("{value} 万元过大，请核对单位。"), {"value": f"{wan:f}"}))
    return fen_from_wan(wan)


def _ratio(value: Any) -> float | None:
    return None if value is None or value == "" else float(decimal(value))


def financials(value: Any) -> list[dict[str, Any]]:
    """2023 营收8620 利润764 负债率38%; stored in fen and as a share. JSON rows say revenue_wan, profit_wan, debt_ratio."""
    if not isinstance(value, str):
        return [
            {
                "year": None if row.get("year") is None else whole(row["year"]),
                "revenue_fen": _money(row.get("revenue_wan")),
                "profit_fen": _money(row.get("profit_wan")),
                "debt_ratio": _ratio(row.get("debt_ratio")),
            }
            for row in _rows(value)
        ]
    found = []
    for part in _parts(value):
        text = plain(part)
        year = re.match(r"(\d{4})年?", text)
        amounts = {
            name: re.search(rf"(?:{words})[::]?(-?\d[\d,]*\.?\d*%?)", text)
            for name, words in (("revenue", "营收|营业收入|收入"), ("profit", "净利润|利润"), ("debt", "资产负债率|负债率"))
        }
        if not year or not any(amounts.values()):
            raise RefusedError(
                Refused(
                    "not_financials",
                    _("“{value}”读不出来。每年写成：2023 营收8620 利润764 负债率38%，年之间用分号。"),
                    {"value": shown(part)},
                )
            )
        texts = {name: match[1] if match else None for name, match in amounts.items()}
        found.append(
            {
                "year": int(year[1]),
                "revenue_fen": _money(texts["revenue"]),
                "profit_fen": _money(texts["profit"]),
                "debt_ratio": _ratio(texts["debt"]),
            }
        )
    return found


def experts(value: Any) -> list[dict[str, Any]]:
    """首席实施顾问，18年，化工装置制造执行; or JSON rows of title, years, expertise."""
    if not isinstance(value, str):
        return [
            {
                "title": _words(row, "title"),
                "years": None if row.get("years") is None else whole(row["years"]),
                "expertise": _words(row, "expertise"),
            }
            for row in _rows(value)
        ]
    found = []
    for part in _parts(value):
        title, *rest = [piece.strip() for piece in re.split(r"[,，、]", part, maxsplit=2)]
        years = next((match for piece in rest if (match := re.fullmatch(r"(\d{1,2})\s*年?", plain(piece)))), None)
        words = [piece for piece in rest if not re.fullmatch(r"\d{1,2}\s*年?", plain(piece))]
        found.append({"title": title[:200], "years": int(years[1]) if years else None, "expertise": "，".join(words)[:200]})
    return found


def effect_text(rows: list[dict[str, Any]]) -> str:
    """Effects as one cell, the way `effects` reads them."""
    return "；".join(f"{row['indicator']} {row['before']}→{row['after']} {row['unit']}".strip() for row in rows)


def percent_text(share: float) -> str:
    """0.38 → 38%."""
    return f"{(Decimal(str(share)) * 100).normalize():f}%"
