"""What waits for whom: one inbox for all that the platform asks of people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String, Text, and_, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from marketplace.domain.access import Viewer
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, UtcDateTime


class Task(Record):
    """One thing to do. For an account, or for a role (within an organisation, where one is named).

    `message`: a Chinese source sentence, `values` what it needs; `noun`, `public_ref`: the thing, for its address.
    """

    __tablename__ = "tasks"
    __table_args__ = (Index("ix_tasks_thing", "noun", "noun_id", "kind"), Index("ix_tasks_open_role", "done_at", "role"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    kind: Mapped[str] = mapped_column(String(32))
    noun: Mapped[str] = mapped_column(String(32))
    noun_id: Mapped[int] = mapped_column(BigInteger)
    public_ref: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(Text)
    values: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    role: Mapped[str] = mapped_column(String(32), default="")
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    due: Mapped[date | None] = mapped_column(Date)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def waits_for(viewer: Viewer) -> ColumnElement[bool]:
    """Whose task it is: the person's own, their role's where no organisation is named, or that of one of their organisations."""
    roles = [str(role) for role in viewer.roles]
    by_role = and_(Task.account_id.is_(None), Task.role.in_(roles), Task.organisation_id.is_(None))
    of_unit = and_(Task.account_id.is_(None), Task.organisation_id.in_(viewer.organisation_ids), or_(Task.role == "", Task.role.in_(roles)))
    return and_(Task.done_at.is_(None), or_(Task.account_id == viewer.account_id, by_role, of_unit))


def find_tasks(session: Session, viewer: Viewer, *, nouns: Collection[str] = (), offset: int = 0, most: int = 200) -> Sequence[Task]:
    """What waits for this person: by term, the most urgent first; without a term last, the oldest first. `nouns`: about these only."""
    query = select(Task).where(waits_for(viewer)).order_by(Task.due.is_(None), Task.due, Task.created, Task.id)
    if nouns:
        query = query.where(Task.noun.in_(nouns))
    return session.scalars(query.offset(offset).limit(most)).all()


def find_tasks_due(session: Session, viewer: Viewer, first: date, last: date, *, most: int = 1000) -> Sequence[Task]:
    """What waits for this person and is due on one of these days, in their order."""
    query = select(Task).where(waits_for(viewer), Task.due.between(first, last)).order_by(Task.due, Task.created, Task.id)
    return session.scalars(query.limit(most)).all()


def count_tasks(session: Session, viewer: Viewer) -> dict[str, int]:
    """What waits for this person: how many tasks about each noun."""
    query = select(Task.noun, func.count()).where(waits_for(viewer)).group_by(Task.noun).order_by(Task.noun)
    return dict(session.execute(query).all())
