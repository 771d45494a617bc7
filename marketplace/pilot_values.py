"""The pilot as flat values: what is in force, one place a value, so that two of them can be compared and a change be told.

What the file leaves out and the program or the packaged file supplies is in here too: it is in force as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

from marketplace.pilot import PACKAGED, Pilot
from marketplace.pilot_file import Reader
from marketplace.pilot_terms import Terms
from marketplace.questionnaire_file import PACKAGED as QUESTIONNAIRE

Scalar = str | int | float | bool | None
Values = dict[str, Scalar]
# What an entry of a list may be called by.
_NAMES = ("key", "code", "state", "grade")
_HEADER = re.compile(r"\[\[?([a-z0-9_.]+)\]\]?\s*(?:#\s*(.*))?$")
_KEY = re.compile(r"([a-z][a-z0-9_]*)\s*=")


@dataclass(frozen=True)
class Source:
    """A file that the pilot was read from."""

    name: str
    sha256: str


def values_of(pilot: Pilot) -> Values:
    """Place (sections, keys and names with dots between) → value."""
    found: Values = {}
    for field in fields(pilot):
        if field.name != "mapping":
            found.update(_flat(field.name, getattr(pilot, field.name)))
    for code, codes in pilot.mapping.items():
        found[f"mapping.{code}"] = "、".join(codes)
    return found


def digest_of(values: Values) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _flat(place: str, value: Any) -> Iterator[tuple[str, Scalar]]:
    if isinstance(value, Enum):
        yield place, str(value.value)
    elif isinstance(value, str | int | float | bool) or value is None:
        yield place, value
    elif isinstance(value, date):
        yield place, value.isoformat()
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _flat(f"{place}.{key}", one)
    elif isinstance(value, Terms):
        for term in value:
            yield from _flat(f"{place}.{term.key}", term)
    elif is_dataclass(value):
        for field in fields(value):
            one = getattr(value, field.name)
            # An entry's own key stands in its place already.
            if field.name not in _NAMES or one != place.rpartition(".")[2]:
                yield from _flat(f"{place}.{field.name}", one)
    else:
        # A set has no order of its own.
        yield from _flat_list(place, sorted(value) if isinstance(value, set | frozenset) else list(value))


def _flat_list(place: str, values: list[Any]) -> Iterator[tuple[str, Scalar]]:
    if not any(is_dataclass(one) or isinstance(one, list | tuple | Mapping) for one in values):
        yield place, _joined(values)
        return
    for number, one in enumerate(values, 1):
        name = next((getattr(one, name) for name in _NAMES if getattr(one, name, "")), number)
        yield from _flat(f"{place}.{name}", one)


def _joined(values: list[Any]) -> str:
    return "、".join(str(one.value) if isinstance(one, Enum) else str(one) for one in values)


def sources_of(path: Path | None) -> list[Source]:
    """The files of a pilot with their hashes: its own, those it names, and the packaged one where it leaves tables to it."""
    own = path or PACKAGED
    named = Reader(own).document().get("files", {})
    paths = [own, *(own.parent / str(name) for name in named.values() if name)]
    paths += [] if named.get("questionnaire") else [QUESTIONNAIRE]
    paths += [] if own == PACKAGED else [PACKAGED]
    return [Source(one.name, hashlib.sha256(one.read_bytes()).hexdigest()) for one in paths if one.is_file()]


def remarks_of(path: Path | None) -> dict[str, str]:
    """Place → what the file remarks about it: a comment behind the value, or right above a table. The packaged file's come first."""
    found: dict[str, str] = {}
    for one in dict.fromkeys((PACKAGED, path or PACKAGED)):
        found.update(_remarks(one.read_text(encoding="utf-8")))
    return found


def _remarks(text: str) -> Iterator[tuple[str, str]]:
    table = ""
    above: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            above.append(stripped.lstrip("# ").rstrip("- "))
            continue
        if header := _HEADER.match(stripped):
            table = header[1]
            if remark := "".join([*above, header[2] or ""]).strip():
                yield table, remark
        elif (key := _KEY.match(line)) and table:
            remark = _behind(line) or "".join(above)
            if remark:
                yield f"{table}.{key[1]}", remark
        above = []


def _behind(line: str) -> str:
    """The comment behind a value; a # inside quotation marks is none."""
    inside = False
    for number, character in enumerate(line):
        if character == '"':
            inside = not inside
        elif character == "#" and not inside:
            return line[number + 1 :].strip()
    return ""
