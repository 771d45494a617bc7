"""The pool of review experts (评审专家库), and every draw from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Select, String, Text, cast, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship, selectinload

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


def _wanted(text: str, field: str) -> Select[ReviewExpert]:
    query = select(ReviewExpert)
    if field:
        # Fields are lists of keys in JSON, whose operators differ between databases; as text both look alike.
        query = query.where(cast(ReviewExpert.fields, Text).contains(json.dumps(field), autoescape=True))
    if text:
        query = query.where(ReviewExpert.name.contains(text, autoescape=True) | ReviewExpert.unit.contains(text, autoescape=True))
    return query


def count_experts(session: Session, *, text: str = "", field: str = "") -> int:
    return session.scalar(select(func.count()).select_from(_wanted(text, field).with_only_columns(ReviewExpert.id).subquery())) or 0


def find_experts(session: Session, *, text: str = "", field: str = "", offset: int = 0, most: int = 20) -> Sequence[ReviewExpert]:
    """One page of the pool."""
    query = _wanted(text, field).options(joinedload(ReviewExpert.account)).order_by(ReviewExpert.id)
    return session.scalars(query.offset(offset).limit(most)).all()


def find_expert(session: Session, public_id: str) -> ReviewExpert | None:
    return session.scalar(select(ReviewExpert).where(ReviewExpert.public_id == public_id))


def find_draws(session: Session, application_id: int) -> Sequence[DrawLog]:
    """The draws for an application, the latest first."""
    query = select(DrawLog).where(DrawLog.application_id == application_id).options(selectinload(DrawLog.person))
    return session.scalars(query.order_by(DrawLog.id.desc())).all()
