"""Plans (一企一策) as they were issued: word for word what was said then, with their papers, and the enterprise's answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from marketplace.actions import plans as actions
from marketplace.api import models as out
from marketplace.api.attached import FileOut, file_outs
from marketplace.api.brokering_models import SolutionRef
from marketplace.api.days import here_now
from marketplace.api.operation import Done, Model, Versioned, operation
from marketplace.domain.access import may_read_plan
from marketplace.domain.plans import PlanState
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.enterprises import find_enterprise
from marketplace.records.files import find_attachments
from marketplace.records.history import find_last_entry
from marketplace.records.plans import IssuedPlan, find_plan, find_plans
from marketplace.site import current_site


class IssuedPlanLine(Model):
    """A version in a list; the highest holds."""

    id: str
    number: str
    version_number: int
    state: PlanState
    at: datetime
    officer: str
    follow_up: date
    model: str


class IssuedReason(Model):
    part: str
    text: str


class IssuedMatch(Model):
    """A solution as it stood in the plan. `chosen`: it was taken into the set; `of_diagnosing`: who diagnosed offers it."""

    solution: SolutionRef
    provider: str
    price_wan: out.Span | None
    weeks: out.Span | None
    strength: int
    rank: int
    by_hand: bool
    of_diagnosing: bool
    chosen: bool
    reasons: list[IssuedReason]


class IssuedExclusion(Model):
    solution: str
    why: str


class IssuedNeed(Model):
    """A problem as it stood in the plan. `coverage`: strong, partial or uncovered, `uncovered` says why; `step`: of the road map, 0–2."""

    number: int
    text: str
    stage: str
    orientation: str
    priority: str
    budget_wan: out.Span | None
    scenario: str
    coverage: str
    uncovered: str
    step: int
    matches: list[IssuedMatch]
    excluded: list[IssuedExclusion]


class IssuedProvider(Model):
    """A provider of the set, and the numbers of the problems that it takes."""

    provider: str
    needs: list[int]
    cost_wan: out.Span | None


class IssuedPlanOut(Versioned, IssuedPlanLine):
    """A version in full."""

    enterprise: str
    note: str
    emphasis: dict[str, int]
    needs: list[IssuedNeed]
    providers: list[IssuedProvider]
    files: list[FileOut]


class IssuedPlanList(Model):
    """All versions, the newest first."""

    items: list[IssuedPlanLine]


class PlanReplyIn(Model):
    """What the enterprise says to a plan."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"event": "return", "why": "第二条先不做"}]})
    event: Literal["confirm", "return"]
    why: str = Field("", max_length=2_000)


@permission("read", "plan")
@operation("/enterprises/<code>/plans", summary="The versions of an enterprise's plan that were issued", tag="plans", answer=IssuedPlanList)
def list_issued_plans(code: str) -> IssuedPlanList:
    with current_site().database.reading() as session:
        row = find_enterprise(session, code)
        if row is None or not may_read_plan(current_viewer(), row.id):
            not_found()
        return IssuedPlanList(items=[IssuedPlanLine(**_line(one)) for one in find_plans(session, row.id)])


def _line(row: IssuedPlan) -> dict[str, Any]:
    same = {name: getattr(row, name) for name in ("number", "state", "at", "follow_up", "model")}
    return {**same, "id": row.public_id, "version_number": row.version, "officer": row.officer.name if row.officer else ""}


@permission("read", "plan")
@operation("/plans/<id>", summary="An issued plan with its papers", tag="plans", answer=IssuedPlanOut)
def read_issued_plan(id: str) -> IssuedPlanOut:
    with current_site().database.reading() as session:
        row = _readable(session, id)
        kept = row.content
        return IssuedPlanOut(
            **_line(row),
            version=_version(session, row),
            enterprise=kept["enterprise"],
            note=row.note,
            emphasis=kept.get("emphasis", {}),
            needs=[_need(one) for one in kept["needs"]],
            providers=[
                IssuedProvider(
                    provider=one["provider"], needs=one["needs"], cost_wan=out.wan_span(one["cost_low_fen"], one["cost_high_fen"])
                )
                for one in kept["set"]
            ],
            files=file_outs(find_attachments(session, actions.NOUN, row.id)),
        )


def _readable(session: Session, id: str) -> IssuedPlan:
    row = find_plan(session, id)
    return row if row is not None and may_read_plan(current_viewer(), row.enterprise_id) else not_found()


def _version(session: Session, row: IssuedPlan) -> str:
    return str(find_last_entry(session, actions.NOUN, row.id))


def _need(kept: Mapping[str, Any]) -> IssuedNeed:
    same = {name: kept[name] for name in ("number", "text", "stage", "orientation", "priority", "scenario", "coverage", "step")}
    return IssuedNeed(
        **same,
        budget_wan=out.wan_span(kept["budget_low_fen"], kept["budget_high_fen"]),
        uncovered=said(kept["uncovered"], {}) if kept["uncovered"] else "",
        matches=[_match(one, chosen=one["solution_id"] == kept["chosen"]) for one in kept["matches"]],
        excluded=[IssuedExclusion(solution=one["solution"], why=one["why"]) for one in kept.get("excluded", ())],
    )


def _match(kept: Mapping[str, Any], *, chosen: bool) -> IssuedMatch:
    return IssuedMatch(
        **{name: kept[name] for name in ("provider", "strength", "rank", "by_hand")},
        solution=SolutionRef(id=kept["solution_ref"], title=kept["solution"]),
        price_wan=out.wan_span(kept["price_low_fen"], kept["price_high_fen"]),
        weeks=out.span(kept["weeks_low"], kept["weeks_high"]),
        of_diagnosing=kept.get("of_diagnosing", False),
        chosen=chosen,
        reasons=[IssuedReason(part=one["part"], text=one["text"]) for one in kept["reasons"]],
    )


@permission("answer", "plan", scope="write")
@operation(
    "/plans/<id>/replies",
    method="POST",
    summary="The enterprise confirms an issued plan, or sends it back",
    tag="plans",
    body=PlanReplyIn,
    answer=Done,
    writes=True,
)
def reply_to_plan(id: str, body: PlanReplyIn) -> Done:
    database = current_site().database
    values: dict[str, Any] = {"viewer": current_viewer(), "at": here_now()}
    with database.reading() as session:
        number = _readable(session, id).id
    if body.event == "confirm":
        actions.confirm(database, number, **values)
    else:
        actions.send_back(database, number, body.why.strip(), **values)
    with database.reading() as session:
        row = session.get_one(IssuedPlan, number)
        return Done(id=row.public_id, state=row.state, version=_version(session, row))
