"""Selection of projects: what a guide has given away, public notices with their objections, and what the city decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Select, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, contains_eager, mapped_column, relationship

from marketplace.domain.objections import ObjectionState
from marketplace.domain.project_selections import COMMITTED
from marketplace.domain.projects import ProjectState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.project_reviews import ProjectReview
from marketplace.records.projects import Project


class GuideCommitment(Record):
    """What the projects of a guide have been given, counted anew at each decision under the guide's lock. The check of the database is the
    last line: whatever a program does, a guide never gives away more than it has."""

    __tablename__ = "guide_commitments"
    __table_args__ = (CheckConstraint("budget_fen IS NULL OR committed_fen <= budget_fen", name="within_budget"),)

    guide_id: Mapped[int] = mapped_column(ForeignKey("guides.id"), primary_key=True)
    budget_fen: Mapped[int | None] = mapped_column(BigInteger)
    committed_fen: Mapped[int] = mapped_column(BigInteger, default=0)


class ProjectPublicity(Record):
    """The public notice of one project: what is shown, from when until when (that day until 24:00). `public_id` names the notice, so that
    the project's own address stays unknown."""

    __tablename__ = "project_publicities"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), unique=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    begins: Mapped[date] = mapped_column(Date)
    until: Mapped[date] = mapped_column(Date, index=True)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    project: Mapped[Project] = relationship()


class ProjectObjection(Record):
    """An objection to the public notice of a project; columns and states as in records/objections.Objection. Known to staff only."""

    __tablename__ = "project_objections"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    publicity_id: Mapped[int] = mapped_column(ForeignKey("project_publicities.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    contact: Mapped[str] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[ObjectionState] = mapped_column(stored(ObjectionState), default=ObjectionState.OPEN)
    reason: Mapped[str] = mapped_column(Text, default="")
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    publicity: Mapped[ProjectPublicity] = relationship()


class CityDecision(Record):
    """What the city decided about a project of class ②, as its paper says. `outcome`: approved or refused."""

    __tablename__ = "city_decisions"

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), unique=True)
    outcome: Mapped[str] = mapped_column(String(16))
    number: Mapped[str] = mapped_column(String(64))
    decided_on: Mapped[date] = mapped_column(Date)
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str] = mapped_column(Text)
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def committed_fen(session: Session, guide_id: int, *, without: int | None = None) -> int:
    """What the guide's projects have been given, one of them left out on demand."""
    query = select(func.coalesce(func.sum(Project.amount_fen), 0)).where(Project.guide_id == guide_id, Project.state.in_(COMMITTED))
    if without is not None:
        query = query.where(Project.id != without)
    return int(session.scalar(query) or 0)


def find_publicity(session: Session, project_id: int) -> ProjectPublicity | None:
    return session.scalar(select(ProjectPublicity).where(ProjectPublicity.project_id == project_id))


def find_shown(session: Session, public_id: str) -> ProjectPublicity | None:
    """A notice that is public now; whatever else exists is as absent as what does not."""
    return session.scalar(shown_publicities().where(ProjectPublicity.public_id == public_id))


def shown_publicities() -> Select[ProjectPublicity]:
    query = select(ProjectPublicity).join(ProjectPublicity.project).where(Project.state == ProjectState.SHOWN)
    return query.options(contains_eager(ProjectPublicity.project).defer(Project.plan))


def find_project_objections(session: Session, publicity_id: int) -> Sequence[ProjectObjection]:
    query = select(ProjectObjection).where(ProjectObjection.publicity_id == publicity_id)
    return session.scalars(query.order_by(ProjectObjection.id)).all()


def find_project_objection(session: Session, public_id: str) -> ProjectObjection | None:
    return session.scalar(select(ProjectObjection).where(ProjectObjection.public_id == public_id))


def count_project_objections(session: Session, publicity_id: int, state: ObjectionState) -> int:
    query = select(func.count()).select_from(ProjectObjection)
    return session.scalar(query.where(ProjectObjection.publicity_id == publicity_id, ProjectObjection.state == state)) or 0


def count_recent_of_projects(session: Session, address: str, since: datetime) -> int:
    """How many came from this address of the network since then."""
    query = select(func.count()).select_from(ProjectObjection).where(ProjectObjection.address == address, ProjectObjection.at > since)
    return session.scalar(query) or 0


def find_city_decision(session: Session, project_id: int) -> CityDecision | None:
    return session.scalar(select(CityDecision).where(CityDecision.project_id == project_id))


# In the ranking: everything that was scored, and for class ③ what was recommended.
RANKED = COMMITTED | {ProjectState.RECOMMENDED, ProjectState.REVIEWING, ProjectState.RANKED, ProjectState.NOT_SELECTED}


def ranking(guide_id: int) -> Select[Project, ProjectReview]:
    """The projects of a guide that came to the panel or beyond: the best score first; at the same score who asks for less, then who came first."""
    query = select(Project, ProjectReview).outerjoin(ProjectReview, ProjectReview.project_id == Project.id)
    query = query.where(Project.guide_id == guide_id, Project.state.in_(RANKED))
    unscored = ProjectReview.joint_total.is_(None)
    # What the park or street did not recommend never came here.
    query = query.where(~unscored | (Project.state != ProjectState.NOT_SELECTED))
    order = (unscored, ProjectReview.joint_total.desc(), func.coalesce(Project.asked_fen, 0), Project.submitted_at, Project.id)
    return query.order_by(*order)
