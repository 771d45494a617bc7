"""What was typed into an application, and what it means.

Answers are kept as they were typed, so that a half-filled or mistyped form loses nothing:
section → {"fields": {key: text}, "rows": [{"key": "1", field: text}]}; TERMS hold a list of texts. What a text means is read here.
Files carry the key of their document, and of their row where every row has its own: case_proof.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from marketplace.domain.application_rules import ApplicationRules, DocumentKind
from marketplace.domain.application_sections import Field, Kind, Section
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.money import fen_from_wan

Answers = Mapping[str, Any]
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE = re.compile(r"[0-9+()（）\- 转]{7,30}")
_LARGEST = 10**9
_SEPARATORS = str.maketrans("", "", ",，  \u00a0\u3000")


@dataclass(frozen=True)
class FileFact:
    """A file of the application: which document of which row, and what it holds."""

    kind: str
    sha256: str
    filename: str


def file_kind(document: str, row: str = "") -> str:
    """The kind under which a file is attached."""
    return f"{document}.{row}" if row else document


def read(asked: Field, raw: Any) -> Any | Refused | None:
    """The value of an answer; None where nothing was typed, a Refused where it cannot be read."""
    if asked.kind == Kind.TERMS:
        return [str(one) for one in raw] or None if isinstance(raw, list) else None
    text = str(raw or "").strip()
    if not text:
        return None
    if len(text) > asked.most:
        values = {"label": asked.label, "length": len(text), "most": asked.most}
        return Refused("too_long", _("{label}有 {length} 个字，最多 {most:,} 个。"), values)
    return _READERS.get(asked.kind, lambda _asked, plain: plain)(asked, text)


def _number(asked: Field, text: str) -> Decimal | Refused:
    try:
        number = Decimal(text.translate(_SEPARATORS))
        if not number.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        return Refused("not_a_number", _("{label}应填数字，现在是“{value}”。"), {"label": asked.label, "value": text[:40]})
    if number < 0 and not asked.may_be_negative:
        return Refused("negative", _("{label}不能是负数。"), {"label": asked.label})
    if abs(number) > _LARGEST:
        return Refused("too_large", _("{label}太大，请核对单位。"), {"label": asked.label})
    return number


def _count(asked: Field, text: str) -> int | Refused:
    number = _number(asked, text)
    if isinstance(number, Refused):
        return number
    if number != int(number):
        return Refused("not_whole", _("{label}应填整数，现在是“{value}”。"), {"label": asked.label, "value": text[:40]})
    return int(number)


def _money(asked: Field, text: str) -> int | Refused:
    number = _number(asked, text)
    return number if isinstance(number, Refused) else fen_from_wan(number)


def _hours(asked: Field, text: str) -> float | Refused:
    number = _number(asked, text)
    return number if isinstance(number, Refused) else float(number)


def _year(asked: Field, text: str) -> int | Refused:
    digits = text.removesuffix("年").strip()
    if re.fullmatch(r"(19|20)\d\d", digits, re.ASCII):
        return int(digits)
    return Refused("not_a_year", _("{label}应是四位年份，例如 2025，现在是“{value}”。"), {"label": asked.label, "value": text[:40]})


def _day(asked: Field, text: str) -> date | Refused:
    found = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", text, re.ASCII)
    try:
        if found and 1900 <= int(found[1]) <= 2100:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    return Refused("not_a_day", _("{label}应是日期，例如 2025-03-01，现在是“{value}”。"), {"label": asked.label, "value": text[:40]})


def _email(asked: Field, text: str) -> str | Refused:
    if _EMAIL.fullmatch(text):
        return text.lower()
    return Refused("not_an_email", _("{label}不像电子邮箱地址，请核对。"), {"label": asked.label})


def _phone(asked: Field, text: str) -> str | Refused:
    if _PHONE.fullmatch(text) and sum(sign.isdigit() for sign in text) >= 7:
        return text
    return Refused("not_a_phone", _("{label}不像电话号码，请核对。"), {"label": asked.label})


def _flag(asked: Field, text: str) -> bool | None:
    # A box that is not ticked answers nothing.
    return True if text == "yes" else None


def _choice(asked: Field, text: str) -> str | Refused:
    if text in dict(asked.choices):
        return text
    return Refused("unknown_answer", _("{label}请从列出的内容里选。"), {"label": asked.label})


_READERS: Mapping[Kind, Any] = {
    Kind.COUNT: _count,
    Kind.MONEY: _money,
    Kind.HOURS: _hours,
    Kind.YEAR: _year,
    Kind.DAY: _day,
    Kind.EMAIL: _email,
    Kind.PHONE: _phone,
    Kind.FLAG: _flag,
    Kind.CHOICE: _choice,
}


@dataclass(frozen=True)
class ReadSection:
    """The answers of one section, read: values, what cannot be read (path → why), and the raw texts of what is asked.

    A path is the key of a field, or row key and field: "2.cost".
    """

    values: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    errors: Mapping[str, Refused]

    def value(self, key: str) -> Any:
        return self.values.get(key)


def is_asked(asked: Field, fields: Mapping[str, Any]) -> bool:
    """Whether a field is asked at all, as other answers stand."""
    return asked.when is None or fields.get(asked.when[0]) == asked.when[1]


def raw_of(answers: Answers, section: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The texts of a section: of its fields, and of its rows."""
    found = answers.get(section) or {}
    return dict(found.get("fields") or {}), [dict(row) for row in found.get("rows") or []]


