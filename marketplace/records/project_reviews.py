"""Panel reviews of projects: every draw of experts, each expert's part, and the joint opinion with the amount proposed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Float, ForeignKey, Select, String, Text, and_, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship, selectinload

from marketplace.domain.access import Viewer
from marketplace.domain.projects import ProjectState
from marketplace.domain.reviews import ACTIVE, MAY_READ, OWES_SCORES, AssignmentState
from marketplace.records.accounts import Account
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, Rows, Strings, UtcDateTime, stored
from marketplace.records.experts import ReviewExpert
from marketplace.records.projects import Project


class ProjectReview(Record):
    """What the panel found out about one project; its state is the project's. `joint_*` as in records/reviews.Review;
    `joint_amount_fen`: what the panel proposes to give."""

    __tablename__ = "project_reviews"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), unique=True)
    joint_scores: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    joint_total: Mapped[float | None] = mapped_column(Float, index=True)
    joint_amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    joint_opinion: Mapped[str] = mapped_column(Text, default="")
    joint_discussion: Mapped[str] = mapped_column(Text, default="")
    joint_revision: Mapped[int] = mapped_column(default=0)
    joint_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    joint_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    project: Mapped[Project] = relationship()
    assignments: Mapped[list[ProjectAssignment]] = relationship(back_populates="review", order_by="ProjectAssignment.id")

    @property
    def joint_written(self) -> bool:
        return self.joint_total is not None


class ProjectDraw(Record):
    """One draw for a project, kept so that anybody can repeat it; columns as in records/experts.DrawLog."""

    __tablename__ = "project_draws"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    drawn_by: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    seed: Mapped[str] = mapped_column(String(64))
    wanted: Mapped[int]
    candidates: Mapped[Strings]
    excluded: Mapped[Rows]
    drawn: Mapped[Rows]
    person: Mapped[Account] = relationship()


class ProjectAssignment(Record):
    """One expert's part in the review of one project; columns as in records/reviews.ReviewAssignment, and moved by the same table."""

    __tablename__ = "project_assignments"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    review_id: Mapped[int] = mapped_column(ForeignKey("project_reviews.id"), index=True)
    expert_id: Mapped[int] = mapped_column(ForeignKey("review_experts.id"), index=True)
    draw_id: Mapped[int | None] = mapped_column(ForeignKey("project_draws.id"))
    state: Mapped[AssignmentState] = mapped_column(stored(AssignmentState), default=AssignmentState.ASSIGNED, index=True)
    assigned_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due: Mapped[date] = mapped_column(Date)
    declared_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text, default="")
    scores: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    remarks: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    answers: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    answer_remarks: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    opinion: Mapped[str] = mapped_column(Text, default="")
    total: Mapped[float | None] = mapped_column(Float)
    version: Mapped[int] = mapped_column(default=0)
    scored_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dissent: Mapped[str] = mapped_column(Text, default="")
    review: Mapped[ProjectReview] = relationship(back_populates="assignments")
    expert: Mapped[ReviewExpert] = relationship(lazy="joined", innerjoin=True)


def find_project_review(session: Session, project_id: int) -> ProjectReview | None:
    return session.scalar(select(ProjectReview).where(ProjectReview.project_id == project_id))


def find_project_draws(session: Session, project_id: int) -> Sequence[ProjectDraw]:
    """The draws for a project, the latest first."""
    query = select(ProjectDraw).where(ProjectDraw.project_id == project_id).options(selectinload(ProjectDraw.person))
    return session.scalars(query.order_by(ProjectDraw.id.desc())).all()


def _of(viewer: Viewer) -> ColumnElement[bool]:
    """The parts of the expert that this person is; an expert without an account is nobody's."""
    return and_(ReviewExpert.account_id == viewer.account_id, ReviewExpert.account_id.is_not(None))


def own_parts(viewer: Viewer) -> Select[ProjectAssignment]:
    whole = joinedload(ProjectAssignment.review).joinedload(ProjectReview.project)
    return select(ProjectAssignment).join(ProjectAssignment.expert).where(_of(viewer)).options(whole.joinedload(Project.organisation))


def count_own_parts(session: Session, viewer: Viewer) -> int:
    query = select(func.count()).select_from(ProjectAssignment).join(ProjectAssignment.expert).where(_of(viewer))
    return session.scalar(query) or 0


def find_own_parts(session: Session, viewer: Viewer, *, offset: int, most: int) -> Sequence[ProjectAssignment]:
    """The project reviews of an expert, what is to be done first, then the latest first."""
    rows = own_parts(viewer).order_by(ProjectAssignment.state.not_in(OWES_SCORES), ProjectAssignment.due, ProjectAssignment.id.desc())
    return session.scalars(rows.offset(offset).limit(most)).all()


def find_own_part(session: Session, public_id: str, viewer: Viewer) -> ProjectAssignment | None:
    """A part of this expert; another's is as absent as one that never was."""
    return session.scalar(own_parts(viewer).where(ProjectAssignment.public_id == public_id))


def find_part_that_reads(session: Session, project_id: int, viewer: Viewer) -> ProjectAssignment | None:
    """The viewer's part in the review of a project, once he or she has declared that nothing ties them."""
    if viewer.account_id is None:
        return None
    query = own_parts(viewer).where(ProjectReview.project_id == project_id, ProjectAssignment.state.in_(MAY_READ))
    return session.scalar(query.join(ProjectAssignment.review).limit(1))


def count_open_project_reviews(session: Session) -> dict[int, int]:
    """Expert → projects under review for which he or she still owes scores."""
    query = select(ProjectAssignment.expert_id, func.count()).join(ProjectAssignment.review).join(ProjectReview.project)
    query = query.where(ProjectAssignment.state.in_(OWES_SCORES), Project.state.in_((ProjectState.RECOMMENDED, ProjectState.REVIEWING)))
    return dict(session.execute(query.group_by(ProjectAssignment.expert_id)).all())


def count_project_parts(session: Session, project_ids: Sequence[int]) -> dict[int, dict[AssignmentState, int]]:
    """Project → state of its experts' parts → how many; for lists."""
    query = select(ProjectReview.project_id, ProjectAssignment.state, func.count()).join(ProjectReview.assignments)
    query = query.where(ProjectReview.project_id.in_(project_ids), ProjectAssignment.state.in_(ACTIVE))
    found: dict[int, dict[AssignmentState, int]] = {}
    for project_id, state, count in session.execute(query.group_by(ProjectReview.project_id, ProjectAssignment.state)):
        found.setdefault(project_id, {})[state] = count
    return found
