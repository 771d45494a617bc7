"""Drawing projects to be inspected, by lot weighted by risk; the seed is kept, so that anybody can draw again."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.inspections import plan_in
from marketplace.actions.project_health import WatchStep
from marketplace.actions.roles import actor_of, must_hold
from marketplace.actions.turns import wait_for_turn
from marketplace.domain.inspection_rules import InspectionRules
from marketplace.domain.inspections import RUNNING, PlanDraft, Risk, check_plan, draw
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.progress import Lateness, month_of
from marketplace.domain.projects import ProjectState
from marketplace.domain.rating_events import EventKind
from marketplace.records.database import Database
from marketplace.records.evidence import count_findings
from marketplace.records.inspections import Inspection, InspectionDraw
from marketplace.records.progress import count_late
from marketplace.records.projects import Project, ProjectSupplier
from marketplace.records.ratings import RatingEvent

DRAW = "inspection_draw"
# Work that can be looked at on site.
DRAWN_FROM = frozenset({ProjectState.IMPLEMENTING, ProjectState.RECTIFYING, ProjectState.REWORKING})
_YEAR = timedelta(days=365)
_CHUNK = 500


def draw_projects(
    database: Database, wanted: int, draft: PlanDraft, step: WatchStep, *, seed: str | None = None, seen: str | None = None
) -> InspectionDraw:
    """Draw and plan an inspection of each. `seen`: the draw that the page knew as the last one; another one meanwhile is told."""
    must_hold(step.viewer, "supervise", "project")
    if not 1 <= wanted <= step.inspection.most_drawn:
        raise RefusedError(Refused("wanted_range", _("一次抽取 1 至 {most} 个项目。"), {"most": step.inspection.most_drawn}))
    for _field, refused in check_plan(draft, step.inspection, step.today):
        raise RefusedError(refused)
    with database.writing() as session:
        wait_for_turn(session, DRAW)
        last = session.scalar(select(InspectionDraw.public_id).order_by(InspectionDraw.id.desc()).limit(1)) or ""
        if seen is not None and seen != last:
            raise RefusedError(Refused("drawn_meanwhile", _("您打开后，已有别人抽取过。请看了新的抽取记录再办理。")))
        projects, risks, excluded = risks_of(session, step.inspection, step)
        if not risks:
            raise RefusedError(Refused("nothing_to_draw", _("没有可抽查的项目：在实施的项目都已安排检查。")))
        chosen = seed or secrets.token_hex(16)
        drawn, lots = draw(risks, step.inspection, wanted=wanted, seed=chosen)
        log = InspectionDraw(drawn_by=step.viewer.account_id, at=step.at, seed=chosen, wanted=wanted)
        log.lots = [asdict(lot) | {"reasons": [dict(row) for row in lot.reasons]} for lot in lots]
        log.excluded = excluded
        session.add(log)
        session.flush()
        after = {"seed": log.seed, "wanted": wanted, "drawn": [lot.number for lot in drawn]}
        record(session, actor=actor_of(step.viewer), verb="draw", noun=DRAW, noun_id=log.id, before=None, after=after, at=step.at)
        for lot in drawn:
            plan_in(session, projects[lot.key], draft, step, draw_id=log.id)
        return log


def risks_of(session: Session, rules: InspectionRules, step: WatchStep) -> tuple[dict[str, Project], list[Risk], list[dict[str, str]]]:
    """What is known of each project that can be drawn; and those that cannot, with the reason."""
    projects = session.scalars(select(Project).where(Project.state.in_(DRAWN_FROM)).order_by(Project.id)).all()
    busy = set(session.scalars(select(Inspection.project_id).where(Inspection.state.in_(RUNNING))))
    late = count_late(session, month_of(step.today - _YEAR))
    complaints = _complaints(session, step)
    flags: dict[int, int] = {}
    ids = [row.id for row in projects]
    for start in range(0, len(ids), _CHUNK):
        found = count_findings(session, ids[start : start + _CHUNK])
        flags |= {number: states.get("open", 0) + states.get("upheld", 0) for number, states in found.items()}
    risks, excluded = [], []
    for row in projects:
        if row.id in busy:
            excluded.append({"project": row.public_id, "number": row.number, "message": _("已有一次检查在办")})
            continue
        how = late.get(row.id, {})
        risks.append(
            Risk(
                row.public_id,
                row.number,
                late_reports=how.get(Lateness.LATE, 0),
                very_late_reports=how.get(Lateness.VERY_LATE, 0),
                amount_fen=row.amount_fen or 0,
                flags=flags.get(row.id, 0),
                complaints=complaints.get(row.id, 0),
                health=row.health,
            )
        )
    return {row.public_id: row for row in projects}, risks, excluded


def _complaints(session: Session, step: WatchStep) -> dict[int, int]:
    """Project → complaints about its suppliers that were found true within a year."""
    query = (
        select(ProjectSupplier.project_id, func.count())
        .join(RatingEvent, RatingEvent.provider_id == ProjectSupplier.provider_id)
        .where(RatingEvent.kind == EventKind.COMPLAINT, RatingEvent.superseded_at.is_(None), RatingEvent.on >= step.today - _YEAR)
        .where(ProjectSupplier.ended_on.is_(None))
        .group_by(ProjectSupplier.project_id)
    )
    return dict(session.execute(query).all())
