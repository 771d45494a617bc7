"""Events of the centre (培训与活动) and who has signed up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, Text, UniqueConstraint, func, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.access import Viewer, may
from marketplace.domain.events import PUBLIC, EventState
from marketplace.domain.sign_ups import SignUpState, Summary, summary_of
from marketplace.records.accounts import Account
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.organisations import Organisation


class Event(Record):
    """`taken`: seats that are given, kept with every sign-up; the database itself lets it never pass `seats`."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_state_starts", "state", "starts"), CheckConstraint("taken >= 0 AND taken <= seats", name="seats"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    place: Mapped[str] = mapped_column(String(200))
    host: Mapped[str] = mapped_column(String(200))
    speakers: Mapped[str] = mapped_column(String(500), default="")
    starts: Mapped[datetime] = mapped_column(UtcDateTime)
    ends: Mapped[datetime] = mapped_column(UtcDateTime)
    sign_up_until: Mapped[datetime] = mapped_column(UtcDateTime)
    seats: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)
    # What it came to, for everybody to read.
    summary: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[EventState] = mapped_column(stored(EventState), default=EventState.DRAFT)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)


class SignUp(Record):
    """One person's part in an event. `at`: when it signed up last, which is the order of the waiting list. `score`: 1 to 5."""

    __tablename__ = "sign_ups"
    __table_args__ = (
        UniqueConstraint("event_id", "account_id"),
        CheckConstraint("score IS NULL OR (score >= 1 AND score <= 5)", name="score"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    state: Mapped[SignUpState] = mapped_column(stored(SignUpState))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    score: Mapped[int | None]
    comment: Mapped[str] = mapped_column(Text, default="")
    feedback_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    event: Mapped[Event] = relationship()
    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)
    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)


def readable_events(viewer: Viewer) -> ColumnElement[bool]:
    """What was ever open for sign-up is for all; the centre sees its drafts and what was cancelled before."""
    return true() if may(viewer, "manage", "event") else Event.state.in_(PUBLIC)


def find_event(session: Session, public_id: str, viewer: Viewer) -> Event | None:
    return session.scalar(select(Event).where(Event.public_id == public_id, readable_events(viewer)))


def find_sign_up(session: Session, event_id: int, account_id: int | None) -> SignUp | None:
    query = select(SignUp).where(SignUp.event_id == event_id, SignUp.account_id == account_id)
    return session.scalar(query) if account_id is not None else None


def find_waiting_first(session: Session, event_id: int) -> SignUp | None:
    """Whoever has waited longest."""
    waiting = select(SignUp).where(SignUp.event_id == event_id, SignUp.state == SignUpState.WAITING)
    return session.scalars(waiting.order_by(SignUp.at, SignUp.id).limit(1)).first()


def place_in_queue(session: Session, own: SignUp) -> int:
    """How many wait before this one, and it itself."""
    earlier = (SignUp.at < own.at) | ((SignUp.at == own.at) & (SignUp.id <= own.id))
    counted = select(func.count()).select_from(SignUp).where(SignUp.event_id == own.event_id, SignUp.state == SignUpState.WAITING, earlier)
    return session.scalar(counted) or 0


def find_sign_ups(session: Session, event_id: int, *, offset: int = 0, most: int | None = None) -> Sequence[SignUp]:
    """In the order in which they came."""
    query = select(SignUp).where(SignUp.event_id == event_id).order_by(SignUp.at, SignUp.id).offset(offset)
    return session.scalars(query.limit(most) if most is not None else query).all()


def summarise(session: Session, event_id: int) -> Summary:
    counted = select(SignUp.state, SignUp.score, func.count()).where(SignUp.event_id == event_id).group_by(SignUp.state, SignUp.score)
    return summary_of((state, score, n) for state, score, n in session.execute(counted))
