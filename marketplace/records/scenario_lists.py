"""Scenario lists issued in batches, what stands on them, and the consent of enterprises whose own scenario is published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.scenario_lists import ScenarioListState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.scenarios import Scenario


class ScenarioList(Record):
    """`batch`: 第 N 批. `supersedes_id`: the list whose place this one took."""

    __tablename__ = "scenario_lists"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    batch: Mapped[int] = mapped_column(unique=True)
    title: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[ScenarioListState] = mapped_column(stored(ScenarioListState), default=ScenarioListState.DRAFT, index=True)
    issued: Mapped[date | None] = mapped_column(Date)
    why: Mapped[str] = mapped_column(Text, default="")
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("scenario_lists.id"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ScenarioListEntry(Record):
    """A scenario on a list, at its place from 1."""

    __tablename__ = "scenario_list_entries"
    __table_args__ = (UniqueConstraint("list_id", "scenario_id"),)

    id: Mapped[PrimaryKey]
    list_id: Mapped[int] = mapped_column(ForeignKey("scenario_lists.id"))
    scenario_id: Mapped[int] = mapped_column(ForeignKey("scenarios.id"), index=True)
    place: Mapped[int]


class ScenarioConsent(Record):
    """The enterprise agreed that its own scenario is published. Taken back, it stays with the moment at which it was."""

    __tablename__ = "scenario_consents"

    id: Mapped[PrimaryKey]
    scenario_id: Mapped[int] = mapped_column(ForeignKey("scenarios.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    agreed: Mapped[datetime] = mapped_column(UtcDateTime)
    taken_back: Mapped[datetime | None] = mapped_column(UtcDateTime)


def find_list_scenarios(session: Session, list_id: int) -> Sequence[Scenario]:
    """What stands on a list, in its order."""
    query = select(Scenario).join(ScenarioListEntry, ScenarioListEntry.scenario_id == Scenario.id)
    return session.scalars(query.where(ScenarioListEntry.list_id == list_id).order_by(ScenarioListEntry.place)).all()


def count_entries(session: Session, list_ids: Iterable[int]) -> dict[int, int]:
    """List → how many scenarios stand on it."""
    query = select(ScenarioListEntry.list_id, func.count()).where(ScenarioListEntry.list_id.in_(list(list_ids)))
    return dict(session.execute(query.group_by(ScenarioListEntry.list_id)).all())


def find_lists_of(session: Session, scenario_id: int) -> Sequence[ScenarioList]:
    """The lists on which a scenario stands or stood and that were issued, the newest first."""
    query = select(ScenarioList).join(ScenarioListEntry, ScenarioListEntry.list_id == ScenarioList.id)
    query = query.where(ScenarioListEntry.scenario_id == scenario_id, ScenarioList.issued.is_not(None))
    return session.scalars(query.order_by(ScenarioList.batch.desc())).all()


def find_consent(session: Session, scenario_id: int) -> ScenarioConsent | None:
    """The consent that stands."""
    query = select(ScenarioConsent).where(ScenarioConsent.scenario_id == scenario_id, ScenarioConsent.taken_back.is_(None))
    return session.scalars(query.order_by(ScenarioConsent.id.desc())).first()
