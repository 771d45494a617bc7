"""A section's form on its way in: texts as they were typed, rows that were added or taken out by a button."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from marketplace.domain.application_sections import Field, Kind, Section
from marketplace.site import current_site

# Characters that no text holds and no table takes: controls other than line ends and tabs, and lone halves of a pair.
_IMPOSSIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_KEY = re.compile(r"[1-9]\d{0,3}", re.ASCII)
ADD, REMOVE = "add_row", "remove_row"


def typed(section: Section, form: MultiDict[str, str]) -> dict[str, Any]:
    """The answers of a section. `do`: add_row, or remove_row:<key>; whatever else was typed stays."""
    found: dict[str, Any] = {"fields": _texts(section.fields, form, "")}
    if not section.row_fields:
        return found
    keys = [key for key in dict.fromkeys(form.getlist("row")) if _KEY.fullmatch(key)]
    asked, _colon, gone = form.get("do", "").partition(":")
    rows = [{"key": key, **_texts(section.row_fields, form, f"{key}.")} for key in keys if not (asked == REMOVE and key == gone)]
    if asked == ADD:
        rows.append({"key": str(max([int(key) for key in keys], default=0) + 1)})
    return {**found, "rows": rows}


def _texts(fields: tuple[Field, ...], form: MultiDict[str, str], prefix: str) -> dict[str, Any]:
    """What was typed; an empty field is left out, so that it is no difference to one that was never shown."""
    pilot = current_site().pilot
    found: dict[str, Any] = {}
    for field in fields:
        name = f"{prefix}{field.key}"
        if field.kind == Kind.TERMS:
            chosen = [known.key for one in form.getlist(name) if (known := pilot.find(field.of, one))]
            if chosen:
                found[field.key] = list(dict.fromkeys(chosen))
        elif field.kind == Kind.TERM:
            if chosen_term := pilot.find(field.of, form.get(name, "")):
                found[field.key] = chosen_term.key
        elif text := _clean(form.get(name, "")):
            found[field.key] = text
    return found


def _clean(text: str) -> str:
    return _IMPOSSIBLE.sub("", text).replace("\r\n", "\n").strip()


def replies(form: Mapping[str, str]) -> dict[int, str]:
    """What the applicant says to remarks: reply.<number of the remark>."""
    found = {}
    for name, text in form.items():
        if name.startswith("reply.") and name[6:].isascii() and name[6:].isdigit() and len(name) < 24:
            found[int(name[6:])] = _clean(text)
    return found


def file_fields(names: list[str]) -> list[tuple[str, str, str]]:
    """(field, document, row) of the file fields of a form: file.<document> or file.<document>.<row>."""
    found = []
    for name in names:
        head, document, row = (*name.split("."), "", "")[:3]
        if head == "file" and document and (not row or _KEY.fullmatch(row)):
            found.append((name, document, row))
    return found
