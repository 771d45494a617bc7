"""The pilot data that were in force, one row for each time they changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.records.columns import Json, PrimaryKey, Record, UtcDateTime


class PilotVersion(Record):
    """`values`: place → value (see pilot_values), `digest`: of them all, `program`: the version that read them."""

    __tablename__ = "pilot_versions"

    id: Mapped[PrimaryKey]
    digest: Mapped[str] = mapped_column(String(64))
    program: Mapped[str] = mapped_column(String(32))
    values: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def find_last_version(session: Session) -> PilotVersion | None:
    return session.scalar(select(PilotVersion).order_by(PilotVersion.id.desc()).limit(1))


def find_versions(session: Session, *, most: int) -> Sequence[PilotVersion]:
    """The newest first."""
    return session.scalars(select(PilotVersion).order_by(PilotVersion.id.desc()).limit(most)).all()
