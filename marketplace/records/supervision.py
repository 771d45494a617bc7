"""Supervision: orders about projects (督办单), and the list of projects in trouble."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, Select, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.projects import UNDER_WAY, ProjectState
from marketplace.domain.supervision import OPEN, OrderState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.projects import Project


class SupervisionOrder(Record):
    """An order about a project. `level`: 0 with the enterprise, 1 escalated to the manager, 2 to the bureau."""

    __tablename__ = "supervision_orders"
    __table_args__ = (Index("ix_supervision_orders_state", "state", "due"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    due: Mapped[date] = mapped_column(Date)
    state: Mapped[OrderState] = mapped_column(stored(OrderState), default=OrderState.ISSUED)
    level: Mapped[int] = mapped_column(default=0)
    answer: Mapped[str] = mapped_column(Text, default="")
    judgement: Mapped[str] = mapped_column(Text, default="")
    issued_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)


def find_order(session: Session, public_id: str) -> SupervisionOrder | None:
    return session.scalar(select(SupervisionOrder).where(SupervisionOrder.public_id == public_id))


def find_orders_of(session: Session, project_id: int) -> Sequence[SupervisionOrder]:
    query = select(SupervisionOrder).where(SupervisionOrder.project_id == project_id)
    return session.scalars(query.order_by(SupervisionOrder.id.desc())).all()


def count_open_orders(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(SupervisionOrder).where(SupervisionOrder.state.in_(OPEN))) or 0


def find_open_orders(session: Session, *, most: int) -> Sequence[SupervisionOrder]:
    """What is not closed, the most urgent first."""
    query = select(SupervisionOrder).where(SupervisionOrder.state.in_(OPEN)).order_by(SupervisionOrder.due, SupervisionOrder.id)
    return session.scalars(query.limit(most)).all()


def count_late_orders(session: Session, project_ids: Collection[int], today: date) -> dict[int, int]:
    query = select(SupervisionOrder.project_id, func.count()).where(
        SupervisionOrder.project_id.in_(project_ids), SupervisionOrder.state == OrderState.ISSUED, SupervisionOrder.due < today
    )
    return dict(session.execute(query.group_by(SupervisionOrder.project_id)).all())


def _with_health(health: str) -> Select[Project]:
    query = select(Project).where(Project.state.in_(UNDER_WAY))
    return query.where(Project.health == health) if health else query


def count_by_health(session: Session) -> dict[str, int]:
    query = select(Project.health, func.count()).where(Project.state.in_(UNDER_WAY)).group_by(Project.health)
    return dict(session.execute(query).all())


def find_by_health(session: Session, health: str, *, offset: int = 0, most: int = 50) -> Sequence[Project]:
    return session.scalars(_with_health(health).order_by(Project.id.desc()).offset(offset).limit(most)).all()


def count_reserve(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Project).where(Project.state == ProjectState.RESERVE)) or 0


def find_reserve(session: Session, *, offset: int = 0, most: int = 50) -> Sequence[Project]:
    """Projects that have not applied yet (储备库)."""
    query = select(Project).where(Project.state == ProjectState.RESERVE).order_by(Project.id.desc())
    return session.scalars(query.offset(offset).limit(most)).all()
