"""A sheet is a table of columns. The same rows read a file, write the template and make the documentation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum, auto
from functools import cache
from typing import Protocol


class Shape(StrEnum):
    """What stands in a cell of a column."""

    TEXT = auto()  # one or more lines
    LINE = auto()  # one line: white space is folded
    WORDS = auto()  # several words, separated by 、，,;；|／ or line ends
    LINES = auto()  # several sentences, separated by ；;| or line ends (commas belong to the sentence)
    TERM = auto()  # one word of the pilot
    TERMS = auto()  # several words of the pilot
    CHOICE = auto()  # one of a few fixed answers
    CREDIT_CODE = auto()  # 统一社会信用代码
    REFERENCE = auto()  # the number that another sheet gives a row
    MONEY = auto()  # 万元 unless the header or the cell says otherwise; stored in fen
    MONEY_RANGE = auto()
    WEEKS = auto()
    WEEKS_RANGE = auto()
    COUNT = auto()
    NUMBER = auto()
    YEAR = auto()
    YEARS = auto()
    FLAG = auto()  # 是/否
    MONTH = auto()  # YYYY-MM
    DAY = auto()  # YYYY-MM-DD
    SCENARIOS = auto()  # codes of scenarios, of the catalogue or of a mapped list
    EFFECTS = auto()  # rows of indicator, before, after, unit
    FINANCIALS = auto()  # rows of year, revenue, profit, debt ratio
    EXPERTS = auto()  # rows of title, years, expertise
    IGNORED = auto()  # read and dropped


# Headers that every sheet understands: a remark of the template, and the reasons in a file of bad rows.
REMARK, REASONS = "备注", "问题"
# A row whose remark starts so is the template's example.
EXAMPLE_MARK = "示例行"


@dataclass(frozen=True)
class Column:
    """One column. `fills`: the attributes that a cell fills; `choices`: the pilot's kind of word, or fixed answers.

    `group`: the column under whose name a check speaks of this one (the two ends of a range).
    `inside`: the name of the nested object in which a JSON file keeps the value. `led_by`: the column whose text goes
    before this one's, or stands for it (the title of a problem). `code_in`: the column in which people write this one's code.
    """

    key: str
    header: str
    shape: Shape
    fills: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    required: bool = False
    note: str = ""
    example: str = ""
    kind: str = ""
    answers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    none_words: tuple[str, ...] = ()
    group: str = ""
    inside: str = ""
    led_by: str = ""
    code_in: str = ""
    in_template: bool = True

    @property
    def attributes(self) -> tuple[str, ...]:
        return self.fills or (self.key,)


@dataclass(frozen=True)
class Sheet:
    """The columns of a noun. `identity`: the attributes that make a row without a number the same row next time."""

    noun: str
    name: str
    aliases: tuple[str, ...]
    columns: tuple[Column, ...]
    identity: tuple[str, ...]
    about: str = ""

    @property
    def words(self) -> frozenset[str]:
        return frozenset(folded(word) for word in (self.noun, self.name, *self.aliases))

    def column(self, key: str) -> Column:
        return next(column for column in self.columns if column.key == key)


class TermLike(Protocol):
    """A word of the pilot: what is stored, and what is shown."""

    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def short(self) -> str: ...


class Words(Protocol):
    """The pilot's words, as far as reading a file needs them."""

    def find(self, kind: str, text: str) -> TermLike | None: ...
    def terms(self, kind: str) -> Iterable[TermLike]: ...
    def suggestions(self, kind: str, text: str) -> tuple[str, ...]: ...
    def scenario_codes(self, code: str) -> tuple[str, ...]: ...
    def sector_of_industry(self, code: str) -> TermLike | None: ...


class Remembered:
    """The pilot's words for the length of one file, in which ten thousand rows hold a few dozen words."""

    def __init__(self, words: Words) -> None:
        self.terms, self.suggestions, self.sector_of_industry = words.terms, words.suggestions, words.sector_of_industry
        self.find = cache(words.find)
        self.scenario_codes = cache(words.scenario_codes)


# What a kind of word is called in a sentence.
KIND_NAMES = {
    "sector": "行业",
    "area": "园区或街镇",
    "orientation": "转型方向",
    "stage": "环节",
    "form": "方案形式",
    "level": "改造层面",
    "provider_kind": "服务商类型",
    "enterprise_size": "企业规模",
    "priority": "优先级",
    "scenario_kind": "场景类别",
    "deployment": "部署方式",
}

_UNIT_IN_HEADER = re.compile(r"[(（\[【](?P<unit>[^()（）\[\]【】]*)[)）\]】]$")
MONEY_UNITS = {
    "亿元": Decimal(10_000),
    "亿": Decimal(10_000),
    "万元": Decimal(1),
    "万": Decimal(1),
    "千元": Decimal("0.1"),
    "元": Decimal("0.0001"),
}


def folded(text: str) -> str:
    """Widths, case, white space, underscores and the star of a required column do not matter in a header."""
    return re.sub(r"[\s_]+", "", unicodedata.normalize("NFKC", text)).casefold().strip("*:")


def split_header(text: str) -> tuple[str, str]:
    """A header without its bracket, and what stood in the bracket: 报价下限（元） → 报价下限, 元."""
    plain = unicodedata.normalize("NFKC", text).strip().rstrip("*: ")
    found = _UNIT_IN_HEADER.search(plain)
    return (folded(plain[: found.start()]), folded(found["unit"])) if found and found.start() else (folded(plain), "")
