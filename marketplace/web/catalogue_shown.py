"""Contents of versions in the words of a page: each field as text, and two of them side by side with what differs marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marketplace.domain.differences import Difference, Piece, differences, marked_pieces
from marketplace.domain.lifecycle import Refused
from marketplace.domain.solution_versions import FIELDS, Content, Field
from marketplace.domain.text_guard import Finding
from marketplace.faults import said
from marketplace.web.language import say
from marketplace.web.wording import effect, figure, money, month, price, sep, term, terms, weeks


@dataclass(frozen=True)
class ShownField:
    key: str
    label: str
    text: str


@dataclass(frozen=True)
class ShownDifference:
    """`before` is None where there was nothing at all to compare with."""

    label: str
    before: Sequence[Piece] | None
    after: Sequence[Piece]


@dataclass(frozen=True)
class ShownFinding:
    field: str
    label: str
    sentence: str
    hard: bool


def shown_fields(content: Content) -> list[ShownField]:
    """Every field that says something, in the order of the form."""
    rows = [ShownField(field.key, say(field.label), text_of(field, tuple(content.get(key) for key in field.keys))) for field in FIELDS]
    return [row for row in rows if row.text]


def shown_differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[ShownDifference]:
    """The readable table of a change: field, before, after."""
    return [_shown(difference) for difference in differences(before, after)]


def outdated_fields(fields: Iterable[tuple[str, str, str]]) -> list[ShownDifference]:
    """For whoever lost a race: the (label, stored text, typed text) that differ."""
    return [ShownDifference(label, *marked_pieces(stored, typed)) for label, stored, typed in fields if stored != typed]


def _shown(difference: Difference) -> ShownDifference:
    after = text_of(difference.field, difference.after)
    if difference.before is None:
        return ShownDifference(say(difference.field.label), None, (Piece(after, False),))
    old, new = marked_pieces(text_of(difference.field, difference.before), after)
    return ShownDifference(say(difference.field.label), old, new)


def shown_findings(faults: Iterable[tuple[str, Refused]], findings: Iterable[Finding]) -> list[ShownFinding]:
    """What is to be changed before handing in, the hard ones first."""
    rows = [ShownFinding(key, label_of(key), said(refused.message, refused.values), True) for key, refused in faults]
    rows += [ShownFinding(one.field, label_of(one.field), _said(one.refused), one.hard) for one in findings]
    return sorted(rows, key=lambda row: not row.hard)


def _said(refused: Refused) -> str:
    """A finding's sentence; the kind of contact data is a word of its own to be translated."""
    values = dict(refused.values)
    if "kind" in values:
        values["kind"] = say(str(values["kind"]))
    return said(refused.message, values)


def label_of(key: str) -> str:
    return next((say(field.label) for field in FIELDS if field.key == key), say("实施案例"))


def text_of(field: Field, values: tuple[Any, ...]) -> str:
    """The value of a field as a reader sees it; "" where nothing is said."""
    if all(value in (None, "", []) for value in values) and field.shape not in ("money", "weeks"):
        return ""
    return _TEXTS[field.shape](field, *values)


def _weeks(_field: Field, low: int | None, high: int | None) -> str:
    return "" if low is None and high is None else weeks(low, high)


def _scenarios(_field: Field, codes: Sequence[str]) -> str:
    return "\n".join(f"{code} {name}" if (name := term("scenario", code)) != code else code for code in codes)


def _cases(_field: Field, rows: Sequence[Mapping[str, Any]]) -> str:
    return "\n\n".join(case_text(row) for row in rows)


def case_text(row: Mapping[str, Any]) -> str:
    """One case in lines: title, whom for, when and for how much; effects; the course; proofs."""
    sector = term("sector", row["client_sector"], short=True) if row.get("client_sector") else ""
    dates = f"{month(row.get('signed') or '')} {say('至')} {month(row.get('completed') or '')}"
    lines = [" · ".join(part for part in (row.get("title") or say("案例"), sector, dates, money(row.get("cost_fen"))) if part)]
    lines += [f"{one['indicator']}{sep('：')}{effect(one)}" for one in row.get("effects") or ()]
    lines += [text for text in (row.get("process") or "", sep("、").join(row.get("proofs") or ())) if text]
    return "\n".join(lines)


_TEXTS: dict[str, Callable[..., str]] = {
    "line": lambda _field, text: str(text),
    "text": lambda _field, text: str(text),
    "lines": lambda _field, rows: "\n".join(rows),
    "words": lambda _field, words: sep("、").join(words),
    "term": lambda field, key: term(field.kind, key),
    "terms": lambda field, keys: terms(field.kind, keys),
    "scenarios": _scenarios,
    "money": lambda _field, low, high: price(low, high),
    "weeks": _weeks,
    "count": lambda _field, number: figure(number) if number else "",
    "origin": lambda _field, key: {"domestic": say("国产"), "imported": say("进口")}.get(key, str(key)),
    "flag": lambda _field, flag: say("是") if flag else say("否"),
    "cases": _cases,
    "files": lambda _field, rows: "\n".join(str(row["name"]) for row in rows),
}