def read_section(section: Section, answers: Answers) -> ReadSection:
    """What the answers of a section mean. A row keeps its key under "key"."""
    fields, rows = raw_of(answers, section.key)
    errors: dict[str, Refused] = {}
    values = dict(_read_all(section.fields, fields, errors, ""))
    read_rows = []
    for row in rows:
        key = str(row.get("key", ""))
        read_rows.append({"key": key, **dict(_read_all(section.row_fields, row, errors, f"{key}."))})
    return ReadSection(values, read_rows, errors)


def _read_all(asked: Sequence[Field], raw: Mapping[str, Any], errors: dict[str, Refused], prefix: str) -> Iterator[tuple[str, Any]]:
    for one in asked:
        if not is_asked(one, raw):
            continue
        value = read(one, raw.get(one.key))
        if isinstance(value, Refused):
            errors[f"{prefix}{one.key}"] = value
        else:
            yield one.key, value


@dataclass(frozen=True)
class Missing:
    """Something that a section still lacks: its name, of which row (counted from 1; 0: of the section itself); a document by its key."""

    name: str
    row: int = 0
    document: str = ""


@dataclass(frozen=True)
class Completeness:
    """How much of what a section must hold is there, and the names of the rest."""

    done: int
    total: int
    missing: Sequence[Missing] = field(default_factory=tuple)

    @property
    def is_complete(self) -> bool:
        return not self.missing


def least_rows(section: Section, rules: ApplicationRules) -> int:
    return int(getattr(rules, section.least)) if section.least else 0


def wanted_documents(section: Section, answers: Answers, rules: ApplicationRules, required: Sequence[str]) -> tuple[DocumentKind, ...]:
    """The documents that this section must hold, as it is answered: no commitment is asked of whoever has an office."""
    found = [document for document in rules.documents if document.section == section.key and document.key in required]
    if section.key == "local":
        mode = str(raw_of(answers, "local")[0].get("mode"))
        unasked = {"office": ("local_commitment",), "commitment": ("local_proof",)}.get(mode, ("local_commitment", "local_proof"))
        found = [document for document in found if document.key not in unasked]
    return tuple(found)


def completeness(
    section: Section, answers: Answers, files: Sequence[FileFact], rules: ApplicationRules, required: Sequence[str]
) -> Completeness:
    """What must be there: required fields, the least number of rows with all of theirs, the documents of the window.

    An answer that cannot be read is as absent as one that was not given, also where none is required.
    """
    fields, rows = raw_of(answers, section.key)
    found = read_section(section, answers)
    kinds = {file.kind for file in files}
    documents = wanted_documents(section, answers, rules, required)
    wanted = list(_wanted(section.fields, fields, found.values, found.errors, 0, ""))
    wanted += [(Missing(one.name, 0, one.key), one.key in kinds) for one in documents if not one.each]
    for number, (row, raw) in enumerate(zip(found.rows, rows, strict=True), 1):
        wanted += _wanted(section.row_fields, raw, row, found.errors, number, f"{row['key']}.")
        wanted += [(Missing(one.name, number, one.key), file_kind(one.key, row["key"]) in kinds) for one in documents if one.each]
    wanted += [(Missing(section.row, number), False) for number in range(len(rows) + 1, least_rows(section, rules) + 1)]
    missing = tuple(name for name, is_there in wanted if not is_there)
    return Completeness(len(wanted) - len(missing), len(wanted), missing)


def _wanted(
    asked: Sequence[Field], raw: Mapping[str, Any], values: Mapping[str, Any], errors: Mapping[str, Refused], row: int, prefix: str
) -> Iterator[tuple[Missing, bool]]:
    for one in asked:
        is_wrong = f"{prefix}{one.key}" in errors
        if is_wrong or (one.required and is_asked(one, raw)):
            yield Missing(one.label, row), not is_wrong and values.get(one.key) is not None
