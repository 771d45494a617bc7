"""How figures, money, dates and the pilot's own words are written, in the language of the page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from marketplace.domain.money import FEN_PER_WAN, exact_text, range_text, wan_text
from marketplace.domain.problems import budget_band
from marketplace.domain.ratings import TrackRecord, shrunk_score
from marketplace.domain.texts import as_written
from marketplace.sentences import english_day, told_value
from marketplace.site import current_site
from marketplace.web.language import language, say

FEN_PER_YUAN = 100
# Fewer finished projects than this are called a small sample.
FEW = 5


def term(kind: str, key: str, *, short: bool = False) -> str:
    """The word of a pilot key; a word that the pilot does not know is shown as it stands."""
    if kind == "scenario":
        found: Any = current_site().pilot.scenario(key)
    else:
        found = current_site().pilot.find(kind, key)
    if found is None:
        return key
    if language() == "en":
        return str((short and found.short_en) or found.en)
    return str((short and found.short) or found.name)


def terms(kind: str, keys: Iterable[str], *, short: bool = False) -> str:
    """Several words in one line."""
    words = [term(kind, key, short=short) for key in keys]
    return sep("、").join(words)


def state(noun: str, value: str) -> tuple[str, str]:
    """The word of a state and its tone."""
    return current_site().pilot.label(noun, str(value), language()) or (str(value), "calm")


SEPARATORS = {"、": ", ", "，": ", ", "；": "; ", "：": ": ", "（": " (", "）": ")"}


def sep(mark: str) -> str:
    """A mark between parts of a line, as the language of the page writes it."""
    return mark if language() == "zh" else SEPARATORS[mark]


def figure(number: float) -> str:
    """A count with thousands set apart."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def percent(part: int, whole: int) -> str:
    """A share without its denominator, which the caller shows beside it."""
    return f"{round(100 * part / whole)} %" if whole else "–"


def _yuan(fen: int) -> str:
    return f"{round(fen / FEN_PER_YUAN):,}"


def money(fen: int | None) -> str:
    """One amount."""
    return money_range(fen, fen)


def amount(fen: int | None) -> str:
    """What was offered, signed or planned, exactly; `money` is for what is compared at a glance."""
    if fen is None:
        return ""
    return f"{exact_text(fen)} 万元" if language() == "zh" else f"CNY {Decimal(fen) / FEN_PER_YUAN:,f}"


def money_range(low: int | None, high: int | None) -> str:
    """An amount or a range, unit once; empty when neither is known."""
    if language() == "zh":
        return range_text(low, high)
    known = [fen for fen in (low, high) if fen is not None]
    return "CNY " + "–".join(dict.fromkeys(_yuan(fen) for fen in known)) if known else ""


def bare_range(low: int | None, high: int | None) -> str:
    """A range for a column whose head names the unit (万元, in English thousand yuan)."""
    known = [fen for fen in (low, high) if fen is not None]
    if not known:
        return ""
    if language() == "en":
        return "–".join(dict.fromkeys(f"{round(fen / FEN_PER_YUAN / 1000):,}" for fen in known))
    return "–".join(dict.fromkeys(wan_text(fen) for fen in known))


def price(low: int | None, high: int | None) -> str:
    """A price; an unknown one is a value of its own."""
    return money_range(low, high) or say("价格面议")


def budget(low: int | None, high: int | None) -> str:
    return money_range(low, high) or say("未填")


def band(high: int | None) -> str:
    """What a provider is told of a budget before the enterprise agrees."""
    found = budget_band(high)
    if found is None:
        return say("未填")
    low, top = (None if wan is None else wan * FEN_PER_WAN for wan in found)
    if top is None:
        return say("{amount}以上", amount=money(low))
    return money_range(low, top) if low else say("{amount}以内", amount=money(top))


def revenue(fen: int | None) -> str:
    """Large sums in 亿元, as officials write them."""
    if fen is None:
        return ""
    if language() == "zh" and fen >= 10_000 * 1_000_000:
        return f"{fen / 10_000_000_000:,.2f} 亿元"
    return money(fen)


def weeks(low: int | None, high: int | None, *, unit: bool = True) -> str:
    known = [number for number in (low, high) if number is not None]
    if not known:
        return say("未填")
    text = "–".join(dict.fromkeys(str(number) for number in known))
    return say("{weeks} 周", weeks=text) if unit else text


def day(value: date | datetime | None) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.astimezone(ZoneInfo(current_site().pilot.city.zone))
        return f"{value:%Y-%m-%d %H:%M}" if language() == "zh" else f"{english_day(value)} {value:%H:%M}"
    return value.isoformat() if language() == "zh" else english_day(value)


def period_word(name: str) -> str:
    """The name of an evaluation's period: 2026 年上半年, January–June 2026."""
    return str(told_value(name))


def month(value: str) -> str:
    """YYYY-MM as it stands; an unknown month is said."""
    return value or say("时间未填")


def local_service(*, office: bool, commitment: bool) -> str:
    if office:
        return say("本地场地")
    return say("已签承诺") if commitment else say("没有")


def rating(record: TrackRecord | None) -> str:
    """The rating in words: how many projects it rests on is part of it; a newcomer is new, not bad."""
    if record is None or record.is_new:
        return say("暂无完工项目（新，不减分）")
    score = f"{shrunk_score(record):.0f}"
    if record.finished < FEW:
        return say("{score} 分（{n} 次完工，样本少）", score=score, n=record.finished)
    return say("{score} 分（{n} 次完工）", score=score, n=record.finished)


def effect(row: dict[str, Any]) -> str:
    """Before and after of a case: 26 → 8 人（少 69 %）."""
    before, after, unit = row.get("before"), row.get("after"), str(row.get("unit") or "")
    if before is None or after is None:
        return say("没有前后数据")
    text = f"{_plain(before)} → {_plain(after)}{' ' + unit if unit else ''}"
    change = _change(before, after, unit)
    return f"{text}{sep('（')}{change}{sep('）')}" if change else text


def _plain(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _change(before: Any, after: Any, unit: str) -> str:
    """How much less or more; a share is not set against a share, and nothing against zero."""
    both = isinstance(before, int | float) and isinstance(after, int | float)
    if not both or not before or "%" in unit or before < 0 or after < 0 or before == after:
        return ""
    if after < before:
        return say("少 {share} %", share=round(100 * (before - after) / before))
    if after < 2 * before:
        return say("多 {share} %", share=round(100 * (after - before) / before))
    return say("{times} 倍", times=f"{after / before:.1f}")


def opening(text: str, length: int = 18) -> str:
    """The first clause of a problem, for lists that have room for one line only."""
    clause = text.strip()
    for mark in "，。；,;\n":
        head = clause.split(mark)[0].strip()
        if 4 <= len(head) < len(clause):
            clause = head
    return clause if len(clause) <= length else clause[: length - 1] + "…"


def years(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Yearly figures, oldest first."""
    return sorted(rows, key=lambda row: row.get("year") or 0)


WORDS = (
    term,
    state,
    sep,
    figure,
    as_written,
    percent,
    money,
    amount,
    money_range,
    bare_range,
    price,
    budget,
    band,
    revenue,
    weeks,
    day,
    period_word,
    month,
    local_service,
    rating,
    effect,
    opening,
    years,
)
