"""Cells → values. What a cell holds is decided by the shape of its column; what may be stored, by the domain."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.sheets import tables
from marketplace.sheets.columns import KIND_NAMES, Column, Shape, Words, folded
from marketplace.sheets.numbers import decimal, plain, quantity, shown, span, whole

# What people write where nothing is to be said. Texts keep such words, they may mean something there.
NOTHING = frozenset({"", "-", "--", "—", "——", "/", "无", "暂无", "没有", "n/a", "na", "null", "none", "不详"})
OPEN_PRICE = frozenset({"面议", "价格面议", "待定", "未定", "待问", "待议"})
YES = frozenset({"是", "有", "true", "1", "1.0", "yes", "y", "√", "✓", "✔", "对"})
NO = frozenset({"否", "无", "没有", "false", "0", "0.0", "no", "n", "×", "x", "✗", "不是"})

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff\ufeff]")
_SEPARATORS = re.compile(r"[、，,;；|｜／\n\t]+")
# Between words of the pilot a plain / separates too; in free words it belongs to the word (DCS/PLC).
BETWEEN_TERMS = re.compile(r"([、，,;；|｜/／\n\t]+)")
_SENTENCES = re.compile(r"[;；|｜\n]+")
# A name of the pilot has at most five separators in itself: pieces and separators. More would make a long cell slow to read.
LONGEST_NAME = 11
_DATE = re.compile(r"^(\d{4})[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?|月)?$")
_TIME_OF_DAY = re.compile(r"[T\s]+\d{1,2}:\d{2}.*$")


def clean(text: str) -> str:
    """Without what no database or page takes: control characters, lone surrogates, a byte order mark."""
    # Nearly every cell is one line of printable characters, in which there is nothing to look for.
    if text.isprintable():
        return text.strip()
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def as_text(raw: Any) -> str:
    """A scalar cell as text; whole numbers lose Excel's .0. A list or object where a text belongs is refused."""
    if raw is None:
        return ""
    if isinstance(raw, str):
        # A quotation mark before = + - @ only guards a sheet against being read as a formula.
        return clean(raw[1:] if raw[:1] == "'" and raw[1:2] in tuple("=+-@＝＋－＠\t\r") and raw[1:2] else raw)
    if isinstance(raw, bool):
        return "是" if raw else "否"
    if isinstance(raw, float):
        return str(int(raw)) if raw.is_integer() and abs(raw) < 1e15 else str(raw)
    if isinstance(raw, (int, date)):
        return str(raw)
    raise RefusedError(Refused("not_a_text", _("这里应是文字，现在是一组数据。")))


def _items(raw: Any, separators: re.Pattern[str]) -> list[str]:
    """A list cell as clean words without repetition."""
    parts = raw if isinstance(raw, list) else separators.split(as_text(raw))
    words = [" ".join(as_text(part).split()) for part in parts]
    return list(dict.fromkeys(word for word in words if word and word not in NOTHING))


def unknown_term(kind: str, text: str, words: Words) -> Refused:
    """没有“机械”这个行业，可填：化工、汽车、电子。 With many choices the nearest ones are named."""
    names = [term.short or term.name for term in words.terms(kind)]
    if len(names) > 12:
        names = list(words.suggestions(kind, text))
    values = {"value": shown(text), "kind": KIND_NAMES.get(kind, kind), "choices": "、".join(names)}
    if not names:
        return Refused("unknown_term", _("没有“{value}”这个{kind}，请从模板的下拉列表里选。"), values)
    return Refused("unknown_term", _("没有“{value}”这个{kind}，可填：{choices}。"), values)


def _term(column: Column, text: str, words: Words) -> str:
    found = words.find(column.kind, text)
    if found is None and column.kind == "sector":
        found = words.sector_of_industry(text)
    if found is None:
        raise RefusedError(unknown_term(column.kind, text, words))
    return found.key


