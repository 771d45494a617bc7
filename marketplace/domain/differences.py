"""What differs between two contents, and where in a long text: for whoever approves a change, and for whoever lost a race."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from marketplace.domain.solution_versions import FIELDS, Field

# Beyond this many characters two clauses are shown as replaced whole: comparing them letter by letter takes too long.
_LETTER_BY_LETTER = 2000
_CLAUSES = re.compile(r"[^。；;！!？?，,\n]*[。；;！!？?，,\n]?")


@dataclass(frozen=True)
class Difference:
    """One field that is not the same; values as the contents hold them (None: there was no such content)."""

    field: Field
    before: tuple[Any, ...] | None
    after: tuple[Any, ...]


@dataclass(frozen=True)
class Piece:
    """A part of a text; `changed`: the other text does not have it there."""

    text: str
    changed: bool


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Difference]:
    """The fields that differ, in the order of the form. Without a `before` every field that says something."""
    found = []
    for field in FIELDS:
        new = tuple(after.get(key) for key in field.keys)
        old = None if before is None else tuple(before.get(key) for key in field.keys)
        if (old is None and any(value not in (None, "", [], 0) for value in new)) or (old is not None and old != new):
            found.append(Difference(field, old, new))
    return found


def marked_pieces(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts in pieces, the words that differ marked: clause by clause, then letter by letter within changed clauses."""
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, old, new in _aligned(_clauses(before), _clauses(after)):
        was, now = "".join(old), "".join(new)
        if tag == "replace" and len(was) + len(now) <= _LETTER_BY_LETTER:
            for inner, gone, come in _aligned(list(was), list(now)):
                left.append(Piece("".join(gone), inner != "equal"))
                right.append(Piece("".join(come), inner != "equal"))
        else:
            left.append(Piece(was, tag != "equal"))
            right.append(Piece(now, tag != "equal"))
    return _joined(left), _joined(right)


def _clauses(text: str) -> list[str]:
    return [clause for clause in _CLAUSES.findall(text) if clause]


def _aligned(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, Sequence[str], Sequence[str]]]:
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(tag, old[a:b], new[c:d]) for tag, a, b, c, d in codes]


def _joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Neighbours of one kind as one piece, empty ones gone."""
    found: list[Piece] = []
    for piece in pieces:
        if not piece.text:
            continue
        if found and found[-1].changed == piece.changed:
            found[-1] = Piece(found[-1].text + piece.text, piece.changed)
        else:
            found.append(piece)
    return tuple(found)
