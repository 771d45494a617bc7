"""The table `embeddings` for one space: raw vectors by content hash."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from sqlalchemy import exists, select
from sqlalchemy.dialects import postgresql, sqlite

from indexer.query import Vector
from marketplace.records.database import Database
from marketplace.records.embeddings import Embedding

IN_STATEMENT = 500
# With more keys than this, reading the whole space is quicker than asking for each.
WHOLE_SPACE = 20 * IN_STATEMENT


class StoredVectors:
    """Reads and adds; a vector that is there already stays as it is."""

    def __init__(self, database: Database, space: str) -> None:
        self._database = database
        self._space = space

    def find(self, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """(content hash, little-endian float32) of those keys that the table has."""
        columns = (Embedding.content_hash, Embedding.vector)
        yield from self._rows(keys, *columns)

    def known(self, keys: Collection[str]) -> set[str]:
        """Those keys that the table has."""
        return {row[0] for row in self._rows(keys, Embedding.content_hash)}

    @property
    def is_empty(self) -> bool:
        with self._database.reading() as session:
            return not session.scalar(select(exists().where(Embedding.space == self._space)))

    def add(self, vectors: Mapping[str, Vector]) -> None:
        """One transaction, by content hash."""
        rows = [
            {"space": self._space, "content_hash": key, "vector": np.ascontiguousarray(vector, "<f4").tobytes()}
            for key, vector in vectors.items()
        ]
        if not rows:
            return
        with self._database.writing() as session:
            insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
            for start in range(0, len(rows), IN_STATEMENT):
                statement = insert(Embedding).values(rows[start : start + IN_STATEMENT])
                session.execute(statement.on_conflict_do_nothing(index_elements=["space", "content_hash"]))

    def _rows(self, keys: Collection[str], *columns: Any) -> Iterator[Any]:
        wanted = list(keys)
        with self._database.reading() as session:
            connection = session.connection()
            if len(wanted) > WHOLE_SPACE:
                among = set(wanted)
                for row in connection.execute(select(*columns).where(Embedding.space == self._space)):
                    if row[0] in among:
                        yield row
                return
            for start in range(0, len(wanted), IN_STATEMENT):
                some = wanted[start : start + IN_STATEMENT]
                yield from connection.execute(select(*columns).where(Embedding.space == self._space, Embedding.content_hash.in_(some)))
