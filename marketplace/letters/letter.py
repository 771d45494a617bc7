"""A letter as data, and its forms: TOML files with {places} for values. Word and PDF are written from the same letter.

A form has no loops and no expressions, so nothing that somebody typed can be one: `each` repeats a paragraph for the items
of a list, `when` leaves it out where a value is empty.
"""

from __future__ import annotations

import string
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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


def fill(name: str, values: Mapping[str, Any]) -> Letter:
    """The letter of a form with these values. Raises LetterError."""
    if name not in names():
        raise LetterError(f"没有“{name}”这种文书")
    form = tomllib.loads((templates_folder() / "letters" / f"{name}.toml").read_text(encoding="utf-8"))
    return Letter(
        title=_filled(form["title"], values),
        number=_filled(form.get("number", "{number}"), values),
        addressee=_filled(form.get("addressee", "{organisation}"), values),
        parts=tuple(part for entry in form["parts"] for part in _parts(entry, values)),
        sign_off=_filled(form.get("sign_off", "{sign_off}"), values),
        date=_filled(form.get("date", "{date}"), values),
    )


def _parts(entry: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Paragraph | Grid]:
    if "when" in entry and not _value(entry["when"], values):
        return
    if "table" in entry:
        rows = tuple(tuple(_filled(cell, {**values, **row}) for cell in entry["cells"]) for row in _value(entry["table"], values))
        yield Grid(tuple(entry["head"]), rows)
        return
    items: list[Any] = list(_value(entry["each"], values)) if "each" in entry else [None]
    for number, item in enumerate(items, 1):
        own = {"no": number, **(item if isinstance(item, Mapping) else {"item": item})}
        yield Paragraph(_filled(entry["text"], {**values, **own}), bool(entry.get("heading", False)))


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
