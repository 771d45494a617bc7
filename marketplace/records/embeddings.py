"""Embeddings by vector space and content hash: cache, crash safety and backup in one table."""

from __future__ import annotations

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.records.columns import Record


class Embedding(Record):
    """`vector`: little-endian float32 of the space's dimension, raw (an adapter is applied when it is loaded)."""

    __tablename__ = "embeddings"

    space: Mapped[str] = mapped_column(String(200), primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
