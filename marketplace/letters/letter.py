"""A letter as data, and its forms: TOML files with {places} for values. Word and PDF are written from the same letter.

A form has no loops and no expressions, so nothing that somebody typed can be one: `each` repeats a paragraph for the items
of a list, `when` leaves it out where a value is empty.
"""

from __future__ import annotations

import hashlib
import string
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from marketplace.domain.letter_texts import LetterText, PartRule, places_of
from marketplace.letters.charts import Radar
from marketplace.packaged import templates_folder


class LetterError(Exception):
    """A form that does not exist, or a value that it needs and was not given."""


@dataclass(frozen=True)
class Paragraph:
    text: str
    is_heading: bool = False


@dataclass(frozen=True)
class Grid:
    """A table: its head, and rows of as many cells. `widths`: of the columns, in proportion; none: all alike."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A chart, with a sentence that says what is to be seen in it."""

    chart: Radar
    caption: str


@dataclass(frozen=True)
class Letter:
    """`number`: 发文字号; `addressee`: to whom; `sign_off`: who signs; `date`: as it stands under it."""

    title: str
    number: str
    addressee: str
    parts: tuple[Paragraph | Grid | Picture, ...]
    sign_off: str
    date: str


def names() -> list[str]:
    """The forms that there are."""
    return sorted(path.stem for path in (templates_folder() / "letters").glob("*.toml"))


@dataclass(frozen=True)
class Form:
    """A form as it is shipped: its words, and what its paragraphs are. `shape`: changes where words for it could not be used any more."""

    text: LetterText
    rules: tuple[PartRule, ...]
    shape: str
    entries: tuple[Mapping[str, Any], ...]
    number: str
    addressee: str
    date: str


@cache
def form_of(name: str) -> Form:
    """The form of this name. Raises LetterError."""
    if name not in names():
        raise LetterError(f"没有“{name}”这种文书")
    form = tomllib.loads((templates_folder() / "letters" / f"{name}.toml").read_text(encoding="utf-8"))
    entries = tuple(form["parts"])
    rules = tuple(
        PartRule(one.get("when", ""), one.get("each", ""), tuple(one["head"]) if "table" in one else (), bool(one.get("heading", False)))
        for one in entries
    )
    text = LetterText(form["title"], tuple(one.get("text", "") for one in entries), form.get("sign_off", "{sign_off}"))
    shape = repr([(rule, sorted(places_of(part))) for rule, part in zip(rules, text.parts, strict=True)])
    ends = (form.get(key, f"{{{value}}}") for key, value in (("number", "number"), ("addressee", "organisation"), ("date", "date")))
    return Form(text, rules, hashlib.sha256(shape.encode()).hexdigest(), entries, *ends)


def fill(name: str, values: Mapping[str, Any], words: LetterText | None = None) -> Letter:
    """The letter of a form with these values; `words`: instead of those that are shipped. Raises LetterError."""
    form, text = form_of(name), words or form_of(name).text
    pairs = zip(form.entries, text.parts, strict=True)
    return Letter(
        title=_filled(text.title, values),
        number=_filled(form.number, values),
        addressee=_filled(form.addressee, values),
        parts=tuple(part for entry, own in pairs for part in _parts(entry, own, values)),
        sign_off=_signed(text.sign_off, values),
        date=_filled(form.date, values),
    )


def worded(name: str, values: Mapping[str, Any], words: LetterText | None = None) -> LetterText:
    """The words of a form with these values, each paragraph in its place, "" where it is left out: for a letter that is built around them."""
    form, text = form_of(name), words or form_of(name).text
    parts = []
    for entry, own in zip(form.entries, text.parts, strict=True):
        found = [part.text for part in _parts(entry, own, values) if isinstance(part, Paragraph)]
        parts.append("\n".join(found))
    return LetterText(_filled(text.title, values), tuple(parts), _signed(text.sign_off, values))


def _signed(text: str, values: Mapping[str, Any]) -> str:
    """Who signs: the place and the office, which begins with the word for the place's own kind (…新区 + 区工信局)."""
    return _filled(text, values).replace("区区", "区")


def _parts(entry: Mapping[str, Any], text: str, values: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    if "when" in entry and not _value(entry["when"], values):
        return
    if "table" in entry:
        rows = tuple(tuple(_filled(cell, {**values, **row}) for cell in entry["cells"]) for row in _value(entry["table"], values))
        yield Grid(tuple(entry["head"]), rows)
        return
    if not text:
        return
    items: list[Any] = list(_value(entry["each"], values)) if "each" in entry else [None]
    for number, item in enumerate(items, 1):
        own = {"no": number, **(item if isinstance(item, Mapping) else {"item": item})}
        yield Paragraph(_filled(text, {**values, **own}), bool(entry.get("heading", False)))


def _value(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise LetterError(f"文书缺少内容：{name}")
    return values[name]


def _filled(text: str, values: Mapping[str, Any]) -> str:
    """Places are plain names: none reaches into a value."""
    found: list[str] = []
    for before, name, form, conversion in string.Formatter().parse(text):
        found.append(before)
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise LetterError(f"文书的格式不对：{{{name}}}")
        found.append(clean(str(_value(name, values))))
    return "".join(found)


def clean(text: str) -> str:
    """Without the characters that neither Word nor PDF takes, nor those that turn the direction of writing."""
    return "".join(
        letter for letter in text if letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    ).strip()