def _terms(column: Column, raw: Any, words: Words) -> list[str]:
    """Several words of the pilot. A name may hold a separator itself (计算机、通信和其他电子设备制造业): the longest name wins."""
    found: list[str] = []
    for text in raw if isinstance(raw, list) else [raw]:
        pieces = BETWEEN_TERMS.split(as_text(text))
        while pieces:
            known = (end for end in range(min(len(pieces), LONGEST_NAME), 1, -2) if words.find(column.kind, "".join(pieces[:end])))
            end = next(known, 1)
            word = "".join(pieces[:end]).strip()
            if word and word not in NOTHING:
                found.append(_term(column, word, words))
            pieces = pieces[end + 1 :]
    return list(dict.fromkeys(found))


def _term_or_none(column: Column, text: str, words: Words) -> str:
    """A word of the pilot, or nothing where the column knows a word for what lies outside of it."""
    return "" if folded(text) in {folded(word) for word in column.none_words} else _term(column, text, words)


def _choice(column: Column, text: str) -> str:
    wanted = folded(text)
    for key, names in column.answers:
        if wanted in {folded(key), *(folded(name) for name in names)}:
            return key
    raise RefusedError(
        Refused(
            "unknown_answer",
            _("“{value}”不在可填的内容里，可填：{choices}。"),
            {"value": shown(text), "choices": "、".join(names[0] for _key, names in column.answers)},
        )
    )


