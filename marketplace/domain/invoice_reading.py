"""What the words of an electronic invoice say: number, day, amount and seller, as suggestions for the person who hands it in.

`words`: lines of text; a line of an XML element or a named value is "name<TAB>value" (files/invoice_child.py writes them so).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any


@dataclass(frozen=True)
class Suggestion:
    """None and "" where nothing was read. Amount with tax, in fen."""

    number: str = ""
    day: date | None = None
    amount_fen: int | None = None
    seller: str = ""

    def __bool__(self) -> bool:
        return bool(self.number or self.day or self.amount_fen or self.seller)

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "day": self.day.isoformat() if self.day else "",
            "amount_fen": self.amount_fen,
            "seller": self.seller,
        }


# Names of elements in use: the national XML form, the OFD's own invoice file, and the named values of an OFD. Compared without marks.
_NUMBER = ("eiid", "invoicenumber", "invoiceno", "发票号码", "fphm")
_DAY = ("issuetime", "issuedate", "requesttime", "开票日期", "kprq")
_AMOUNT = ("totaltaxincludedamount", "taxinclusivetotalamount", "价税合计", "jshj", "合计金额")
_SELLER = ("sellername", "销售方名称", "xfmc")
_MARKS = re.compile(r"[^0-9a-z\u4e00-\u9fff]")
_SPACES = re.compile(r"[ \t\u3000]+")
_NUMBER_TEXT = re.compile(r"发\s*票\s*号\s*码\s*[:：]?\s*([0-9]{8,20})(?![0-9])")
_DAY_TEXT = re.compile(r"开\s*票\s*日\s*期\s*[:：]?\s*([0-9]{4})\s*[年./-]\s*([0-9]{1,2})\s*[月./-]\s*([0-9]{1,2})")
_AMOUNT_TEXT = re.compile(r"[（(]\s*小\s*写\s*[）)]\s*[:：]?\s*[¥￥]?\s*([0-9][0-9,，]*(?:\.[0-9]{1,2})?)")
_SELLER_TEXT = re.compile(r"销\s*售?\s*方?[^\n]{0,12}?\n?[^\n]{0,12}?名\s*称\s*[:：]\s*([^\s:：]{2,100})")
_NAME_TEXT = re.compile(r"名\s*称\s*[:：]\s*([^\s:：]{2,100})")
_DAY_VALUE = re.compile(r"([0-9]{4})\s*[年./-]?\s*([0-9]{1,2})\s*[月./-]?\s*([0-9]{1,2})")
_LONGEST = 200_000


def read_invoice(words: str) -> Suggestion:
    """What could be read; nothing is guessed where two readings are possible."""
    words = words[:_LONGEST]
    named = _named(words.splitlines())
    text = _SPACES.sub(" ", words)
    return Suggestion(
        number=_number(named) or _first(_NUMBER_TEXT, text),
        day=_named_day(named) or _text_day(text),
        amount_fen=_fen(_value(named, _AMOUNT)) or _fen(_first(_AMOUNT_TEXT, text)),
        seller=_value(named, _SELLER)[:200] or _seller(text),
    )


def _named(lines: Iterable[str]) -> dict[str, str]:
    """The first value of each name."""
    found: dict[str, str] = {}
    for line in lines:
        name, tab, value = line.partition("\t")
        if tab and value.strip():
            found.setdefault(_MARKS.sub("", name.lower()), value.strip())
    return found


def _value(named: dict[str, str], names: Iterable[str]) -> str:
    return next((named[name] for name in names if name in named), "")


def _number(named: dict[str, str]) -> str:
    found = re.sub(r"\s", "", _value(named, _NUMBER))
    return found if re.fullmatch(r"[0-9A-Za-z]{8,40}", found) else ""


def _named_day(named: dict[str, str]) -> date | None:
    return _day_of(_DAY_VALUE.match(_value(named, _DAY)))


def _text_day(text: str) -> date | None:
    return _day_of(_DAY_TEXT.search(text))


def _day_of(found: re.Match[str] | None) -> date | None:
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def _fen(text: str) -> int | None:
    plain = re.sub(r"[,，¥￥\s]", "", text)
    try:
        amount = Decimal(plain) if re.fullmatch(r"[0-9]{1,13}(\.[0-9]{1,4})?", plain) else Decimal(0)
    except InvalidOperation:
        return None
    return int((amount * 100).to_integral_value()) or None


def _first(pattern: re.Pattern[str], text: str) -> str:
    """The one thing that is found; "" where there are different ones."""
    found = {match[1] for match in pattern.finditer(text)}
    return found.pop() if len(found) == 1 else ""


def _seller(text: str) -> str:
    """The seller's name stands in its own box; where text runs on, the second of two names is the seller's."""
    found = _SELLER_TEXT.search(text)
    if found is not None and "购" not in found[0]:
        return found[1]
    names = _NAME_TEXT.findall(text)
    return str(names[1]) if len(names) == 2 else ""
