"""Projects: who carries them out, with whom, about which problems, and in which state they are. What belongs to one step hangs on it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Float, ForeignKey, Index, String, Text, UniqueConstraint, false, or_, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.access import Role, Viewer, may
from marketplace.domain.projects import EDITABLE, ProjectClass, ProjectState, SupplierRole
from marketplace.records.columns import Fen, Json, PrimaryKey, PublicId, Record, Rows, Strings, UtcDateTime, stored
from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider


class Project(Record):
    """`organisation_id`: who applies, an enterprise (then `enterprise_id` too) or, in class ③, a service institution. `area`, `sector`,
    `level`, `orientations`: keys of the pilot. Amounts in fen: all that is invested, what is asked for, what was decided.
    `plan`: the texts of the implementation plan by their key. `waits_*`: who has the ball, kept with every step, so that lists are one query.
    `health`: good, watch or trouble with its reasons ({code, message, values}), computed daily and at each step."""

    __tablename__ = "projects"
    __table_args__ = (
        Index("ix_projects_list", "state", "waits_due", "id"),
        Index("ix_projects_area", "area", "id"),
        Index("ix_projects_health", "health", "id"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    project_class: Mapped[ProjectClass] = mapped_column(stored(ProjectClass))
    guide_id: Mapped[int | None] = mapped_column(ForeignKey("guides.id"), index=True)
    brokering_id: Mapped[int | None] = mapped_column(ForeignKey("brokerings.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprises.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("enterprise_groups.id"))
    title: Mapped[str] = mapped_column(String(200))
    level: Mapped[str] = mapped_column(String(16), default="point")
    area: Mapped[str] = mapped_column(String(64), default="")
    sector: Mapped[str] = mapped_column(String(32), default="", index=True)
    orientations: Mapped[Strings]
    scenario_codes: Mapped[Strings]
    starts: Mapped[date | None] = mapped_column(Date)
    ends: Mapped[date | None] = mapped_column(Date)
    total_fen: Mapped[Fen]
    asked_fen: Mapped[Fen]
    amount_fen: Mapped[Fen]
    plan: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    state: Mapped[ProjectState] = mapped_column(stored(ProjectState), default=ProjectState.DRAFT, index=True)
    waits_role: Mapped[str] = mapped_column(String(16), default="", index=True)
    waits_since: Mapped[date | None] = mapped_column(Date)
    waits_due: Mapped[date | None] = mapped_column(Date)
    health: Mapped[str] = mapped_column(String(16), default="")
    health_reasons: Mapped[Rows]
    health_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Why it was not selected, returned, terminated or withdrawn.
    reason: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)
    enterprise: Mapped[Enterprise | None] = relationship()


class ProjectMember(Record):
    """One enterprise's part in a project of a chain or a cluster; the applicant is not among them. `share`: 0–1 of the investment."""

    __tablename__ = "project_members"
    __table_args__ = (UniqueConstraint("project_id", "enterprise_id"),)

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"), index=True)
    content: Mapped[str] = mapped_column(Text, default="")
    share: Mapped[float] = mapped_column(Float, default=0.0)
    enterprise: Mapped[Enterprise] = relationship(lazy="joined", innerjoin=True)


class ProjectSupplier(Record):
    """A provider's part: its role, contract and share (0–1 of the contracts). `ended_on`: it was replaced by an approved change.

    Events of the rating are written for each of them; `introduction_id` ties it to the match it came from.
    """

    __tablename__ = "project_suppliers"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    solution_id: Mapped[int | None] = mapped_column(ForeignKey("solutions.id"))
    introduction_id: Mapped[int | None] = mapped_column(ForeignKey("introductions.id"))
    role: Mapped[SupplierRole] = mapped_column(stored(SupplierRole), default=SupplierRole.GENERAL)
    content: Mapped[str] = mapped_column(Text, default="")
    contract_number: Mapped[str] = mapped_column(String(64), default="")
    contract_fen: Mapped[int | None] = mapped_column(BigInteger)
    signed: Mapped[date | None] = mapped_column(Date)
    share: Mapped[float] = mapped_column(Float, default=1.0)
    ended_on: Mapped[date | None] = mapped_column(Date)
    provider: Mapped[Provider] = relationship(lazy="joined", innerjoin=True)


class ProjectProblem(Record):
    """A problem of the diagnosis that the project answers."""

    __tablename__ = "project_problems"
    __table_args__ = (UniqueConstraint("project_id", "problem_id"),)

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), index=True)
    problem: Mapped[Problem] = relationship(lazy="joined", innerjoin=True)


def readable_projects(viewer: Viewer) -> ColumnElement[bool]:
    """The offices and the city read every project that was handed in, the centre reserves and drafts too; a park's or street's officer those of its own
    areas; who applies its own, a member enterprise and a supplier the one they take part in. Experts read by their own page only."""
    if may(viewer, "look_at", "project"):
        return (
            true() if Role.CENTRE in viewer.roles or Role.ADMIN in viewer.roles else Project.state.not_in(EDITABLE - {ProjectState.RESERVE})
        )
    rows: list[ColumnElement[bool]] = []
    if viewer.areas:
        rows.append(Project.area.in_(viewer.areas) & Project.state.not_in(EDITABLE))
    if viewer.organisation_ids and Role.ENTERPRISE in viewer.roles | ({Role.ENTERPRISE} if viewer.applicant_ids else set()):
        rows.append(Project.organisation_id.in_(viewer.organisation_ids))
    if viewer.enterprise_ids:
        rows.append(Project.id.in_(select(ProjectMember.project_id).where(ProjectMember.enterprise_id.in_(viewer.enterprise_ids))))
    if viewer.provider_ids:
        own = select(ProjectSupplier.project_id).where(ProjectSupplier.provider_id.in_(viewer.provider_ids))
        rows.append(Project.id.in_(own) & Project.state.not_in(EDITABLE))
    return or_(*rows) if rows else false()


def find_project(session: Session, public_id: str, viewer: Viewer) -> Project | None:
    """What is not readable is as absent as what does not exist."""
    return session.scalar(select(Project).where(Project.public_id == public_id, readable_projects(viewer)))


def find_project_members(session: Session, project_id: int) -> Sequence[ProjectMember]:
    return session.scalars(select(ProjectMember).where(ProjectMember.project_id == project_id).order_by(ProjectMember.id)).all()


def find_suppliers(session: Session, project_id: int, *, ended: bool = False) -> Sequence[ProjectSupplier]:
    """Its suppliers now, or with those that were replaced."""
    query = select(ProjectSupplier).where(ProjectSupplier.project_id == project_id)
    if not ended:
        query = query.where(ProjectSupplier.ended_on.is_(None))
    return session.scalars(query.order_by(ProjectSupplier.id)).all()


def find_project_problems(session: Session, project_id: int) -> list[Problem]:
    query = select(ProjectProblem).where(ProjectProblem.project_id == project_id).order_by(ProjectProblem.id)
    return [row.problem for row in session.scalars(query)]


def find_projects_of_providers(session: Session, provider_ids: Collection[int]) -> Sequence[Project]:
    """Where these providers supply now, the newest first."""
    own = select(ProjectSupplier.project_id).where(ProjectSupplier.provider_id.in_(provider_ids), ProjectSupplier.ended_on.is_(None))
    return session.scalars(select(Project).where(Project.id.in_(own)).order_by(Project.id.desc())).all()
