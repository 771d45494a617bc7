"""绩效评价: rounds of the performance evaluation, and their lines, one for each indicator (and sector)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Float, ForeignKey, Index, String, Text, UniqueConstraint, false, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.access import Role, Viewer, may
from marketplace.domain.figure_rules import FigureRules
from marketplace.domain.figures import FIGURES, Scope, Value
from marketplace.domain.performance import RoundKind, RoundState
from marketplace.domain.performance_rules import Subject
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, Strings, UtcDateTime, stored
from marketplace.records.figures import find_facts


class PerformanceRound(Record):
    """`area`: key of the area that is evaluated, "" for another subject. `as_of`: the day whose figures count. `content`: the frozen copy with
    which it was issued; whatever is shown of an issued round comes from it. `total` and `grade` are part of it, kept for lists."""

    __tablename__ = "performance_rounds"
    __table_args__ = (Index("ix_performance_rounds_subject", "subject", "area", "year"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[RoundKind] = mapped_column(stored(RoundKind))
    year: Mapped[int]
    subject: Mapped[Subject] = mapped_column(stored(Subject))
    area: Mapped[str] = mapped_column(String(32), default="")
    as_of: Mapped[date] = mapped_column(Date)
    due: Mapped[date] = mapped_column(Date)
    state: Mapped[RoundState] = mapped_column(stored(RoundState), default=RoundState.DRAFTED, index=True)
    summary: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    handed_in_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    handed_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    reviewed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    review: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[dict[str, Any] | None] = mapped_column(Json)
    total: Mapped[float | None] = mapped_column(Float)
    grade: Mapped[str] = mapped_column(String(32), default="")
    items: Mapped[list[PerformanceItem]] = relationship(
        order_by="PerformanceItem.position", back_populates="round", cascade="all, delete-orphan"
    )


class PerformanceItem(Record):
    """A line: the definition as it was when the round was opened, and what was found. `value` in the line's unit; `part` of `whole`, where it
    is a share; `filled_on`: the day it stands for. `by_hand`: typed, and so to be proved by a file; `platform`: what the platform itself says."""

    __tablename__ = "performance_items"
    __table_args__ = (UniqueConstraint("round_id", "indicator", "sector"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    round_id: Mapped[int] = mapped_column(ForeignKey("performance_rounds.id"), index=True)
    position: Mapped[int]
    indicator: Mapped[str] = mapped_column(String(32))
    sector: Mapped[str] = mapped_column(String(32), default="")
    name: Mapped[str] = mapped_column(String(200))
    en: Mapped[str] = mapped_column(String(200))
    group: Mapped[str] = mapped_column("item_group", String(32))
    unit: Mapped[str] = mapped_column(String(32))
    measure: Mapped[str] = mapped_column(String(32), default="")
    weight: Mapped[float] = mapped_column(Float)
    target: Mapped[float] = mapped_column(Float)
    comparison: Mapped[str] = mapped_column(String(32))
    scoring: Mapped[str] = mapped_column(String(32))
    floor: Mapped[float] = mapped_column(Float)
    figure: Mapped[str] = mapped_column(String(64), default="")
    goals: Mapped[Strings]
    evidence: Mapped[str] = mapped_column(Text, default="")
    evidence_en: Mapped[str] = mapped_column(Text, default="")
    value: Mapped[float | None] = mapped_column(Float)
    platform: Mapped[float | None] = mapped_column(Float)
    part: Mapped[int | None] = mapped_column(BigInteger)
    whole: Mapped[int | None] = mapped_column(BigInteger)
    filled_on: Mapped[date | None] = mapped_column(Date)
    by_hand: Mapped[bool] = mapped_column(default=False)
    explanation: Mapped[str] = mapped_column(Text, default="")
    filled_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    round: Mapped[PerformanceRound] = relationship(back_populates="items")


def readable_rounds(viewer: Viewer) -> ColumnElement[bool]:
    """The offices read every round, a park's or street's officer those of its own areas, the city's authorities what is issued."""
    if may(viewer, "read", "performance"):
        return true()
    own: ColumnElement[bool] = false()
    if Role.AREA in viewer.roles and viewer.areas:
        own |= (PerformanceRound.subject == Subject.AREA) & PerformanceRound.area.in_(viewer.areas)
    if Role.CITY in viewer.roles:
        own |= PerformanceRound.state == RoundState.ISSUED
    return own


def find_round(session: Session, public_id: str, viewer: Viewer) -> PerformanceRound | None:
    return session.scalar(select(PerformanceRound).where(PerformanceRound.public_id == public_id, readable_rounds(viewer)))


def find_item(session: Session, public_id: str, viewer: Viewer) -> PerformanceItem | None:
    query = select(PerformanceItem).join(PerformanceItem.round).where(PerformanceItem.public_id == public_id, readable_rounds(viewer))
    return session.scalar(query)


def find_same(session: Session, kind: RoundKind, year: int, subject: Subject, area: str) -> PerformanceRound | None:
    """The round of the same thing that was not cancelled."""
    query = select(PerformanceRound).where(
        PerformanceRound.kind == kind, PerformanceRound.subject == subject, PerformanceRound.area == area
    )
    return session.scalar(query.where(PerformanceRound.year == year, PerformanceRound.state != RoundState.CANCELLED))


def find_compared(session: Session, subject: Subject, area: str, viewer: Viewer) -> Sequence[PerformanceRound]:
    """The rounds of one subject by year, the final one last: those issued, and the one that is under way."""
    query = select(PerformanceRound).where(PerformanceRound.subject == subject, PerformanceRound.area == area, readable_rounds(viewer))
    rows = session.scalars(query.where(PerformanceRound.state != RoundState.CANCELLED)).all()
    return sorted(rows, key=lambda row: (row.kind == RoundKind.FINAL, row.year, row.id))


def find_values(
    session: Session, wanted: Iterable[tuple[str, str]], day: date, areas: frozenset[str], rules: FigureRules
) -> dict[tuple[str, str], Value]:
    """(sector or "", code of a figure) → its value as of the end of a day. The facts are read once for all of them."""
    pairs = set(wanted)
    if not pairs:
        return {}
    # The balances know today only; an evaluation is often filled in January for the last of December.
    facts = find_facts(session, rules, day, money_over_time=True)
    within = {sector: facts.within(Scope(day=day, sector=sector or None, areas=areas)) for sector, _code in pairs}
    return {(sector, code): FIGURES[code].compute(within[sector]) for sector, code in pairs}
