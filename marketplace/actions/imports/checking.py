"""Rows → items: cells read by their columns, checked by the domain. No database is needed to find most mistakes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from marketplace.actions.imports.nouns import DEFAULTS, TARGETS, UNMADE
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.scenarios import ScenarioKind
from marketplace.records.columns import Record
from marketplace.sheets.columns import Column, Shape, Words
from marketplace.sheets.rating_events import PAYLOAD
from marketplace.sheets.rows import BadCell, Note, Row, Table
from marketplace.sheets.values import is_empty, parse

_PAIRS = (Shape.MONEY_RANGE, Shape.WEEKS_RANGE)
# The identity of a row without a number starts so, which no number of a person does.
UNNUMBERED = "~"


@dataclass
class Item:
    """A row on its way in. `values`: attribute → value, and what it refers to by the key of the column."""

    table: Table
    row: Row
    values: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    bad: list[BadCell] = field(default_factory=list)
    existing: Record | None = None
    # What the next version of an existing solution begins with, where its provider imports it.
    content: dict[str, Any] | None = None
    # The day of a visit that the row asks for, where it is not planned so already.
    visit: date | None = None
    # The day of a consent that the row brings, where none is on record yet.
    consent: date | None = None
    # Column key → the item of this import or the id in the database that it refers to.
    refers: dict[str, Item | int] = field(default_factory=dict)

    @property
    def noun(self) -> str:
        return self.table.sheet.noun

    def refuse(self, column: Column | None, message: Refused) -> None:
        """Mark the row as bad, with the cell that is to blame."""
        value = self.row.cells.get(column.key) if column else None
        self.bad.append(self.table.bad(self.row.number, column, value, message))


def check_table(table: Table, words: Words, notes: list[Note], step: Callable[[], None]) -> list[Item]:
    """The items of a table, each with everything that is wrong with it on its own."""
    # A required column that the file does not have at all is one mistake, not ten thousand.
    absent = [
        table.bad(0, column, None, Refused("no_column", _("文件里没有这一列，它是必填的。")))
        for column in table.sheet.columns
        if column.required and column.key not in table.headers
    ]
    gaps: dict[str, int] = {}
    items = []
    for row in table.rows:
        item = Item(table, row, bad=list(absent))
        for key in _check_row(item, words):
            gaps[key] = gaps.get(key, 0) + 1
        items.append(item)
        step()
    for key, count in gaps.items():
        header = table.header_of(table.sheet.column(key))
        message = Refused("gap", _("{count} 行没有填“{column}”，照样导入；补上后更容易被找到。"), {"count": count, "column": header})
        notes.append(Note(table.file, message))
    return items


def _check_row(item: Item, words: Words) -> Iterator[str]:
    """Fill an item from its row. Yields the columns that may stay empty here, though a page insists on them."""
    blamed: set[str] = set()
    for column in item.table.sheet.columns:
        raw = item.row.cells.get(column.key)
        if column.required and column.key in item.table.headers and is_empty(column, raw):
            item.refuse(column, Refused("required", _("这一列必填，现在是空的。")))
            blamed.add(column.key)
        if column.key not in item.row.cells or column.shape is Shape.IGNORED:
            continue
        try:
            value = parse(column, raw, item.table.units.get(column.key, ""), words)
        except RefusedError as error:
            item.refuse(column, error.refused)
            blamed |= {column.key, column.group} - {""}
            continue
        pairs = zip(column.attributes, value or (None, None) if column.shape in _PAIRS else (value,), strict=True)
        item.values.update((name, _stored(name, found)) for name, found in pairs)
    _complete(item, words)
    for key, refused in TARGETS[item.noun].checked(item.values):
        column = _blamed_column(item, key)
        if column.key in blamed or column.group in blamed:
            continue
        # What the sheet requires was looked at above; what only a page insists on is a gap, not a mistake.
        if refused.code == "required":
            if not column.required:
                yield column.key
        else:
            item.refuse(column, refused)
    item.key = _identity(item)


def _stored(name: str, value: Any) -> Any:
    """A value as its attribute may hold it: never empty where that may not be, never an empty word where nothing was chosen."""
    if value is None:
        return DEFAULTS.get(name)
    return None if value == "" and name in UNMADE else value


def _blamed_column(item: Item, key: str) -> Column:
    """The column to blame for a check: the named one, or the one of its group that this file has."""
    columns = item.table.sheet.columns
    present = [column for column in columns if key in (column.key, column.group) and column.key in item.row.cells]
    return present[0] if present else item.table.sheet.column(key)


def _complete(item: Item, words: Words) -> None:
    """What follows from other cells of the row."""
    values = item.values
    if item.noun == "scenarios":
        if not values.get("kind"):
            values["kind"] = ScenarioKind.INDIVIDUAL.value if values.get("enterprise_code") else ScenarioKind.TYPICAL.value
        if not values.get("canonical"):
            values["canonical"] = list(words.scenario_codes(values.get("code", "")))
    if item.noun == "problems" and isinstance(values.get("scenario_code"), list):
        values["scenario_code"] = next(iter(values["scenario_code"]), "")
    if item.noun == "rating_events":
        said = {key: values.pop(key) for key in PAYLOAD if key in values}
        values["payload"] = {key: value for key, value in said.items() if value is not None and value != ""}


def _identity(item: Item) -> str:
    """The key by which the same row is known next time; empty when the row does not even say that."""
    values = item.values
    if values.get("source_ref"):
        return str(values["source_ref"])
    parts = [values.get(name) for name in item.table.sheet.identity]
    if item.table.sheet.identity == ("code",):
        return str(parts[0] or "")
    if not any(parts):
        return ""
    packed = json.dumps(parts, ensure_ascii=False, default=str)
    return UNNUMBERED + hashlib.sha256(packed.encode()).hexdigest()[:32]
