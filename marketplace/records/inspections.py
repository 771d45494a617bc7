"""Inspections on site: the draws, who inspects, what was found, with which photos; warnings and rectifications that follow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, Float, ForeignKey, Index, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from marketplace.domain.inspections import OPEN_RECTIFICATION, Fault, InspectionState, RectificationState
from marketplace.records.accounts import Account
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, Rows, UtcDateTime, stored
from marketplace.records.files import Attachment
from marketplace.records.projects import Project, ProjectSupplier


class InspectionDraw(Record):
    """One draw: by whom, with which seed, of which projects. `lots`: {project, number, weight, ticket, reasons} in the order of the draw;
    the first `wanted` of them were drawn. `excluded`: {project, number, message} of those under way that could not be drawn."""

    __tablename__ = "inspection_draws"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    drawn_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    seed: Mapped[str] = mapped_column(String(64))
    wanted: Mapped[int]
    lots: Mapped[Rows]
    excluded: Mapped[Rows]


class Inspection(Record):
    """A visit to a project. `announced`: the enterprise was told; an unannounced one it does not see before the inspectors are there.

    `answers`: item of the checklist → [answer, remark]; `severity`: what came out of it.
    """

    __tablename__ = "inspections"
    __table_args__ = (Index("ix_inspections_list", "state", "planned_on", "id"), Index("ix_inspections_project", "project_id", "id"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    draw_id: Mapped[int | None] = mapped_column(ForeignKey("inspection_draws.id"), index=True)
    announced: Mapped[bool] = mapped_column(default=False)
    planned_on: Mapped[date] = mapped_column(Date)
    about: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[InspectionState] = mapped_column(stored(InspectionState), default=InspectionState.PLANNED)
    answers: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    summary: Mapped[str] = mapped_column(Text, default="")
    severity: Mapped[str] = mapped_column(String(16), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reported_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    reported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)
    inspectors: Mapped[list[Inspector]] = relationship(order_by="Inspector.id", cascade="all, delete-orphan")
    findings: Mapped[list[InspectionFinding]] = relationship(order_by="InspectionFinding.id", cascade="all, delete-orphan")
    photos: Mapped[list[InspectionPhoto]] = relationship(order_by="InspectionPhoto.id")


class Inspector(Record):
    """A person of an inspection: an expert, or staff."""

    __tablename__ = "inspectors"
    __table_args__ = (UniqueConstraint("inspection_id", "account_id"),)

    id: Mapped[PrimaryKey]
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspections.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    expert_id: Mapped[int | None] = mapped_column(ForeignKey("review_experts.id"))
    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)


class InspectionFinding(Record):
    """One thing that was found; `supplier_id`: whose work it is about."""

    __tablename__ = "inspection_findings"

    id: Mapped[PrimaryKey]
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspections.id"), index=True)
    fault: Mapped[Fault] = mapped_column(stored(Fault))
    severity: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    supplier_id: Mapped[int | None] = mapped_column(ForeignKey("project_suppliers.id"))
    supplier: Mapped[ProjectSupplier | None] = relationship(lazy="joined")


class InspectionPhoto(Record):
    """A photo with its stamp. `stamped_by`: device (the phone's own position at the upload), camera (what the file says), or hand."""

    __tablename__ = "inspection_photos"

    id: Mapped[PrimaryKey]
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspections.id"), index=True)
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachments.id"), unique=True)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    place: Mapped[str] = mapped_column(String(200), default="")
    stamped_by: Mapped[str] = mapped_column(String(16), default="hand")
    taken_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    attachment: Mapped[Attachment] = relationship(lazy="joined", innerjoin=True)


class ProjectWarning(Record):
    """A warning (警示) to a project, and to a supplier where it is about its work. What it does to the rating is in rating_events."""

    __tablename__ = "project_warnings"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    inspection_id: Mapped[int | None] = mapped_column(ForeignKey("inspections.id"), index=True)
    supplier_id: Mapped[int | None] = mapped_column(ForeignKey("project_suppliers.id"), index=True)
    severity: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[int | None] = mapped_column("given_by", BigInteger)


class Rectification(Record):
    """What a project has to put right until a day; the report of the enterprise, and how the bureau judged it."""

    __tablename__ = "rectifications"
    __table_args__ = (Index("ix_rectifications_project", "project_id", "state"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    inspection_id: Mapped[int | None] = mapped_column(ForeignKey("inspections.id"), index=True)
    demand: Mapped[str] = mapped_column(Text)
    due: Mapped[date] = mapped_column(Date)
    state: Mapped[RectificationState] = mapped_column(stored(RectificationState), default=RectificationState.ORDERED)
    report: Mapped[str] = mapped_column(Text, default="")
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    handed_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    judged_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    judged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    judgement: Mapped[str] = mapped_column(Text, default="")
    rejected: Mapped[int] = mapped_column(default=0)
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)


def find_inspection(session: Session, public_id: str) -> Inspection | None:
    return session.scalar(select(Inspection).where(Inspection.public_id == public_id))


def find_inspections_of(session: Session, project_id: int) -> Sequence[Inspection]:
    return session.scalars(select(Inspection).where(Inspection.project_id == project_id).order_by(Inspection.id.desc())).all()


def _listed(states: Collection[InspectionState]) -> Any:
    query = select(Inspection)
    return query.where(Inspection.state.in_(states)) if states else query


def count_inspections(session: Session, states: Collection[InspectionState] = ()) -> int:
    return session.scalar(select(func.count()).select_from(_listed(states).with_only_columns(Inspection.id).subquery())) or 0


def find_inspections(
    session: Session, states: Collection[InspectionState] = (), *, offset: int = 0, most: int = 50
) -> Sequence[Inspection]:
    """One page of the desk, the newest first."""
    query = _listed(states).order_by(Inspection.id.desc()).offset(offset).limit(most).options(selectinload(Inspection.inspectors))
    return list(session.scalars(query))


def find_inspections_by(session: Session, account_id: int, *, most: int = 100) -> Sequence[Inspection]:
    """The inspections of one person, those to be done first."""
    own = select(Inspector.inspection_id).where(Inspector.account_id == account_id)
    done = Inspection.state.in_([InspectionState.CONFIRMED, InspectionState.CANCELLED])
    query = select(Inspection).where(Inspection.id.in_(own)).order_by(done, Inspection.planned_on, Inspection.id)
    return session.scalars(query.limit(most)).all()


def find_draw(session: Session, public_id: str) -> InspectionDraw | None:
    return session.scalar(select(InspectionDraw).where(InspectionDraw.public_id == public_id))


def find_inspection_draws(session: Session, *, most: int = 20) -> Sequence[InspectionDraw]:
    return session.scalars(select(InspectionDraw).order_by(InspectionDraw.id.desc()).limit(most)).all()


def find_drawn(session: Session, draw_id: int) -> Sequence[Inspection]:
    return session.scalars(select(Inspection).where(Inspection.draw_id == draw_id).order_by(Inspection.id)).all()


def find_warnings(session: Session, project_id: int) -> Sequence[ProjectWarning]:
    return session.scalars(select(ProjectWarning).where(ProjectWarning.project_id == project_id).order_by(ProjectWarning.id.desc())).all()


def find_rectifications(session: Session, project_id: int) -> Sequence[Rectification]:
    return session.scalars(select(Rectification).where(Rectification.project_id == project_id).order_by(Rectification.id.desc())).all()


def find_rectification(session: Session, public_id: str, project_id: int) -> Rectification | None:
    return session.scalar(select(Rectification).where(Rectification.public_id == public_id, Rectification.project_id == project_id))


def find_open_rectifications(session: Session, project_ids: Collection[int]) -> dict[int, Rectification]:
    """The open rectification of each of these projects that has one; of several the one that is due first."""
    query = select(Rectification).where(Rectification.project_id.in_(project_ids), Rectification.state.in_(OPEN_RECTIFICATION))
    return {row.project_id: row for row in reversed(session.scalars(query.order_by(Rectification.due, Rectification.id)).all())}
