"""Acceptance of projects: one row a round, from what the enterprise says of itself to what the bureau decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Date, Float, ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.acceptances import AcceptanceState, Measure, RequestDraft, Target
from marketplace.domain.rating_events import ASPECTS
from marketplace.records.columns import PrimaryKey, PublicId, Record, Rows, UtcDateTime, stored
from marketplace.records.project_plans import find_indicators
from marketplace.records.projects import Project


class Acceptance(Record):
    """The `number`-th round of a project.

    `claims`: what the enterprise measured, {indicator, measured, note}. `measures`: what the acceptance measured, with the indicator as it
    was then, {indicator, name, unit, direction, baseline, target, weight, measured, attained, note}. `stars`: the enterprise's marks,
    {supplier, quality, schedule, service, attitude, remark}. `checks`: the formal review, {check, answer, remark}. `experts`: {expert, name, unit}.
    `attained`: of all indicators by weight, 0–1. `rework_due`: until when a round that failed is to be put right.
    """

    __tablename__ = "acceptances"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    number: Mapped[int]
    state: Mapped[AcceptanceState] = mapped_column(stored(AcceptanceState), default=AcceptanceState.DRAFT)
    finished_on: Mapped[date | None] = mapped_column(Date)
    summary: Mapped[str] = mapped_column(Text, default="")
    rework: Mapped[str] = mapped_column(Text, default="")
    claims: Mapped[Rows]
    stars: Mapped[Rows]
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checks: Mapped[Rows]
    form_why: Mapped[str] = mapped_column(Text, default="")
    formal_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    formal_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    experts: Mapped[Rows]
    measures: Mapped[Rows]
    attained: Mapped[float | None] = mapped_column(Float)
    verdict: Mapped[str] = mapped_column(String(16), default="")
    report: Mapped[str] = mapped_column(Text, default="")
    held_on: Mapped[date | None] = mapped_column(Date)
    reported_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    reported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decision: Mapped[str] = mapped_column(Text, default="")
    rework_due: Mapped[date | None] = mapped_column(Date)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)

    def draft(self) -> RequestDraft:
        """What the enterprise has written, as it is typed."""
        return RequestDraft(
            self.finished_on,
            self.summary,
            self.rework,
            {str(row["indicator"]): Measure(row.get("measured"), str(row.get("note", ""))) for row in self.claims},
            {str(row["supplier"]): {key: row.get(key) for key in ASPECTS} for row in self.stars},
            {str(row["supplier"]): str(row.get("remark", "")) for row in self.stars},
        )

    def marks_of(self, supplier: str) -> dict[str, int | None]:
        """What the enterprise gave to a supplier, by aspect."""
        found = next((row for row in self.stars if row["supplier"] == supplier), {})
        return {key: found.get(key) for key in ASPECTS}

    def remark_of(self, supplier: str) -> str:
        return next((str(row.get("remark", "")) for row in self.stars if row["supplier"] == supplier), "")


def find_acceptances(session: Session, project_id: int) -> Sequence[Acceptance]:
    """The rounds of a project, the newest first."""
    return session.scalars(select(Acceptance).where(Acceptance.project_id == project_id).order_by(Acceptance.number.desc())).all()


def find_acceptance(session: Session, project_id: int) -> Acceptance | None:
    """The round that is on now, or was the last."""
    query = select(Acceptance).where(Acceptance.project_id == project_id).order_by(Acceptance.number.desc())
    return session.scalars(query.limit(1)).first()


def find_targets(session: Session, project_id: int) -> tuple[Target, ...]:
    """The indicators of a project as they are to be reached now."""
    return tuple(
        Target(row.public_id, row.name, row.unit, str(row.direction), row.baseline, row.target, row.weight)
        for row in find_indicators(session, project_id)
    )
