"""The pool of review experts (评审专家库), and every draw from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from marketplace.domain.access import Viewer
from marketplace.domain.experts import ExpertState
from marketplace.records.accounts import Account
from marketplace.records.columns import PrimaryKey, PublicId, Record, Rows, Strings, UtcDateTime, stored


class ReviewExpert(Record):
    """`fields`: keys of sectors and business links; `avoid`: names or credit codes of organisations; away: the days without reviews."""

    __tablename__ = "review_experts"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(64), default="")
    unit: Mapped[str] = mapped_column(String(200))
    unit_code: Mapped[str] = mapped_column(String(18), default="")
    fields: Mapped[Strings]
    avoid: Mapped[Strings]
    away_from: Mapped[date | None] = mapped_column(Date)
    away_until: Mapped[date | None] = mapped_column(Date)
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[ExpertState] = mapped_column(stored(ExpertState), default=ExpertState.ACTIVE)
    account: Mapped[Account | None] = relationship()


class DrawLog(Record):
    """One draw: who, when, of whom, with which seed; who was drawn and why the others could not be.

    `candidates`: public ids of those who fitted, in the order of the draw; `excluded`: {expert, name, code, message, values}.
    """

    __tablename__ = "draw_logs"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    application_id: Mapped[int] = mapped_column(ForeignKey("provider_applications.id"), index=True)
    drawn_by: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    seed: Mapped[str] = mapped_column(String(64))
    wanted: Mapped[int]
    candidates: Mapped[Strings]
    excluded: Mapped[Rows]
    drawn: Mapped[Rows]
    person: Mapped[Account] = relationship()


def find_experts(session: Session, *, text: str = "", field: str = "", page: int = 1, size: int = 20) -> tuple[Sequence[ReviewExpert], int]:
    """One page of the pool and how many there are."""
    query = select(ReviewExpert)
    if text:
        query = query.where(ReviewExpert.name.contains(text, autoescape=True) | ReviewExpert.unit.contains(text, autoescape=True))
    rows = session.scalars(query.options(selectinload(ReviewExpert.account)).order_by(ReviewExpert.id)).all()
    # Fields are lists in JSON, which the two databases search differently; a pool of experts is small enough to look through.
    found = [row for row in rows if not field or field in row.fields]
    return found[(page - 1) * size : page * size], len(found)


def find_expert(session: Session, public_id: str) -> ReviewExpert | None:
    return session.scalar(select(ReviewExpert).where(ReviewExpert.public_id == public_id))


def find_expert_of(session: Session, viewer: Viewer) -> ReviewExpert | None:
    """The expert that this person is."""
    if viewer.account_id is None:
        return None
    return session.scalar(select(ReviewExpert).where(ReviewExpert.account_id == viewer.account_id))


def find_draws(session: Session, application_id: int) -> Sequence[DrawLog]:
    """The draws for an application, the latest first."""
    query = select(DrawLog).where(DrawLog.application_id == application_id).options(selectinload(DrawLog.person))
    return session.scalars(query.order_by(DrawLog.id.desc())).all()
