"""The difference of two states of an application: what a resubmission changed, and what two people typed at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marketplace.domain.application_answers import Answers, FileFact, raw_of
from marketplace.domain.application_sections import SECTIONS, Field, Section


@dataclass(frozen=True)
class Change:
    """One answer or file that differs. `row`: which row (counted from 1; 0: of the section itself); an absent side is empty.

    `field` is None where a file differs; `document` then says which.
    """

    section: str
    row: int
    field: Field | None
    before: Any
    after: Any
    document: str = ""


def differences(section: Section, before: Answers, after: Answers) -> Iterator[Change]:
    """The answers of one section that differ. Rows are compared by their keys, so that a row that went does not move the others."""
    old_fields, old_rows = raw_of(before, section.key)
    new_fields, new_rows = raw_of(after, section.key)
    yield from _fields(section, 0, section.fields, old_fields, new_fields)
    old, new = _by_key(old_rows), _by_key(new_rows)
    for key in dict.fromkeys([*new, *old]):
        number = list(new).index(key) + 1 if key in new else list(old).index(key) + 1
        yield from _fields(section, number, section.row_fields, old.get(key, {}), new.get(key, {}))


def _by_key(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(row.get("key", "")): row for row in rows}


def _fields(section: Section, row: int, asked: Sequence[Field], old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for one in asked:
        before, after = old.get(one.key) or "", new.get(one.key) or ""
        if before != after:
            yield Change(section.key, row, one, before, after)


def all_differences(
    before: Answers,
    after: Answers,
    files_before: Sequence[FileFact],
    files_after: Sequence[FileFact],
    section_of_document: Mapping[str, str],
) -> tuple[Change, ...]:
    """Everything that differs, section by section: answers, then files (by document, row and content)."""
    found: list[Change] = []
    for section in SECTIONS:
        found += differences(section, before, after)
        found += _file_changes(section.key, files_before, files_after, section_of_document)
    return tuple(found)


def _file_changes(
    section: str, before: Sequence[FileFact], after: Sequence[FileFact], section_of_document: Mapping[str, str]
) -> Iterator[Change]:
    old = {(file.kind, file.sha256): file.filename for file in before if section_of_document.get(_document(file)) == section}
    new = {(file.kind, file.sha256): file.filename for file in after if section_of_document.get(_document(file)) == section}
    for kind, sha256 in sorted(old.keys() - new.keys()):
        yield Change(section, 0, None, old[kind, sha256], "", kind.partition(".")[0])
    for kind, sha256 in sorted(new.keys() - old.keys()):
        yield Change(section, 0, None, "", new[kind, sha256], kind.partition(".")[0])


def _document(file: FileFact) -> str:
    return file.kind.partition(".")[0]


def changed_sections(changes: Sequence[Change]) -> frozenset[str]:
    return frozenset(change.section for change in changes)
