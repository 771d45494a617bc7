"""The list of projects and its filters: what somebody may read, in one query a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import request
from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session

from marketplace.actions.project_steps import held_by
from marketplace.domain.access import Viewer, may
from marketplace.domain.projects import ENDED, STAGES, Ball, ProjectClass, ProjectState, Stage
from marketplace.records.guides import Guide
from marketplace.records.organisations import Organisation
from marketplace.records.projects import Project, readable_projects
from marketplace.site import current_site
from marketplace.web.paging import Paging, paged
from marketplace.web.terms import today


@dataclass(frozen=True)
class Asked:
    """The filters of the list."""

    text: str = ""
    project_class: str = ""
    state: str = ""
    stage: str = ""
    area: str = ""
    guide: str = ""
    late: bool = False

    @property
    def kept(self) -> dict[str, str]:
        """As an address carries them."""
        values = {"q": self.text, "class": self.project_class, "state": self.state, "stage": self.stage, "area": self.area}
        return {name: value for name, value in {**values, "guide": self.guide, "late": "1" if self.late else ""}.items() if value}


@dataclass(frozen=True)
class ProjectRow:
    project: Project
    ball: Ball
    late: bool
    money: bool


@dataclass(frozen=True)
class ProjectList:
    asked: Asked
    rows: Sequence[ProjectRow]
    paging: Paging
    late: int


def asked_for() -> Asked:
    """What the address asks for; what is no word of the platform asks for nothing."""
    pilot, args = current_site().pilot, request.args
    area = pilot.find("area", args.get("area", ""))
    return Asked(
        text=args.get("q", "").strip()[:100],
        project_class=found if (found := args.get("class", "")) in tuple(ProjectClass) else "",
        state=found if (found := args.get("state", "")) in tuple(ProjectState) else "",
        stage=found if (found := args.get("stage", "")) in {one.key for one in all_stages()} else "",
        area=area.key if area else "",
        guide=args.get("guide", "")[:36],
        late=args.get("late") == "1",
    )


def all_stages() -> tuple[Stage, ...]:
    """The steps of all classes, each key once."""
    return tuple({one.key: one for stages in reversed(list(STAGES.values())) for one in stages}[key] for key in _stage_keys())


def _stage_keys() -> list[str]:
    return list(dict.fromkeys(one.key for stages in STAGES.values() for one in stages))


def _of_stage(key: str) -> ColumnElement[bool]:
    rows = [
        and_(Project.project_class == project_class, Project.state.in_(stage.states))
        for project_class, stages in STAGES.items()
        for stage in stages
        if stage.key == key
    ]
    return or_(*rows) if rows else false()


def _late(day_: date) -> ColumnElement[bool]:
    return and_(Project.waits_due < day_, Project.state.not_in(ENDED))


def _filtered(query: Select[Any], asked: Asked, viewer: Viewer, day_: date) -> Select[Any]:
    query = query.where(readable_projects(viewer))
    if asked.text:
        like = f"%{asked.text.replace('%', '').replace('_', '')}%"
        named = select(Organisation.id).where(Organisation.name.like(like))
        query = query.where(or_(Project.title.like(like), Project.number.like(like), Project.organisation_id.in_(named)))
    if asked.project_class:
        query = query.where(Project.project_class == asked.project_class)
    if asked.state:
        query = query.where(Project.state == asked.state)
    if asked.stage:
        query = query.where(_of_stage(asked.stage))
    if asked.area:
        query = query.where(Project.area == asked.area)
    if asked.guide:
        query = query.where(Project.guide_id == select(Guide.id).where(Guide.public_id == asked.guide).scalar_subquery())
    return query.where(_late(day_)) if asked.late else query


def read_list(session: Session, viewer: Viewer, asked: Asked) -> ProjectList:
    """What this person may read, the newest first; those that are late, by how long they have been."""
    day_ = today()
    total = session.scalar(_filtered(select(func.count()).select_from(Project), asked, viewer, day_)) or 0
    overdue = select(func.count()).select_from(Project).where(readable_projects(viewer), _late(day_))
    paging = paged(total, current_site().pilot.thresholds.page_size, "projects.index", **asked.kept)
    order = (Project.waits_due, Project.id) if asked.late else (Project.id.desc(),)
    query = _filtered(select(Project), asked, viewer, day_).order_by(*order).limit(paging.size).offset(paging.offset)
    rows = [
        ProjectRow(
            one,
            held_by(one),
            bool(one.waits_due and one.waits_due < day_ and one.state not in ENDED),
            _reads_money(viewer, one),
        )
        for one in session.scalars(query)
    ]
    return ProjectList(asked, rows, paging, session.scalar(overdue) or 0)


def _reads_money(viewer: Viewer, project: Project) -> bool:
    """A supplier and a member learn no amounts of the whole."""
    return may(viewer, "look_at", "project") or project.area in viewer.areas or project.organisation_id in viewer.organisation_ids
