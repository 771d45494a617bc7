"""What of a text is embedded, in which pieces, and by which key its vector is known."""

from __future__ import annotations

import hashlib

from indexer.analysis import clean

PASSAGE_CHARACTERS = 400
QUERY_CHARACTERS = 400
QUERY_VECTORS = 4


def normalised(text: str) -> str:
    """The text that is embedded and hashed: control characters gone, white space collapsed."""
    return " ".join(clean(text).split())


def passage_piece(text: str) -> str:
    """What of a passage is embedded."""
    return normalised(text)[:PASSAGE_CHARACTERS]


def content_hash(role: str, text: str) -> str:
    """The key of a text's vector within a space; `role` is "query" or "passage", because prompts differ."""
    return hashlib.blake2b(f"{role}: {normalised(text)}".encode(), digest_size=16).hexdigest()


def query_pieces(text: str) -> tuple[str, ...]:
    """A query's text in at most four pieces of 400 characters, cut at sentence ends where there are any.

    The vector of a longer text is the mean direction of its pieces' vectors; what lies beyond the fourth is not read.
    """
    text = normalised(text)
    pieces: list[str] = []
    while text and len(pieces) < QUERY_VECTORS:
        piece = text[:QUERY_CHARACTERS]
        if len(text) > QUERY_CHARACTERS:
            end = max(piece.rfind(mark) for mark in "。！？；!?;\n") + 1
            piece = piece[:end] if end >= QUERY_CHARACTERS // 2 else piece
        pieces.append(piece)
        text = text[len(piece) :].lstrip()
    return tuple(pieces) or ("",)
