"""Public service resources (公共服务资源), and which scenarios each of them serves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Text, case, cast, or_, select, true
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.access import Viewer, may
from marketplace.domain.resources import ResourceState
from marketplace.records.columns import PrimaryKey, PublicId, Record, Strings, UtcDateTime, stored


class Resource(Record):
    """`kind`: key of the pilot's kinds; `price`: in words; `stages`: keys of the pilot."""

    __tablename__ = "resources"
    __table_args__ = (Index("ix_resources_list", "state", "kind", "id"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(32))
    host: Mapped[str] = mapped_column(String(200))
    does: Mapped[str] = mapped_column(Text)
    conditions: Mapped[str] = mapped_column(Text)
    price: Mapped[str] = mapped_column(String(500))
    contact: Mapped[str] = mapped_column(String(500))
    stages: Mapped[Strings]
    state: Mapped[ResourceState] = mapped_column(stored(ResourceState), default=ResourceState.DRAFT)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    scenarios: Mapped[list[ResourceScenario]] = relationship(
        order_by="ResourceScenario.code", cascade="all, delete-orphan", lazy="selectin"
    )

    @property
    def scenario_codes(self) -> list[str]:
        return [row.code for row in self.scenarios]


class ResourceScenario(Record):
    """A scenario that a resource serves: by it the plan page finds what could help with a problem."""

    __tablename__ = "resource_scenarios"

    resource_id: Mapped[int] = mapped_column(ForeignKey("resources.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)


def readable_resources(viewer: Viewer) -> ColumnElement[bool]:
    """What is published is for all; the centre sees the rest too."""
    return true() if may(viewer, "manage", "resource") else Resource.state == ResourceState.PUBLISHED


def find_resource(session: Session, public_id: str, viewer: Viewer) -> Resource | None:
    return session.scalar(select(Resource).where(Resource.public_id == public_id, readable_resources(viewer)))


def serves_stage(stage: str) -> ColumnElement[bool]:
    """Stages are a list of keys in JSON, whose operators differ between databases; as text both look alike."""
    return cast(Resource.stages, Text).contains(f'"{stage}"', autoescape=True)


def find_serving(session: Session, codes: Collection[str], stages: Collection[str], *, most: int) -> Sequence[Resource]:
    """Published resources that serve one of these scenarios; after them those that serve one of these stages."""
    by_code = Resource.id.in_(select(ResourceScenario.resource_id).where(ResourceScenario.code.in_(sorted(set(codes)))))
    query = select(Resource).where(
        Resource.state == ResourceState.PUBLISHED, or_(by_code, *(serves_stage(one) for one in sorted(set(stages))))
    )
    order = (case((by_code, 0), else_=1), Resource.kind, Resource.id)
    if not codes and not stages:
        return []
    # With their scenarios in the same statement: a plan has enough of them.
    return session.scalars(query.options(joinedload(Resource.scenarios)).order_by(*order).limit(most)).unique().all()
