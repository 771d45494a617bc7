"""Organisations, known by their 统一社会信用代码; one may be provider and enterprise at once."""

from __future__ import annotations

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.records.columns import PrimaryKey, PublicId, Record


class Organisation(Record):
    __tablename__ = "organisations"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    credit_code: Mapped[str | None] = mapped_column(String(18), unique=True)
    name: Mapped[str] = mapped_column(String(200))


def find_organisation(session: Session, credit_code: str) -> Organisation | None:
    return session.scalar(select(Organisation).where(Organisation.credit_code == credit_code))
