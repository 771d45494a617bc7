"""Reviews of applications: the form check, each expert's part, the joint opinion and the public notice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, Float, ForeignKey, Select, Text, and_, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.access import Viewer
from marketplace.domain.applications import ApplicationState
from marketplace.domain.reviews import ACTIVE, MAY_READ, OWES_SCORES, AssignmentState
from marketplace.records.applications import ProviderApplication
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, Rows, UtcDateTime, stored
from marketplace.records.experts import ReviewExpert


class Review(Record):
    """What is found out about one application; its state is the application's.

    `form_check`: rows of {key, answer, remark}. `joint_scores`: criterion → score; `joint_revision` grows with every
    change, and each expert confirms one revision. `publicity_*`: the term of the public notice and how it was counted.
    `public_id` names the public notice, so that the application's own address stays unknown.
    """

    __tablename__ = "reviews"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    application_id: Mapped[int] = mapped_column(ForeignKey("provider_applications.id"), unique=True)
    form_check: Mapped[Rows]
    form_checked_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    form_checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    joint_scores: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    joint_total: Mapped[float | None] = mapped_column(Float)
    joint_opinion: Mapped[str] = mapped_column(Text, default="")
    joint_discussion: Mapped[str] = mapped_column(Text, default="")
    joint_revision: Mapped[int] = mapped_column(default=0)
    joint_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    joint_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    publicity_from: Mapped[date | None] = mapped_column(Date)
    publicity_until: Mapped[date | None] = mapped_column(Date)
    application: Mapped[ProviderApplication] = relationship()
    assignments: Mapped[list[ReviewAssignment]] = relationship(back_populates="review", order_by="ReviewAssignment.id")

    @property
    def joint_written(self) -> bool:
        return self.joint_total is not None


class ReviewAssignment(Record):
    """One expert's part in one review. `scores`, `remarks`: by criterion; `answers`, `answer_remarks`: by question of the checklist.

    They are drafts until the state says SCORED. `dissent`: why the expert does not confirm the joint opinion as it stands.
    """

    __tablename__ = "review_assignments"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"), index=True)
    expert_id: Mapped[int] = mapped_column(ForeignKey("review_experts.id"), index=True)
    draw_id: Mapped[int | None] = mapped_column(ForeignKey("draw_logs.id"))
    state: Mapped[AssignmentState] = mapped_column(stored(AssignmentState), default=AssignmentState.ASSIGNED, index=True)
    assigned_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due: Mapped[date] = mapped_column(Date)
    declared_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Why the expert stepped back, or was replaced.
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
    review: Mapped[Review] = relationship(back_populates="assignments")
    expert: Mapped[ReviewExpert] = relationship(lazy="joined", innerjoin=True)


def find_review(session: Session, application_id: int) -> Review | None:
    return session.scalar(select(Review).where(Review.application_id == application_id))


def _of(viewer: Viewer) -> ColumnElement[bool]:
    """The parts of the expert that this person is; an expert without an account is nobody's."""
    return and_(ReviewExpert.account_id == viewer.account_id, ReviewExpert.account_id.is_not(None))


def own_assignments(viewer: Viewer) -> Select[ReviewAssignment]:
    """The reviews of an expert with what lists show of their applications."""
    whole = joinedload(ReviewAssignment.review).joinedload(Review.application)
    query = select(ReviewAssignment).join(ReviewAssignment.expert).where(_of(viewer))
    return query.options(whole.joinedload(ProviderApplication.organisation), whole.defer(ProviderApplication.answers))


def count_own_assignments(session: Session, viewer: Viewer) -> int:
    query = select(func.count()).select_from(ReviewAssignment).join(ReviewAssignment.expert).where(_of(viewer))
    return session.scalar(query) or 0


def find_own_assignments(session: Session, viewer: Viewer, *, offset: int, most: int) -> Sequence[ReviewAssignment]:
    """The reviews of an expert, what is to be done first, then the latest first."""
    query = own_assignments(viewer).order_by(ReviewAssignment.state.not_in(OWES_SCORES), ReviewAssignment.due, ReviewAssignment.id.desc())
    return session.scalars(query.offset(offset).limit(most)).all()


def find_own_assignment(session: Session, public_id: str, viewer: Viewer) -> ReviewAssignment | None:
    """A review of this expert; another's is as absent as one that never was."""
    query = select(ReviewAssignment).join(ReviewAssignment.expert).where(ReviewAssignment.public_id == public_id)
    return session.scalar(query.where(_of(viewer)))


def may_read_as_expert(session: Session, application_id: int, viewer: Viewer) -> bool:
    """Whether the viewer reviews the application and has declared that nothing ties him or her to the applicant."""
    if viewer.account_id is None:
        return False
    query = select(ReviewAssignment.id).join(ReviewAssignment.review).join(ReviewAssignment.expert)
    query = query.where(Review.application_id == application_id, ReviewExpert.account_id == viewer.account_id)
    return session.scalar(query.where(ReviewAssignment.state.in_(MAY_READ)).limit(1)) is not None


def count_open_reviews(session: Session) -> dict[int, int]:
    """Expert → reviews in which he or she still owes scores."""
    query = select(ReviewAssignment.expert_id, func.count()).join(ReviewAssignment.review).join(Review.application)
    # Of an application that was withdrawn or sent back nothing is owed for now.
    query = query.where(ReviewAssignment.state.in_(OWES_SCORES), ProviderApplication.state == ApplicationState.UNDER_REVIEW)
    return dict(session.execute(query.group_by(ReviewAssignment.expert_id)).all())


def count_parts(session: Session, application_ids: Sequence[int]) -> dict[int, dict[AssignmentState, int]]:
    """Application → state of its experts' parts → how many; for lists."""
    query = select(Review.application_id, ReviewAssignment.state, func.count()).join(ReviewAssignment.review)
    query = query.where(Review.application_id.in_(application_ids), ReviewAssignment.state.in_(ACTIVE))
    found: dict[int, dict[AssignmentState, int]] = {}
    for application_id, state, count in session.execute(query.group_by(Review.application_id, ReviewAssignment.state)):
        found.setdefault(application_id, {})[state] = count
    return found
