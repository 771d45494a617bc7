"""Events that a rating is made of, and the ratings computed from them. Nothing here is deleted: what no longer holds is superseded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, Select, String, UniqueConstraint, func, select, text
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.rating_events import EventKind
from marketplace.domain.ratings import Event
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, Sourced, UtcDateTime, stored
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider

_CHUNK = 500


class RatingEvent(Sourced, Record):
    """One event (kinds and payloads: domain/rating_events). `project`: what its project is called, "" where it belongs to none.

    `superseded_by`: the event that replaces it; `superseded_at` alone: it was taken back. A superseded row's `source_ref` ends
    in its own number, so that the reference names the event that holds.
    """

    __tablename__ = "rating_events"
    __table_args__ = (UniqueConstraint("source", "source_ref"), Index("ix_rating_events_provider", "provider_id", "superseded_at"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"))
    solution_id: Mapped[int | None] = mapped_column(ForeignKey("solutions.id"))
    project: Mapped[str] = mapped_column(String(128), default="")
    kind: Mapped[EventKind] = mapped_column(stored(EventKind))
    on: Mapped[date] = mapped_column("on_date", Date, index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    entered_by: Mapped[str] = mapped_column(String(100), default="")
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    superseded_by: Mapped[int | None] = mapped_column(ForeignKey("rating_events.id"))
    superseded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    why: Mapped[str] = mapped_column(String(500), default="")
    provider: Mapped[Provider] = relationship()

    def as_event(self) -> Event:
        """As the formula takes it."""
        return Event(self.kind, self.on, self.payload, self.project, self.id)


class RatingScore(Record):
    """A rating of a provider from `at` on. `parts`: by kind the count, the mass, the value and the points; `version`: of the rules.

    The latest one of a provider has no `replaced_at`, and there is one such row at most.
    """

    __tablename__ = "rating_scores"
    __table_args__ = (
        Index("ix_rating_scores_provider_at", "provider_id", "at"),
        Index(
            "uq_rating_scores_latest",
            "provider_id",
            unique=True,
            sqlite_where=text("replaced_at IS NULL"),
            postgresql_where=text("replaced_at IS NULL"),
        ),
    )

    id: Mapped[PrimaryKey]
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    score: Mapped[float]
    low: Mapped[float]
    high: Mapped[float]
    grade: Mapped[str] = mapped_column(String(16))
    mass: Mapped[float]
    own_mean: Mapped[float | None]
    projects: Mapped[int]
    mean: Mapped[float]
    parts: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    version: Mapped[str] = mapped_column(String(32))
    why: Mapped[str] = mapped_column(String(100), default="")
    replaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RatingMean(Record):
    """The mean of all providers, as it was computed on a day; every rating until the next one is pulled towards it."""

    __tablename__ = "rating_means"

    id: Mapped[PrimaryKey]
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    mean: Mapped[float]
    providers: Mapped[int]
    projects: Mapped[float]


def find_mean(session: Session) -> float | None:
    """The mean of all that holds now; None before the first one."""
    return session.scalar(select(RatingMean.mean).order_by(RatingMean.at.desc(), RatingMean.id.desc()).limit(1))


def find_events(session: Session, provider_ids: Iterable[int]) -> dict[int, list[RatingEvent]]:
    """What holds now of each of these providers, oldest first."""
    found: dict[int, list[RatingEvent]] = defaultdict(list)
    wanted = sorted(set(provider_ids))
    for start in range(0, len(wanted), _CHUNK):
        query = select(RatingEvent).where(RatingEvent.provider_id.in_(wanted[start : start + _CHUNK]), RatingEvent.superseded_at.is_(None))
        for row in session.scalars(query.order_by(RatingEvent.on, RatingEvent.id)):
            found[row.provider_id].append(row)
    return found


def find_scores(session: Session, provider_ids: Iterable[int]) -> dict[int, RatingScore]:
    """The latest rating of each of these providers that has one."""
    wanted = sorted(set(provider_ids))
    found: dict[int, RatingScore] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = select(RatingScore).where(RatingScore.replaced_at.is_(None), RatingScore.provider_id.in_(wanted[start : start + _CHUNK]))
        found.update((row.provider_id, row) for row in session.scalars(query))
    return found


def find_all_scores(session: Session) -> dict[int, RatingScore]:
    """The latest rating of every provider that has one."""
    return {row.provider_id: row for row in session.scalars(select(RatingScore).where(RatingScore.replaced_at.is_(None)))}


def find_history(session: Session, provider_id: int, *, most: int = 50) -> Sequence[RatingScore]:
    """How the rating of a provider changed, newest first."""
    query = select(RatingScore).where(RatingScore.provider_id == provider_id)
    return session.scalars(query.order_by(RatingScore.at.desc(), RatingScore.id.desc()).limit(most)).all()


def find_event(session: Session, public_id: str) -> RatingEvent | None:
    return session.scalar(select(RatingEvent).where(RatingEvent.public_id == public_id).options(joinedload(RatingEvent.provider)))


def _in_states(states: Iterable[Any], name: str) -> Select[Provider]:
    query = select(Provider).where(Provider.state.in_(list(states)))
    if name:
        query = query.join(Organisation, Organisation.id == Provider.organisation_id)
        query = query.where(Organisation.name.contains(name, autoescape=True))
    return query


def count_scored_providers(session: Session, *, states: Iterable[Any], name: str = "") -> int:
    """How many providers there are in these states."""
    return session.scalar(select(func.count()).select_from(_in_states(states, name).with_only_columns(Provider.id).subquery())) or 0


def find_scored_providers(
    session: Session, *, states: Iterable[Any], name: str = "", first: int, most: int
) -> Sequence[tuple[Provider, RatingScore | None]]:
    """One page of them with their ratings: the lowest first, new ones last."""
    latest = (RatingScore.provider_id == Provider.id) & RatingScore.replaced_at.is_(None)
    query = _in_states(states, name).outerjoin(RatingScore, latest).add_columns(RatingScore)
    is_new = func.coalesce(RatingScore.projects, 0) == 0
    rows = session.execute(query.order_by(is_new, RatingScore.score, Provider.id).offset(first).limit(most)).all()
    return [(provider, score) for provider, score in rows]
