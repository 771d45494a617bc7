"""Dynamic adjustment: cases about providers, for staff from the proposal on, for the provider itself once they are decided."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.api import models as out
from marketplace.api.attached import FileOut, file_outs
from marketplace.api.operation import Model, Versioned, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.api.shown import provider_ref
from marketplace.domain.access import Viewer, may
from marketplace.domain.adjustments import OPEN, TOLD, AdjustmentKind, AdjustmentState
from marketplace.domain.appeals import AppealState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.adjustments import Adjustment, Appeal, find_adjustment, find_effects
from marketplace.records.files import find_attachments
from marketplace.records.history import find_last_entry
from marketplace.site import current_site

EVIDENCE = "evidence"


class AdjustmentLine(Model):
    """A case in a list. `due`: of a rectification; `decide_by`: of the office's next step, told to staff only."""

    id: str
    number: str
    provider: out.ProviderRef
    kind: AdjustmentKind
    state: AdjustmentState
    proposed: datetime
    decided: datetime | None
    due: date | None
    decide_by: date | None


class EffectsOut(Model):
    """How much a decision touches: running work, matches that wait for an answer, public solutions."""

    running: int
    open: int
    solutions: int


class ExtensionOut(Model):
    reason: str
    asked: datetime
    answered: datetime | None
    answer: str


class AppealOut(Model):
    """`suspends`: the decision rests until the appeal is answered."""

    id: str
    state: AppealState
    text: str
    filed: datetime
    decide_by: date
    suspends: bool
    reasons: str


class AdjustmentOut(Versioned, AdjustmentLine):
    """A case in full. `rule`: which rule proposed it, empty for a person; who in the office did what stands in the history."""

    rule: str
    conduct: str
    reason: str
    evidence: list[str]
    decision_reason: str
    effects: EffectsOut
    appeal_until: date | None
    reapply_from: date | None
    extension: ExtensionOut | None
    rectification: str
    handed_in: datetime | None
    judgement: str
    ended: datetime | None
    appeal: AppealOut | None
    files: list[FileOut]


class AdjustmentList(Model):
    items: list[AdjustmentLine]
    next: str | None


class AdjustmentQuery(ListQuery):
    state: AdjustmentState | None = None
    """Only in this state."""
    kind: AdjustmentKind | None = None
    """Only of this kind."""


@permission("read", "adjustment")
@operation(
    "/adjustments",
    summary="Cases: all for staff, what was decided about it for a provider",
    tag="adjustments",
    query=AdjustmentQuery,
    answer=AdjustmentList,
)
def list_adjustments(query: AdjustmentQuery) -> AdjustmentList:
    viewer, rows = current_viewer(), select(Adjustment).options(joinedload(Adjustment.provider))
    if not may(viewer, "read", "adjustment"):
        rows = rows.where(Adjustment.provider_id.in_(viewer.provider_ids), Adjustment.state.in_(TOLD))
    if query.state is not None:
        rows = rows.where(Adjustment.state == query.state)
    if query.kind is not None:
        rows = rows.where(Adjustment.kind == query.kind)
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, Adjustment, query)
        return AdjustmentList(items=[AdjustmentLine(**_line(row, viewer)) for row in part], next=following)


def _line(row: Adjustment, viewer: Viewer) -> dict[str, Any]:
    same = {name: getattr(row, name) for name in ("number", "kind", "state", "due")}
    dates: dict[str, date | None] = {"proposed": row.proposed_at, "decided": row.decided_at}
    dates["decide_by"] = row.step_by if may(viewer, "read", "adjustment") else None
    return {**same, **dates, "id": row.public_id, "provider": provider_ref(row.provider)}


@permission("read", "adjustment")
@operation("/adjustments/<id>", summary="One case", tag="adjustments", answer=AdjustmentOut)
def read_adjustment(id: str) -> AdjustmentOut:
    with current_site().database.reading() as session:
        return adjustment_out(session, find_adjustment(session, id, current_viewer()) or not_found(), current_viewer())


def adjustment_out(session: Session, row: Adjustment, viewer: Viewer) -> AdjustmentOut:
    appeal = row.appeals[-1] if row.appeals else None
    effects = find_effects(session, row.provider_id).stored() if row.state in OPEN else row.effects
    same = ("rule", "conduct", "reason", "decision_reason", "appeal_until", "reapply_from", "rectification", "judgement")
    return AdjustmentOut(
        **_line(row, viewer),
        **{name: getattr(row, name) for name in same},
        version=version_of(session, row, appeal),
        evidence=[one["text"] for one in row.evidence],
        effects=EffectsOut(**{name: len(effects.get(name, [])) for name in EffectsOut.model_fields}),
        extension=_extension(row),
        handed_in=row.handed_in_at,
        ended=row.ended_at,
        appeal=_appeal(appeal) if appeal else None,
        files=_files(session, row, appeal, viewer),
    )


def version_of(session: Session, row: Adjustment, appeal: Appeal | None) -> str:
    """The last entries of the history about the case and about its appeal."""
    return f"{find_last_entry(session, 'adjustment', row.id)}.{find_last_entry(session, 'appeal', appeal.id) if appeal else 0}"


def _extension(row: Adjustment) -> ExtensionOut | None:
    if row.extension_asked_at is None:
        return None
    answer = {"answered": row.extension_answered_at, "answer": row.extension_answer}
    return ExtensionOut(reason=row.extension_reason, asked=row.extension_asked_at, **answer)


def _appeal(row: Appeal) -> AppealOut:
    same = {name: getattr(row, name) for name in ("state", "text", "decide_by", "suspends", "reasons")}
    return AppealOut(**same, id=row.public_id, filed=row.filed_at)


def _files(session: Session, row: Adjustment, appeal: Appeal | None, viewer: Viewer) -> list[FileOut]:
    """Evidence is for staff; what the provider brought and what was written to it is for both."""
    found = [*find_attachments(session, "adjustment", row.id), *(find_attachments(session, "appeal", appeal.id) if appeal else ())]
    return file_outs(one for one in found if one.kind != EVIDENCE or may(viewer, "read", "adjustment"))
