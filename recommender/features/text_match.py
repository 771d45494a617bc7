"""How well a solution's words and meaning answer the problem's."""

from __future__ import annotations

from indexer.query import Vector
from recommender.candidates import Candidates


def text_match(candidates: Candidates) -> dict[str, Vector]:
    """`text` (n): the index's fusion of both sides, 0–1, best of the candidates near 1. Lexical and dense are parts of it."""
    return {"text": candidates.text}
