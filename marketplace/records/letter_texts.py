"""The words of letters that somebody changed, one row a version; what was never changed is as shipped and has none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.letter_texts import LetterText
from marketplace.records.accounts import Account
from marketplace.records.columns import Json, PrimaryKey, Record, UtcDateTime


class LetterTextVersion(Record):
    """`name`: of the form; `version` from 1; `texts`: {title, parts, sign_off}, empty where the shipped words were taken again;
    `shape`: of the form for which they were written, so that they are not used with another one."""

    __tablename__ = "letter_texts"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(32))
    version: Mapped[int]
    texts: Mapped[dict[str, Any]] = mapped_column(Json)
    shape: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    account: Mapped[Account | None] = relationship()

    @property
    def text(self) -> LetterText | None:
        """The words; None: as shipped."""
        return text_of(self.texts)


def text_of(kept: dict[str, Any]) -> LetterText | None:
    return LetterText(kept["title"], tuple(kept["parts"]), kept["sign_off"]) if kept else None


def find_letter_text(session: Session, name: str) -> LetterTextVersion | None:
    """The newest version of a letter's words."""
    return session.scalar(
        select(LetterTextVersion).where(LetterTextVersion.name == name).order_by(LetterTextVersion.version.desc()).limit(1)
    )


def find_letter_text_versions(session: Session, name: str) -> Sequence[LetterTextVersion]:
    """The newest first."""
    return session.scalars(select(LetterTextVersion).where(LetterTextVersion.name == name).order_by(LetterTextVersion.version.desc())).all()


def find_newest_letter_texts(session: Session) -> dict[str, LetterTextVersion]:
    """Form → its newest version, of those that were ever changed."""
    newest = (
        select(LetterTextVersion.name, func.max(LetterTextVersion.version).label("version")).group_by(LetterTextVersion.name).subquery()
    )
    query = select(LetterTextVersion).join(
        newest, (newest.c.name == LetterTextVersion.name) & (newest.c.version == LetterTextVersion.version)
    )
    return {row.name: row for row in session.scalars(query)}
