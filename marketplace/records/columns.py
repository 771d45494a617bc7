"""Column types that every table shares, and the declarative base."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, DateTime, Enum, Integer, MetaData, String, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, stored as naive UTC; a naive one is refused, because its meaning is a guess."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def stored(kind: type[StrEnum]) -> Enum:
    """An enum stored by its ASCII value, not natively: labels are pilot data, new values need no migration of types."""
    return Enum(
        kind,
        values_callable=lambda members: [m.value for m in members],
        native_enum=False,
        length=32,
        create_constraint=False,
    )


BigKey = BigInteger().with_variant(Integer, "sqlite")
Json = JSON()

PrimaryKey = Annotated[int, mapped_column(BigKey, primary_key=True, autoincrement=True)]
PublicId = Annotated[str, mapped_column(String(36), unique=True, default=lambda: str(uuid.uuid4()))]
Strings = Annotated[list[str], mapped_column(JSON, default=list)]
Rows = Annotated[list[dict[str, Any]], mapped_column(JSON, default=list)]
Fen = Annotated[int | None, mapped_column(BigInteger)]


class Record(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Sourced:
    """A row that can come by import: `source` names where from, `source_ref` its key there; unique together."""

    source: Mapped[str] = mapped_column(String(64), default="")
    source_ref: Mapped[str] = mapped_column(String(128), default="")