def _flag(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    text = plain(as_text(raw)).casefold()
    if text in YES or text in NO:
        return text in YES
    raise RefusedError(Refused("not_a_flag", _("“{value}”应填 是 或 否。"), {"value": shown(raw)}))


def _date(raw: Any) -> tuple[int, int, int | None]:
    """Year, month and, where it is said, the day."""
    if isinstance(raw, (date, datetime)):
        return raw.year, raw.month, raw.day
    text = plain(_TIME_OF_DAY.sub("", as_text(raw)))
    if re.fullmatch(r"\d{6}|\d{8}", text):
        text = "-".join(filter(None, (text[:4], text[4:6], text[6:])))
    found = _DATE.match(text)
    try:
        if not found:
            raise ValueError
        year, month, day = int(found[1]), int(found[2]), int(found[3]) if found[3] else None
        date(year, month, day or 1)
        if not 1900 <= year <= 2100:
            raise ValueError
    except ValueError:
        raise RefusedError(Refused("not_a_date", _("“{value}”不是日期。请写成 2024-05 或 2024-05-03。"), {"value": shown(raw)})) from None
    return year, month, day


def _day(raw: Any) -> date:
    year, month, day = _date(raw)
    if day is None:
        raise RefusedError(Refused("date_without_day", _("“{value}”缺少日。请写成 2024-05-03。"), {"value": shown(raw)}))
    return date(year, month, day)


def _credit_code(raw: Any) -> str:
    # A number of 18 digits loses its last ones in Excel: there is nothing left to check.
    if isinstance(raw, float) or (isinstance(raw, str) and re.fullmatch(r"\d\.\d+E\+\d+", raw.strip(), re.IGNORECASE)):
        raise RefusedError(Refused("code_as_number", _("信用代码被表格软件存成了数字，末几位已丢失。请把这一列设为文本后重填。")))
    return re.sub(r"[\s-]+", "", plain(as_text(raw))).upper()


def _reference(raw: Any) -> str:
    text = " ".join(as_text(raw).split())
    if len(text) > 128:
        raise RefusedError(Refused("too_long", _("编号有 {length} 个字，最多 {most} 个。"), {"length": len(text), "most": 128}))
    return text


def _year(raw: Any) -> int:
    return raw.year if isinstance(raw, date) else whole(raw.strip().rstrip("年") if isinstance(raw, str) else raw)


def _years(raw: Any) -> list[str]:
    return sorted({str(whole(word.rstrip("年"))) for word in _items(raw, _SEPARATORS)})


def _scenario_codes(raw: Any, words: Words) -> list[str]:
    """Codes of the catalogue; one that it does not know stays as it is, as it may be a scenario of this site."""
    found: list[str] = []
    for word in _items(raw, _SEPARATORS):
        code = plain(word).upper()
        found += words.scenario_codes(code) or (code,)
    return list(dict.fromkeys(found))


def _range(raw: Any, unit: str, *, weeks: bool) -> tuple[int | None, int | None]:
    # 4-10 typed into Excel becomes the tenth of April.
    if isinstance(raw, (date, datetime)):
        raise RefusedError(
            Refused("range_as_date", _("区间被表格软件改成了日期（{value}）。请把这一列设为文本后重填。"), {"value": f"{raw:%Y-%m-%d}"})
        )
    return span(raw, unit, weeks=weeks)


def is_empty(column: Column, raw: Any) -> bool:
    """Whether a cell says nothing."""
    if raw is None or raw == [] or raw == {}:
        return True
    if not isinstance(raw, str):
        return False
    text = clean(raw)
    if column.shape in (Shape.TEXT, Shape.LINE):
        return not text
    if column.shape is Shape.FLAG:
        return text in NOTHING and text not in NO
    return text.casefold() in NOTHING or (column.shape in (Shape.MONEY, Shape.MONEY_RANGE) and text in OPEN_PRICE)


# Cells whose emptiness means that nobody said anything, and cells that hold a list.
_UNSAID = frozenset(
    (Shape.MONEY, Shape.MONEY_RANGE, Shape.WEEKS, Shape.WEEKS_RANGE, Shape.NUMBER, Shape.YEAR, Shape.FLAG, Shape.DAY, Shape.COUNT)
)
_LISTS = frozenset((Shape.WORDS, Shape.LINES, Shape.TERMS, Shape.YEARS, Shape.SCENARIOS, Shape.EFFECTS, Shape.FINANCIALS, Shape.EXPERTS))


def empty_value(column: Column) -> Any:
    """The value that stands for nothing."""
    if column.shape in _UNSAID:
        return None
    return [] if column.shape in _LISTS else ""


Parser = Callable[[Any, Column, str, Words], Any]

_PARSERS: dict[Shape, Parser] = {
    Shape.TEXT: lambda raw, *_: as_text(raw),
    Shape.LINE: lambda raw, *_: " ".join(as_text(raw).split()),
    Shape.TERM: lambda raw, column, _unit, words: _term_or_none(column, as_text(raw), words),
    Shape.TERMS: lambda raw, column, _unit, words: _terms(column, raw, words),
    Shape.WORDS: lambda raw, *_: _items(raw, _SEPARATORS),
    Shape.LINES: lambda raw, *_: _items(raw, _SENTENCES),
    Shape.CHOICE: lambda raw, column, *_: _choice(column, as_text(raw)),
    Shape.CREDIT_CODE: lambda raw, *_: _credit_code(raw),
    Shape.REFERENCE: lambda raw, *_: _reference(raw),
    Shape.MONEY: lambda raw, _column, unit, _words: quantity(raw, unit or "万元"),
    Shape.MONEY_RANGE: lambda raw, _column, unit, _words: _range(raw, unit or "万元", weeks=False),
    Shape.WEEKS: lambda raw, _column, unit, _words: quantity(raw, unit or "周", weeks=True),
    Shape.WEEKS_RANGE: lambda raw, _column, unit, _words: _range(raw, unit or "周", weeks=True),
    Shape.COUNT: lambda raw, *_: whole(raw),
    Shape.NUMBER: lambda raw, *_: float(decimal(raw)),
    Shape.YEAR: lambda raw, *_: _year(raw),
    Shape.YEARS: lambda raw, *_: _years(raw),
    Shape.FLAG: lambda raw, *_: _flag(raw),
    Shape.MONTH: lambda raw, *_: "{:04}-{:02}".format(*_date(raw)[:2]),
    Shape.DAY: lambda raw, *_: _day(raw),
    Shape.SCENARIOS: lambda raw, _column, _unit, words: _scenario_codes(raw, words),
    Shape.EFFECTS: lambda raw, *_: tables.effects(raw),
    Shape.FINANCIALS: lambda raw, *_: tables.financials(raw),
    Shape.EXPERTS: lambda raw, *_: tables.experts(raw),
    Shape.IGNORED: lambda *_: None,
}


def parse(column: Column, raw: Any, unit: str, words: Words) -> Any:
    """The value of a cell; a pair for a range. Raises RefusedError with the sentence for the person who wrote the cell."""
    return empty_value(column) if is_empty(column, raw) else _PARSERS[column.shape](raw, column, unit, words)
