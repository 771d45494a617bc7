"""The index as everybody else sees it: search, suggestions, similar things; one face over every engine.

An engine only stores and retrieves candidates of each side; tokens (analysis.py), vectors (embedding.py), fusion,
facets and relaxing (query.py) are the same for all.
"""

from __future__ import annotations

from collections.abc import Sequence

from indexer.query import Kind, Page, SearchQuery


class Index:
    """Opened once by the application; safe to use from several threads."""

    def search(self, query: SearchQuery) -> Page:
        raise NotImplementedError

    def search_many(self, queries: Sequence[SearchQuery]) -> list[Page]:
        """One batch: the dense side is one matrix product for all queries."""
        raise NotImplementedError

    def similar(self, kind: Kind, thing_id: int, query: SearchQuery) -> Page:
        """Things like this one, itself left out; filters and audience of `query` hold."""
        raise NotImplementedError

    def suggest(self, text: str, *, limit: int = 8, audience: frozenset[str] = frozenset({"public"})) -> list[str]:
        """Titles and terms while typing; pinyin and initials count."""
        raise NotImplementedError
