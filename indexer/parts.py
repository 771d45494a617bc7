"""A query's text in parts: the whole, the head of a long one, its clauses. A long problem as one vector says less."""

from __future__ import annotations

import re
from dataclasses import dataclass

from indexer.pieces import QUERY_CHARACTERS, QUERY_VECTORS, normalised

HEAD_OF_LONGER = 80
HEAD_LENGTHS = (4, 60)
SHORTEST_CLAUSE = 5
MOST_CLAUSES = 8

_SENTENCE_END = re.compile(r"[。！？!?\n]")
_CLAUSE_END = re.compile(r"[，。；！？,;!?、\n]+")


@dataclass(frozen=True)
class Parts:
    """`wholes`: the text and, of a long one, its head; `clauses`: what it says, one by one."""

    wholes: tuple[str, ...]
    clauses: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is embedded."""
        return (*self.wholes, *self.clauses)


def parts_of(text: str) -> Parts:
    """The parts of a text that is not blank."""
    whole = normalised(text)[: QUERY_CHARACTERS * QUERY_VECTORS]
    head = _head(text)
    clauses = _clauses(text)
    return Parts((whole, head) if head and head != whole else (whole,), clauses if len(clauses) > 1 else (whole,))


def _head(text: str) -> str:
    """The first line or sentence of a text that has several lines or is long."""
    text = text.strip()
    if "\n" not in text and len(text) <= HEAD_OF_LONGER:
        return ""
    head = normalised(_SENTENCE_END.split(text, 1)[0])
    return head if HEAD_LENGTHS[0] <= len(head) <= HEAD_LENGTHS[1] else ""


def _clauses(text: str) -> tuple[str, ...]:
    """Clauses in order, each once; a scrap joins the next, the last scrap the one before."""
    found: list[str] = []
    scrap = ""
    for piece in _CLAUSE_END.split(text[: QUERY_CHARACTERS * QUERY_VECTORS]):
        piece = normalised(piece)
        scrap = f"{scrap}，{piece}" if scrap and piece else scrap or piece
        if len(scrap) >= SHORTEST_CLAUSE:
            found.append(scrap[:QUERY_CHARACTERS])
            scrap = ""
    if scrap and found:
        found[-1] = f"{found[-1]}，{scrap}"
    return tuple(dict.fromkeys(found))[:MOST_CLAUSES]
