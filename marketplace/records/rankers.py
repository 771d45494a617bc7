"""排序模型: every ranker that was trained, what it was measured at, and which one is in use. The model itself is a file of the
data folder (models/rankers/<version>), held to its checksum."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.rankers import RankerState
from marketplace.records.columns import Json, PrimaryKey, Record, UtcDateTime, stored


class Ranker(Record):
    """`rows`: how many recorded matches it learned from; `metrics`: the report as figures; `card`: the model card, Markdown;
    `sha256`: of the model file; `instead_of`: the version that it took the place of, "" for the weights set by hand; `why`: what the
    gate had against it; `made_by`, `moved_by`: who trained it, and who last moved its state. Of all rows one at most is in use."""

    __tablename__ = "rankers"
    __table_args__ = (
        Index(
            "uq_rankers_in_use",
            "state",
            unique=True,
            sqlite_where=text("state = 'in_use'"),
            postgresql_where=text("state = 'in_use'"),
        ),
    )

    id: Mapped[PrimaryKey]
    version: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[RankerState] = mapped_column(stored(RankerState))
    made: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(100))
    moved: Mapped[datetime] = mapped_column(UtcDateTime)
    moved_by: Mapped[str] = mapped_column(String(100))
    rows: Mapped[int]
    metrics: Mapped[dict[str, Any]] = mapped_column(Json)
    card: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    instead_of: Mapped[str] = mapped_column(String(64), default="")
    why: Mapped[str] = mapped_column(Text, default="")


def find_in_use(session: Session) -> tuple[str, str] | None:
    """Version and checksum of the ranker in use; None: the weights set by hand. One indexed row: asked at every recommendation."""
    row = session.execute(select(Ranker.version, Ranker.sha256).where(Ranker.state == RankerState.IN_USE)).first()
    return (row.version, row.sha256) if row is not None else None


def find_ranker(session: Session, version: str) -> Ranker | None:
    return session.scalar(select(Ranker).where(Ranker.version == version))


def find_rankers(session: Session, *, most: int = 100) -> Sequence[Ranker]:
    """Newest first."""
    return session.scalars(select(Ranker).order_by(Ranker.made.desc(), Ranker.id.desc()).limit(most)).all()
