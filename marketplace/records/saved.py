"""Saved searches, shortlists, and what providers want to hear of new demands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.saved import USUAL_STRENGTH, Frequency
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.solutions import Solution


class SavedSearch(Record):
    """`query`: the search as the part of an address after “?”. `known`: ids of what was found when the person was told last."""

    __tablename__ = "saved_searches"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    title: Mapped[str] = mapped_column(String(100))
    query: Mapped[str] = mapped_column(Text)
    frequency: Mapped[Frequency] = mapped_column(stored(Frequency), default=Frequency.NEVER, index=True)
    known: Mapped[list[int]] = mapped_column(Json, default=list)
    looked: Mapped[date | None] = mapped_column(Date)
    fresh: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ShortlistItem(Record):
    """A solution that a person keeps in sight."""

    __tablename__ = "shortlist_items"
    __table_args__ = (UniqueConstraint("account_id", "solution_id"),)

    id: Mapped[PrimaryKey]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), index=True)
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    solution: Mapped[Solution] = relationship()


class DemandAlert(Record):
    """How a provider hears of demands: from which strength on, how often. No row: strength 3, once a day. `known`: ids of problems told."""

    __tablename__ = "demand_alerts"

    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), primary_key=True, autoincrement=False)
    strength: Mapped[int] = mapped_column(default=USUAL_STRENGTH)
    frequency: Mapped[Frequency] = mapped_column(stored(Frequency), default=Frequency.DAILY)
    known: Mapped[list[int]] = mapped_column(Json, default=list)
    looked: Mapped[date | None] = mapped_column(Date)


class DemandMute(Record):
    """Less of this: demands of one kind that a provider does not want to be told of. "" stands for what the problem did not say."""

    __tablename__ = "demand_mutes"
    __table_args__ = (UniqueConstraint("provider_id", "sector", "stage", "scenario_code"),)

    id: Mapped[PrimaryKey]
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"))
    sector: Mapped[str] = mapped_column(String(32))
    stage: Mapped[str] = mapped_column(String(32))
    scenario_code: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def kind(self) -> tuple[str, str, str]:
        return (self.sector, self.stage, self.scenario_code)


def kind_of(problem: Any) -> tuple[str, str, str]:
    """What makes two demands the same kind: sector, stage and scenario."""
    return (problem.enterprise.sector or "", problem.stage or "", problem.scenario_code or "")


def find_searches(session: Session, account_id: int) -> Sequence[SavedSearch]:
    """A person's saved searches, newest first."""
    return session.scalars(select(SavedSearch).where(SavedSearch.account_id == account_id).order_by(SavedSearch.id.desc())).all()


def count_searches(session: Session, account_id: int) -> int:
    return session.scalar(select(func.count()).select_from(SavedSearch).where(SavedSearch.account_id == account_id)) or 0


def find_shortlist(session: Session, account_id: int) -> Sequence[ShortlistItem]:
    """A person's shortlist, newest first."""
    query = select(ShortlistItem).where(ShortlistItem.account_id == account_id).order_by(ShortlistItem.id.desc())
    return session.scalars(query.options(joinedload(ShortlistItem.solution).joinedload(Solution.provider))).all()


def find_shortlisted(session: Session, account_id: int | None, solution_id: int) -> ShortlistItem | None:
    query = select(ShortlistItem).where(ShortlistItem.account_id == account_id, ShortlistItem.solution_id == solution_id)
    return session.scalar(query)


def find_mutes(session: Session, provider_id: int) -> Sequence[DemandMute]:
    return session.scalars(select(DemandMute).where(DemandMute.provider_id == provider_id).order_by(DemandMute.id)).all()
